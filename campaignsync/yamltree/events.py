"""Text → YAML's events, from libyaml or from ruamel's parser in Python.

Nothing is constructed, so YAML's guesses (`09:00` a number, `no` a boolean, `2026-01-05` a date)
never reach a campaign.
"""

import re
from collections.abc import Iterator
from contextlib import closing
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.cyaml import CParser  # type: ignore[attr-defined] # it is, and has no types
from ruamel.yaml.events import ScalarEvent

from campaignsync.yamltree.text import Position, Unreadable

CLOCK = re.compile(r":(?<=[0-9]:)(?=[0-9])")
STAND_IN = "\ue000"
"""Replaces a colon between digits while libyaml parses: see `events`."""
HOLDS_STAND_IN = re.compile(rf"{STAND_IN}|\\(?:u|U0000)[eE]000")
"""The character itself, or its escape."""
SURROGATE = re.compile(r"[\ud800-\udfff]")


def events(text: str) -> Iterator[Any]:
    """Yield a text's events at libyaml's speed; raises YAMLError.

    libyaml refuses the colon of `{mon: 09:00-12:00}`, which YAML 1.2 allows. A colon between two
    digits never has a meaning in YAML, so another character replaces it for libyaml, and the colon
    is put back in the values.
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
    """Yield a text's events from the parser in Python.

    It takes some 15 times as long, knows more of YAML 1.2 and explains errors better. Raises
    YAMLError, and Unreadable for half a surrogate pair, which libyaml refuses by itself. A few
    errors of the parser are ValueError, OverflowError or AssertionError.
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
