"""Load definitions from YAML files, and report every problem with its position.

workspace.py  read campaignsync.yaml, and choose the environment, the guards and the keys
files.py      find and read files
git.py        read file versions from git, and list ignored files
document.py   parse a file into nodes, and collect its problems
raw.py        convert nodes into the plain data that pydantic validates
validate.py   validate plain data into models; convert pydantic's errors into problems
placed.py     collect the fields that a mapping sets, with the position of each value
texts.py      read texts that definitions keep in separate files
sheet.py      read one definition file, before environment and defaults are applied
shared.py     read the shared defaults and schedules; warn of unused ones
resolve.py    combine a sheet, an environment and the defaults into a definition
select.py     select definitions by id, name, label or shard
scripts.py    warn of words that mix alphabets
hints.py      suggest the key or weekday that was meant
slips.py      suggest the nearest valid value
zones.py      suggest the nearest time zone
"""

import unicodedata
from collections.abc import Iterable, Sequence
from pathlib import Path

from campaignsync.errors import DefinitionError, Problem, Source
from campaignsync.load.document import Document, Page, compose, compose_content
from campaignsync.load.files import find, read, shown
from campaignsync.load.resolve import check_rules, resolve
from campaignsync.load.scripts import mixed_scripts
from campaignsync.load.shared import read_shared, unused
from campaignsync.load.sheet import Sheet, read_sheet
from campaignsync.load.texts import Texts
from campaignsync.model.values import Definition, Desired, Shared

__all__ = [
    "ALONE",
    "Document",
    "check",
    "check_content",
    "compose",
    "compose_content",
    "content_of",
    "find",
    "load",
    "load_each",
    "read_shared",
    "shown",
]

ALONE = Shared()
"""The shared values of a definition without a workspace: none."""


def load(files: Iterable[Path], shared: Shared = ALONE, environment: str | None = None) -> Desired:
    """Return the definitions of some files for one environment.

    `shared` holds the defaults and schedules of the workspace. Raises DefinitionError with all
    problems of all files if one of them is an error.
    """
    return load_each(files, shared, (environment,))[0]


def load_each(
    files: Iterable[Path], shared: Shared, environments: Sequence[str | None]
) -> tuple[Desired, ...]:
    """Return the definitions for each of several environments; read the files once, as `load`."""
    desired, problems = check(files, shared, environments)
    if any(problem.severity == "error" for problem in problems):
        raise DefinitionError(problems)
    return desired


def content_of(file: Path) -> bytes:
    """Return the bytes of a definition file; raise DefinitionError if it cannot be read."""
    try:
        return read(file)
    except ValueError as error:
        message = f"the file cannot be read: {error}"
        raise DefinitionError([Problem("UNREADABLE", message, Source(shown(file), 1))]) from None


def check_content(
    file: str, content: bytes, shared: Shared = ALONE
) -> tuple[Sheet | None, tuple[Problem, ...]]:
    """Check one definition, given as bytes, for all environments of the workspace.

    `file` is the name to report. Returns the sheet (None if the content has no usable id) and the
    problems in the order of the file.
    """
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
    """Return the definitions for each environment, and all problems, ordered by file and line.

    Each result holds the warnings of all environments. Pass `whole` if the files are the whole
    workspace: then unused defaults and schedules are reported, too.
    """
    texts = Texts(shared.root)
    readings = [(shown(file), *_read(file, shared, texts)) for file in files]
    _note_duplicate_files((file, noted) for file, _, noted in readings)
    sheets = [sheet for _, sheet, _ in readings if sheet]
    desired = [_desired(sheets, shared, environment) for environment in environments]
    taken: set[Source] = set()
    for each in desired if whole else ():
        taken.update(*(definition.places.values() for definition in each.definitions))
    reported = [*shared.warnings, *(unused(shared, taken) if whole else ())]
    reported += [problem for _, _, noted in readings for problem in _in_order(noted)]
    # Each definition that uses a shared value notes its problems, so remove the duplicates.
    problems = tuple(dict.fromkeys(reported))
    warnings = tuple(problem for problem in problems if problem.severity == "warning")
    return tuple(each._replace(warnings=warnings) for each in desired), problems


def _desired(sheets: Sequence[Sheet], shared: Shared, environment: str | None) -> Desired:
    """Return the definitions of one environment, and note their problems on their pages."""
    found = [(_definition(sheet, shared, environment), sheet.page) for sheet in sheets]
    there = [(definition, page) for definition, page in found if definition]
    _note_duplicates(there)
    definitions = tuple(sorted((each for each, _ in there), key=lambda each: each.id))
    elsewhere = {
        id_: name
        for sheet in sheets
        for name, id_ in sheet.ids.items()
        if name not in (None, environment)
    }
    # Do not count a sheet without a valid id: that is already reported as a problem.
    left_out = sum(bool(sheet.ids) for sheet in sheets) - len(definitions)
    return Desired(definitions, left_out=left_out, elsewhere=elsewhere)


def _read(file: Path, shared: Shared, texts: Texts) -> tuple[Sheet | None, list[Problem]]:
    """Return the sheet of one file and its problems.

    The nodes of the file are freed here, so that 10,000 files fit in memory.
    """
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


def _note_duplicate_files(readings: Iterable[tuple[str, list[Problem]]]) -> None:
    """Warn of file names that differ only in case or in the Unicode form of an accent."""
    by_name: dict[str, str] = {}
    for file, problems in readings:
        if (first := by_name.setdefault(_comparable(file), file)) != file:
            message = f"on macOS and Windows this file is the same as {first}"
            hint = "give one of them another name"
            problems.append(Problem("TWIN_FILE", message, Source(file, 1), hint, "warning"))


def _note_duplicates(definitions: Iterable[tuple[Definition, Page]]) -> None:
    """Report duplicate ids; warn of names that differ only in case or in Unicode form."""
    by_id: dict[int, Definition] = {}
    by_name: dict[str, Definition] = {}
    for definition, page in definitions:
        first = by_id.setdefault(definition.id, definition)
        if first is not definition:
            message = f"campaign {definition.id} is defined twice: first at {first.source_of('id')}"
            hint = "keep one of the two definitions"
            page.note(Problem("DUPLICATE_ID", message, definition.source_of("id"), hint))
        elif name := definition.values.get("name"):
            namesake = by_name.setdefault(_comparable(name), definition)
            if namesake is not definition:
                message = f"another campaign has the same name: {namesake.source_of('name')}"
                hint = "only the id identifies a campaign; rename one of them"
                at = definition.source_of("name")
                page.note(Problem("TWIN_NAME", message, at, hint, "warning"))


def _comparable(name: str) -> str:
    """Return a name in the form to compare: case-folded and NFC-normalized."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())
