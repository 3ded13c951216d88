"""Fixtures of all tests: a clean environment, the example on a sandbox, the command line."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import pytest
from support.commandline import EXAMPLE, Command, in_process
from support.faults import Sandbox
from support.processes import World, define
from support.servers import Call, connect_to, seed

from campaignsync.cli.account import Timing

KEY = b"sk-test-sandbox"
LARGE = 50 * 2**20
"""Size from which a file is not searched for keys: a large file of zeros."""
ALL_SLOW = "\npytestmark = pytest.mark.slow\n"
"""The line that marks all tests of a file as slow."""


# For each request httpcore tries to import a package that is not installed, and for each signal
# handler Python 3.11 computes all signals anew: together a tenth of the suite's time.
sys.modules.setdefault("sniffio", None)  # type: ignore[arg-type]
signal.valid_signals = cache(signal.valid_signals)


DISK_IN_MEMORY = Path("/dev/shm")  # noqa: S108 - pytest makes a private folder there
LEAST_ROOM = 2**30
"""Free bytes that the disk in memory must have."""


def use_disk_in_memory() -> None:
    """Put the tests' folders into memory if there is room: a fifth less time than on a disk.

    The journal waits for the disk at each write, and most tests write a dozen small files.
    """
    if os.access(DISK_IN_MEMORY, os.W_OK):
        status = os.statvfs(DISK_IN_MEMORY)
        allows_programs = not status.f_flag & os.ST_NOEXEC
        if allows_programs and status.f_bavail * status.f_frsize > LEAST_ROOM:
            os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(DISK_IN_MEMORY))


use_disk_in_memory()

pytest_plugins = ["support.fault_rows", "support.hypothesis_profiles"]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--write-cases", action="store_true", help="write what the cases of tests/cases print"
    )


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave out files whose tests are all slow, without compiling them."""
    if config.option.markexpr != "not slow" or collection_path.suffix != ".py":
        return None
    return True if ALL_SLOW in collection_path.read_text() else None


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Return the number of processors, and one more with slow tests: these often wait."""
    has_slow_tests = config.option.markexpr != "not slow"
    return (os.cpu_count() or 1) + int(has_slow_tests)


@pytest.fixture(scope="module")
def http() -> Iterator[httpx.Client]:
    """Return a plain HTTP client, for tests of servers."""
    with httpx.Client(trust_env=False, timeout=5) as client:
        yield client


@pytest.fixture
def call(http: httpx.Client, sandbox: Sandbox) -> Call:
    """Return a function that calls the test module's `sandbox` with its own key."""

    def call(
        method: str, path: str, headers: dict[str, str] | None = None, **options: Any
    ) -> httpx.Response:
        all_headers = {"Authorization": f"api-key {sandbox.key}", **(headers or {})}
        return http.request(method, sandbox.url + path, headers=all_headers, **options)

    return call


@pytest.fixture
def write_cases(request: pytest.FixtureRequest) -> bool:
    return bool(request.config.getoption("--write-cases"))


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Run every test without our variables, proxies and colours."""
    ours = ("ALTUR_", "CAMPAIGNSYNC_", "GITHUB_", "SSL_", "REQUESTS_")
    for name in list(os.environ):
        if name.startswith(ours) or name.lower().endswith("_proxy") or name.endswith("_COLOR"):
            monkeypatch.delenv(name)


@pytest.fixture(autouse=True)
def _no_key_is_left_behind(request: pytest.FixtureRequest) -> Iterator[None]:
    """Look for the key in every file that a test leaves: plans, journals, reports, locks."""
    yield
    folder = request.node.funcargs.get("tmp_path")
    if folder is None or request.node.get_closest_marker("writes_the_key"):
        return
    for place, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not Path(place, name).is_symlink()]
        for path in (Path(place, name) for name in files):
            if path.is_file() and not path.is_symlink() and path.stat().st_size < LARGE:
                assert KEY not in path.read_bytes(), f"{path} contains the key"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    with Sandbox(seed=EXAMPLE / "sandbox.json", rate=None) as sandbox:
        connect_to(sandbox, monkeypatch)
        yield sandbox


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """Serve three campaigns that differ from the definitions in the current folder."""
    define(tmp_path, 3)
    monkeypatch.chdir(tmp_path)
    with Sandbox(seed(3), rate=None) as server:
        connect_to(server, monkeypatch)
        yield World(server, tmp_path, 3)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Lay out five of the example's definitions, without its workspace file.

    Three differ from the seed of `server`, one is of a finished campaign, one is unchanged.
    """
    (tmp_path / "campaigns").mkdir()
    for name in ("appointment", "overdue-30", "overdue-60", "renewals", "survey"):
        shutil.copy(EXAMPLE / "campaigns" / f"{name}.yaml", tmp_path / "campaigns")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def cs(capsys: pytest.CaptureFixture[str]) -> Command:
    """Run a command line in this process, as fast as the server responds."""
    return in_process(capsys)


@pytest.fixture
def paced_cs(capsys: pytest.CaptureFixture[str]) -> Command:
    """Run a command line in this process at the API's pace, for servers that enforce the limit."""
    return in_process(capsys, Timing())


@pytest.fixture
def git(tmp_path: Path) -> Callable[..., str]:
    """Configure git for the test's folder, independent of the user's configuration."""

    def run(*arguments: str) -> str:
        home = {"HOME": str(tmp_path / "home"), "PATH": os.environ["PATH"]}
        named = {f"GIT_{who}_{what}": "t@example.com" for who in ("AUTHOR", "COMMITTER")
                 for what in ("NAME", "EMAIL")}  # fmt: skip
        return subprocess.run(
            ["git", *arguments], cwd=tmp_path, env=home | named, text=True,
            capture_output=True, check=True,
        ).stdout  # fmt: skip

    return run
