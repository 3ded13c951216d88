"""The house is built as drawn: who imports whom, and who owns which library."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

HOUSE = Path(__file__).parent.parent / "campaignsync"

ROOMS = {
    "errors": set(),
    "files": {"errors"},
    "model": {"errors"},
    "yamltree": {"model"},
    "load": {"git", "yamltree", "model", "errors"},
    "select": {"model", "errors"},
    "explain": set(),
    "workspace": {"guards", "git", "yamltree", "load", "model", "errors"},
    "redaction": set(),
    "api": {"redaction", "errors", "__init__"},
    "forge": {"api", "redaction", "errors", "__init__"},
    "live": {"api", "model", "errors"},
    "diff": {"model"},
    "patch": {"model"},
    "hours": {"model"},
    "plan": {"hours", "spelling", "model", "diff", "patch", "errors", "__init__"},
    "saved_plan": {"plan", "select", "model", "errors"},
    "git": set(),
    "drift": {"model"},
    "evidence": {
        "drift",
        "git",
        "journal",
        "load",
        "workspace",
        "yamltree",
        "model",
        "errors",
    },
    "guards": {"plan", "model", "errors"},
    "sharers": {"plan", "model", "errors"},
    "journal": {"model", "files", "errors"},
    "lock": {"files", "errors"},
    "spelling": {"model"},
    "verify": {"spelling", "model", "errors"},
    "apply": {"plan", "api", "live", "journal", "verify", "model", "errors"},
    "recovery": {"live", "journal", "verify", "model", "errors"},
    "undo": {"journal", "model"},
    "write": {"yamltree", "load", "model", "errors"},
    "export": {"yamltree", "write", "model"},
    "adopt": {"yamltree", "write", "export", "diff", "load", "model"},
    "schema": {"guards", "model"},
    "scaffold": {"schema", "workspace", "errors", "__init__"},
    "report": {"explain", "journal", "model", "errors", "__init__"},
    "sandbox": set(),
}
"""Each room, and the rooms that it may import; `cli` may import all of them."""

OWNERS = {
    "click": {"cli"},
    "deepdiff": {"diff"},
    "filelock": {"lock"},
    "http.server": {"sandbox"},
    # One for each remote: campaigns in `api`, comments in `forge`. What the one may retry, and the
    # key that it holds, is no business of the other.
    "httpx": {"api", "forge"},
    "jinja2": {"report"},
    # Models lie in `model`, but for the guards' settings. `load` gives their errors a place, and
    # `journal` reads requests back.
    "pydantic": {"model", "guards", "load", "journal"},
    "rich": {"report"},
    "ruamel": {"yamltree"},
    "sqlite3": {"sandbox"},
    "subprocess": {"git"},
}

PURE = (
    "yamltree", "model", "diff", "patch", "hours", "plan", "saved_plan", "drift",
    "guards", "sharers", "spelling", "verify", "undo", "write", "select", "export", "adopt",
    "schema", "report",
)  # fmt: skip
"""Rooms that turn values into values: no file, no terminal, no clock, no network."""

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


def sources(room: str) -> Iterator[Path]:
    package = HOUSE / room
    yield from package.rglob("*.py") if package.is_dir() else [HOUSE / f"{room}.py"]


@cache
def nodes(file: Path) -> tuple[ast.AST, ...]:
    """Return all nodes of a file's syntax tree."""
    return tuple(ast.walk(ast.parse(file.read_text())))


def imports(file: Path) -> Iterator[str]:
    """Give the dotted names that a file imports, wherever in it."""
    for node in nodes(file):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: imports are absolute"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def room_of(dotted: str) -> str | None:
    """Name the room behind a dotted import of ours."""
    package, *rest = dotted.split(".")
    if package != "campaignsync":
        return None
    is_room = bool(rest) and (rest[0] == "cli" or rest[0] in ROOMS)
    return rest[0] if is_room else "__init__"


