"""stdin, stdout and stderr: what cannot be said never stops what is being done."""

import os
import sys
from pathlib import Path
from typing import TextIO

import click

from campaignsync.errors import CampaignSyncError


def tell(text: str, *, nl: bool = True, colour: bool | None = None) -> None:
    """Say on stderr what goes beside the result; where nobody listens any more, that is all."""
    try:
        click.echo(text, err=True, nl=nl, color=colour)
    except OSError:
        _give_up(sys.stderr)


def put(text: str = "", *, colour: bool | None = None) -> None:
    """Print a result on stdout; raises CampaignSyncError where it does not get there."""
    try:
        click.echo(text, color=colour)
    except OSError as error:
        _give_up(sys.stdout)
        reason = error.strerror or str(error)
        raise CampaignSyncError(f"the result cannot be printed: {reason}", code="OUTPUT") from None


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
