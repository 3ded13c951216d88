"""`campaignsync apply`."""

import math
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import click

from campaignsync.apply.journal import make_writable, undoes_run
from campaignsync.apply.outcomes import combined_exit_code, merge_applied
from campaignsync.apply.saved_plan import (
    refuse_if_old,
    refuse_unless_derived,
    refuse_unless_it_fits,
)
from campaignsync.cli import options
from campaignsync.cli.command import Command, Number
from campaignsync.cli.concurrency import PerEnvironment, run_each
from campaignsync.cli.environment_run import EnvironmentRun
from campaignsync.cli.journals import journal_folder, journal_option
from campaignsync.cli.messages import print_error
from campaignsync.cli.options import UNDO_ELSEWHERE, Filters, Target, WriteLimits
from campaignsync.cli.output import Output, output_options
from campaignsync.cli.plan_check import (
    ApplySettings,
    SavedPlan,
    environment_for,
    refuse_idle_undo,
    refuse_omissions_of,
)
from campaignsync.cli.plan_files import read_saved
from campaignsync.cli.planning import plan_all, refuse_guarded
from campaignsync.cli.session import Session
from campaignsync.cli.streams import is_coloured, print_message, terminal_width
from campaignsync.cli.undo import note_definitions_to_revert
from campaignsync.errors import CampaignSyncError, ConfigurationError, PlanRefused
from campaignsync.load.files import is_yaml
from campaignsync.load.workspace import find_workspace
from campaignsync.model.definitions import Desired
from campaignsync.model.plan import Plan, merge
from campaignsync.model.runs import Applied, AppliedEnvironment, ApplySummary
from campaignsync.report import text
from campaignsync.report import wording as words
from campaignsync.report.terminal import joined, wrapped


def _refuse_nan(_ctx: click.Context, _: click.Parameter, seconds: float) -> float:
    """Return the seconds; raises BadParameter for `nan`, which click accepts in any range."""
    if math.isnan(seconds):
        raise click.BadParameter("nan is not a number of seconds")
    return seconds


@click.command("apply", cls=Command)
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path), metavar="[PLANFILE | PATH...]")
@options.option(
    "--auto-approve",
    is_flag=True,
    section="Safety",
    help="Do not ask for approval. Required without a terminal.",
)
@options.option(
    "--lock-timeout",
    type=Number(min=0),
    metavar="SECONDS",
    default=0.0,
    callback=_refuse_nan,
    show_default=True,
    section="Safety",
    help="Time to wait for another apply of the environment to end.",
)
@options.option(
    "--max-age",
    type=Number(min=0),
    metavar="HOURS",
    default=168.0,
    show_default=True,
    section="Safety",
    help="Maximum age of the plan.",
)
@options.filters
@options.accounts
@journal_option
@options.write_limits(UNDO_ELSEWHERE)
@output_options("applied")
def command(
    paths: tuple[Path, ...],
    *,
    journal: Path | None,
    lock_timeout: float,
    max_age: float,
    auto_approve: bool,
    filters: Filters,
    target: Target,
    limits: WriteLimits,
    output: Output,
) -> int:
    """Make live match the definitions, exactly as planned.

    With a PLANFILE saved by `campaignsync plan --out`, apply exactly that plan, or nothing. The
    plan belongs to the workspace of the current folder, or of -C DIR. With PATHs, make the plan,
    show it, and apply it when you approve.

    \b
    Examples: campaignsync apply plan.json
              campaignsync apply campaigns/ --auto-approve
    """
    settings = ApplySettings(journal, lock_timeout, max_age, auto_approve, target, limits, output)
    if file := _plan_file(paths):
        _refuse_filters(filters)
        return _apply_saved_plan(file, settings)
    return _plan_then_apply(paths, filters, settings)


def _plan_file(paths: Sequence[Path]) -> Path | None:
    """Return the saved plan among the arguments, None where they are definitions.

    Raises ConfigurationError for a saved plan beside other arguments.
    """
    files = [path for path in paths if not (path.is_dir() or is_yaml(path))]
    if files and len(paths) > 1:
        raise ConfigurationError(
            f"{files[0]} is not a definition; apply a saved plan alone",
            hint=f"`campaignsync apply {files[0]}` applies the plan and reads its definitions",
        )
    return files[0] if files else None


def _apply_saved_plan(file: Path, settings: ApplySettings) -> int:
    """Check a saved plan against the workspace of the current folder, and apply it."""
    progress = settings.output.progress
    plan = read_saved(file, progress)
    saved = SavedPlan(plan, find_workspace(Path()), settings)
    with progress.watch("checking the plan"):
        saved.refuse_unless_complete()
        if not progress.quiet:
            saved.note_definitions_left_out()
        if not plan.campaigns:
            applied = _empty_outcome(saved)
            settings.output.write(lambda to: to.applied(applied))
            return 0
        sessions = saved.load_sessions()

    def make_plans() -> tuple[Plan, ...]:
        if plan.seal is None:
            # Without a seal, only live shows whether a change was edited out of the plan.
            run_each(
                (session.name, refuse_omissions_of(session, part))
                for session, part in zip(sessions, saved.parts, strict=True)
            ).all_or_raise()
        return tuple(saved.parts)

    # The saved plan was reviewed already: it is shown only beside the question for approval.
    return _apply(sessions, make_plans, settings, shows_plan=not settings.auto_approve)


