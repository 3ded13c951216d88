"""Read `campaignsync.yaml` and its guards, and find the definitions of a workspace."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from campaignsync.errors import (
    ConfigurationError,
    DefinitionError,
    Problem,
    StalePlan,
)
from campaignsync.guards import GuardedFile, Guards
from campaignsync.load import ALONE
from campaignsync.load.files import WORKSPACE, check_link, display_path, find, is_yaml
from campaignsync.load.git import file_at
from campaignsync.load.raw_fields import node_at, raw_mapping
from campaignsync.load.shared import read_shared
from campaignsync.load.validate import read_model
from campaignsync.load.yaml_document import SourceFile, YamlDocument, compose, compose_content
from campaignsync.model.definitions import Shared
from campaignsync.model.kind import clip
from campaignsync.model.workspace import EnvironmentSettings

STATE = ".campaignsync"
"""The folder in the workspace for journals and other state of campaignsync."""

DEFAULTS = EnvironmentSettings()


@dataclass(frozen=True, slots=True)
class Environment:
    """A named account of the API, or a sandbox; `seed` is relative to the current folder."""

    name: str
    api: str = DEFAULTS.api
    api_key_env: str = DEFAULTS.api_key_env
    seed: str | None = None


@dataclass(frozen=True, slots=True)
class Workspace:
    """The content of `campaignsync.yaml`, or the defaults without that file.

    `root` is the folder that holds `.campaignsync/`, and `definitions` are the paths from the file.
    All paths are relative to the current folder, or absolute.
    """

    root: str
    file: str | None = None
    definitions: tuple[str, ...] = ()
    environments: Mapping[str, Environment] = field(default_factory=dict)
    default_environment: str | None = None
    guards: Guards = field(default_factory=Guards)
    shared: Shared = ALONE


def find_definitions(paths: Sequence[Path]) -> tuple[Workspace, list[Path]]:
    """Return the workspace of some paths, and the definition files under them.

    Without paths, use the current folder. Raises ConfigurationError if no definition is found or if
    the paths belong to different workspaces, and DefinitionError for an invalid
    `campaignsync.yaml`.
    """
    paths = paths or [Path()]
    roots = {_root(path): path for path in paths}
    if len(roots) > 1:
        named = " and ".join(
            display_path(root) if root else f"none ({display_path(path)})"
            for root, path in roots.items()
        )
        raise ConfigurationError(
            f"the paths belong to more than one workspace: {named}",
            hint="run once per workspace: each has its own accounts",
            code="SEVERAL_WORKSPACES",
        )
    workspace = _workspace_at(*roots)
    files: list[Path] = []
    for path in paths:
        files += _listed(workspace) if includes_workspace([path]) else [path]
    return workspace, find(files)


def _listed(workspace: Workspace) -> list[Path]:
    """Return the paths of `definitions`; raise ConfigurationError for one that does not exist."""
    paths = [Path(part) for part in workspace.definitions]
    if missing := [path for path in paths if not os.path.lexists(path)]:
        raise ConfigurationError(
            f"`definitions` of {workspace.file} names a missing path: {display_path(missing[0])}",
            hint="correct the path, or create the folder and add a definition",
            code="NO_DEFINITION",
        )
    return paths


def includes_workspace(paths: Sequence[Path]) -> bool:
    """Return whether one of the paths is the folder of a workspace."""
    return any((path / WORKSPACE).is_file() for path in paths or [Path()])


def find_workspace(start: Path) -> Workspace:
    """Return the workspace of a path: the nearest `campaignsync.yaml` upward, or the defaults.

    Raises ConfigurationError or DefinitionError for a file that cannot be used.
    """
    return _workspace_at(_root(start))


def _root(start: Path) -> Path | None:
    """Return the folder of the nearest `campaignsync.yaml`, readable or not; None without one."""
    folder = (start if start.is_dir() else start.parent).resolve()
    roots = (each for each in (folder, *folder.parents) if os.path.lexists(each / WORKSPACE))
    return next(roots, None)


def source_in(workspace: Workspace, file: str) -> Path:
    """Return the path of a definition that a saved plan names, relative to the workspace.

    Raises StalePlan if the file is missing or not in the workspace's `definitions`: a plan must not
    choose the file that it is checked against.
    """
    root = Path(workspace.root)
    path = root / file
    is_inside = (
        not Path(file).is_absolute()
        and not any(part.startswith(".") for part in Path(file).parts)
        and is_yaml(path)
        and path.name != WORKSPACE
        and _lies_in(path, workspace.definitions or (workspace.root,))
    )
    if not is_inside:
        raise StalePlan(
            f"the plan names a file outside the workspace's definitions: {file}",
            hint="apply the plan in the workspace where it was made (-C DIR)",
            code="PLAN_SOURCE",
        )
    if not path.is_file():
        raise StalePlan(
            f"a definition of the plan is missing: {display_path(path)}",
            hint="apply the plan in the workspace where it was made (-C DIR), or plan again",
        )
    here = root.resolve() if workspace.file else None
    if _root(path) != here:
        raise StalePlan(
            f"the plan names a definition of another workspace: {file}",
            hint="apply the plan in the workspace where it was made (-C DIR)",
            code="PLAN_SOURCE",
        )
    return path


def _lies_in(path: Path, folders: Sequence[str]) -> bool:
    """Return whether a path, with links resolved, is in one of these folders or files."""
    try:
        real = path.resolve()
        places = [Path(folder).resolve() for folder in folders]
    except (OSError, ValueError, RuntimeError):  # not a file name, or a loop of links
        return False
    return any(real.is_relative_to(place) for place in places)


def _workspace_at(root: Path | None) -> Workspace:
    if root is None:
        return Workspace(root=".")
    problems: list[Problem] = []
    document = compose(check_link(root / WORKSPACE, root), problems)
    workspace = _read(document, root) if document else None
    if workspace is None or any(problem.severity == "error" for problem in problems):
        raise DefinitionError(problems)
    return replace(workspace, shared=replace(workspace.shared, warnings=tuple(problems)))


def _read(document: YamlDocument, root: Path) -> Workspace | None:
    """Return the workspace of a document; if it is invalid, note every problem and return None."""
    file = read_model(document, document.root, GuardedFile)
    keys = document.mapping(document.root, "the workspace")
    shared = read_shared(
        document,
        display_path(root),
        tuple(file.environments) if file else (),
        {name: keys[name][1] for name in ("defaults", "schedules") if name in keys},
    )
    if file is None:
        return None
    names = [*file.environments]
    return Workspace(
        root=display_path(root),
        file=display_path(root / WORKSPACE),
        definitions=tuple(
            _inside(document, root, path, ("definitions", number))
            for number, path in enumerate(file.definitions)
        )
        or (display_path(root),),
        environments={
            name: Environment(
                name,
                settings.api,
                settings.api_key_env,
                _inside(document, root, settings.seed, ("environments", name, "seed"))
                if settings.seed
                else None,
            )
            for name, settings in file.environments.items()
        },
        default_environment=file.default_environment or (names[0] if len(names) == 1 else None),
        guards=file.guards,
        shared=shared,
    )


def _inside(document: YamlDocument, root: Path, text: str, location: tuple[str | int, ...]) -> str:
    """Return a path of the workspace, relative to the current folder; note one that is outside."""
    try:
        path = (root / text).resolve()
    except (OSError, ValueError, RuntimeError):  # not a file name, or a loop of links
        path = Path()
    if Path(text).is_absolute() or not path.is_relative_to(root):
        document.problem(
            "OUTSIDE",
            f"`{location[0]}` leads out of the workspace: {clip(text)}",
            node_at(document.root, raw_mapping(document, document.root), location)[1],
            "name a path in it, relative to its folder",
        )
    return display_path(root / text)


def guards_of(workspace: Workspace, environ: Mapping[str, str]) -> Guards:
    """Return guards that forbid what the workspace or CAMPAIGNSYNC_GUARDS_FILE forbids.

    A pull request cannot change that file, so a workspace can be stricter, but not looser. Raises
    DefinitionError if the file cannot be read or is invalid.
    """
    if not (file := environ.get("CAMPAIGNSYNC_GUARDS_FILE")):
        return workspace.guards
    problems: list[Problem] = []
    document = compose(Path(file), problems)
    ceiling = read_model(document, document.root, Guards) if document else None
    if ceiling is None or problems:
        raise DefinitionError(problems)
    return workspace.guards.stricter(ceiling)


def guards_at(workspace: Workspace, revision: str) -> Guards:
    """Return the guards of campaignsync.yaml at a git revision; the defaults without that file.

    Raises ConfigurationError for an unknown revision, and DefinitionError for invalid guards.
    """
    try:
        content = file_at(Path(workspace.root), revision, WORKSPACE)
    except ValueError as error:
        raise ConfigurationError(
            f"cannot read the guards of {revision}: {error}",
            hint="fetch the revision first: `git fetch origin main`, or `fetch-depth: 0` in a job",
            code="UNKNOWN_REVISION",
        ) from None
    if content is None:
        return Guards()
    problems: list[Problem] = []
    document = compose_content(SourceFile(f"{revision}:{WORKSPACE}", problems), content)
    keys = document.mapping(document.root, "the workspace") if document else {}
    guards = Guards()
    if document and "guards" in keys:
        guards = read_model(document, keys["guards"][1], Guards) or guards
    if problems:
        raise DefinitionError(problems)
    return guards
