"""`campaignsync plan`."""

import os
from pathlib import Path
from typing import Any

import click

from campaignsync.cli import options
from campaignsync.cli.results import Result, result


@click.command("plan")
@options.paths
@options.plan_file
@options.option(
    "--detailed-exitcode", is_flag=True, help="Exit 2 where changes are pending, 0 where none are."
)
@options.option("--strict", is_flag=True, help="Exit 6 for frozen campaigns that differ, too.")
@options.choice
@options.part
@options.accounts
@result("plan")
@options.chatter
def command(
    paths: tuple[Path, ...],
    out: Path | None,
    *,
    detailed_exitcode: bool,
    strict: bool,
    result: Result,
    **account: Any,
) -> int:
    """Show what apply would change, and change nothing.

    \b
    Examples: campaignsync plan
              campaignsync plan campaigns/q2.yaml --out plan.json
    """
    from campaignsync.cli import step_outputs
    from campaignsync.cli.environments import exit_code
    from campaignsync.cli.guarding import plan_all
    from campaignsync.cli.saving import portable, refuse_outside, renderer, save
    from campaignsync.cli.session import Session
    from campaignsync.plan import plans_of
    from campaignsync.workspace import plan_key_of

    several = options.environments_meant(account)
    key = plan_key_of(os.environ)
    sessions = Session.each_at(paths, **account)
    found = plan_all(sessions)
    plan = plans_of(found.found, found.told()) if several else found.whole()[0]
    workspace = sessions[0].account.workspace
    saved = portable(plan, workspace, key)
    if out:
        refuse_outside(saved, workspace)
        save(saved, out, result.progress)
    result.give(renderer(plan, saved))
    code = exit_code(plan.parts, plan.errors, detailed=detailed_exitcode, strict=strict)
    step_outputs.write_plan(plan, code, out)
    return code
