"""Run the command line in this process, or as a separate process."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from campaignsync.api.pace import Pace
from campaignsync.cli import run
from campaignsync.cli.account import Timing

ROOT = Path(__file__).parent.parent.parent
EXAMPLE = ROOT / "campaigns.example"


def copy_example(folder: Path) -> None:
    """Copy the example workspace to `folder`, without the state of earlier runs."""
    shutil.copytree(EXAMPLE, folder, ignore=shutil.ignore_patterns(".campaignsync"))


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
    """Send every request immediately, for a sandbox without a rate limit."""

    gap = 10.0
    """So long is a reading valid before its PATCH: no slow disk makes a run read again."""

    async def turn(self, *, urgent: bool = False) -> None:
        """Return immediately."""


QUICK = Timing(Unpaced, backoff=0.01)
"""The timing for a server without a rate limit."""


def in_process(capsys: pytest.CaptureFixture[str], timing: Timing = QUICK) -> Command:
    """Return a function that runs one command line in this process and returns its result.

    Requests are sent without a delay, unless `timing` sets one.
    """

    def command(*arguments: str | Path) -> Ran:
        capsys.readouterr()
        code = run([str(argument) for argument in arguments], timing)
        return Ran(code, *capsys.readouterr())

    return command


PROGRAM = (sys.executable, "-P", "-m", "campaignsync")
"""The program; -P prevents imports from the current folder, like the installed script."""


class CountingPace(Unpaced):
    """Counts the turns instead of waiting for them."""

    turns = 0

    async def turn(self, *, urgent: bool = False) -> None:
        """Count the request and return immediately."""
        await super().turn(urgent=urgent)
        self.turns += 1


def counting_turns(
    capsys: pytest.CaptureFixture[str],
) -> tuple[Command, Callable[[], list[int]]]:
    """Return `in_process`, and a function that returns the turns at each pace that was used."""
    made: list[CountingPace] = []

    def make_pace(rate: float) -> Pace:
        made.append(CountingPace(rate))
        return made[-1]

    command = in_process(capsys, Timing(make_pace, backoff=0.01))
    return command, lambda: [pace.turns for pace in made if pace.turns]


def run_program(*arguments: str, folder: Path, **environment: str) -> Ran:
    """Run the program in an environment with PATH, PYTHONPATH and the given variables only."""
    return run_command(*PROGRAM, *arguments, folder=folder, **environment)


def run_command(*command: str, folder: Path, **environment: str) -> Ran:
    """Run a command in the environment of `program`."""
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
