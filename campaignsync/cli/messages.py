"""Print notes and errors on stderr, without keys."""

import os
from collections.abc import Iterable
from dataclasses import asdict

from campaignsync.cli.streams import print_message
from campaignsync.errors import CampaignSyncError, Problem
from campaignsync.redaction import without_keys
from campaignsync.report import text
from campaignsync.report import wording as words
from campaignsync.report.terminal import joined


def print_note(note: str) -> None:
    """Print a note on stderr."""
    print_message(f"note: {words.line(note)}", level="note", facts={"message": note})


def print_error(error: CampaignSyncError) -> None:
    """Print an error on stderr."""
    redact_keys(error)
    facts = {
        "message": error.message,
        "hint": error.hint,
        "code": error.code,
        "exit_code": error.exit_code,
        **problem_facts(error.problems),
    }
    print_message(joined(text.error(error)), level="error", facts=facts)


def redact_keys(error: CampaignSyncError) -> None:
    """Remove keys from an error: users mistype them as arguments, and jobs keep their logs."""
    keys = [
        value
        for name, value in os.environ.items()
        if name.startswith("ALTUR_API_KEY") and not name.endswith("_FILE")
    ]
    error.message = without_keys(error.message, keys)
    error.hint = without_keys(error.hint, keys)


def problem_facts(problems: Iterable[Problem]) -> dict[str, object]:
    """Return problems of definitions for a JSON line on stderr."""
    return {"problems": [asdict(each) for each in problems]}
