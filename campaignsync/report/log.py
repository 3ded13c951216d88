"""Lines for programs that read logs: one JSON object each."""

import json
from collections.abc import Mapping

from campaignsync.report import wording as words


def line(time: str, level: str, facts: Mapping[str, object]) -> str:
    """Give one line: when it was said, how grave it is, and what there is to say.

    Facts that are empty are left out: a line is read by people, too.
    """
    said = {name: fact for name, fact in facts.items() if fact not in (None, "", [])}
    return json.dumps(_sayable({"time": time, "level": level, **said}))


def _sayable(fact: object) -> object:
    """Spell what would act on a terminal or a CI runner, and bytes of a path that are no text."""
    match fact:
        case str():
            return words.visible(fact)
        case dict():
            return {name: _sayable(each) for name, each in fact.items() if each is not None}
        case list():
            return [_sayable(each) for each in fact]
        case _:
            return fact
