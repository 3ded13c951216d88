"""Run the program in new processes that do not have to import it.

A server imports the program once and forks for each command line, ten times as fast as a new
interpreter. The forks are ordinary processes: tests signal and kill them, run them side by side and
in terminals, and start them from scripts. For tests of how the program starts: `run_program`.
"""

import atexit
import io
import json
import os
import random
import select
import signal
import socket
import subprocess
import sys
import tempfile
from contextlib import suppress
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import IO, NoReturn

from campaignsync.cli import COMMANDS, MODULES, main, run
from campaignsync.cli.streams import flush_stdout
from support.commandline import QUICK, ROOT, Ran

SCRIPT = """#!{python} -IS
import json, os, socket, sys
call = [sys.argv[1:], dict(os.environ), os.getcwd(), {paced}]
with socket.socket(socket.AF_UNIX) as server:
    server.connect({address!r})
    socket.send_fds(server, [b"?"], [0, 1, 2])
    server.sendall(json.dumps(call).encode() + b"\\n")
    pid, code = map(int, server.makefile())
sys.exit(code if code >= 0 else 128 - code)
"""
"""Takes the program's place: passes everything on to a fork, and ends like it."""


Streams = tuple[int, int, int]
"""The file descriptors of stdin, stdout and stderr."""


class Running:
    """The running program. It has the methods of `subprocess.Popen` that tests use."""

    returncode: int
    """The exit code after `communicate`, negative for a signal."""

    def __init__(self, address: str, call: bytes, streams: Streams | None) -> None:
        self._outputs = [tempfile.TemporaryFile() for _ in range(2)]  # noqa: SIM115 - closed below
        self._server = socket.socket(socket.AF_UNIX)
        self._server.connect(address)
        with Path(os.devnull).open() as nothing:
            ours = (nothing.fileno(), *(file.fileno() for file in self._outputs))
            socket.send_fds(self._server, [b"?"], streams or ours)
        self._server.sendall(call + b"\n")
        self._lines = self._server.makefile()
        self.pid = int(self._lines.readline())

    @property
    def errors(self) -> str:
        """The stderr that the program has written so far."""
        return _content(self._outputs[1])

    def send_signal(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def communicate(self, timeout: float = 60) -> tuple[str, str]:
        """Wait for the end, and return stdout and stderr; raises TimeoutError."""
        self._server.settimeout(timeout)
        try:
            self.returncode = int(self._lines.readline())
        except TimeoutError:
            self.kill()
            raise
        out, err = map(_content, self._outputs)
        self._lines.close()
        self._server.close()
        for file in self._outputs:
            file.close()
        return out, err


def _content(file: IO[bytes]) -> str:
    """Return the content of a file, without moving the position that its writer shares."""
    return os.pread(file.fileno(), os.fstat(file.fileno()).st_size, 0).decode()


class Preloaded:
    """A server that has imported the program, from `path` first; it ends with this process."""

    def __init__(self, path: str = "") -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="campaignsync-")
        self._address = str(Path(self._folder.name, "socket"))
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "support.preloaded", self._address],
            env={**os.environ, "PYTHONPATH": f"{path}:{ROOT}:{ROOT / 'tests'}".lstrip(":")},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert self._process.stdout
        with self._process.stdout as said:
            assert said.readline() == b"ready\n"

    def start(self, *arguments: str, folder: Path, **environment: str) -> Running:
        """Start the program in the background, with PATH and the given variables only."""
        return self.start_on(None, *arguments, folder=folder, **environment)

    def start_on(
        self, streams: Streams | None, *arguments: str, folder: Path, **environment: str
    ) -> Running:
        """Start it with these streams, instead of /dev/null and two files."""
        variables = {"PATH": os.environ["PATH"], **environment}
        call = json.dumps([arguments, variables, str(folder), True]).encode()
        return Running(self._address, call, streams)

    def run(self, *arguments: str, folder: Path, **environment: str) -> Ran:
        """Run the program to its end, with PATH and the given variables only."""
        running = self.start(*arguments, folder=folder, **environment)
        out, err = running.communicate()
        return Ran(running.returncode, out, err)

    def script(self, *, paced: bool) -> Path:
        """Return a script that runs the program, at the API's pace or without a delay."""
        script = Path(self._folder.name, "paced" if paced else "unpaced")
        if not script.exists():
            python = sys.executable
            script.write_text(SCRIPT.format(python=python, paced=paced, address=self._address))
            script.chmod(0o755)
        return script

    def close(self) -> None:
        assert self._process.stdin
        self._process.stdin.close()
        self._process.wait()
        self._folder.cleanup()


@cache
def preloaded() -> Preloaded:
    """Return the server of this process, which is started once."""
    server = Preloaded()
    atexit.register(server.close)
    return server


def _serve(address: str) -> None:
    """Fork for each call, until stdin is closed."""
    for name in COMMANDS:
        import_module(f"campaignsync.cli.{MODULES.get(name, name)}")
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nothing waits for the forks
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(address)
        server.listen()
        print("ready", flush=True)  # noqa: T201 - the test process waits for it
        while select.select([server, sys.stdin], [], [])[0] == [server]:
            connection, _ = server.accept()
            with connection:
                if os.fork() == 0:
                    server.close()
                    _answer(connection)


def _answer(connection: socket.socket) -> NoReturn:
    """Run the command line of a call in one more fork, and send its process id and exit code."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    _, streams, *_ = socket.recv_fds(connection, 1, 3)
    call = connection.makefile().readline()
    if not call:  # the test has failed before it sent one
        os._exit(1)
    pid = os.fork()
    if pid == 0:
        connection.close()
        _run(call, streams)
    for stream in streams:
        os.close(stream)
    connection.sendall(b"%d\n" % pid)
    _, status = os.waitpid(pid, 0)
    with suppress(BrokenPipeError):  # the test did not wait
        connection.sendall(b"%d\n" % os.waitstatus_to_exitcode(status))
    os._exit(0)


def _run(call: str, streams: list[int]) -> NoReturn:
    """Become the program, with these files as stdin, stdout and stderr."""
    arguments, environment, folder, is_paced = json.loads(call)
    for place, stream in enumerate(streams):
        os.dup2(stream, place)
        os.close(stream)
    assert isinstance(sys.stdout, io.TextIOWrapper)
    sys.stdout.reconfigure(line_buffering=sys.stdout.isatty())
    random.seed()
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    sys.argv = ["campaignsync", *arguments]
    try:
        main() if is_paced else sys.exit(run(arguments, QUICK))
    except SystemExit as ended:
        code = int(ended.code or 0)
    os._exit(code if flush_stdout() else code or 1)


if __name__ == "__main__":
    _serve(sys.argv[1])
