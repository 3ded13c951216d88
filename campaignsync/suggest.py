"""Suggest the known names nearest to an unknown one."""

from collections.abc import Iterable
from difflib import get_close_matches

LONGEST = 64
"""Maximum characters of a name that are compared; no key, day or zone is longer."""


def suggestion(name: str, known: Iterable[str]) -> str:
    """Return a hint with the known names nearest to a name, or with all if none is similar."""
    known = [*known]
    if names := similar(name[:LONGEST], known):
        return did_you_mean(f"`{each}`" for each in names)
    return f"expected one of: {', '.join(known)}" if known else "none is defined"


def similar(name: str, known: Iterable[str], cutoff: float = 0.6) -> list[str]:
    """Return the known names nearest to a name, or an empty list.

    These are all names that differ by one typing error; else the only name that starts with `name`;
    else the most similar name whose similarity is at least `cutoff`, from 0 to 1.
    """
    known = [*known]
    if misspelled := [each for each in known if is_one_typo(name, each)]:
        return misspelled
    prefixed = [each for each in known if len(name) > 1 and each.startswith(name)]
    return prefixed if len(prefixed) == 1 else get_close_matches(name, known, n=1, cutoff=cutoff)


def is_one_typo(one: str, other: str) -> bool:
    """Return whether two texts differ by one added, missing, wrong or swapped letter."""
    shorter = min(len(one), len(other))
    start = next((at for at in range(shorter) if one[at] != other[at]), shorter)
    one, other = one[start:], other[start:]
    is_swapped = one[:2] == other[:2][::-1] and one[2:] == other[2:]
    return one != other and (is_swapped or other[1:] in (one, one[1:]) or one[1:] == other)


def did_you_mean(names: Iterable[str]) -> str:
    """Return the question that proposes names; quote them first where needed."""
    *others, last = names
    before = f"{', '.join(others)} or " if others else ""
    return f"did you mean {before}{last}?"
