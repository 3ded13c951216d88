"""Print notes, errors and results, with colour where a terminal shows it."""

import os
import sys
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import TextIO

from campaignsync.cli.streams import is_terminal, put, tell
from campaignsync.errors import CampaignSyncError, DefinitionError, Problem
from campaignsync.files import write_whole
from campaignsync.redaction import without_keys
from campaignsync.report import text as report
from campaignsync.report import wording as words


def note(text: str) -> None:
    """Print a note on stderr."""
    tell(f"note: {words.line(text)}", level="note", facts={"message": text})


def redact(error: CampaignSyncError) -> None:
    """Remove keys from an error: users mistype them as arguments, and jobs keep their logs."""
    keys = [
        value
        for name, value in os.environ.items()
        if name.startswith("ALTUR_API_KEY") and not name.endswith("_FILE")
    ]
    error.message = without_keys(error.message, keys)
    error.hint = without_keys(error.hint, keys)


def tell_error(error: CampaignSyncError) -> None:
    """Print an error on stderr."""
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
    """Return problems of definitions for a JSON line on stderr."""
    return {"problems": [asdict(each) for each in problems]}


def emit(text: str, to: Path | None) -> None:
    """Print a result on stdout, or write it to a file."""
    if to is None:
        put(text, colour=True)  # the report is coloured already, or not at all
    else:
        write_whole(to, text + "\n")


def coloured(*, no_color: bool, to: Path | TextIO | None = None) -> bool:
    """Return whether to colour: the flag, NO_COLOR, FORCE_COLOR, then the terminal decide.

    `to` is the file or the stream that the text goes to; stdout by default.
    """
    if no_color or isinstance(to, Path) or os.environ.get("NO_COLOR"):
        return False
    return bool(os.environ.get("FORCE_COLOR")) or is_terminal(to or sys.stdout)
