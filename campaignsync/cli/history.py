"""`campaignsync history`."""

from pathlib import Path

import click

from campaignsync.cli.command import Command
from campaignsync.cli.journals import journal_folder, journal_option, read_run, read_runs
from campaignsync.cli.output import Output, output_options
from campaignsync.load.workspace import find_workspace
from campaignsync.model.runs import History, run_of, summary_of


@click.command("history", cls=Command)
@click.argument("run", required=False)
@journal_option
@output_options("history", steps=False)
def command(run: str | None, journal: Path | None, output: Output) -> None:
    """List the applies of a workspace, or the writes of one apply.

    RUN is a run of that list, its first characters, or `last`.

    \b
    Example: campaignsync history last
    """
    folder = journal_folder(find_workspace(Path()), journal)
    if run:
        details = run_of(read_run(folder, run, output.progress))
        output.write(lambda to: to.run(details))
    else:
        runs = tuple(map(summary_of, read_runs(folder, output.progress)))
        output.write(lambda to: to.history(History(runs=runs)))
