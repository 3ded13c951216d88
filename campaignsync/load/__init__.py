"""Paths → Desired: every definition read, every problem found, each with its place.

`files` finds and reads files, `nodes` makes YAML nodes of them and keeps bombs from going off,
`definition` makes values of the nodes with the field table. The only room that knows ruamel.yaml.
"""

import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from campaignsync.errors import DefinitionError, Problem
from campaignsync.load.definition import read_definition
from campaignsync.load.files import find, shown
from campaignsync.load.nodes import Document, compose
from campaignsync.model.values import Definition, Desired

__all__ = ["Document", "check", "compose", "find", "load", "shown"]


def load(files: Sequence[Path]) -> Desired:
    """Read definitions; raises DefinitionError with all problems of all files."""
    desired, problems = check(files)
    if any(problem.severity == "error" for problem in problems):
        raise DefinitionError(problems)
    return desired


def check(files: Sequence[Path]) -> tuple[Desired, tuple[Problem, ...]]:
    """Read definitions, and give what is wrong or odd with them, in the files' order."""
    problems: list[Problem] = []
    definitions: list[Definition] = []
    for file in files:
        document = compose(file, problems)
        if document and (definition := read_definition(document, problems)):
            definitions.append(definition)
    problems += _twins(definitions)
    in_order = tuple(sorted(definitions, key=lambda definition: definition.id))
    warnings = tuple(problem for problem in problems if problem.severity == "warning")
    return Desired(in_order, warnings), tuple(problems)


def _twins(definitions: Iterable[Definition]) -> Iterator[Problem]:
    """Find ids that stand twice, and names that only look different."""
    by_id: dict[int, Definition] = {}
    by_name: dict[str, Definition] = {}
    for definition in definitions:
        first = by_id.setdefault(definition.id, definition)
        if first is not definition:
            yield Problem(
                "DUPLICATE_ID",
                f"campaign {definition.id} is defined twice: first at {first.source_of('id')}",
                definition.source_of("id"),
                "keep one of the two definitions",
            )
            continue
        if not (name := definition.values.get("name")):
            continue
        namesake = by_name.setdefault(unicodedata.normalize("NFC", name).casefold(), definition)
        if namesake is not definition:
            yield Problem(
                "TWIN_NAME",
                f"two campaigns share a name: the other is {namesake.id}"
                f" at {namesake.source_of('name')}",
                definition.source_of("name"),
                "campaigns are told apart by id alone; give one another name",
                severity="warning",
            )
