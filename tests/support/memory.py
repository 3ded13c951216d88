"""Measure the peak memory of the program, independent of the test process."""

import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from support.commandline import PROGRAM, ROOT

MEBIBYTE = 2**20


class Measured(NamedTuple):
    """The result of a program; `peak` is its maximum resident size in bytes."""

    code: int
    err: str
    peak: int


# A process inherits the peak of its parent, so a small process starts the program, and writes the
# peak of its only child to stdout.
STARTER = """
import resource, subprocess, sys
code = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL).returncode
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
sys.exit(code)
"""


def run_measured(*arguments: str, folder: Path, **environment: str) -> Measured:
    """Run the program in a separate process, and return its result and peak memory."""
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
