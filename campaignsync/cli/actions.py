"""GitHub Actions: what a step tells the steps behind it, and the page of its job.

The runner names two files in the environment; both are appended to, for a step may hold several
commands. A file that cannot be written is said on stderr: the plan itself stands.
"""

import os
import secrets
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from campaignsync.cli.options import note
from campaignsync.errors import CampaignSyncError
from campaignsync.model.plan import Plan
from campaignsync.report import summary
from campaignsync.report.bounds import STEP_SUMMARY


def tell_runner(plan: Plan, code: int, saved: Path | None) -> None:
    """Append a plan's outputs and its summary, where a runner asks for them.

    `code` is what the command will end with, `saved` the file of the plan.
    """
    # All that a step's commands say has to fit together.
    _tell(
        {"changes": plan.summary.update, "exit_code": code, "plan_file": saved or ""},
        lambda said: f"{summary.plan(plan, STEP_SUMMARY - said)}\n\n",
    )


def tell_runner_of(error: CampaignSyncError) -> None:
    """Append why there is no plan, where a runner asks: that is not a plan of nothing."""
    outputs = {"changes": "", "exit_code": error.exit_code, "plan_file": ""}
    _tell(outputs, partial(_stopped, error))


def _tell(outputs: Mapping[str, object], page: Callable[[int], str]) -> None:
    """Append outputs, and a summary that is made for so many bytes before it."""
    _append("GITHUB_OUTPUT", lambda _: _assignments(outputs))
    _append("GITHUB_STEP_SUMMARY", page)


def _stopped(error: CampaignSyncError, said: int) -> str:
    """Say why there is no plan, or nothing where what was said before leaves no room."""
    text = f"{summary.error(error)}\n\n"
    return text if len(text.encode()) <= STEP_SUMMARY - said else ""


def _assignments(outputs: Mapping[str, object]) -> str:
    """Write outputs so that no value ends its own: nobody knows the delimiter before."""
    delimiter = f"end-{secrets.token_hex(16)}"
    return "".join(
        f"{name}<<{delimiter}\n{value}\n{delimiter}\n" for name, value in outputs.items()
    )


def _append(variable: str, text: Callable[[int], str]) -> None:
    """Append to the file that a variable names; the text is made for so many bytes before it."""
    if not (name := os.environ.get(variable)):
        return
    try:
        with Path(name).open("a", encoding="utf-8", errors="surrogateescape") as file:
            file.write(text(file.tell()))
    except OSError as error:
        note(f"{variable} was not written: {name}: {error.strerror or error}")
