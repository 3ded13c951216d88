"""Paths → Desired: every definition read, every problem found, each with its place.

`files` finds and reads files, `page` makes text of their bytes and collects problems, `parse` makes
nodes of the text and keeps bombs from going off (the only module that knows ruamel.yaml, whose
complaints `mistakes` puts in a person's words), `nodes` walks them, `definition` makes values of
them with the field table, and `hints` says what was probably meant.
"""

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from campaignsync.errors import DefinitionError, Problem, Source
from campaignsync.load.definition import read_definition
from campaignsync.load.files import find, read, shown
from campaignsync.load.hints import days_of
from campaignsync.load.nodes import Document, compose, compose_content
from campaignsync.load.page import Page
from campaignsync.model.values import Definition, Desired

__all__ = [
    "Document",
    "check",
    "check_content",
    "compose",
    "content_of",
    "days_of",
    "find",
    "load",
    "shown",
]


def load(files: Sequence[Path]) -> Desired:
    """Read definitions; raises DefinitionError with all problems of all files."""
    desired, problems = check(files)
    if any(problem.severity == "error" for problem in problems):
        raise DefinitionError(problems)
    return desired


def content_of(file: Path) -> bytes:
    """Read a definition's bytes; raises DefinitionError where they cannot be read."""
    try:
        return read(file)
    except ValueError as error:
        message = f"the file cannot be read: {error}"
        raise DefinitionError([Problem("UNREADABLE", message, Source(shown(file), 1))]) from None


def check_content(file: str, content: bytes) -> tuple[Definition | None, tuple[Problem, ...]]:
    """Read one definition of its bytes, as `check` does of its file."""
    reading = _Reading()
    if document := compose_content(Page(file, reading.problems), content):
        reading.definition = read_definition(document)
    return reading.definition, tuple(reading.in_order())


def check(files: Sequence[Path]) -> tuple[Desired, tuple[Problem, ...]]:
    """Read definitions, and give what is wrong or odd with them: file by file, line by line."""
    readings = [_read(file) for file in files]
    _note_twins(readings)
    problems = tuple(problem for reading in readings for problem in reading.in_order())
    warnings = tuple(problem for problem in problems if problem.severity == "warning")
    found = [reading.definition for reading in readings if reading.definition]
    return Desired(tuple(sorted(found, key=lambda each: each.id)), warnings), problems


@dataclass(slots=True)
class _Reading:
    """What came of one file; its nodes are gone, so that ten thousand files fit in memory."""

    problems: list[Problem] = field(default_factory=list)
    page: Page | None = None
    definition: Definition | None = None

    def in_order(self) -> list[Problem]:
        return sorted(self.problems, key=lambda each: (each.source.line, each.source.column))


def _read(file: Path) -> _Reading:
    reading = _Reading()
    if document := compose(file, reading.problems):
        reading.page = document.page
        reading.definition = read_definition(document)
    return reading


def _note_twins(readings: Iterable[_Reading]) -> None:
    """Note ids that stand twice, and names that only look different."""
    by_id: dict[int, Definition] = {}
    by_name: dict[str, Definition] = {}
    for reading in readings:
        page, definition = reading.page, reading.definition
        if page is None or definition is None:
            continue
        first = by_id.setdefault(definition.id, definition)
        if first is not definition:
            page.problem(
                _from_0(definition.places["id"]),
                "DUPLICATE_ID",
                f"campaign {definition.id} is defined twice: first at {first.source_of('id')}",
                "keep one of the two definitions",
            )
        elif name := definition.values.get("name"):
            namesake = by_name.setdefault(_as_read(name), definition)
            if namesake is not definition:
                page.problem(
                    _from_0(definition.places["name"]),
                    "TWIN_NAME",
                    f"campaign {namesake.id} has the same name: {namesake.source_of('name')}",
                    "campaigns are told apart by id alone; give one another name",
                    severity="warning",
                )


def _as_read(name: str) -> str:
    """Give a name as a person tells names apart: without case, composed or not."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def _from_0(place: tuple[int, int]) -> tuple[int, int]:
    return place[0] - 1, place[1] - 1
