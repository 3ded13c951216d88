"""The memory that the program takes: its own peak, whatever the tests around it take."""

import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from support.commandline import PROGRAM, ROOT

MEBIBYTE = 2**20


class Measured(NamedTuple):
    """How a program ended; `peak` is its largest resident size in bytes."""

    code: int
    err: str
    peak: int


# A process starts with the peak of the process that started it, so the program is started by a
# small one, which writes the peak of its only child on standard output.
STARTER = """
import resource, subprocess, sys
code = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL).returncode
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
sys.exit(code)
"""


def measured(*arguments: str, folder: Path, **environment: str) -> Measured:
    """Run the program in a process of its own and return how much memory it took at most."""
    variables = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **environment}
    ended = subprocess.run(
        [sys.executable, "-c", STARTER, *PROGRAM, *arguments],
        capture_output=True,
        check=False,
        cwd=folder,
        env=variables,
        text=True,
    )
    return Measured(ended.returncode, ended.stderr, int(ended.stdout) * 1024)
