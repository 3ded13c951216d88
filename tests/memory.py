"""The memory that the program takes: its own peak, whatever the tests around it take."""

import os
import subprocess
from pathlib import Path
from tempfile import TemporaryFile
from typing import NamedTuple

from commandline import PROGRAM, ROOT

MEBIBYTE = 2**20


class Measured(NamedTuple):
    """How a program ended; `peak` is its largest resident size in bytes."""

    code: int
    err: str
    peak: int


def measured(*arguments: str, folder: Path, **environment: str) -> Measured:
    """Run the program in a process of its own and return how much memory it took at most."""
    variables = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **environment}
    with TemporaryFile() as errors:
        process = subprocess.Popen(
            [*PROGRAM, *arguments],
            cwd=folder,
            env=variables,
            stdout=subprocess.DEVNULL,
            stderr=errors,
        )
        # The usage of this one child: `RUSAGE_CHILDREN` has the peak of all children so far.
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        errors.seek(0)
        text = errors.read().decode()
    return Measured(process.returncode, text, usage.ru_maxrss * 1024)
