"""`campaignsync history`."""

from pathlib import Path

import click

from campaignsync.cli import options
from campaignsync.cli.command import Command
from campaignsync.cli.journals import find_run, journal_folder, records_in
from campaignsync.cli.results import Result, result
from campaignsync.load.workspace import find_workspace


@click.command("history", cls=Command)
@click.argument("run", required=False)
@options.journal
@result("history", steps=False)
def command(run: str | None, journal: Path | None, result: Result) -> None:
    """List the applies of a workspace, or the writes of one apply.

    RUN is a run of that list, its first characters, or `last`.

    \b
    Example: campaignsync history last
    """
    folder = journal_folder(find_workspace(Path()), journal)
    if run:
        record = find_run(folder, run, result.progress)
        result.write(lambda to: to.run(record))
    else:
        records = records_in(folder, result.progress)
        result.write(lambda to: to.history(records))
