"""Which module may import which, and which package owns which library."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "campaignsync"

MAY_IMPORT = {
    "errors": set(),
    "characters": set(),
    "write_files": {"errors"},
    "redaction": set(),
    "suggest": set(),
    "model": {"characters", "errors"},
    "yamltree": {"characters"},
    "diff": {"model"},
    "patch": {"model"},
    "plan_notes": {"model", "errors"},
    "plan": {"plan_notes", "diff", "patch", "model", "__init__"},
    "guards": {"model", "errors"},
    "load": {"guards", "yamltree", "model", "characters", "suggest", "errors"},
    "api": {"redaction", "errors", "__init__"},
    "campaign_list": {"api", "model", "errors"},
    "live": {"campaign_list", "api", "model", "errors"},
    "apply": {"plan", "plan_notes", "live", "api", "load", "model", "write_files", "errors"},
    "drift": {"load", "yamltree", "model", "errors"},
    "schema": {"guards", "model"},
    "authoring": {"schema", "diff", "load", "yamltree", "model", "errors", "__init__"},
    "report": {"model", "characters", "errors", "__init__"},
    "forge": {"api", "redaction", "errors", "__init__"},
    "sandbox": set(),
}
"""Each module or package of campaignsync, and those it may import; `cli` may import all of them."""

OWNERS = {
    "click": {"cli"},
    "deepdiff": {"diff.py"},
    "filelock": {"apply/lock.py"},
    "http.server": {"sandbox"},
    # One client for each remote. They have different retries and keys.
    "httpx": {"api", "forge"},
    "jinja2": {"report"},
    # `load` gives positions to the models' errors; the journal reads requests back.
    "pydantic": {"model", "guards", "load", "apply/journal.py"},
    "rich": {"report"},
    "ruamel": {"yamltree"},
    "sqlite3": {"sandbox"},
    "subprocess": {"load/git.py"},
}
"""The only files and packages that import a library."""

PURE = (
    "characters", "model", "yamltree", "diff", "patch", "plan_notes", "plan", "guards",
    "load/select", "schema", "report", "apply/saved_plan", "apply/undo", "apply/verify",
    "drift/__init__", "authoring/adopt", "authoring/entries", "authoring/export",
    "authoring/format", "authoring/read_values", "authoring/style", "authoring/text_edits",
)  # fmt: skip
"""Pure code: no files, no terminal, no clock, no network."""

IMPURE_CALLS = {"open", "print", "input", "exec", "eval", "__import__"}
IMPURE_NAMES = {
    # The process and its clock.
    "environ", "getenv", "stdin", "stdout", "stderr", "now", "today", "time", "monotonic",
    # Files, of whatever path is passed in.
    "open", "read_text", "read_bytes", "write_text", "write_bytes", "iterdir", "glob", "rglob",
    "mkdir", "touch", "unlink", "rename", "stat", "lstat", "is_file", "is_dir", "cwd",
}  # fmt: skip
IMPURE_MODULES = {
    "asyncio", "fileinput", "getpass", "glob", "http", "io", "logging", "os", "pathlib.Path",
    "random", "secrets", "shutil", "signal", "socket", "ssl", "subprocess", "tempfile", "threading",
    "time", "urllib.request",
}  # fmt: skip
"""Modules of the standard library that reach outside, and names in them."""


def sources(part: str) -> Iterator[Path]:
    package = PACKAGE / part
    yield from package.rglob("*.py") if package.is_dir() else [PACKAGE / f"{part}.py"]


@cache
def nodes(file: Path) -> tuple[ast.AST, ...]:
    """Return all nodes of a file's syntax tree."""
    return tuple(ast.walk(ast.parse(file.read_text())))


@cache
def imports(file: Path) -> frozenset[str]:
    """Return the dotted names that a file imports, including inside functions."""
    names = set[str]()
    for node in nodes(file):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: imports are absolute"
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
    return frozenset(names)


def part_of(dotted: str) -> str | None:
    """Return the package or module of a dotted import of ours."""
    package, *rest = dotted.split(".")
    if package != "campaignsync":
        return None
    is_part = bool(rest) and (rest[0] == "cli" or rest[0] in MAY_IMPORT)
    return rest[0] if is_part else "__init__"


def test_the_table_is_complete() -> None:
    """Every new module or package must be in the table above."""
    names = {path.stem for path in PACKAGE.glob("*.py")} - {"__init__", "__main__"}
    names |= {path.name for path in PACKAGE.iterdir() if (path / "__init__.py").exists()}

    assert names == set(MAY_IMPORT) | {"cli"}


@pytest.mark.parametrize("part", MAY_IMPORT)
def test_data_flows_one_way(part: str) -> None:
    """A package imports only packages that the table allows, so there are no cycles."""
    used = {
        package for file in sources(part) for name in imports(file) if (package := part_of(name))
    }

    assert used - {part} <= MAY_IMPORT[part]


