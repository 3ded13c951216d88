"""`campaignsync undo`."""

import os
from dataclasses import replace
from pathlib import Path

import click

from campaignsync.cli import next_steps, options, signals
from campaignsync.cli.command import Command
from campaignsync.cli.journals import find_run, journal_folder
from campaignsync.cli.options import Target, Writing
from campaignsync.cli.plan_files import portable, save
from campaignsync.cli.results import Result, result
from campaignsync.cli.runs import Runs
from campaignsync.cli.session import Session
from campaignsync.load.workspace import find_workspace, plan_key_of
from campaignsync.model.values import Desired


@click.command("undo", cls=Command)
@click.argument("run")
@options.plan_file
@options.journal
@options.account
@options.writing()
@result("plan")
def command(
    run: str,
    out: Path | None,
    journal: Path | None,
    *,
    target: Target,
    writing: Writing,
    result: Result,
) -> int:
    """Plan the way back from an apply, and change nothing.

    RUN is a run of `campaignsync history`, its first characters, or `last`. The plan restores only
    what that run changed, and only what was not changed again since.

    \b
    Example: campaignsync undo last --out undo.json && campaignsync apply undo.json
    """
    key = plan_key_of(os.environ)
    workspace = find_workspace(Path())
    folder = journal_folder(workspace, journal)
    record = find_run(folder, run, result.progress)
    if not target.environments and (environment := record.header.get("environment")):
        target = replace(target, environments=(environment,))
    session = Session.of(workspace, Desired(()), target, writing, result.progress)
    plan = signals.run(Runs(session, folder).undo(record))
    saved = portable(plan, workspace, key)
    if out:
        save(saved, out, result.progress)
    result.write(lambda to: to.plan(saved if to.name == "json" else plan))
    next_steps.after_plan(plan, out, result)
    return 6 if plan.summary.blocked else 0
