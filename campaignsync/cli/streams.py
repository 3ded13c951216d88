"""stdin, stdout and stderr. Best effort: a broken pipe never aborts an apply."""

import os
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from time import monotonic
from typing import TextIO

import click

from campaignsync.errors import CampaignSyncError


@dataclass
class _Stderr:
    """The state of stderr: its format, the time of the last message, and what is on the terminal.

    `lock` lets one thread write at a time.
    """

    as_json: bool = False
    last_message: float = field(default_factory=monotonic)
    has_progress_line: bool = False
    lock: threading.RLock = field(default_factory=threading.RLock)


_state = _Stderr()


def set_log_format(format_: str) -> None:
    """Set the format of messages on stderr: "text", or "json" for one JSON object per line."""
    _state.as_json = format_ == "json"
    _state.last_message = monotonic()


def logs_json() -> bool:
    return _state.as_json


def seconds_since_message() -> float:
    """Return the seconds since the last message, or since the start of the run."""
    return monotonic() - _state.last_message


def show_progress_line(text: str) -> None:
    """Show a progress line until the next message; "" removes it."""
    with _state.lock:
        if text or _state.has_progress_line:
            _echo(f"\r\x1b[2K{text}", nl=False)
        _state.has_progress_line = bool(text)


def print_message(
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
    if _state.as_json:
        from campaignsync.report.json import log_line

        time = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
        text = log_line(time, level, {"message": click.unstyle(text), **(facts or {})})
        nl = True
    with _state.lock:
        show_progress_line("")
        _echo(text, nl=nl, colour=colour)
        _state.last_message = monotonic()


def _echo(text: str, *, nl: bool, colour: bool | None = None) -> None:
    try:
        click.echo(text, err=True, nl=nl, color=colour)
    except OSError:
        _discard(sys.stderr)


def print_result(text: str = "", *, colour: bool | None = None) -> None:
    """Print a result on stdout; raises CampaignSyncError if that fails."""
    with _state.lock:
        show_progress_line("")
        try:
            click.echo(text, color=colour)
        except OSError as error:
            _discard(sys.stdout)
            reason = error.strerror or str(error)
            message = f"cannot print the result: {reason}"
            hint = "write it to a file with -o FILE"
            raise CampaignSyncError(message, hint=hint, code="OUTPUT") from None
        if sys.stdout.isatty():
            _state.last_message = monotonic()


def is_terminal(stream: TextIO) -> bool:
    """Return whether a stream is a terminal with colours and cursor control: not TERM=dumb."""
    return stream.isatty() and os.environ.get("TERM") != "dumb"


def is_coloured(*, no_color: bool, to: os.PathLike[str] | TextIO | None = None) -> bool:
    """Return whether to colour: the flag, NO_COLOR, FORCE_COLOR, then the terminal decide.

    `to` is the file or the stream that the text goes to; stdout by default.
    """
    if no_color or isinstance(to, os.PathLike) or os.environ.get("NO_COLOR"):
        return False
    return bool(os.environ.get("FORCE_COLOR")) or is_terminal(to or sys.stdout)


def terminal_width(terminal: TextIO) -> int:
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


def open_closed_streams() -> tuple[str, ...]:
    """Open closed streams on the null device; return the names of closed output streams.

    Otherwise the next file to be opened, such as a journal, would get their file descriptor and
    receive the output.
    """
    closed = [name for name in ("stdin", "stdout", "stderr") if getattr(sys, name) is None]
    for name in closed:
        mode = "r" if name == "stdin" else "w"
        setattr(sys, name, open(os.devnull, mode))  # noqa: SIM115 - open to the end
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
