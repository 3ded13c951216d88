"""`campaignsync.yaml` → Workspace, with every problem in its place."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from campaignsync.load import Document, nearest, read_shared, shown
from campaignsync.load.files import WORKSPACE
from campaignsync.load.nodes import named
from campaignsync.load.parse import Scalar
from campaignsync.model.kinds import clip
from campaignsync.model.values import Environment, Guards, Workspace
from campaignsync.workspace.limits import read_guards

KEYS = (
    "version", "definitions", "environments", "default_environment", "guards", "defaults",
    "schedules",
)  # fmt: skip
ENVIRONMENT_KEYS = ("api", "api_key_env", "seed")
FORBIDDEN = re.compile(
    r"url|host|endpoint|address|port$|(^|[_-])ca([_-]|$)|cert|verify|insecure|tls|ssl|prox|journal"
    r"|rate|timeout|key|token|secret|passw",
    re.IGNORECASE,
)
"""Keys that people look for here, and that a pull request must not be able to set."""
KEY_VARIABLE = re.compile(r"ALTUR_API_KEY(_[A-Z0-9_]+)?\Z")
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*\Z", re.ASCII)
APIS = re.compile(r"(altur|sandbox)\Z")

Nodes = Mapping[str, tuple[Any, Any]]
"""The key and value nodes of a mapping, by name."""


class Reader:
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
            guards=self._guards(nodes),
            default_environment=self._default(nodes, environments),
            shared=read_shared(
                self._document,
                shown(self._root),
                tuple(environments),
                {name: nodes[name][1] for name in ("defaults", "schedules") if name in nodes},
            ),
        )

    def _check_version(self, nodes: Nodes) -> None:
        node = nodes["version"][1] if "version" in nodes else None
        if not (isinstance(node, Scalar) and node.plain and node.text == "1"):
            self._document.problem(
                "VERSION",
                "`version` must be 1",
                node or self._document.root,
                "write `version: 1` at the top",
            )

    def _definitions(self, nodes: Nodes) -> list[str]:
        if "definitions" not in nodes:
            return []
        key, node = nodes["definitions"]
        if not (parts := self._document.parts(node)):
            self._document.problem(
                "NO_DEFINITION", "`definitions` names no path", key, "name a folder, or a file"
            )
        return [path for part in parts if (path := self._inside(part, "definitions"))]

    def _guards(self, nodes: Nodes) -> Guards:
        return read_guards(self._document, nodes["guards"][1]) if "guards" in nodes else Guards()

    def _environments(self, nodes: Nodes) -> dict[str, Environment]:
        if "environments" not in nodes:
            return {}
        found = self._document.mapping(nodes["environments"][1], "`environments`")
        return {name: self._environment(name, value) for name, (_, value) in found.items()}

    def _environment(self, name: str, node: Any) -> Environment:
        if not NAME.match(name):
            self._document.problem(
                "NOT_A_NAME",
                f"`{named(name)}` is no name of an environment",
                node,
                "use letters and digits",
            )
        nodes = self._document.mapping(node, f"environment `{name}`")
        self._refuse_others(nodes, ENVIRONMENT_KEYS)
        api = self._choice(nodes, "api", "altur", APIS, "write altur or sandbox")
        key = self._choice(
            nodes,
            "api_key_env",
            "ALTUR_API_KEY",
            KEY_VARIABLE,
            "name the variable that holds the key: ALTUR_API_KEY, or ALTUR_API_KEY_ and a name"
            " in capitals",
        )
        seed = self._inside(nodes["seed"][1], "seed") if "seed" in nodes else None
        if seed and api != "sandbox":
            self._document.problem(
                "SEED", "only an environment with `api: sandbox` has a seed", nodes["seed"][0]
            )
        return Environment(name, api, key, seed)

    def _choice(
        self, nodes: Nodes, key: str, default: str, known: re.Pattern[str], hint: str
    ) -> str:
        """Read one word; a wrong one is not repeated: it may be a key in the wrong place."""
        if key not in nodes:
            return default
        node = nodes[key][1]
        text = self._document.scalar(node, f"`{key}`")
        if text is None or known.match(text):
            return text or default
        self._document.problem("NOT_A_CHOICE", f"`{key}` is none of those it can be", node, hint)
        return default

    def _default(self, nodes: Nodes, environments: Mapping[str, Environment]) -> str | None:
        if "default_environment" not in nodes:
            return next(iter(environments)) if len(environments) == 1 else None
        node = nodes["default_environment"][1]
        name = self._document.scalar(node, "`default_environment`")
        if name is not None and name not in environments:
            self._document.problem(
                "UNKNOWN_ENVIRONMENT",
                f"no environment `{named(name)}`",
                node,
                nearest(name, environments),
            )
        return name

    def _inside(self, node: Any, what: str) -> str | None:
        """Give a path below the workspace; whatever leads out of it is a problem."""
        text = self._document.scalar(node, f"`{what}`")
        if text is None:
            return None
        try:
            path = (self._root / text).resolve()
        except (OSError, ValueError, RuntimeError):  # no name of a file, or links in a circle
            path = Path()
        if Path(text).is_absolute() or not path.is_relative_to(self._root):
            self._document.problem(
                "OUTSIDE",
                f"`{what}` leads out of the workspace: {clip(text)}",
                node,
                "name a path in it, relative to its folder",
            )
            return None
        return shown(self._root / text)

    def _refuse_others(self, nodes: Nodes, known: Sequence[str]) -> None:
        for name, (key, _) in nodes.items():
            if name in known:
                continue
            if FORBIDDEN.search(name):
                self._document.problem(
                    "FORBIDDEN_KEY",
                    f"`{named(name)}` cannot be set here: a pull request could change it",
                    key,
                    "set it where the job runs, as an environment variable",
                )
            else:
                self._document.problem(
                    "UNKNOWN_KEY", f"`{named(name)}` is not known", key, nearest(name, known)
                )