def _plan_then_apply(paths: Sequence[Path], filters: Filters, settings: ApplySettings) -> int:
    """Plan the definitions under paths, show the plan, and apply it once it is approved."""
    refuse_idle_undo(settings.limits.allow)
    sessions = Session.load_at(
        paths, settings.target, filters, settings.limits, progress=settings.output.progress
    )

    def make_plans() -> tuple[Plan, ...]:
        # Raise the error of an environment before anything is written.
        return plan_all(sessions).all_or_raise()

    return _apply(sessions, make_plans, settings, shows_plan=True)


def _apply(
    sessions: Sequence[Session],
    make_plans: Callable[[], tuple[Plan, ...]],
    settings: ApplySettings,
    *,
    shows_plan: bool,
) -> int:
    """Lock the environments, settle earlier runs, ask for approval, write, and report."""
    runs = [
        EnvironmentRun(session, journal_folder(session.account.workspace, settings.journal))
        for session in sessions
    ]
    with ExitStack() as locks:
        # Lock in one order everywhere, so that two applies cannot wait for each other.
        for run in sorted(runs, key=lambda run: run.session.name):
            locks.enter_context(run.lock(settings.lock_timeout))
            make_writable(run.folder)
        run_each(
            (run.session.name, run.recover(settings.lock_timeout)) for run in runs
        ).all_or_raise()
        plans = make_plans()
        if pending := [plan for plan in plans if plan.summary.update]:
            if shows_plan:
                _show(merge(plans, {}), settings.output)
            if not settings.auto_approve:
                _ask_for_approval(pending)
            # Check the age again: waiting for the lock or the approval may have taken hours.
            for plan in plans:
                refuse_if_old(plan, datetime.now(UTC), settings.max_age)
            refuse_guarded(sessions, plans)
        outcomes = run_each(
            (run.session.name, _write(run, plan)) for run, plan in zip(runs, plans, strict=True)
        )
    return _report(outcomes, settings.output)


async def _write(run: EnvironmentRun, plan: Plan) -> tuple[Applied, int]:
    """Send a plan's updates, and note undone values; return the outcomes and the exit code."""
    applied, code = await run.apply(plan)
    updated = {each.id for each in applied.campaigns if each.outcome == "updated"}
    undone = [each for each in plan.campaigns if each.id in updated and undoes_run(each)]
    note_definitions_to_revert(run.session, undone)
    return applied, code


def _report(outcomes: PerEnvironment[tuple[Applied, int]], output: Output) -> int:
    """Report the outcomes, and return the exit code."""
    failed = outcomes.print_errors()
    applied = merge_applied([applied for applied, _ in outcomes.results.values()], failed)
    codes = [code for _, code in outcomes.results.values()]
    codes += [error.exit_code for error in failed.values()]
    try:
        output.write(lambda to: to.applied(applied))
    except CampaignSyncError as error:
        # The outcomes of the campaigns matter more than a report that cannot be written.
        print_error(error)
        codes = codes if any(codes) else [error.exit_code]
    return combined_exit_code(codes, applied.campaigns)


def _empty_outcome(saved: SavedPlan) -> Applied:
    """Return the outcome of a plan without campaigns, which needs no workspace.

    Raises StalePlan if it was made for other environments than those of -e.
    """
    for part in saved.parts:
        name = environment_for(part, saved.settings.target)
        address = part.environment.base_url
        refuse_unless_it_fits(part, Desired(()), environment=name, base_url=address)
        refuse_unless_derived(part, Desired(()))
    nothing = ApplySummary()
    environments = tuple(
        AppliedEnvironment(name=each.name, run="", summary=nothing)
        for each in saved.plan.environments
    )
    return Applied(environments=environments, summary=nothing, campaigns=())


def _refuse_filters(filters: Filters) -> None:
    """Raise ConfigurationError for --select and the like: a saved plan is applied whole."""
    if filters != Filters():
        raise ConfigurationError(
            "a saved plan is applied whole: --select, --exclude and --shard are for PATHs",
            hint="pass them to `campaignsync plan --out FILE`",
        )


def _show(plan: Plan, output: Output) -> None:
    """Print the plan on stderr: stdout is for the outcome."""
    colour = is_coloured(no_color=output.no_color, to=sys.stderr)
    width = terminal_width(sys.stderr) if sys.stderr.isatty() else 0
    with output.progress.watch("showing the plan"):
        report = wrapped(joined(text.plan(plan), colour=colour), width)
    print_message(report, colour=True)


def _ask_for_approval(plans: Sequence[Plan]) -> None:
    """Ask for approval on a terminal; raise an error elsewhere, so that no job waits for input."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise ConfigurationError(
            "cannot ask for approval: stdin is not a terminal",
            hint="review a plan saved with `campaignsync plan --out FILE`, and pass --auto-approve",
            code="NOT_APPROVED",
        )
    changes = ", ".join(
        f"{words.count(plan.summary.update, 'campaign')} in {plan.environment.name}"
        for plan in plans
    )
    print_message(f"Change {changes}? Type `yes` to continue: ", nl=False)
    if sys.stdin.readline().strip() != "yes":
        raise PlanRefused("not approved: nothing was sent", code="NOT_APPROVED")
