"""Suggest the name, key or weekday that was probably meant."""

import re
import unicodedata
from collections.abc import Iterable
from difflib import get_close_matches

from campaignsync.model.calendar import days_of
from campaignsync.model.fields import MANAGEABLE, WEEKDAYS, WEEKS

LONGEST = 64
"""Maximum characters of a name that are compared; no key, day or zone is longer."""
OTHER_DAYS = {
    **dict(zip(("lun", "mar", "mie", "jue", "vie", "sab", "dom"), WEEKDAYS, strict=True)),
    **dict.fromkeys(("weekdays", "weekday", "workdays", "m-f", "l-v"), "mon-fri"),
    **dict.fromkeys(("weekend", "weekends"), "sat-sun"),
    **dict.fromkeys(("daily", "everyday", "all", "every day"), "mon-sun"),
}
"""Other common spellings of days, also in Spanish, because the API is from Mexico."""
LONG_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


def _paths_by_name() -> dict[str, str]:
    """Return the field paths by other names: the last part of a path, or the API's name."""
    paths: dict[str, str] = {}
    for field in MANAGEABLE:
        paths.setdefault(field.path.rpartition(".")[2], field.path)
        group, _, name = field.path.rpartition(".")
        if group:
            # The API lists campaigns with flat names, such as `cycle_mode`.
            paths.setdefault(f"{group.removesuffix('s')}_{name}", field.path)
            paths.setdefault(f"{group}_{name}", field.path)
    return {**paths, "schedule": "cycles.schedule"}


PATHS_BY_NAME = _paths_by_name()
PATHS = {field.path for field in MANAGEABLE} | set(WEEKS)


def key_meant(path: str, name: str, known: Iterable[str]) -> str:
    """Return a hint for the unknown key `name` at `path`; `known` has the keys valid there."""
    if path in PATHS:
        return f"nest it: {path.replace('.', ': {')}: …{'}' * path.count('.')}"
    plain = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name[:LONGEST]).replace("-", "_").lower()
    known = [*known]
    if plain in known:
        return f"did you mean `{plain}`?"
    if (place := PATHS_BY_NAME.get(plain)) and place != path:
        return (
            f"did you mean `{place}`?" if "." in place else f"`{place}` is a key of the top level"
        )
    if names := near(plain, known, cutoff=0.5):
        return asked(f"`{each}`" for each in names)
    return f"known here: {', '.join(known)}"


def nearest(name: str, known: Iterable[str]) -> str:
    """Return a hint with the known names nearest to a name; if none is near, with all of them."""
    known = [*known]
    if names := near(name[:LONGEST], known):
        return asked(f"`{each}`" for each in names)
    return f"known here: {', '.join(known)}" if known else "none is known here"


def near(name: str, known: Iterable[str], cutoff: float = 0.6) -> list[str]:
    """Return the known names nearest to a name, or an empty list.

    These are all names that differ by one typing error; else the only name that starts with `name`;
    else the most similar name whose similarity is at least `cutoff`, from 0 to 1.
    """
    known = [*known]
    if misspelled := [each for each in known if is_one_slip(name, each)]:
        return misspelled
    prefixed = [each for each in known if len(name) > 1 and each.startswith(name)]
    return prefixed if len(prefixed) == 1 else get_close_matches(name, known, n=1, cutoff=cutoff)


def is_one_slip(one: str, other: str) -> bool:
    """Return whether two texts differ by one added, missing, wrong or swapped letter."""
    shorter = min(len(one), len(other))
    start = next((at for at in range(shorter) if one[at] != other[at]), shorter)
    one, other = one[start:], other[start:]
    is_swapped = one[:2] == other[:2][::-1] and one[2:] == other[2:]
    return one != other and (is_swapped or other[1:] in (one, one[1:]) or one[1:] == other)


def asked(names: Iterable[str]) -> str:
    return f"did you mean {' or '.join(names)}?"


def days_meant(name: str) -> str:
    """Return a hint with the weekdays that a text probably means.

    Long names, capitals and other dashes are accepted.
    """
    plain = ascii_of(name[:LONGEST].lower().strip())
    if not (short := OTHER_DAYS.get(plain)):
        dashed = re.sub(r"\s*(?:\bto\b|[-/]|\.\.+)\s*", "-", plain)
        short = re.sub(r"[a-z]+", _abbreviated, dashed)
    meant = [short] if days_of(short) else []
    if plain not in OTHER_DAYS:
        meant += (day for day in WEEKDAYS if is_one_slip(plain, day))
    if meant:
        return asked(f"`{each}`" for each in dict.fromkeys(meant))
    return f"known here: {', '.join(WEEKDAYS)}, a range such as mon-fri, a list such as mon,wed"


def _abbreviated(word: re.Match[str]) -> str:
    text = word.group()
    if other := OTHER_DAYS.get(text) or OTHER_DAYS.get(text[:3]):
        return other
    names = [text[:3]] if text[:3] in WEEKDAYS else near(text, (*WEEKDAYS, *LONG_DAYS))
    return names[0][:3] if names else text


def ascii_of(text: str) -> str:
    """Return a text in ASCII, without accents and with hyphens for dashes, to match known names."""
    dashed = re.sub("[\u2010-\u2015\u2212]", "-", text)
    return unicodedata.normalize("NFKD", dashed).encode("ascii", "ignore").decode()
