"""Run the program in a pseudo-terminal, and interpret its output."""

import fcntl
import os
import pty
import re
import struct
import termios
from collections.abc import Mapping
from pathlib import Path

from support.faults import Sandbox
from support.preloaded import preloaded

PAINTED = re.compile(r"\r\x1b\[2K([^\r\n]*)")
"""A progress line: it erases the line before it, and the next output erases it."""


def run_in_terminal(
    server: Sandbox | None,
    folder: Path,
    columns: int,
    *arguments: str,
    stdout: int | None = None,
    more: Mapping[str, str] | None = None,
    **environment: str,
) -> tuple[int, str]:
    """Run the program in a terminal of `columns` columns; return its exit code and all output.

    `stdout` is a file descriptor for its stdout instead of the terminal; `more` holds additional
    environment variables.
    """
    account = {"ALTUR_BASE_URL": server.url, "ALTUR_API_KEY": server.key} if server else {}
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    running = preloaded().start_on(
        (theirs, theirs if stdout is None else stdout, theirs),
        *arguments,
        folder=folder,
        **{"TERM": "xterm", **account, **(more or {}), **environment},
    )
    os.close(theirs)
    output = b""
    try:
        while piece := os.read(ours, 65536):
            output += piece
    except OSError:  # EIO: the last writer has closed the terminal
        pass
    os.close(ours)
    running.communicate(timeout=30)
    return running.returncode, output.decode().replace("\r\n", "\n")


def erased_lines(output: str) -> list[str]:
    """Return the progress lines that were erased, in order."""
    *lines, _ = PAINTED.findall(output) or [""]
    return [line for line in lines if line]


def final_screen(output: str) -> str:
    """Return the final content of the screen, including scrolled lines."""
    return "\n".join(re.split(r"\r\x1b\[2K", line)[-1] for line in output.split("\n"))
