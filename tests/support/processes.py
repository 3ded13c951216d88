"""A sandbox with campaigns to change, and the program in a separate process, to be killed."""

import io
import os
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from campaignsync.apply.journal import journals, read_journal
from campaignsync.cli import run
from campaignsync.model.runs import Record
from support.commandline import PROGRAM, QUICK, ROOT, Ran, run_command
from support.faults import Sandbox
from support.preloaded import Running, preloaded


def define(
    folder: Path, count: int, description: str = "v2", first_message: str = "as desired"
) -> None:
    """Write a definition for each campaign, which changes its description and first message."""
    (folder / "campaigns").mkdir(exist_ok=True)
    for number in range(1, count + 1):
        (folder / "campaigns" / f"{number}.yaml").write_text(
            f"id: {number}\ndescription: {description}\nfirst_message: {first_message}\n"
        )


@dataclass(frozen=True, slots=True)
class World:
    """A server, and a folder with the definitions of its campaigns."""

    server: Sandbox
    folder: Path
    count: int

    @property
    def environment(self) -> dict[str, str]:
        return {"ALTUR_BASE_URL": self.server.url, "ALTUR_API_KEY": self.server.key}

    @property
    def surroundings(self) -> dict[str, str]:
        """The complete environment of a separate process."""
        return {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **self.environment}

    @property
    def journals(self) -> Path:
        return self.folder / ".campaignsync" / "journal"

    @property
    def records(self) -> list[Record]:
        return [read_journal(path) for path in journals(self.journals)]

    @property
    def written(self) -> list[int]:
        """The campaign id of each PATCH that arrived, in order."""
        return [int(write.path.rpartition("/")[2]) for write in self.server.writes]

    @property
    def is_as_desired(self) -> bool:
        """Whether the server's state is that after an undisturbed apply."""
        return all(
            (campaign["description"], campaign["first_message"]) == ("v2", "as desired")
            for campaign in self.server.campaigns().values()
        )

    def run(self, *arguments: str) -> Ran:
        """Run the program and wait for its end."""
        return run_command(*PROGRAM, *arguments, folder=self.folder, **self.environment)

    def run_in_process(self, *arguments: str) -> Ran:
        """Run a command line in this process, which is ten times faster."""
        out, err = io.StringIO(), io.StringIO()
        with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
            patch.chdir(self.folder)
            for name, value in self.environment.items():
                patch.setenv(name, value)
            code = run(arguments, QUICK)
        return Ran(code, out.getvalue(), err.getvalue())

    def shell(self, line: str) -> Ran:
        """Run a line of bash; $CS is the program."""
        program = " ".join(PROGRAM)
        return run_command("bash", "-c", line, folder=self.folder, CS=program, **self.environment)

    def fork(self, *arguments: str) -> Running:
        """Start the program in the background, in a process that has imported it."""
        return preloaded().start(*arguments, folder=self.folder, **self.environment)

    def start(self, *arguments: str, through: Sequence[str] = ()) -> subprocess.Popen[str]:
        """Start the program in the background, through the command prefix `through`."""
        return subprocess.Popen(
            [*through, *PROGRAM, *arguments],
            cwd=self.folder,
            env=self.surroundings,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )


def wait_for(true: Callable[[], Any], seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "timed out"
        time.sleep(0.005)
