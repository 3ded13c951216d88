"""Measure whole processes, and the requests that their server receives."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

ROOT = Path(__file__).parents[2]
PROGRAM = (sys.executable, "-P", "-m", "campaignsync")
WRITTEN = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
"""The environment: modules are compiled once, as in an installed program."""
SERVER = """
import json, sys
from support.faults import Sandbox
with Sandbox(json.load(open(sys.argv[1])), rate=None) as server:
    print(server.url, server.key, flush=True)
    seen = 0
    for command in sys.stdin:
        if command == "reset\\n":
            server.reset()
        print(len(server.log) - seen, flush=True)
        seen = len(server.log)
"""


@dataclass(frozen=True, slots=True)
class Cost:
    """One run of a process: seconds of CPU and elapsed, maximum MB, requests."""

    cpu: float
    wall: float
    memory: float
    requests: int = 0


@dataclass(frozen=True, slots=True)
class Row:
    """The cost of several runs; `needed` is the minimum number of requests."""

    name: str
    runs: Sequence[Cost]
    needed: int | None = None

    def middle(self, what: str) -> float:
        return float(median(getattr(run, what) for run in self.runs))

    def spread(self, what: str) -> str:
        values = [getattr(run, what) for run in self.runs]
        return f"{median(values):.2f} ({min(values):.2f}-{max(values):.2f})"


class Failed(Exception):
    """A process failed, or did not end in time."""


def run(
    command: Sequence[str],
    folder: Path,
    environment: Mapping[str, str] | None = None,
    *,
    limit: float = 600,
    code: int = 0,
) -> Cost:
    """Run a command, in at most `limit` seconds; raises Failed for another exit code.

    The system reports its cost to a small process that only starts it.
    """
    reader, writer = os.pipe()
    command_line = [sys.executable, "-c", WATCH, str(writer), *command]
    with subprocess.Popen(
        command_line,
        cwd=folder,
        env={**WRITTEN, **(environment or {})},
        pass_fds=(writer,),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
    ) as process:
        os.close(writer)
        try:
            _, complaint = process.communicate(timeout=limit)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, 9)
            raise Failed(f"over {limit:.0f} s") from None
    with os.fdopen(reader) as pipe:
        fields = pipe.read().split()
    if len(fields) != 4 or int(fields[0]) != code:
        raise Failed(complaint.decode(errors="replace").strip()[-200:])
    return Cost(float(fields[1]), float(fields[2]), float(fields[3]))


WATCH = """
import os, resource, subprocess, sys, time
start = time.perf_counter()
code = subprocess.call(sys.argv[2:], close_fds=True)
wall = time.perf_counter() - start
used = resource.getrusage(resource.RUSAGE_CHILDREN)
result = f"{code} {used.ru_utime + used.ru_stime} {wall} {used.ru_maxrss / 1024}"
os.write(int(sys.argv[1]), result.encode())
"""


class Server:
    """An imitation of the API in a separate process, so that its cost is not measured."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process
        url, key = self._line().split()
        self.environment = {"ALTUR_BASE_URL": url, "ALTUR_API_KEY": key}

    def requests(self) -> int:
        """Return the number of requests since the last call."""
        return int(self._ask("count"))

    def reset(self) -> None:
        """Reset the campaigns."""
        self._ask("reset")

    def _ask(self, what: str) -> str:
        assert self._process.stdin
        self._process.stdin.write(f"{what}\n")
        self._process.stdin.flush()
        return self._line()

    def _line(self) -> str:
        assert self._process.stdout
        return self._process.stdout.readline()


@contextmanager
def serving(seed: Path) -> Iterator[Server]:
    with subprocess.Popen(
        [sys.executable, "-c", SERVER, str(seed)],
        env={**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT}/tests"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        yield Server(process)
        assert process.stdin
        process.stdin.close()


def some(runs: int, once: Callable[[], Cost]) -> list[Cost]:
    return [once() for _ in range(runs)]


def run_after_reset(server: Server, once: Callable[[Mapping[str, str]], Cost]) -> Cost:
    """Run something against a server that was reset; return its cost with its requests."""
    server.reset()
    cost = once(server.environment)
    return replace(cost, requests=server.requests())