@pytest.mark.parametrize("library", OWNERS)
def test_each_library_has_one_owner(library: str) -> None:
    """Each library is imported by one package only, so it can be replaced in one place."""
    users = {
        file.relative_to(PACKAGE).as_posix()
        for file in PACKAGE.rglob("*.py")
        for name in imports(file)
        if name == library or name.startswith(f"{library}.")
    }

    assert [user for user in users if not {user, user.partition("/")[0]} & OWNERS[library]] == []


def impurities(source: str) -> Iterator[str]:
    """Yield names in the code that reach outside of its arguments."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Import(names=names):
                yield from (each.name for each in names if _reaches_out(each.name))
            case ast.ImportFrom(module=str(module), names=names):
                dotted = (f"{module}.{each.name}" for each in names)
                yield from (each for each in dotted if _reaches_out(each))
            case ast.Call(func=ast.Name(id=name)) if name in IMPURE_CALLS:
                yield name
            case ast.Attribute(attr=name) if name in IMPURE_NAMES:
                yield name


def _reaches_out(dotted: str) -> bool:
    return any(dotted == each or dotted.startswith(f"{each}.") for each in IMPURE_MODULES)


@pytest.mark.parametrize("part", PURE)
def test_pure_code_does_no_io(part: str) -> None:
    """The code that decides about campaigns depends only on its arguments."""
    impure = {file.name: list(impurities(file.read_text())) for file in sources(part)}

    assert {name: each for name, each in impure.items() if each} == {}


@pytest.mark.parametrize(
    "code",
    [
        "from pathlib import Path",
        "def f(path): return path.read_text()",
        "def f(path): return path.open()",
        "from os import environ",
        "import os.path",
        "import socket",
        "from socket import create_connection",
        "from urllib.request import urlopen",
        "import datetime; datetime.datetime.now()",
        "print(1)",
    ],
)
def test_input_and_output_are_seen(code: str) -> None:
    """The check detects files, variables, sockets and clocks, however they are imported."""
    assert list(impurities(code))


def functions(file: Path) -> Iterator[tuple[str, ast.AST]]:
    """Yield each function of a file with its name, methods and inner functions included."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name, node


def calls(node: ast.AST, *names: str) -> Iterator[ast.Call]:
    """Yield the calls of methods with these names, on any object."""
    for each in ast.walk(node):
        match each:
            case ast.Call(func=ast.Attribute(attr=name)) if name in names:
                yield each


SENDING = ("exchange", "send", "build_request", "request", "stream", "get", "post", "put", "delete")


def test_the_api_sends_nothing_but_reads_and_one_kind_of_write() -> None:
    """Only `ApiClient.patch` sends a method other than GET, and one function sends requests.

    That function builds each request itself, and passes it to `Connection.exchange`.
    """
    client = PACKAGE / "api" / "client.py"
    methods = {
        (name, ast.literal_eval(call.args[0]))
        for name, node in functions(client)
        for call in calls(node, "_attempt")
    }
    senders = {
        name
        for name, node in functions(client)
        for call in calls(node, *SENDING)
        if "_client" in ast.unparse(call) or "exchange" in ast.unparse(call)
    }

    assert methods == {("_read", "GET"), ("patch", "PATCH")}
    assert senders == {"_attempt"}


@pytest.mark.slow
def test_only_apply_writes() -> None:
    """`ApiClient.patch` is called in one place; no other module that has an ApiClient uses it."""
    callers, namers = set(), set()
    for file in PACKAGE.rglob("*.py"):
        tree = ast.parse(file.read_text())
        name = file.relative_to(PACKAGE).as_posix()
        if any(calls(tree, "patch")):
            callers.add(name)
        has_api = any(each.startswith(API) for each in imports(file))
        if has_api and any(_names_patch(node) for node in ast.walk(tree)):
            namers.add(name.partition("/")[0])

    assert callers == {"apply/write.py"}
    assert namers <= {"apply"}


API = ("campaignsync.api.client", "campaignsync.cli.account")
"""The imports with which a module gets an ApiClient."""


def _names_patch(node: ast.AST) -> bool:
    """Return whether a node is `.patch`, or the text "patch" for `getattr`."""
    return (isinstance(node, ast.Attribute) and node.attr == "patch") or (
        isinstance(node, ast.Constant) and node.value == "patch"
    )


def test_not_applying_is_not_calling_apply() -> None:
    """No code below the command line has a switch that disables writing or checks."""
    switches = {
        argument.arg
        for part in MAY_IMPORT
        for file in sources(part)
        for node in nodes(file)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        for argument in (*node.args.args, *node.args.kwonlyargs)
    }

    assert not switches & {"dry_run", "force", "check_mode", "simulate"}
