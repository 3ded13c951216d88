"""stdin, stdout and stderr: what cannot be said never stops what is being done."""

import os
import sys
import threading
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from typing import TextIO

import click

from campaignsync.errors import CampaignSyncError, DefinitionError, Problem
from campaignsync.redaction import without_keys


@dataclass
class _Log:
    """How what is told on stderr is written: one run's choice, and what was told last.

    `since` is when something was said, `painted` whether a line stands there that is to go away.
    Only one thread at a time writes.
    """

    as_json: bool = False
    since: float = field(default_factory=monotonic)
    painted: bool = False
    turn: threading.RLock = field(default_factory=threading.RLock)


_log = _Log()


def log_as(format_: str) -> None:
    """Write what is told on stderr for people, or, with "json", as one JSON object a line."""
    _log.as_json = format_ == "json"
    _log.since = monotonic()


def logs_json() -> bool:
    return _log.as_json


def silent_for() -> float:
    """Give the seconds since something was said to who looks, or since the run began."""
    return monotonic() - _log.since


def paint(text: str) -> None:
    """Show a line on the terminal's last one until something is said; "" wipes it away."""
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
    """Say on stderr what goes beside the result; where nobody listens any more, that is all.

    `level` and `facts` are for programs: they stand in the JSON object, a `message` among the facts
    in place of the text.
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
        _give_up(sys.stderr)


def _as_line(level: str, facts: Mapping[str, object]) -> str:
    from campaignsync.report.log import line

    return line(f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}", level, facts)


def note(text: str) -> None:
    """Print on stderr what a person should know beside the result."""
    from campaignsync.report import words

    tell(f"note: {words.line(text)}", level="note", facts={"message": text})


def redact(error: CampaignSyncError) -> None:
    """Remove keys from an error: users mistype them as arguments, and jobs keep their logs."""
    known = [
        value
        for name, value in os.environ.items()
        if name.startswith("ALTUR_API_KEY") and not name.endswith("_FILE")
    ]
    error.message = without_keys(error.message, known)
    error.hint = without_keys(error.hint, known)


def tell_error(error: CampaignSyncError) -> None:
    """Print why a command stops."""
    from campaignsync.report import text as report

    redact(error)
    facts = {
        "message": error.message,
        "hint": error.hint,
        "code": error.code,
        "exit_code": error.exit_code,
        **(problem_facts(error.problems) if isinstance(error, DefinitionError) else {}),
    }
    tell(report.error(error), level="error", facts=facts)


def problem_facts(problems: Iterable[Problem]) -> dict[str, object]:
    """Give problems of definitions as a JSON line holds them."""
    return {"problems": [asdict(each) for each in problems]}


def put(text: str = "", *, colour: bool | None = None) -> None:
    """Print a result on stdout; raises CampaignSyncError where it does not get there."""
    with _log.turn:
        paint("")
        try:
            click.echo(text, color=colour)
        except OSError as error:
            _give_up(sys.stdout)
            reason = error.strerror or str(error)
            message = f"the result cannot be printed: {reason}"
            hint = "lead it to a file with -o FILE"
            raise CampaignSyncError(message, hint=hint, code="OUTPUT") from None
        if sys.stdout.isatty():
            _log.since = monotonic()


def is_terminal(stream: TextIO) -> bool:
    """Return whether a stream shows colours and rewritten lines; TERM=dumb says it does not."""
    return stream.isatty() and os.environ.get("TERM") != "dumb"


def columns(terminal: TextIO) -> int:
    """Give what COLUMNS says, or the width of a terminal; 0 where nobody knows.

    It is that of the very stream: stdout may be a pipe while stderr is somebody's window.
    """
    said = os.environ.get("COLUMNS", "")
    if said.isdecimal() and int(said):
        return int(said)
    try:
        return os.get_terminal_size(terminal.fileno()).columns
    except OSError:  # the window was closed
        return 0


def fill_closed() -> tuple[str, ...]:
    """Lead closed streams nowhere; gives the names of those that something is said on.

    The next file to be opened, a journal, would get their number, and hold what is printed.
    """
    closed = [name for name in ("stdin", "stdout", "stderr") if getattr(sys, name) is None]
    for name in closed:
        mode = "r" if name == "stdin" else "w"
        setattr(sys, name, Path(os.devnull).open(mode))  # noqa: SIM115 - open to the end
    return tuple(name for name in closed if name != "stdin")


def all_said() -> bool:
    """Tell whether what was printed got out; the interpreter would end with 120 where it did not.

    stderr does not count: it has no buffer that outlives a line.
    """
    try:
        sys.stdout.flush()
    except OSError:
        _give_up(sys.stdout)
        return False
    return True


def _give_up(stream: TextIO) -> None:
    """Let the rest go nowhere: the interpreter would try to print it at its end, and complain."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)
