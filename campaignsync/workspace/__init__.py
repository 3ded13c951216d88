"""`campaignsync.yaml` and the environment variables → where definitions are, and whose key it is.

The file lies in a repository where a pull request can change it. So it chooses among accounts, and
names the variable that holds a key; it cannot name an address, a proxy or a certificate.
"""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from campaignsync.errors import ConfigurationError, CredentialError, DefinitionError, Problem
from campaignsync.load import compose, find, nearest, shown
from campaignsync.load.files import WORKSPACE, read, within
from campaignsync.model.values import Environment, Guards, Workspace
from campaignsync.workspace.limits import read_guards, tightened
from campaignsync.workspace.reader import Reader

__all__ = [
    "STATE",
    "choose",
    "definitions",
    "every_of",
    "find_workspace",
    "guards_of",
    "is_whole",
    "key_of",
]

STATE = ".campaignsync"
"""The folder of our own state, in the workspace."""
LARGEST_KEY = 4096
"""Bytes of a file that holds a key."""


def definitions(paths: Sequence[Path]) -> tuple[Workspace, list[Path]]:
    """Find the workspace of some paths, and the definitions they stand for.

    Without paths the current folder is meant. Raises ConfigurationError where nothing is found, or
    where the paths are of two workspaces; DefinitionError for a wrong `campaignsync.yaml`.
    """
    paths = paths or [Path()]
    roots = {_root(path): path for path in paths}
    if len(roots) > 1:
        named = " and ".join(
            shown(root) if root else f"none ({shown(path)})" for root, path in roots.items()
        )
        raise ConfigurationError(
            f"these paths are of more than one workspace: {named}",
            hint="run once for each: a workspace has its own accounts",
            code="SEVERAL_WORKSPACES",
        )
    workspace = _workspace_at(*roots)
    files: list[Path] = []
    for path in paths:
        files += [Path(part) for part in workspace.definitions] if is_whole([path]) else [path]
    return workspace, find(files)


def is_whole(paths: Sequence[Path]) -> bool:
    """Tell whether paths stand for a whole workspace."""
    return any((path / WORKSPACE).is_file() for path in paths or [Path()])


def find_workspace(start: Path) -> Workspace:
    """Read the nearest `campaignsync.yaml` upward of a path; the defaults hold without one."""
    return _workspace_at(_root(start))


def _root(start: Path) -> Path | None:
    """Find the folder of the nearest `campaignsync.yaml`; one that cannot be read counts, too."""
    folder = (start if start.is_dir() else start.parent).resolve()
    found = (each for each in (folder, *folder.parents) if os.path.lexists(each / WORKSPACE))
    return next(found, None)


def _workspace_at(root: Path | None) -> Workspace:
    if root is None:
        return Workspace(root=".")
    problems: list[Problem] = []
    document = compose(within(root / WORKSPACE, root), problems)
    workspace = Reader(document, root).workspace() if document else None
    if workspace is None or any(problem.severity == "error" for problem in problems):
        raise DefinitionError(problems)
    return workspace._replace(shared=workspace.shared._replace(warnings=tuple(problems)))


def choose(workspace: Workspace, name: str | None, *, sandbox: bool = False) -> Environment:
    """Give the environment that a command line means.

    Without a name it is the workspace's default, and the account of ALTUR_API_KEY where the
    workspace names none. `sandbox` means the workspace's sandbox, or a new and empty one.
    Raises ConfigurationError for an unknown name, and where it is not clear which one is meant.
    """
    environments = workspace.environments
    if name is None and sandbox:
        name = next((e.name for e in environments.values() if e.api == "sandbox"), "sandbox")
    name = name or workspace.default_environment
    if name is None and environments:
        raise ConfigurationError(
            f"which environment? {workspace.file} names {', '.join(environments)}",
            hint="pass -e NAME, or set `default_environment`",
            code="WHICH_ENVIRONMENT",
        )
    implied = Environment("sandbox", api="sandbox")
    known = {"sandbox": implied, **(environments or {"default": Environment("default")})}
    if name not in (None, *known):
        hint = nearest(str(name), known)
        raise ConfigurationError(f"no environment `{name}`", hint=hint, code="UNKNOWN_ENVIRONMENT")
    chosen = known[name or "default"]
    if sandbox and chosen.api != "sandbox":
        message = f"--sandbox, and environment `{name}` is an account"
        raise ConfigurationError(message, hint="leave one of the two out")
    return chosen


def every_of(workspace: Workspace, *, sandbox: bool = False) -> list[str]:
    """Return the names of all accounts of a workspace, or of its sandboxes.

    Raises ConfigurationError if there are none.
    """
    names = [
        environment.name
        for environment in workspace.environments.values()
        if (environment.api == "sandbox") == sandbox
    ]
    if not names:
        kind = "sandboxes" if sandbox else "accounts"
        raise ConfigurationError(
            f"campaignsync.yaml names no {kind} under `environments`",
            hint="remove --all-environments, or name an environment with -e NAME",
            code="UNKNOWN_ENVIRONMENT",
        )
    return names


def guards_of(workspace: Workspace, environ: Mapping[str, str]) -> Guards:
    """Give the guards of a workspace, made no looser than CAMPAIGNSYNC_GUARDS_FILE allows.

    That file lies outside the reach of a pull request; a workspace can be stricter than it.
    Raises ConfigurationError and DefinitionError for a file that is not readable, or wrong.
    """
    if not (file := environ.get("CAMPAIGNSYNC_GUARDS_FILE")):
        return workspace.guards
    problems: list[Problem] = []
    document = compose(Path(file), problems)
    ceiling = read_guards(document, document.root) if document else Guards()
    if problems:
        raise DefinitionError(problems)
    return tightened(workspace.guards, ceiling)


def key_of(environment: Environment, environ: Mapping[str, str]) -> tuple[str, str]:
    """Give the environment's key, and the variable it came from.

    It is the value of `api_key_env`, or lies in the file that the same name with _FILE names.
    Raises CredentialError, which never shows the key.
    """
    variable = environment.api_key_env
    if text := environ.get(variable):
        return text, variable
    file_variable = f"{variable}_FILE"
    if file := environ.get(file_variable):
        try:
            return read(Path(file), LARGEST_KEY).decode("ascii").rstrip("\r\n"), file_variable
        except ValueError as error:
            why = "it is not ASCII" if isinstance(error, UnicodeError) else str(error)
            message = f"the file of {file_variable} cannot be read: {why}"
            hint = "let it name a readable file that holds the key and nothing else"
            raise CredentialError(message, hint=hint) from None
    raise CredentialError(
        f"no key for environment {environment.name}: {variable} is not set, or empty",
        hint=f"export {variable}=…, or let {file_variable} name a file that holds it;"
        " `--sandbox` needs none",
        code="KEY_MISSING",
    )
