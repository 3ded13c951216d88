"""`campaignsync history`."""

from pathlib import Path

import click

from campaignsync.cli.command import Command
from campaignsync.cli.results import Output, result
from campaignsync.cli.runs import journal_folder, journal_option, read_run, read_runs
from campaignsync.load.workspace import find_workspace


@click.command("history", cls=Command)
@click.argument("run", required=False)
@journal_option
@result("history", steps=False)
def command(run: str | None, journal: Path | None, result: Output) -> None:
    """List the applies of a workspace, or the writes of one apply.

    RUN is a run of that list, its first characters, or `last`.

    \b
    Example: campaignsync history last
    """
    folder = journal_folder(find_workspace(Path()), journal)
    if run:
        record = read_run(folder, run, result.progress)
        result.write(lambda to: to.run(record))
    else:
        records = read_runs(folder, result.progress)
        result.write(lambda to: to.history(records))
