"""The house is built as drawn: who imports whom, and who owns which library."""

import ast
from collections.abc import Iterator
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

IMPURE_CALLS = {"open", "print", "input", "exec", "eval"}
IMPURE_NAMES = {"environ", "getenv", "stdout", "stderr", "now", "today", "time", "monotonic"}


def sources(room: str) -> Iterator[Path]:
    package = HOUSE / room
    yield from package.rglob("*.py") if package.is_dir() else [HOUSE / f"{room}.py"]


def imports(file: Path) -> Iterator[str]:
    """Give the dotted names that a file imports, wherever in it."""
    for node in ast.walk(ast.parse(file.read_text())):
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


@pytest.mark.parametrize("room", PURE)
def test_core_rooms_do_no_io(room: str) -> None:
    """What decides about campaigns depends on nothing but its arguments."""
    for file in sources(room):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                assert node.func.id not in IMPURE_CALLS, f"{file}:{node.lineno}"
            if isinstance(node, ast.Attribute):
                assert node.attr not in IMPURE_NAMES, f"{file}:{node.lineno}"


def test_only_apply_writes() -> None:
    """No other room calls the API's writing method."""
    callers = {
        file.relative_to(HOUSE).as_posix()
        for file in HOUSE.rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Attribute) and node.attr == "patch" and _of_api(node.value)
    }

    assert callers == {"apply/write.py"}


def _of_api(value: ast.expr) -> bool:
    return "api" in ast.unparse(value).lower()


def test_not_applying_is_not_calling_apply() -> None:
    """Nothing below the command line has a switch that turns writing off, or checks off."""
    switches = {
        argument.arg
        for room in ROOMS
        for file in sources(room)
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        for argument in (*node.args.args, *node.args.kwonlyargs)
    }

    assert not switches & {"dry_run", "force", "check_mode", "simulate"}
