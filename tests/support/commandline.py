"""The command line as tests meet it: in this process, or as a program of its own."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from campaignsync.api import Pace
from campaignsync.cli import run
from campaignsync.cli.connect import Timing

ROOT = Path(__file__).parent.parent.parent
EXAMPLE = ROOT / "campaigns.example"


class Ran(NamedTuple):
    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(self.out)
        return document


Command = Callable[..., Ran]


class Unpaced(Pace):
    """Let every request leave at once: a sandbox without a limit need not be waited for."""

    async def turn(self, *, urgent: bool = False) -> None:
        """Return at once."""


QUICK = Timing(Unpaced, backoff=0.01)
"""The timing of a command line whose server has no limit."""


def in_process(capsys: pytest.CaptureFixture[str], timing: Timing = QUICK) -> Command:
    """Return a function that runs one command line in this process and returns its result.

    Requests leave without waiting, unless `timing` says otherwise.
    """

    def command(*arguments: str | Path) -> Ran:
        capsys.readouterr()
        code = run([str(argument) for argument in arguments], timing)
        return Ran(code, *capsys.readouterr())

    return command


PROGRAM = (sys.executable, "-P", "-m", "campaignsync")
"""The program; -P keeps what lies in the current folder from being imported, as its script does."""


def program(*arguments: str, folder: Path, **environment: str) -> Ran:
    """Run the program itself, in an environment that holds no more than a test says."""
    return anything(*PROGRAM, *arguments, folder=folder, **environment)


def anything(*command: str, folder: Path, **environment: str) -> Ran:
    """Run any command in that environment."""
    ran = subprocess.run(
        command,
        cwd=folder,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return Ran(ran.returncode, ran.stdout, ran.stderr)
