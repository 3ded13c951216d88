"""Load definitions from YAML files, and report every problem with its position.

workspace.py      read campaignsync.yaml and its guards, and find the definitions of a workspace
files.py          find and read files
git.py            read file versions from git, and list ignored files
yaml_document.py  parse a file into nodes, and collect its problems
raw_fields.py     convert nodes into the raw data that pydantic validates, with positions
validate.py       validate raw data into models; convert pydantic's errors into problems
hints.py          suggest the valid key, weekdays or value nearest to an invalid one
texts.py          read texts that definitions keep in separate files
definition.py     read a definition file, resolve it for an environment, check its rules
shared.py         read the shared defaults and schedules; warn of unused ones
select.py         select the environment, and definitions by id, name, label or shard
"""

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from campaignsync.errors import DefinitionError, Problem, Source
from campaignsync.load.definition import (
    UnresolvedDefinition,
    mixed_alphabets,
    read_definition,
    resolve,
    rule_violations,
)
from campaignsync.load.files import display_path, read
from campaignsync.load.shared import unused_warnings
from campaignsync.load.texts import Texts
from campaignsync.load.yaml_document import SourceFile, compose, compose_content
from campaignsync.model.campaign import EVERYWHERE
from campaignsync.model.definitions import Definition, Desired, Shared

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
        raise DefinitionError(
            [Problem("UNREADABLE", message, Source(display_path(file), 1))]
        ) from None


def check_content(
    file: str, content: bytes, shared: Shared = ALONE
) -> tuple[UnresolvedDefinition | None, tuple[Problem, ...]]:
    """Check one definition, given as bytes, for all environments of the workspace.

    `file` is the name to report. Returns the definition, not yet resolved (None if the content
    has no usable id), and the problems in the order of the file.
    """
    problems: list[Problem] = []
    document = compose_content(SourceFile(file, problems), content)
    unresolved = read_definition(document, shared, Texts(shared.root)) if document else None
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
    readings = [(display_path(file), *_read(file, shared, texts)) for file in files]
    _note_duplicate_files((file, noted) for file, _, noted in readings)
    unresolved = [one for _, one, _ in readings if one]
    desired = [_desired(unresolved, shared, environment) for environment in environments]
    taken: set[Source] = set()
    for each in desired if whole else ():
        taken.update(*(definition.places.values() for definition in each.definitions))
    reported = [*shared.warnings, *(unused_warnings(shared, taken) if whole else ())]
    reported += [problem for _, _, noted in readings for problem in _in_order(noted)]
    # Each definition that uses a shared value notes its problems, so remove the duplicates.
    problems = tuple(dict.fromkeys(reported))
    warnings = tuple(problem for problem in problems if problem.severity == "warning")
    return tuple(replace(each, warnings=warnings) for each in desired), problems


def _desired(
    unresolved: Sequence[UnresolvedDefinition], shared: Shared, environment: str | None
) -> Desired:
    """Return the definitions of one environment, and note their problems on their files."""
    resolved = [(_definition(each, shared, environment), each.source_file) for each in unresolved]
    present = [(each, source_file) for each, source_file in resolved if each]
    _note_duplicates(present)
    definitions = tuple(sorted((each for each, _ in present), key=lambda each: each.id))
    elsewhere = {
        id_: name
        for each in unresolved
        for name, id_ in each.ids.items()
        if name not in (EVERYWHERE, environment)
    }
    # Do not count one without a valid id: that is already reported as a problem.
    left_out = sum(bool(each.ids) for each in unresolved) - len(definitions)
    return Desired(definitions, left_out=left_out, elsewhere=elsewhere)


def _read(
    file: Path, shared: Shared, texts: Texts
) -> tuple[UnresolvedDefinition | None, list[Problem]]:
    """Return the definition of one file and its problems.

    The nodes of the file are freed here, so that 10,000 files fit in memory.
    """
    problems: list[Problem] = []
    document = compose(file, problems)
    return (read_definition(document, shared, texts) if document else None), problems


def _definition(
    unresolved: UnresolvedDefinition, shared: Shared, environment: str | None
) -> Definition | None:
    if definition := resolve(unresolved, shared, environment):
        for problem in (*rule_violations(definition), *mixed_alphabets(definition)):
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
