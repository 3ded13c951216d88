"""`campaignsync.yaml` and the environment variables → where definitions are, and whose key it is.

The file lies in a repository where a pull request can change it. So it chooses among accounts, and
names the variable that holds a key; it cannot name an address, a proxy or a certificate.
"""

import re
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from campaignsync.errors import ConfigurationError, CredentialError, DefinitionError, Problem
from campaignsync.load import Document, compose, find, shown
from campaignsync.load.files import WORKSPACE, read
from campaignsync.model.values import Environment, Workspace

KEYS = ("version", "definitions", "environments", "default_environment")
ENVIRONMENT_KEYS = ("api", "api_key_env", "seed")
FORBIDDEN = {"base_url", "url", "api_key", "key", "ca", "verify", "proxy", "journal", "rate"}
"""Keys that people look for here, and that a pull request must not be able to set."""
KEY_VARIABLE = re.compile(r"ALTUR_API_KEY(_[A-Z0-9_]+)?\Z")
APIS = ("altur", "sandbox")
LARGEST_KEY = 4096
"""Bytes of a file that holds a key."""

Nodes = Mapping[str, tuple[Any, Any]]
"""The key and value nodes of a mapping, by name."""


def definitions(paths: Sequence[Path]) -> tuple[Workspace, list[Path]]:
    """Find the workspace of some paths, and the definitions they stand for.

    Without paths the current folder is meant. Raises ConfigurationError where nothing is found, or
    where the paths are of two workspaces; DefinitionError for a wrong `campaignsync.yaml`.
    """
    paths = paths or [Path()]
    found = {workspace.root: workspace for workspace in map(find_workspace, paths)}
    if len(found) > 1:
        raise ConfigurationError(f"these paths are of two workspaces: {' and '.join(found)}")
    [workspace] = found.values()
    files: list[Path] = []
    for path in paths:
        whole = workspace.file is not None and (path / WORKSPACE).is_file()
        files += [Path(part) for part in workspace.definitions] if whole else [path]
    return workspace, find(files)


def find_workspace(start: Path) -> Workspace:
    """Read the nearest `campaignsync.yaml` upward of a path; the defaults hold without one."""
    folder = start.resolve() if start.is_dir() else start.resolve().parent
    for parent in (folder, *folder.parents):
        if (parent / WORKSPACE).is_file():
            return _read_workspace(parent)
    return Workspace(root=".")


def _read_workspace(root: Path) -> Workspace:
    problems: list[Problem] = []
    document = compose(root / WORKSPACE, problems)
    workspace = _Reader(document, root).workspace() if document else None
    if problems or workspace is None:
        raise DefinitionError(problems)
    return workspace


