"""The command line as a program of its own, in an environment of its own."""

import os
import subprocess
import sys
from pathlib import Path

from conftest import Ran

ROOT = Path(__file__).parent.parent

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
