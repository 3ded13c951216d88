"""`campaignsync apply`."""

import sys
from functools import partial
from pathlib import Path
from typing import Any

import click

from campaignsync.cli import options
from campaignsync.cli.results import Result, result
from campaignsync.cli.streams import tell, tell_error
from campaignsync.errors import CampaignSyncError


@click.command("apply")
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path), metavar="[PLANFILE | PATH...]")
@options.option("--auto-approve", is_flag=True, help="Do not ask; needed off a terminal.")
@options.option(
    "--lock-timeout",
    type=click.FloatRange(min=0),
    default=0.0,
    help="Seconds to wait for another apply of the environment to end.",
)
@options.option(
    "--max-age",
    type=click.FloatRange(min=0),
    default=168.0,
    show_default=True,
    help="Hours after which a plan is not applied any more.",
)
@options.journal
@options.choice
@options.part
@options.account
@result("applied")
@options.chatter
def command(
    paths: tuple[Path, ...],
    *,
    journal: Path | None,
    lock_timeout: float,
    max_age: float,
    auto_approve: bool,
    result: Result,
    **account: Any,
) -> int:
    """Make live match the definitions, exactly as planned.

    With a file of `campaignsync plan --out`, exactly that plan is applied, or nothing. With PATHs
    the plan is made, shown, and applied when you say so.

    \b
    Examples: campaignsync apply plan.json
              campaignsync apply campaigns/ --auto-approve
    """
    from campaignsync import report
    from campaignsync.cli import signals
    from campaignsync.cli.runs import Runs, session_of
    from campaignsync.cli.saved import journal_folder, read_saved
    from campaignsync.cli.session import Session
    from campaignsync.journal import make_ready

    plan = read_saved(paths[0]) if len(paths) == 1 and _is_plan(paths[0]) else None
    if plan:
        _refuse_choice(account.pop("chosen"), account.pop("excluded"), account.pop("part"))
        session = session_of(plan, {**account, "environment": _same(account, plan.environment)})
        session.refuse_unless_it_fits(plan, max_age)
    else:
        session = Session.at(paths, **account)
    runs = Runs(session, journal_folder(session.account.workspace, journal))
    with runs.lock(lock_timeout):
        make_ready(runs.folder)
        signals.run(runs.recover())
        plan = plan or signals.run(session.plan())
        if plan.summary.update:
            shown = options.coloured(no_color=result.no_color, to=sys.stderr)
            tell(report.plan(plan, "text", colour=shown), colour=True)
            if not auto_approve:
                _ask(plan.summary.update, plan.environment)
            # Again: who waited for a lock, or for a yes, may have waited overnight.
            session.refuse_if_old(plan, max_age)
        applied, code = signals.run(runs.apply(plan))
    try:
        result.give(partial(report.applied, applied))
    except CampaignSyncError as error:
        # What became of the campaigns matters more than what became of the report.
        tell_error(error)
        return code or error.exit_code
    return code


def _refuse_choice(*choices: tuple[str, ...] | str | None) -> None:
    """Raise ConfigurationError for a choice beside a plan, which is applied whole or not at all."""
    from campaignsync.errors import ConfigurationError

    if any(choices):
        raise ConfigurationError(
            "a saved plan is applied whole: --select, --exclude and --shard are for PATHs",
            hint="choose when you plan",
        )


def _is_plan(path: Path) -> bool:
    return not path.is_dir() and path.suffix not in (".yaml", ".yml")


def _same(account: dict[str, Any], planned: str) -> str | None:
    """Take the plan's environment where the command line names none."""
    return account["environment"] or (None if account["sandbox"] else planned)


def _ask(updates: int, environment: str) -> None:
    """Ask on a terminal, and only there: a job must never hang at a question."""
    from campaignsync.errors import ConfigurationError, PlanRefused

    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise ConfigurationError(
            "nobody is here to approve the plan",
            hint="review a plan saved with `campaignsync plan --out FILE`, and pass --auto-approve",
            code="NOT_APPROVED",
        )
    campaigns = "1 campaign" if updates == 1 else f"{updates} campaigns"
    tell(f"Change {campaigns} in {environment}? Only `yes` will do: ", nl=False)
    if sys.stdin.readline().strip() != "yes":
        raise PlanRefused("not approved: nothing was sent", code="NOT_APPROVED")
