"""Load definitions from YAML files, and report every problem with its position.

workspace.py        find and read campaignsync.yaml
accounts.py         choose the environment, and read its keys
files.py            find and read files
git.py              read file versions from git, and list ignored files
document.py         parse a file into nodes, and collect its problems
raw.py              convert nodes into the plain data that pydantic validates
validate.py         validate plain data into models; convert pydantic's errors into problems
field_positions.py  collect the fields that a mapping sets, with their positions
texts.py            read texts that definitions keep in separate files
definition.py       read one definition file, and resolve it for an environment
shared.py           read the shared defaults and schedules; warn of unused ones
select.py           select definitions by id, name, label or shard
hints.py            suggest the key, weekday, time zone or value that was meant
"""

import unicodedata
from collections.abc import Iterable, Sequence
from pathlib import Path

from campaignsync.errors import DefinitionError, Problem, Source
from campaignsync.load.definition import (
    UnresolvedDefinition,
    check_rules,
    mixed_scripts,
    read_unresolved,
    resolve,
)
from campaignsync.load.document import Document, SourceFile, compose, compose_content
from campaignsync.load.files import find, read, shown
from campaignsync.load.shared import read_shared, unused
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
) -> tuple[UnresolvedDefinition | None, tuple[Problem, ...]]:
    """Check one definition, given as bytes, for all environments of the workspace.

    `file` is the name to report. Returns the unresolved definition (None without
    a usable id), and the problems in the order of the file.
    """
    problems: list[Problem] = []
    document = compose_content(SourceFile(file, problems), content)
    unresolved = read_unresolved(document, shared, Texts(shared.root)) if document else None
    if unresolved:
        for environment in shared.environments or (None,):
            _definition(unresolved, shared, environment)
    return unresolved, _in_order(problems)


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
    all_unresolved = [unresolved for _, unresolved, _ in readings if unresolved]
    desired = [_desired(all_unresolved, shared, environment) for environment in environments]
    taken: set[Source] = set()
    for each in desired if whole else ():
        taken.update(*(definition.places.values() for definition in each.definitions))
    reported = [*shared.warnings, *(unused(shared, taken) if whole else ())]
    reported += [problem for _, _, noted in readings for problem in _in_order(noted)]
    # Each definition that uses a shared value notes its problems, so remove the duplicates.
    problems = tuple(dict.fromkeys(reported))
    warnings = tuple(problem for problem in problems if problem.severity == "warning")
    return tuple(each._replace(warnings=warnings) for each in desired), problems


def _desired(
    all_unresolved: Sequence[UnresolvedDefinition], shared: Shared, environment: str | None
) -> Desired:
    """Return the definitions of one environment, and note their problems."""
    found = [
        (_definition(unresolved, shared, environment), unresolved.source_file)
        for unresolved in all_unresolved
    ]
    there = [(definition, source_file) for definition, source_file in found if definition]
    _note_duplicates(there)
    definitions = tuple(sorted((each for each, _ in there), key=lambda each: each.id))
    elsewhere = {
        id_: name
        for unresolved in all_unresolved
        for name, id_ in unresolved.ids.items()
        if name not in (None, environment)
    }
    # Do not count a file without a valid id: that is already reported as a problem.
    left_out = sum(bool(unresolved.ids) for unresolved in all_unresolved) - len(definitions)
    return Desired(definitions, left_out=left_out, elsewhere=elsewhere)


def _read(
    file: Path, shared: Shared, texts: Texts
) -> tuple[UnresolvedDefinition | None, list[Problem]]:
    """Return the definition of one file, not yet resolved, and its problems.

    The nodes of the file are freed here, so that 10,000 files fit in memory.
    """
    problems: list[Problem] = []
    document = compose(file, problems)
    return (read_unresolved(document, shared, texts) if document else None), problems


def _definition(
    unresolved: UnresolvedDefinition, shared: Shared, environment: str | None
) -> Definition | None:
    if definition := resolve(unresolved, shared, environment):
        check_rules(definition, unresolved)
        for problem in mixed_scripts(definition):
            unresolved.source_file.note(problem)
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
            problems.append(
                Problem("CLASHING_FILE_NAMES", message, Source(file, 1), hint, "warning")
            )


def _note_duplicates(definitions: Iterable[tuple[Definition, SourceFile]]) -> None:
    """Report duplicate ids; warn of names that differ only in case or in Unicode form."""
    by_id: dict[int, Definition] = {}
    by_name: dict[str, Definition] = {}
    for definition, source_file in definitions:
        first = by_id.setdefault(definition.id, definition)
        if first is not definition:
            message = f"campaign {definition.id} is defined twice: first at {first.source_of('id')}"
            hint = "keep one of the two definitions"
            source_file.note(Problem("DUPLICATE_ID", message, definition.source_of("id"), hint))
        elif name := definition.values.get("name"):
            namesake = by_name.setdefault(_comparable(name), definition)
            if namesake is not definition:
                message = f"another campaign has the same name: {namesake.source_of('name')}"
                hint = "only the id identifies a campaign; rename one of them"
                at = definition.source_of("name")
                source_file.note(Problem("DUPLICATE_NAME", message, at, hint, "warning"))


def _comparable(name: str) -> str:
    """Return a name in the form to compare: case-folded and NFC-normalized."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())
