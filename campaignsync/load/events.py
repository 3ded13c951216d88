"""Text → YAML's events: what libyaml, or ruamel's parser in Python, tells of it, piece by piece.

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

from campaignsync.load.page import Place, Unreadable

CLOCK = re.compile(r":(?<=[0-9]:)(?=[0-9])")
STAND_IN = "\ue000"
"""Takes the place of a colon between digits: see `events`."""
HOLDS_STAND_IN = re.compile(rf"{STAND_IN}|\\(?:u|U0000)[eE]000")
"""The character itself, or its escape."""
SURROGATE = re.compile(r"[\ud800-\udfff]")


def events(text: str) -> Iterator[Any]:
    """Give a text's events at libyaml's speed; raises YAMLError.

    libyaml refuses the colon of `{mon: 09:00-12:00}`, which YAML 1.2 allows. No colon between two
    digits ever has a meaning in YAML, so libyaml is shown another character there, and the colon is
    put back in the values.
    """
    if HOLDS_STAND_IN.search(text):
        yield from _told_by(CParser(text))
        return
    for event in _told_by(CParser(CLOCK.sub(STAND_IN, text))):
        if type(event) is ScalarEvent:
            event.value = event.value.replace(STAND_IN, ":")
        yield event


def _told_by(parser: Any) -> Iterator[Any]:
    while parser.check_event():
        yield parser.get_event()


def events_in_python(text: str) -> Iterator[Any]:
    """Give a text's events from the parser in Python; raises YAMLError, and what slips through.

    It takes some 15 times as long, knows more of YAML 1.2, and says better what is wrong. Raises
    Unreadable for half a character, U+D800, which libyaml refuses by itself.
    """
    with closing(YAML(typ="safe", pure=True).parse(text)) as told:
        for event in told:
            if type(event) is ScalarEvent and (half := SURROGATE.search(event.value)):
                code = f"U+{ord(half.group()):04X}"
                message = f"{code} is no character"
                raise Unreadable("CONTROL_CHARACTER", message, place_of(event), "remove it")
            yield event


def place_of(event: Any) -> Place:
    mark = event.start_mark
    return mark.line, mark.column
