"""A terminal that a program is run in: what is seen there, and what is left in the end."""

import fcntl
import os
import pty
import re
import struct
import subprocess
import termios
from collections.abc import Mapping
from pathlib import Path

from support.commandline import PROGRAM, ROOT
from support.faults import Sandbox

PAINTED = re.compile(r"\r\x1b\[2K([^\r\n]*)")
"""A line that wipes the one before, and is wiped by what is said next."""


def shown(
    server: Sandbox | None,
    folder: Path,
    columns: int,
    *arguments: str,
    stdout: int | None = None,
    more: Mapping[str, str] | None = None,
    **environment: str,
) -> tuple[int, str]:
    """Run the program in a window of so many columns; gives its code and all that it showed.

    `stdout` is where its result goes instead of the window, `more` what its environment holds, too.
    """
    account = {"ALTUR_BASE_URL": server.url, "ALTUR_API_KEY": server.key} if server else {}
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    running = subprocess.Popen(
        [*PROGRAM, *arguments],
        cwd=folder,
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT),
            "TERM": "xterm",
            **account,
            **(more or {}),
            **environment,
        },
        stdin=theirs,
        stdout=theirs if stdout is None else stdout,
        stderr=theirs,
    )
    os.close(theirs)
    said = b""
    try:
        while piece := os.read(ours, 65536):
            said += piece
    except OSError:  # how a terminal tells that nobody writes to it any more
        pass
    os.close(ours)
    return running.wait(timeout=30), said.decode().replace("\r\n", "\n")


def painted(said: str) -> list[str]:
    """Give the lines that went away again, one after the other."""
    *lines, _ = PAINTED.findall(said) or [""]
    return [line for line in lines if line]


def left(said: str) -> str:
    """Give what is left on the screen in the end, and what scrolled out of it."""
    return "\n".join(re.split(r"\r\x1b\[2K", line)[-1] for line in said.split("\n"))
