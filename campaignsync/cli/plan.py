"""`campaignsync plan`."""

import os
from pathlib import Path

import click

from campaignsync.cli import next_steps, options, step_outputs
from campaignsync.cli.command import Command
from campaignsync.cli.concurrency import exit_code
from campaignsync.cli.guarding import plan_all
from campaignsync.cli.options import Filters, Target, Writing
from campaignsync.cli.plan_files import portable, refuse_outside, save
from campaignsync.cli.results import Result, result
from campaignsync.cli.session import Session
from campaignsync.load.workspace import plan_key_of
from campaignsync.model.plan_document import merge


@click.command("plan", cls=Command)
@options.paths
@options.plan_file
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
@options.writing()
@result("plan")
def command(
    paths: tuple[Path, ...],
    out: Path | None,
    *,
    detailed_exitcode: bool,
    strict: bool,
    filters: Filters,
    target: Target,
    writing: Writing,
    result: Result,
) -> int:
    """Show what apply would change, and change nothing.

    PATH is a workspace folder, a folder of definitions, or a definition file; the default is the
    current folder.

    \b
    Examples: campaignsync plan
              campaignsync plan campaigns/q2.yaml --out plan.json
    """
    key = plan_key_of(os.environ)
    sessions = Session.each_at(paths, target, filters, writing, progress=result.progress)
    planned = plan_all(sessions)
    plan = merge(planned.found, planned.failed())
    workspace = sessions[0].account.workspace
    saved = portable(plan, workspace, key)
    if out:
        refuse_outside(saved, workspace)
        save(saved, out, result.progress)
    # The JSON is the saved plan; other formats name files as the user would type them.
    result.write(lambda to: to.plan(saved if to.name == "json" else plan))
    errors = [error for _, error in plan.failed()]
    code = exit_code(plan.summary, errors, detailed=detailed_exitcode, strict=strict)
    step_outputs.write_plan(plan, code, out)
    next_steps.after_plan(plan, out, result)
    return code
