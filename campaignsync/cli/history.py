"""`campaignsync history`."""

from pathlib import Path

import click

from campaignsync.cli import options


@click.command("history")
@click.argument("run", required=False)
@options.journal
@options.output
@options.quiet
def command(
    run: str | None,
    journal: Path | None,
    format_: str,
    output: Path | None,
    *,
    no_color: bool,
    quiet: bool,
) -> None:
    """List the applies of a workspace, or one apply's writes.

    RUN is a run of that list, its first characters, or `last`.

    \b
    Example: campaignsync history last
    """
    from campaignsync import report
    from campaignsync.cli.progress import Progress
    from campaignsync.cli.saved import find_run, journal_folder, records_in
    from campaignsync.workspace import find_workspace

    folder = journal_folder(find_workspace(Path()), journal)
    colour = options.coloured(no_color=no_color, to=output)
    progress = Progress(quiet=quiet)
    if run:
        text = report.run(find_run(folder, run, progress), format_, colour=colour)
    else:
        records = records_in(folder, progress)
        text = report.history(records, format_, colour=colour)
    options.emit(text, output)
