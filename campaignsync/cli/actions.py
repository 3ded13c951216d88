"""GitHub Actions: what a step tells the steps behind it, and the page of its job.

The runner names two files in the environment; both are appended to, for a step may hold several
commands. A file that cannot be written is said on stderr: the plan itself stands.
"""

import os
import secrets
from collections.abc import Mapping
from pathlib import Path

from campaignsync import report
from campaignsync.cli.streams import tell
from campaignsync.model.documents import Plan
from campaignsync.report import words


def tell_runner(plan: Plan, code: int, file: Path | None) -> None:
    """Append a plan's outputs and its summary, where a runner asks for them.

    `code` is what the command will end with, `file` where the plan was saved.
    """
    outputs = {
        "changes": str(plan.summary.update),
        "exit_code": str(code),
        "plan_file": str(file or ""),
    }
    _append("GITHUB_OUTPUT", _assignments(outputs))
    _append("GITHUB_STEP_SUMMARY", report.plan(plan, "step-summary") + "\n\n")


def _assignments(outputs: Mapping[str, str]) -> str:
    """Write outputs so that no value ends its own: nobody knows the delimiter before."""
    delimiter = f"end-{secrets.token_hex(16)}"
    return "".join(
        f"{name}<<{delimiter}\n{value}\n{delimiter}\n" for name, value in outputs.items()
    )


def _append(variable: str, text: str) -> None:
    if not (name := os.environ.get(variable)):
        return
    try:
        with Path(name).open("a", encoding="utf-8", errors="surrogateescape") as file:
            file.write(text)
    except OSError as error:
        reason = error.strerror or str(error)
        tell(f"note: {variable} was not written: {words.line(f'{name}: {reason}')}")
