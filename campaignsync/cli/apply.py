"""`campaignsync apply`."""

import sys
from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from campaignsync.cli import options
from campaignsync.cli.results import Result, result
from campaignsync.cli.streams import tell, tell_error
from campaignsync.errors import CampaignSyncError

if TYPE_CHECKING:
    from campaignsync.cli.session import Session
    from campaignsync.model.applies import Applied, Applies
    from campaignsync.model.plans import Plan, Plans


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
@options.accounts
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
    from campaignsync.apply import applies_of, combined_exit_code
    from campaignsync.cli.environments import side_by_side
    from campaignsync.cli.runs import Runs, sessions_of
    from campaignsync.cli.saved import journal_folder, read_saved
    from campaignsync.cli.session import Session
    from campaignsync.journal import make_ready
    from campaignsync.plan import plans_of

    several = options.environments_meant(account)
    saved = (
        read_saved(paths[0], result.progress) if len(paths) == 1 and _is_plan(paths[0]) else None
    )
    if saved:
        _refuse_choice(account.pop("chosen"), account.pop("excluded"), account.pop("part"))
        _refuse_part(saved)
        several = saved.kind == "plans"
        if not any(part.campaigns for part in saved.parts):
            result.give(partial(report.applied, _of_nothing(saved, account["environments"])))
            return 0
        sessions = sessions_of(saved, account)
        with result.progress.watch("checking the plan"):
            for session, part in zip(sessions, saved.parts, strict=True):
                session.refuse_unless_it_fits(part, max_age)
    else:
        sessions = Session.each_at(paths, **account)
    runs = [
        Runs(session, journal_folder(session.account.workspace, journal)) for session in sessions
    ]
    with ExitStack() as locks:
        # In one order, so that two runs do not wait for each other.
        for run in sorted(runs, key=lambda run: run.name):
            locks.enter_context(run.lock(lock_timeout))
            make_ready(run.folder)
        side_by_side((run.name, run.recover()) for run in runs).whole()
        plans = saved.parts if saved else _planned(sessions)
        if pending := [plan for plan in plans if plan.summary.update]:
            _show(plans_of(plans, ()) if several else plans[0], result)
            if not auto_approve:
                _ask(pending)
            # Again: who waited for a lock, or for a yes, may have waited overnight.
            for session, plan in zip(sessions, plans, strict=True):
                session.refuse_if_old(plan, max_age)
        ended = side_by_side(
            (run.name, run.apply(plan)) for run, plan in zip(runs, plans, strict=True)
        )
    done = tuple(applied for applied, _ in (ended.found if several else ended.whole()))
    applied = applies_of(done, ended.told()) if several else done[0]
    codes = [*(code for _, code in ended.found), *(failed.exit_code for failed in applied.errors)]
    try:
        result.give(partial(report.applied, applied))
    except CampaignSyncError as error:
        # What became of the campaigns matters more than what became of the report.
        tell_error(error)
        codes = codes if any(codes) else [error.exit_code]
    outcomes = [outcome for applied, _ in ended.found for outcome in applied.campaigns]
    return combined_exit_code(codes, outcomes)


def _of_nothing(saved: "Plan | Plans", given: "Sequence[str]") -> "Applied | Applies":
    """Say what comes of a plan without campaigns: nothing, in whatever folder.

    Raises StalePlan where other environments are `given` than it was made for.
    """
    from campaignsync.apply import applies_of
    from campaignsync.cli.runs import environment_for
    from campaignsync.model.applies import Applied, ApplySummary
    from campaignsync.model.values import Desired
    from campaignsync.plan import refuse_unless_it_fits

    for part in saved.parts:
        named = environment_for(part, given)
        refuse_unless_it_fits(part, Desired(()), environment=named, base_url=part.base_url)
    parts = tuple(
        Applied(run="", environment=part.environment, summary=ApplySummary(), campaigns=())
        for part in saved.parts
    )
    return applies_of(parts, ()) if saved.kind == "plans" else parts[0]


def _planned(sessions: "Sequence[Session]") -> "tuple[Plan, ...]":
    """Plan every environment; raises where one cannot be planned, before anything is written."""
    from campaignsync.cli.environments import side_by_side

    return side_by_side((session.name, session.plan()) for session in sessions).whole()


def _refuse_part(saved: "Plan | Plans") -> None:
    """Raise PlanRefused for plans of which some could not be made: they are applied as reviewed."""
    from campaignsync.errors import PlanRefused

    for failed in saved.errors:
        raise PlanRefused(
            f"{failed.environment} is not in the saved plan: {failed.message}",
            hint="plan again, and have it reviewed; without -e for it, the others can be applied",
        )


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


def _show(plan: "Plan | Plans", result: Result) -> None:
    """Show on stderr what is about to be sent: stdout is for what came of it."""
    from campaignsync import report

    colour = options.coloured(no_color=result.no_color, to=sys.stderr)
    with result.progress.watch("showing the plan"):
        told = options.in_window(report.plan(plan, "text", colour=colour), sys.stderr)
    tell(told, colour=True)


def _ask(plans: "Sequence[Plan]") -> None:
    """Ask on a terminal, and only there: a job must never hang at a question."""
    from campaignsync.errors import ConfigurationError, PlanRefused
    from campaignsync.report import words

    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise ConfigurationError(
            "nobody is here to approve the plan",
            hint="review a plan saved with `campaignsync plan --out FILE`, and pass --auto-approve",
            code="NOT_APPROVED",
        )
    changes = ", ".join(
        f"{words.count(plan.summary.update, 'campaign')} in {plan.environment}" for plan in plans
    )
    tell(f"Change {changes}? Only `yes` will do: ", nl=False)
    if sys.stdin.readline().strip() != "yes":
        raise PlanRefused("not approved: nothing was sent", code="NOT_APPROVED")
