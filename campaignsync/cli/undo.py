"""`campaignsync undo`."""

import os
from dataclasses import replace
from pathlib import Path

import click

from campaignsync.apply.undo import left_by, undo
from campaignsync.cli import concurrency, options
from campaignsync.cli.account import plan_key_of
from campaignsync.cli.command import Command
from campaignsync.cli.messages import print_note
from campaignsync.cli.options import Target, WriteLimits
from campaignsync.cli.plan import out_option, print_next_step, write_plan
from campaignsync.cli.planning import guard
from campaignsync.cli.results import Output, result
from campaignsync.cli.runs import (
    is_of,
    journal_folder,
    journal_option,
    note_definitions_to_revert,
    read_run,
)
from campaignsync.cli.session import Session
from campaignsync.errors import ConfigurationError
from campaignsync.load.workspace import find_workspace
from campaignsync.model.plan import Plan
from campaignsync.model.runs import Record
from campaignsync.model.values import Desired


@click.command("undo", cls=Command)
@click.argument("run")
@out_option
@journal_option
@options.account
@options.write_limits()
@result("plan")
def command(
    run: str,
    out: Path | None,
    journal: Path | None,
    *,
    target: Target,
    limits: WriteLimits,
    result: Output,
) -> int:
    """Plan the way back from an apply, and change nothing.

    RUN is a run of `campaignsync history`, its first characters, or `last`. The plan restores only
    what that run changed, and only what was not changed again since.

    \b
    Example: campaignsync undo last --out undo.json && campaignsync apply undo.json
    """
    key = plan_key_of(os.environ)
    workspace = find_workspace(Path())
    record = read_run(journal_folder(workspace, journal), run, result.progress)
    if not target.environments and (environment := record.header.get("environment")):
        target = replace(target, environments=(environment,))
    session = Session.of(workspace, Desired(()), target, limits, result.progress)
    plan = concurrency.run(_plan_undo(session, record))
    write_plan(plan, workspace, key, out, result)
    print_next_step(plan, out, result)
    return 6 if plan.summary.blocked else 0


async def _plan_undo(session: Session, record: Record) -> Plan:
    """Plan the undo of a run, and print notes on values that stay as they are."""
    if not is_of(record, session.account):
        raise ConfigurationError(
            f"run {record.run} belongs to {record.header.get('environment', '?')}"
            f" at {record.header.get('base_url', '?')}",
            hint="pass that environment with -e, and that URL with --base-url",
            code="OTHER_ACCOUNT",
        )
    live = await session.read(left_by(record))
    desired, notes = undo(record, live)
    for text in notes:
        print_note(text)
    plan = session.compare_with(desired, live)
    plan = await guard(replace(session, desired=desired), plan)
    note_definitions_to_revert(
        session,
        [each for each in plan.campaigns if each.action == "update"],
        " after the undo is applied",
    )
    return plan
