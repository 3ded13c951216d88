"""Parse text into YAML events, with libyaml or with ruamel's Python parser.

No values are constructed. YAML would otherwise read `09:00` as a number, `no` as a boolean and
`2026-01-05` as a date.
"""

import re
from collections.abc import Iterator
from contextlib import closing
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.cyaml import CParser  # type: ignore[attr-defined] # it exists, but is untyped
from ruamel.yaml.events import ScalarEvent

from campaignsync.yamltree.text import Position, Unreadable

CLOCK = re.compile(r":(?<=[0-9]:)(?=[0-9])")
STAND_IN = "\ue000"
"""Replaces a colon between digits while libyaml parses: see `events`."""
HOLDS_STAND_IN = re.compile(rf"{STAND_IN}|\\(?:u|U0000)[eE]000")
"""Matches the character itself or its escape sequence."""
SURROGATE = re.compile(r"[\ud800-\udfff]")


def events(text: str) -> Iterator[Any]:
    """Yield the events of a text, parsed by libyaml.

    libyaml rejects the colon in `{mon: 09:00-12:00}`, which YAML 1.2 allows. A colon between two
    digits has no meaning in YAML, so STAND_IN replaces it in the text that libyaml parses, and the
    colon is restored in the values. Raises YAMLError for invalid YAML.
    """
    if HOLDS_STAND_IN.search(text):
        yield from _events_of(CParser(text))
        return
    for event in _events_of(CParser(CLOCK.sub(STAND_IN, text))):
        if type(event) is ScalarEvent:
            event.value = event.value.replace(STAND_IN, ":")
        yield event


def _events_of(parser: Any) -> Iterator[Any]:
    while parser.check_event():
        yield parser.get_event()


def events_in_python(text: str) -> Iterator[Any]:
    """Yield the events of a text, parsed by ruamel's Python parser.

    This parser is about 15 times slower than libyaml, supports more of YAML 1.2 and reports clearer
    errors. Raises YAMLError for invalid YAML, and Unreadable for half of a surrogate pair, which
    libyaml rejects itself. For some input the parser raises ValueError, OverflowError or
    AssertionError.
    """
    with closing(YAML(typ="safe", pure=True).parse(text)) as parsed:
        for event in parsed:
            if type(event) is ScalarEvent and (half := SURROGATE.search(event.value)):
                code = f"U+{ord(half.group()):04X}"
                message = f"{code} is not a character"
                raise Unreadable("CONTROL_CHARACTER", message, position_of(event), "remove it")
            yield event


def position_of(event: Any) -> Position:
    mark = event.start_mark
    return mark.line, mark.column
