"""`campaignsync plan`."""

from functools import partial
from pathlib import Path
from typing import Any

import click

from campaignsync.cli import options
from campaignsync.cli.results import Result, result


@click.command("plan")
@options.paths
@options.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Save the plan, for review and for `campaignsync apply FILE`.",
)
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
    from campaignsync import report
    from campaignsync.cli import step_outputs
    from campaignsync.cli.environments import exit_code, side_by_side
    from campaignsync.cli.session import Session
    from campaignsync.files import write_whole
    from campaignsync.plan import plans_of

    several = options.environments_meant(account)
    sessions = Session.each_at(paths, **account)
    found = side_by_side((session.name, session.plan()) for session in sessions)
    plan = plans_of(found.found, found.told()) if several else found.whole()[0]
    if out:
        with result.progress.watch("saving the plan"):
            write_whole(out, report.plan(plan, "json") + "\n")
    result.give(partial(report.plan, plan))
    code = exit_code(plan.parts, plan.errors, detailed=detailed_exitcode, strict=strict)
    step_outputs.write_plan(plan, code, out)
    return code
