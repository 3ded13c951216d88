"""`campaignsync plan`.

In a job of GitHub Actions, the runner names two files for the step's outputs and its summary. Both
are appended to, because a step may run several commands. A file that cannot be written leads to a
note on stderr; the plan is unaffected.
"""

import os
import secrets
from collections.abc import Callable, Mapping
from pathlib import Path

import click

from campaignsync.cli import options
from campaignsync.cli.command import Command
from campaignsync.cli.keys import plan_key_of
from campaignsync.cli.messages import print_note
from campaignsync.cli.options import Filters, Target, WriteLimits
from campaignsync.cli.output import Output, output_options
from campaignsync.cli.plan_files import out_option, print_next_step, write_plan
from campaignsync.cli.planning import exit_code_of, plan_all
from campaignsync.cli.session import Session
from campaignsync.errors import CampaignSyncError
from campaignsync.model.plan import Plan, merge
from campaignsync.report import markdown
from campaignsync.report.markdown_parts import STEP_SUMMARY


@click.command("plan", cls=Command)
@options.paths
@out_option
@options.option(
    "--detailed-exitcode",
    is_flag=True,
    section="Output",
    help="Exit with 2 if changes are pending, with 0 if there are none.",
)
@options.option(
    "--strict",
    is_flag=True,
    section="Safety",
    help="Also fail (exit 6) when a finished campaign differs from its definition.",
)
@options.filters
@options.accounts
@options.write_limits()
@output_options("plan")
def command(
    paths: tuple[Path, ...],
    out: Path | None,
    *,
    detailed_exitcode: bool,
    strict: bool,
    filters: Filters,
    target: Target,
    limits: WriteLimits,
    output: Output,
) -> int:
    """Show what apply would change, and change nothing.

    PATH is a workspace folder, a folder of definitions, or a definition file; the default is the
    current folder.

    \b
    Examples: campaignsync plan
              campaignsync plan campaigns/q2.yaml --out plan.json
    """
    key = plan_key_of(os.environ)
    sessions = Session.load_at(paths, target, filters, limits, progress=output.progress)
    planned = plan_all(sessions)
    plan = merge([*planned.results.values()], planned.print_errors())
    write_plan(plan, sessions[0].account.workspace, key, out, output)
    errors = [error for _, error in plan.failed()]
    code = exit_code_of(plan.summary, errors, detailed=detailed_exitcode, strict=strict)
    write_step_outputs(plan, code, out)
    print_next_step(plan, out, output)
    return code


def write_step_outputs(plan: Plan, code: int, out: Path | None) -> None:
    """Append a plan's outputs and summary to the files of a CI step.

    `code` is the command's exit code, `out` the file of the saved plan.
    """
    # The summaries of all commands of a step share one limit.
    _append_to_step(
        {"changes": plan.summary.update, "exit_code": code, "plan_file": out or ""},
        lambda used: f"{markdown.plan(plan, STEP_SUMMARY - used)}\n\n",
    )


def write_step_error(error: CampaignSyncError) -> None:
    """Append the error instead of a plan; `changes` is empty then, not 0."""
    outputs = {"changes": "", "exit_code": error.exit_code, "plan_file": ""}
    text = f"{markdown.error(error)}\n\n"
    _append_to_step(outputs, lambda used: text if len(text.encode()) <= STEP_SUMMARY - used else "")


def _append_to_step(outputs: Mapping[str, object], summary: Callable[[int], str]) -> None:
    """Append outputs and a summary; `summary` receives the number of bytes already there."""
    # With a random delimiter, no value can end itself.
    delimiter = f"end-{secrets.token_hex(16)}"
    assignments = "".join(
        f"{name}<<{delimiter}\n{value}\n{delimiter}\n" for name, value in outputs.items()
    )
    for variable, text in (
        ("GITHUB_OUTPUT", lambda _: assignments),
        ("GITHUB_STEP_SUMMARY", summary),
    ):
        if not (name := os.environ.get(variable)):
            continue
        try:
            with Path(name).open("a", encoding="utf-8", errors="surrogateescape") as file:
                file.write(text(file.tell()))
        except OSError as error:
            print_note(f"cannot write {variable}: {name}: {error.strerror or error}")