def test_every_room_is_on_the_plan() -> None:
    """A new module is drawn in the table before it is built."""
    found = {path.stem for path in HOUSE.glob("*.py")} - {"__init__", "__main__"}
    found |= {path.name for path in HOUSE.iterdir() if (path / "__init__.py").exists()}

    assert found == set(ROOMS) | {"cli"}


@pytest.mark.parametrize("room", ROOMS)
def test_data_flows_one_way(room: str) -> None:
    """A room imports the rooms before it, and never one behind it."""
    used = {found for file in sources(room) for name in imports(file) if (found := room_of(name))}

    assert used - {room} <= ROOMS[room]


@pytest.mark.parametrize("library", OWNERS)
def test_each_library_has_one_owner(library: str) -> None:
    """A library can be exchanged where it belongs, without the other rooms noticing."""
    users = {
        file.relative_to(HOUSE).parts[0].removesuffix(".py")
        for file in HOUSE.rglob("*.py")
        for name in imports(file)
        if name == library or name.startswith(f"{library}.")
    }

    assert users <= OWNERS[library]


def impurities(source: str) -> Iterator[str]:
    """Yield what code names that reaches outside of its arguments."""
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


@pytest.mark.parametrize("room", PURE)
def test_core_rooms_do_no_io(room: str) -> None:
    """What decides about campaigns depends on nothing but its arguments."""
    found = {file.name: list(impurities(file.read_text())) for file in sources(room)}

    assert {name: each for name, each in found.items() if each} == {}


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
    """The check finds files, variables, sockets and clocks, however they are imported."""
    assert list(impurities(code))


def functions(file: Path) -> Iterator[tuple[str, ast.AST]]:
    """Yield each function of a file with its name, methods and inner functions included."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name, node


def calls(node: ast.AST, *names: str) -> Iterator[ast.Call]:
    """Yield the calls of methods with these names, on whatever object."""
    for each in ast.walk(node):
        match each:
            case ast.Call(func=ast.Attribute(attr=name)) if name in names:
                yield each


SENDING = ("send", "build_request", "request", "stream", "get", "post", "put", "delete")


def test_the_api_sends_nothing_but_reads_and_one_kind_of_write() -> None:
    """`Api.patch` alone sends another method than GET, and one function sends at all."""
    client = HOUSE / "api" / "client.py"
    methods = {
        (name, ast.literal_eval(call.args[0]))
        for name, node in functions(client)
        for call in calls(node, "_attempt")
    }
    senders = {
        name
        for name, node in functions(client)
        for call in calls(node, *SENDING)
        if "_client" in ast.unparse(call)
    }

    assert methods == {("_read", "GET"), ("patch", "PATCH")}
    assert senders == {"_attempt"}


def test_only_apply_writes() -> None:
    """`Api.patch` is called in one place; no other module that has an Api names it at all."""
    callers, namers = set(), set()
    for file in HOUSE.rglob("*.py"):
        tree = ast.parse(file.read_text())
        name = file.relative_to(HOUSE).as_posix()
        if any(calls(tree, "patch")):
            callers.add(name)
        has_api = any(each.startswith(API) for each in imports(file))
        if has_api and any(_names_patch(node) for node in ast.walk(tree)):
            namers.add(name.partition("/")[0])

    assert callers == {"apply/write.py"}
    assert namers <= {"apply"}


API = ("campaignsync.api.Api", "campaignsync.api.client", "campaignsync.cli.connect")
"""What a module imports that gets an Api from anywhere."""


def _names_patch(node: ast.AST) -> bool:
    """Tell whether a node is `.patch`, or the text "patch", as `getattr` takes it."""
    return (isinstance(node, ast.Attribute) and node.attr == "patch") or (
        isinstance(node, ast.Constant) and node.value == "patch"
    )


def test_not_applying_is_not_calling_apply() -> None:
    """Nothing below the command line has a switch that turns writing off, or checks off."""
    switches = {
        argument.arg
        for room in ROOMS
        for file in sources(room)
        for node in nodes(file)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        for argument in (*node.args.args, *node.args.kwonlyargs)
    }

    assert not switches & {"dry_run", "force", "check_mode", "simulate"}
