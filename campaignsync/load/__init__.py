"""Paths → Desired: every definition read, every problem found, each with its place.

`files` finds and reads files, `page` makes text of their bytes and collects problems, `parse` makes
nodes of the text and keeps bombs from going off (the only module that knows ruamel.yaml, whose
complaints `mistakes` puts in a person's words), and `nodes` walks them. `entries` makes values of
them with the field table, `texts` of files of their own, `sheet` all that one file says, `shared`
what a workspace says for all; `resolve` makes a definition of these for one environment. `hints`
says what was probably meant.
"""

import unicodedata
from collections.abc import Iterable, Sequence
from pathlib import Path

from campaignsync.errors import DefinitionError, Problem, Source
from campaignsync.load.files import find, read, shown
from campaignsync.load.hints import days_of, nearest
from campaignsync.load.nodes import Document, compose, compose_content
from campaignsync.load.page import Page
from campaignsync.load.resolve import check_rules, resolve
from campaignsync.load.shared import read_shared
from campaignsync.load.sheet import Sheet, read_sheet
from campaignsync.model.values import Definition, Desired, Shared

__all__ = [
    "ALONE",
    "Document",
    "check",
    "check_content",
    "compose",
    "content_of",
    "days_of",
    "find",
    "load",
    "nearest",
    "read_shared",
    "shown",
]

ALONE = Shared()
"""What a definition has in common with others where there is no workspace."""


def load(files: Sequence[Path], shared: Shared = ALONE, environment: str | None = None) -> Desired:
    """Read definitions for one environment; raises DefinitionError with all problems of all files.

    `shared` is what the workspace says for all of them.
    """
    desired, problems = check(files, shared, (environment,))
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


def check_content(
    file: str, content: bytes, shared: Shared = ALONE
) -> tuple[Sheet | None, tuple[Problem, ...]]:
    """Read one definition of its bytes, as `check` does of its file."""
    problems: list[Problem] = []
    document = compose_content(Page(file, problems), content)
    sheet = read_sheet(document, shared) if document else None
    if sheet:
        for environment in shared.environments or (None,):
            _definition(sheet, shared, environment)
    return sheet, _in_order(problems)


def check(
    files: Sequence[Path],
    shared: Shared = ALONE,
    environments: Sequence[str | None] = (None,),
) -> tuple[Desired, tuple[Problem, ...]]:
    """Read definitions, and give what is wrong or odd with them: file by file, line by line.

    What comes back is desired in the last of the environments.
    """
    readings: list[tuple[Sheet | None, list[Problem]]] = [_read(file, shared) for file in files]
    desired: tuple[Definition, ...] = ()
    sheets = [sheet for sheet, _ in readings if sheet]
    for environment in environments:
        found = [(_definition(sheet, shared, environment), sheet.page) for sheet in sheets]
        there = [(definition, page) for definition, page in found if definition]
        _note_twins(there)
        desired = tuple(sorted((each for each, _ in there), key=lambda each: each.id))
    problems = tuple(problem for _, noted in readings for problem in _in_order(noted))
    warnings = tuple(problem for problem in problems if problem.severity == "warning")
    # A sheet whose id is wrong has none anywhere: it is told as a problem.
    left_out = sum(bool(sheet.ids) for sheet in sheets) - len(desired)
    elsewhere = {
        id_: name
        for sheet in sheets
        for name, id_ in sheet.ids.items()
        if name is not None and name not in environments[-1:]
    }
    return Desired(desired, warnings, left_out, elsewhere), problems


def _read(file: Path, shared: Shared) -> tuple[Sheet | None, list[Problem]]:
    """Read one file; its nodes are gone then, so that ten thousand files fit in memory."""
    problems: list[Problem] = []
    document = compose(file, problems)
    return (read_sheet(document, shared) if document else None), problems


def _definition(sheet: Sheet, shared: Shared, environment: str | None) -> Definition | None:
    if definition := resolve(sheet, shared, environment):
        check_rules(definition, sheet)
    return definition


def _in_order(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    return tuple(sorted(problems, key=lambda each: (each.source.line, each.source.column)))


def _note_twins(definitions: Iterable[tuple[Definition, Page]]) -> None:
    """Note ids that stand twice, and names that only look different."""
    by_id: dict[int, Definition] = {}
    by_name: dict[str, Definition] = {}
    for definition, page in definitions:
        first = by_id.setdefault(definition.id, definition)
        if first is not definition:
            page.problem(
                _place(definition, "id"),
                "DUPLICATE_ID",
                f"campaign {definition.id} is defined twice: first at {first.source_of('id')}",
                "keep one of the two definitions",
            )
        elif name := definition.values.get("name"):
            namesake = by_name.setdefault(_as_read(name), definition)
            if namesake is not definition:
                page.problem(
                    _place(definition, "name"),
                    "TWIN_NAME",
                    f"campaign {namesake.id} has the same name: {namesake.source_of('name')}",
                    "campaigns are told apart by id alone; give one another name",
                    severity="warning",
                )


def _as_read(name: str) -> str:
    """Give a name as a person tells names apart: without case, composed or not."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def _place(definition: Definition, path: str) -> tuple[int, int]:
    source = definition.source_of(path)
    return source.line - 1, source.column - 1
