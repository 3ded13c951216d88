"""`campaignsync plan`."""

import os
from pathlib import Path

import click

from campaignsync.cli import options
from campaignsync.cli.command import Command
from campaignsync.cli.options import Filters, Target, WriteLimits
from campaignsync.cli.plan_files import (
    out_option,
    print_next_step,
    write_plan,
    write_step_outputs,
)
from campaignsync.cli.planning import exit_code_of, plan_all
from campaignsync.cli.results import Result, result
from campaignsync.cli.session import Session
from campaignsync.load.accounts import plan_key_of
from campaignsync.model.plan import merge


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
@result("plan")
def command(
    paths: tuple[Path, ...],
    out: Path | None,
    *,
    detailed_exitcode: bool,
    strict: bool,
    filters: Filters,
    target: Target,
    limits: WriteLimits,
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
    sessions = Session.load_at(paths, target, filters, limits, progress=result.progress)
    planned = plan_all(sessions)
    plan = merge(planned.results, planned.print_errors())
    write_plan(plan, sessions[0].account.workspace, key, out, result)
    errors = [error for _, error in plan.failed()]
    code = exit_code_of(plan.summary, errors, detailed=detailed_exitcode, strict=strict)
    write_step_outputs(plan, code, out)
    print_next_step(plan, out, result)
    return code
