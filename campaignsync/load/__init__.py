"""Paths → Desired: every definition read, every problem found, each with its place.

`files` finds and reads files, `nodes` makes YAML nodes of them and keeps bombs from going off,
`definition` makes values of the nodes with the field table. The only room that knows ruamel.yaml.
"""

import unicodedata
from collections.abc import Iterable, Sequence
from pathlib import Path

from campaignsync.errors import DefinitionError, Problem
from campaignsync.load.definition import days_of, read_definition
from campaignsync.load.files import find, shown
from campaignsync.load.nodes import Document, compose
from campaignsync.model.values import Definition, Desired

__all__ = ["Document", "check", "compose", "days_of", "find", "load", "shown"]


def load(files: Sequence[Path]) -> Desired:
    """Read definitions; raises DefinitionError with all problems of all files."""
    desired, problems = check(files)
    if any(problem.severity == "error" for problem in problems):
        raise DefinitionError(problems)
    return desired


def check(files: Sequence[Path]) -> tuple[Desired, tuple[Problem, ...]]:
    """Read definitions, and give what is wrong or odd with them, in the files' order."""
    problems: list[Problem] = []
    found: list[tuple[Definition, Document]] = []
    for file in files:
        document = compose(file, problems)
        if document and (definition := read_definition(document, problems)):
            found.append((definition, document))
    _note_twins(found)
    in_order = sorted((definition for definition, _ in found), key=lambda each: each.id)
    warnings = tuple(problem for problem in problems if problem.severity == "warning")
    return Desired(tuple(in_order), warnings), tuple(problems)


def _note_twins(found: Iterable[tuple[Definition, Document]]) -> None:
    """Note ids that stand twice, and names that only look different."""
    by_id: dict[int, Definition] = {}
    by_name: dict[str, Definition] = {}
    for definition, document in found:
        first = by_id.setdefault(definition.id, definition)
        if first is not definition:
            document.problem_at(
                _from_0(definition.places["id"]),
                "DUPLICATE_ID",
                f"campaign {definition.id} is defined twice: first at {first.source_of('id')}",
                "keep one of the two definitions",
            )
        elif name := definition.values.get("name"):
            like = unicodedata.normalize("NFC", name).casefold()
            namesake = by_name.setdefault(like, definition)
            if namesake is not definition:
                document.problem_at(
                    _from_0(definition.places["name"]),
                    "TWIN_NAME",
                    f"campaign {namesake.id} has the same name: {namesake.source_of('name')}",
                    "campaigns are told apart by id alone; give one another name",
                    severity="warning",
                )


def _from_0(place: tuple[int, int]) -> tuple[int, int]:
    return place[0] - 1, place[1] - 1
