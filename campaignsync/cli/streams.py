"""stdin, stdout and stderr. Best effort: a broken pipe never aborts an apply."""

import os
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from typing import TextIO

import click

from campaignsync.errors import CampaignSyncError


@dataclass
class _Log:
    """The state of stderr: its format, and the last message.

    `since` is the time of the last message, `painted` whether a progress line is on the terminal.
    `turn` lets one thread write at a time.
    """

    as_json: bool = False
    since: float = field(default_factory=monotonic)
    painted: bool = False
    turn: threading.RLock = field(default_factory=threading.RLock)


_log = _Log()


def log_as(format_: str) -> None:
    """Set the format of messages on stderr: "text", or "json" for one JSON object per line."""
    _log.as_json = format_ == "json"
    _log.since = monotonic()


def logs_json() -> bool:
    return _log.as_json


def silent_for() -> float:
    """Return the seconds since the last message, or since the start of the run."""
    return monotonic() - _log.since


def paint(text: str) -> None:
    """Show a progress line until the next message; "" removes it."""
    with _log.turn:
        if text or _log.painted:
            _echo(f"\r\x1b[2K{text}", nl=False)
        _log.painted = bool(text)


def tell(
    text: str,
    *,
    nl: bool = True,
    colour: bool | None = None,
    level: str = "info",
    facts: Mapping[str, object] | None = None,
) -> None:
    """Print a message on stderr; ignore a closed pipe.

    `level` and `facts` are for programs: they are part of the JSON object. A `message` among the
    facts replaces the text there.
    """
    if _log.as_json:
        text, nl = _as_line(level, {"message": click.unstyle(text), **(facts or {})}), True
    with _log.turn:
        paint("")
        _echo(text, nl=nl, colour=colour)
        _log.since = monotonic()


def _echo(text: str, *, nl: bool, colour: bool | None = None) -> None:
    try:
        click.echo(text, err=True, nl=nl, color=colour)
    except OSError:
        _discard(sys.stderr)


def _as_line(level: str, facts: Mapping[str, object]) -> str:
    from campaignsync.report.json import log_line

    return log_line(f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}", level, facts)


def put(text: str = "", *, colour: bool | None = None) -> None:
    """Print a result on stdout; raises CampaignSyncError if that fails."""
    with _log.turn:
        paint("")
        try:
            click.echo(text, color=colour)
        except OSError as error:
            _discard(sys.stdout)
            reason = error.strerror or str(error)
            message = f"cannot print the result: {reason}"
            hint = "write it to a file with -o FILE"
            raise CampaignSyncError(message, hint=hint, code="OUTPUT") from None
        if sys.stdout.isatty():
            _log.since = monotonic()


def is_terminal(stream: TextIO) -> bool:
    """Return whether a stream is a terminal with colours and cursor control: not TERM=dumb."""
    return stream.isatty() and os.environ.get("TERM") != "dumb"


def columns(terminal: TextIO) -> int:
    """Return COLUMNS, or the width of this terminal; 0 if it is unknown.

    Each stream is asked itself: stdout may be a pipe while stderr is a terminal.
    """
    variable = os.environ.get("COLUMNS", "")
    if variable.isdecimal() and int(variable):
        return int(variable)
    try:
        return os.get_terminal_size(terminal.fileno()).columns
    except OSError:  # the window was closed
        return 0


def fill_closed() -> tuple[str, ...]:
    """Open closed streams on the null device; return the names of closed output streams.

    Otherwise the next file to be opened, such as a journal, would get their file descriptor and
    receive the output.
    """
    closed = [name for name in ("stdin", "stdout", "stderr") if getattr(sys, name) is None]
    for name in closed:
        mode = "r" if name == "stdin" else "w"
        setattr(sys, name, Path(os.devnull).open(mode))  # noqa: SIM115 - open to the end
    return tuple(name for name in closed if name != "stdin")


def flush_stdout() -> bool:
    """Flush stdout and return whether that worked; otherwise Python would exit with 120.

    stderr has no buffer that outlives a line.
    """
    try:
        sys.stdout.flush()
    except OSError:
        _discard(sys.stdout)
        return False
    return True


def _discard(stream: TextIO) -> None:
    """Discard what is left: Python would try to write it at exit, and print an error."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, stream.fileno())
    os.close(null)
