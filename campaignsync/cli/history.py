"""`campaignsync history`."""

from pathlib import Path

import click

from campaignsync.cli import options


@click.command("history")
@click.argument("run", required=False)
@options.journal
@options.output
def command(
    run: str | None, journal: Path | None, format_: str, output: Path | None, *, no_color: bool
) -> None:
    """List the applies of a workspace, or one apply's writes.

    RUN is a run of that list, its first characters, or `last`.

    \b
    Example: campaignsync history last
    """
    from campaignsync import report
    from campaignsync.cli.saved import find_run, journal_folder
    from campaignsync.journal import journals, read_journal
    from campaignsync.workspace import find_workspace

    folder = journal_folder(find_workspace(Path()), journal)
    colour = options.coloured(no_color=no_color, to=output)
    if run:
        text = report.run(find_run(folder, run), format_, colour=colour)
    else:
        text = report.history(
            [read_journal(path) for path in journals(folder)], format_, colour=colour
        )
    options.emit(text, output)