class _Reader:
    """Reads one `campaignsync.yaml`; all that is wrong with it goes to the document's problems."""

    def __init__(self, document: Document, root: Path) -> None:
        self._document = document
        self._root = root

    def workspace(self) -> Workspace:
        nodes = self._document.mapping(self._document.root, "the workspace")
        self._refuse_others(nodes, KEYS)
        self._check_version(nodes)
        environments = self._environments(nodes)
        return Workspace(
            root=shown(self._root),
            file=shown(self._root / WORKSPACE),
            definitions=tuple(self._definitions(nodes)) or (shown(self._root),),
            environments=environments,
            default_environment=self._default(nodes, environments),
        )

    def _check_version(self, nodes: Nodes) -> None:
        node = nodes["version"][1] if "version" in nodes else self._document.root
        if "version" not in nodes or self._document.scalar(node, "`version`") != "1":
            self._document.problem(
                "VERSION", "`version` must be 1", node, "write `version: 1` at the top"
            )

    def _definitions(self, nodes: Nodes) -> list[str]:
        if "definitions" not in nodes:
            return []
        node = nodes["definitions"][1]
        paths = (self._inside(part, "definitions") for part in self._document.parts(node))
        return [path for path in paths if path]

    def _environments(self, nodes: Nodes) -> dict[str, Environment]:
        if "environments" not in nodes:
            return {}
        named = self._document.mapping(nodes["environments"][1], "`environments`")
        return {name: self._environment(name, value) for name, (_, value) in named.items()}

    def _environment(self, name: str, node: Any) -> Environment:
        nodes = self._document.mapping(node, f"environment `{name}`")
        self._refuse_others(nodes, ENVIRONMENT_KEYS)
        api = self._choice(nodes, "api", "altur", "|".join(APIS), " or ".join(APIS))
        key = self._choice(
            nodes, "api_key_env", "ALTUR_API_KEY", KEY_VARIABLE.pattern, "ALTUR_API_KEY_<NAME>"
        )
        seed = self._inside(nodes["seed"][1], "seed") if "seed" in nodes else None
        if seed and api != "sandbox":
            self._document.problem(
                "SEED", "only an environment with `api: sandbox` has a seed", nodes["seed"][0]
            )
        return Environment(name, api, key, seed)

    def _choice(self, nodes: Nodes, key: str, default: str, pattern: str, words: str) -> str:
        if key not in nodes:
            return default
        node = nodes[key][1]
        text = self._document.scalar(node, f"`{key}`")
        if text is None or re.fullmatch(pattern, text):
            return text or default
        self._document.problem("NOT_A_CHOICE", f"`{key}` is not known: {text}", node, words)
        return default

    def _default(self, nodes: Nodes, environments: Mapping[str, Environment]) -> str | None:
        if "default_environment" not in nodes:
            return next(iter(environments)) if len(environments) == 1 else None
        node = nodes["default_environment"][1]
        name = self._document.scalar(node, "`default_environment`")
        if name is not None and name not in environments:
            self._document.problem(
                "UNKNOWN_ENVIRONMENT", f"no environment `{name}`", node, _known(name, environments)
            )
        return name

    def _inside(self, node: Any, what: str) -> str | None:
        """Give a path below the workspace; whatever leads out of it is a problem."""
        text = self._document.scalar(node, f"`{what}`")
        if text is None:
            return None
        path = self._root / text
        if not path.resolve().is_relative_to(self._root.resolve()):
            self._document.problem(
                "OUTSIDE", f"`{what}` leads out of the workspace: {text}", node, "name a path in it"
            )
            return None
        return shown(path)

    def _refuse_others(self, nodes: Nodes, known: Sequence[str]) -> None:
        for name, (key, _) in nodes.items():
            if name in FORBIDDEN:
                self._document.problem(
                    "FORBIDDEN_KEY",
                    f"`{name}` cannot be set here: a pull request could change it",
                    key,
                    "set it where the job runs, as an environment variable",
                )
            elif name not in known:
                self._document.problem(
                    "UNKNOWN_KEY", f"`{name}` is not known", key, _known(name, known)
                )


def _known(name: str, known: Sequence[str] | Mapping[str, Any]) -> str:
    near = get_close_matches(name, [*known], n=1)
    return f"did you mean `{near[0]}`?" if near else f"known here: {', '.join(known) or 'none'}"


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
        )
    implied = (Environment("default"), Environment("sandbox", api="sandbox"))
    known = {environment.name: environment for environment in implied} | dict(environments)
    if name not in (None, *known):
        raise ConfigurationError(f"no environment `{name}`", hint=_known(str(name), known))
    chosen = known[name or "default"]
    if sandbox and chosen.api != "sandbox":
        raise ConfigurationError(f"--sandbox, and environment `{name}` is an account")
    return chosen


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
            raise CredentialError(f"the file of {file_variable} cannot be read: {why}") from None
    raise CredentialError(
        f"no key for environment {environment.name}: {variable} is not set",
        hint=f"export {variable}=…, or let {file_variable} name a file that holds it;"
        " `--sandbox` needs none",
        code="KEY_MISSING",
    )
