"""Paths → Desired: every definition is read, and every problem is reported with its place.

files.py     find and read files
nodes.py     a file as text and nodes, and the list of its problems
raw.py       nodes → the plain data that pydantic validates
validate.py  plain data → models; pydantic's errors → problems at their nodes
placed.py    the fields that a mapping sets, and where each value stands
texts.py     texts that have a file of their own
sheet.py     one file → what it says, before environment and defaults
shared.py    what campaignsync.yaml says for all definitions, and what of that none takes
resolve.py   a sheet, an environment and the defaults → one definition
scripts.py   warnings: words that mix alphabets
hints.py     suggestions: the nearest name, key and weekday
slips.py     suggestions: the nearest value, and with zones.py the nearest time zone
"""

import unicodedata
from collections.abc import Iterable, Sequence
from pathlib import Path

from campaignsync.errors import DefinitionError, Problem, Source
from campaignsync.load.document import Document, Page, compose, compose_content
from campaignsync.load.files import find, read, shown
from campaignsync.load.hints import nearest
from campaignsync.load.resolve import check_rules, resolve
from campaignsync.load.scripts import mixed_scripts
from campaignsync.load.shared import read_shared, unused
from campaignsync.load.sheet import Sheet, read_sheet
from campaignsync.load.texts import Texts
from campaignsync.model.calendar import days_of
from campaignsync.model.values import Definition, Desired, Shared

__all__ = [
    "ALONE",
    "Document",
    "check",
    "check_content",
    "compose",
    "compose_content",
    "content_of",
    "days_of",
    "find",
    "load",
    "load_each",
    "nearest",
    "read_shared",
    "shown",
]

ALONE = Shared()
"""What a definition has in common with others where there is no workspace."""


def load(files: Iterable[Path], shared: Shared = ALONE, environment: str | None = None) -> Desired:
    """Read definitions for one environment; raises DefinitionError with all problems of all files.

    `shared` is what the workspace says for all of them.
    """
    return load_each(files, shared, (environment,))[0]


def load_each(
    files: Iterable[Path], shared: Shared, environments: Sequence[str | None]
) -> tuple[Desired, ...]:
    """Read definitions once, for several environments; as `load`."""
    desired, problems = check(files, shared, environments)
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
    sheet = read_sheet(document, shared, Texts(shared.root)) if document else None
    if sheet:
        for environment in shared.environments or (None,):
            _definition(sheet, shared, environment)
    return sheet, _in_order(problems)


def check(
    files: Iterable[Path],
    shared: Shared = ALONE,
    environments: Sequence[str | None] = (None,),
    *,
    whole: bool = False,
) -> tuple[tuple[Desired, ...], tuple[Problem, ...]]:
    """Read definitions, and give what is wrong or odd with them: file by file, line by line.

    What comes back is desired in each of the environments, with the warnings of all of them. Where
    the files are the whole workspace, what is shared and nobody takes is odd, too.
    """
    texts = Texts(shared.root)
    readings = [(shown(file), *_read(file, shared, texts)) for file in files]
    _note_twin_files((file, noted) for file, _, noted in readings)
    sheets = [sheet for _, sheet, _ in readings if sheet]
    desired = [_desired(sheets, shared, environment) for environment in environments]
    taken: set[Source] = set()
    for each in desired if whole else ():
        taken.update(*(definition.places.values() for definition in each.definitions))
    told = [*shared.warnings, *(unused(shared, taken) if whole else ())]
    told += [problem for _, _, noted in readings for problem in _in_order(noted)]
    # What stands in a shared place is noted by each definition that has it, and told once.
    problems = tuple(dict.fromkeys(told))
    warnings = tuple(problem for problem in problems if problem.severity == "warning")
    return tuple(each._replace(warnings=warnings) for each in desired), problems


def _desired(sheets: Sequence[Sheet], shared: Shared, environment: str | None) -> Desired:
    """Make the definitions of one environment, and note what is wrong with them on their pages."""
    found = [(_definition(sheet, shared, environment), sheet.page) for sheet in sheets]
    there = [(definition, page) for definition, page in found if definition]
    _note_twins(there)
    definitions = tuple(sorted((each for each, _ in there), key=lambda each: each.id))
    elsewhere = {
        id_: name
        for sheet in sheets
        for name, id_ in sheet.ids.items()
        if name not in (None, environment)
    }
    # A sheet whose id is wrong has none anywhere: it is told as a problem.
    left_out = sum(bool(sheet.ids) for sheet in sheets) - len(definitions)
    return Desired(definitions, left_out=left_out, elsewhere=elsewhere)


def _read(file: Path, shared: Shared, texts: Texts) -> tuple[Sheet | None, list[Problem]]:
    """Read one file; its nodes are gone then, so that ten thousand files fit in memory."""
    problems: list[Problem] = []
    document = compose(file, problems)
    return (read_sheet(document, shared, texts) if document else None), problems


def _definition(sheet: Sheet, shared: Shared, environment: str | None) -> Definition | None:
    if definition := resolve(sheet, shared, environment):
        check_rules(definition, sheet)
        for problem in mixed_scripts(definition):
            sheet.page.note(problem)
    return definition


def _in_order(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    def place(problem: Problem) -> tuple[str, int, int]:
        return problem.source.file, problem.source.line, problem.source.column

    return tuple(sorted(problems, key=place))


def _note_twin_files(readings: Iterable[tuple[str, list[Problem]]]) -> None:
    """Note files that are one file where capitals, or an accent's two spellings, do not count."""
    by_name: dict[str, str] = {}
    for file, problems in readings:
        if (first := by_name.setdefault(_as_read(file), file)) != file:
            message = f"on macOS and Windows this file is the same as {first}"
            hint = "give one of them another name"
            problems.append(Problem("TWIN_FILE", message, Source(file, 1), hint, "warning"))


def _note_twins(definitions: Iterable[tuple[Definition, Page]]) -> None:
    """Note ids that stand twice, and names that only look different."""
    by_id: dict[int, Definition] = {}
    by_name: dict[str, Definition] = {}
    for definition, page in definitions:
        first = by_id.setdefault(definition.id, definition)
        if first is not definition:
            message = f"campaign {definition.id} is defined twice: first at {first.source_of('id')}"
            hint = "keep one of the two definitions"
            page.note(Problem("DUPLICATE_ID", message, definition.source_of("id"), hint))
        elif name := definition.values.get("name"):
            namesake = by_name.setdefault(_as_read(name), definition)
            if namesake is not definition:
                message = f"another campaign has the same name: {namesake.source_of('name')}"
                hint = "campaigns are told apart by id alone; give one another name"
                at = definition.source_of("name")
                page.note(Problem("TWIN_NAME", message, at, hint, "warning"))


def _as_read(name: str) -> str:
    """Give a name as a person tells names apart: without case, composed or not."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())
