"""Write a step's outputs and summary in a job of GitHub Actions.

The runner names both files in environment variables. Both are appended to, because a step may run
several commands. A file that cannot be written leads to a note on stderr; the plan is unaffected.
"""

import os
import secrets
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from campaignsync.cli.messages import note
from campaignsync.errors import CampaignSyncError
from campaignsync.model.plan import Plan
from campaignsync.report import markdown
from campaignsync.report.markup import STEP_SUMMARY


def write_plan(plan: Plan, code: int, saved: Path | None) -> None:
    """Append a plan's outputs and summary if the runner's variables are set.

    `code` is the command's exit code, `saved` the file of the plan.
    """
    # The summaries of all commands of a step share one limit.
    _write(
        {"changes": plan.summary.update, "exit_code": code, "plan_file": saved or ""},
        lambda used: f"{markdown.plan(plan, STEP_SUMMARY - used)}\n\n",
    )


def write_error(error: CampaignSyncError) -> None:
    """Append the error instead of a plan; `changes` is empty then, not 0."""
    outputs = {"changes": "", "exit_code": error.exit_code, "plan_file": ""}
    _write(outputs, partial(_error_summary, error))


def _write(outputs: Mapping[str, object], page: Callable[[int], str]) -> None:
    """Append outputs, and the summary for a given number of bytes before it."""
    _append("GITHUB_OUTPUT", lambda _: _assignments(outputs))
    _append("GITHUB_STEP_SUMMARY", page)


def _error_summary(error: CampaignSyncError, used: int) -> str:
    """Return the error, or nothing if the summary has no room left."""
    text = f"{markdown.error(error)}\n\n"
    return text if len(text.encode()) <= STEP_SUMMARY - used else ""


def _assignments(outputs: Mapping[str, object]) -> str:
    """Return outputs in the runner's format; with a random delimiter, no value can end itself."""
    delimiter = f"end-{secrets.token_hex(16)}"
    return "".join(
        f"{name}<<{delimiter}\n{value}\n{delimiter}\n" for name, value in outputs.items()
    )


def _append(variable: str, text: Callable[[int], str]) -> None:
    """Append to the file in a variable; `text` receives the number of bytes already there."""
    if not (name := os.environ.get(variable)):
        return
    try:
        with Path(name).open("a", encoding="utf-8", errors="surrogateescape") as file:
            file.write(text(file.tell()))
    except OSError as error:
        note(f"cannot write {variable}: {name}: {error.strerror or error}")
