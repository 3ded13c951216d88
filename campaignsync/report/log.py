"""Write log lines for programs: one JSON object per line."""

import json
from collections.abc import Mapping

from campaignsync.report import wording as words


def line(time: str, level: str, facts: Mapping[str, object]) -> str:
    """Return one log line with its time, its level and the facts.

    Empty facts are left out: people read the lines, too.
    """
    present = {name: fact for name, fact in facts.items() if fact not in (None, "", [])}
    return json.dumps(_escaped({"time": time, "level": level, **present}))


def _escaped(fact: object) -> object:
    """Escape characters that act on a terminal or CI runner, and bytes that are not UTF-8."""
    match fact:
        case str():
            return words.visible(fact)
        case dict():
            return {name: _escaped(each) for name, each in fact.items() if each is not None}
        case list():
            return [_escaped(each) for each in fact]
        case _:
            return fact
