"""Run `campaignsync` in scripts without importing it for each command.

A process imports the program once per test process and forks for each command. A small script takes
the program's place: it passes on its arguments, variables, folder and streams, and exits with the
command's code. For tests of what a script does, not of how the program starts or is killed.
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
from functools import cache
from importlib import import_module
from pathlib import Path

from campaignsync.cli import COMMANDS, MODULES, run
from campaignsync.cli.account import Timing
from campaignsync.cli.streams import flush_stdout
from support.commandline import QUICK, ROOT

STREAMS = (0, 1, 2)
HEADER = 8
SCRIPT = """#!{python} -IS
import json, os, socket, sys
call = json.dumps([sys.argv[1:], dict(os.environ), os.getcwd(), {paced}]).encode()
with socket.socket(socket.AF_UNIX) as server:
    server.connect({address!r})
    socket.send_fds(server, [len(call).to_bytes({header}, "big")], {streams})
    server.sendall(call)
    code = server.recv(1)
sys.exit(code[0] if code else "the command ended without a code")
"""


def preloaded(*, paced: bool) -> Path:
    """Return a script that runs the program, at the API's pace or without a delay."""
    return _folder() / ("paced" if paced else "unpaced")


@cache
def _folder() -> Path:
    """Start the process, which ends with this one, and write the scripts."""
    made = tempfile.TemporaryDirectory(prefix="campaignsync-")
    folder = Path(made.name)
    address = str(folder / "socket")
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "support.preloaded", address],
        env={**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdout
    assert process.stdout.readline() == b"ready\n"
    atexit.register(made.cleanup)
    atexit.register(process.communicate)
    for paced in (True, False):
        script = folder / ("paced" if paced else "unpaced")
        script.write_text(
            SCRIPT.format(
                python=sys.executable, paced=paced, address=address, header=HEADER, streams=STREAMS
            )
        )
        script.chmod(0o755)
    return folder


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
                    connection.sendall(bytes([_answer(connection)]))
                    os._exit(0)


def _answer(connection: socket.socket) -> int:
    """Run the command of a call and return its exit code."""
    header, streams, *_ = socket.recv_fds(connection, HEADER, len(STREAMS))
    with connection.makefile("rb") as file:
        arguments, environment, folder, is_paced = json.loads(file.read(int.from_bytes(header)))
    for stream, place in zip(streams, STREAMS, strict=True):
        os.dup2(stream, place)
        os.close(stream)
    assert isinstance(sys.stdout, io.TextIOWrapper)
    sys.stdout.reconfigure(line_buffering=sys.stdout.isatty())
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    random.seed()
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    code = run(arguments, Timing() if is_paced else QUICK)
    return code if flush_stdout() else code or 1


if __name__ == "__main__":
    _serve(sys.argv[1])
