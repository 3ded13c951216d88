"""Some of the definitions of a run, by id, name or label."""

import hashlib
from collections.abc import Callable, Sequence
from fnmatch import fnmatchcase

from campaignsync.errors import ConfigurationError
from campaignsync.model.values import Definition, Desired

Test = Callable[[Definition], bool]


def refuse_absent(desired: Desired, environment: str) -> None:
    """Raise ConfigurationError if no definition has an id for the environment.

    An account without definitions must not be reported as in sync. A shard may be empty.
    """
    if desired.left_out and not desired.definitions and not desired.shard:
        raise ConfigurationError(
            f"no definition has an id for {environment}",
            hint="give one an id there, or choose another environment with -e",
            code="NO_DEFINITION",
        )


def select(desired: Desired, chosen: Sequence[str], excluded: Sequence[str]) -> Desired:
    """Keep the definitions that one of `chosen` means, if there are any, and none of `excluded`.

    `1234` means an id, `team=collections` a label, anything else a name; `name=1234` is a name,
    too. Label and name may be patterns with `*`. Raises ConfigurationError where a word means no
    definition at all, or nothing is left: who mistypes one must not read that all is fine.
    """
    if not (chosen or excluded):
        return desired
    for word in (*chosen, *excluded):
        if not any(map(_test(word), desired.definitions)):
            there = desired.elsewhere.get(int(word)) if word.isdecimal() else None
            raise ConfigurationError(
                f"no definition is meant by `{word}`",
                hint=f"it is an id in {there}: pass -e {there}"
                if there
                else "choose by id, by label (team=collections), or by a name they say ('Q2 *')",
                code="NOTHING_SELECTED",
            )
    wanted, unwanted = [_test(word) for word in chosen], [_test(word) for word in excluded]
    kept = tuple(
        definition
        for definition in desired.definitions
        if (not wanted or any(test(definition) for test in wanted))
        and not any(test(definition) for test in unwanted)
    )
    if not kept:
        raise ConfigurationError(
            "every definition is excluded",
            hint="leave out one of the --exclude",
            code="NOTHING_SELECTED",
        )
    return desired._replace(definitions=kept)


def shard(desired: Desired, part: str) -> Desired:
    """Keep one part of several, `2/5`, into which campaigns fall by their ids.

    A campaign stays in its part whatever others come and go; a part may be empty. What comes out
    says its part. Raises ConfigurationError for what is no part.
    """
    number, slash, of = part.partition("/")
    if not (slash and number.isdecimal() and of.isdecimal() and 1 <= int(number) <= int(of)):
        raise ConfigurationError(
            f"no part of a workspace: `{part}`", hint="write --shard 2/5 for the second of five"
        )
    kept = tuple(
        each for each in desired.definitions if _place(each.id) % int(of) + 1 == int(number)
    )
    return desired._replace(definitions=kept, shard=f"{int(number)}/{int(of)}")


def _place(id_: int) -> int:
    # A digest, for ids that were given in steps of ten would all fall into one part.
    return int.from_bytes(hashlib.sha256(str(id_).encode()).digest()[:8])


def _test(word: str) -> Test:
    label, is_label, pattern = word.partition("=")
    if word.isdecimal():
        return lambda definition: definition.id == int(word)
    if is_label and label != "name":
        return lambda definition: (
            label in definition.labels and _fits(definition.labels[label], pattern)
        )
    name = (pattern if is_label else word).casefold()
    return lambda definition: _fits(str(definition.values.get("name", "")).casefold(), name)


def _fits(text: str, pattern: str) -> bool:
    # A name in brackets, "[Q2] Welcome", is no pattern that fits itself; and an empty word is a
    # variable that was not set.
    return bool(pattern) and (text == pattern or fnmatchcase(text, pattern))
