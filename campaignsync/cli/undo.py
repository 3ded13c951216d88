"""`campaignsync undo`."""

import os
from pathlib import Path
from typing import Any

import click

from campaignsync.cli import options, signals
from campaignsync.cli.progress import Progress
from campaignsync.cli.results import Result, result
from campaignsync.cli.runs import Runs
from campaignsync.cli.saved import find_run, journal_folder
from campaignsync.cli.saving import portable, save
from campaignsync.cli.session import Session
from campaignsync.model.values import Desired
from campaignsync.workspace import find_workspace, plan_key_of


@click.command("undo")
@click.argument("run")
@options.plan_file
@options.journal
@options.account
@result("plan")
@options.chatter
def command(
    run: str,
    out: Path | None,
    journal: Path | None,
    result: Result,
    *,
    quiet: bool,
    verbose: bool,
    **account: Any,
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
    progress = Progress(quiet=quiet, verbose=verbose)
    record = find_run(folder, run, progress)
    named = account["environment"] or record.header.get("environment")
    session = Session.of(workspace, Desired(()), progress, **{**account, "environment": named})
    plan = signals.run(Runs(session, folder).undo(record))
    saved = portable(plan, workspace, key)
    if out:
        save(saved, out, result.progress)
    result.write(lambda to: to.plan(saved if to.name == "json" else plan))
    return 6 if plan.summary.blocked else 0
