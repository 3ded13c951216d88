"""Run command lines one after the other in a separate process, which imports the program once."""

import json
import os
import subprocess
import sys
from pathlib import Path

from support.commandline import Ran

COMMANDS = """\
import contextlib, io, json, sys
from campaignsync.cli import run
for line in sys.stdin:
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = run(json.loads(line))
    print(json.dumps([code, out.getvalue(), err.getvalue()]), flush=True)
"""
"""Runs the command line of each line of stdin, and prints its result as JSON."""


class OneProcess:
    """The process. It imports from `path` first."""

    def __init__(self, folder: Path, path: str, **environment: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-c", COMMANDS],
            cwd=folder,
            env={"PATH": os.environ["PATH"], "PYTHONPATH": path, **environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(self, *arguments: str) -> Ran:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(f"{json.dumps(arguments)}\n")
        self._process.stdin.flush()
        return Ran(*json.loads(self._process.stdout.readline()))

    def close(self) -> None:
        self._process.communicate(timeout=60)
