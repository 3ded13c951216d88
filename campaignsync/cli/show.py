"""`campaignsync show`."""

from pathlib import Path

import click

from campaignsync.cli import options


@click.command("show")
@click.argument("planfile", type=click.Path(path_type=Path))
@options.output
def command(planfile: Path, format_: str, output: Path | None, *, no_color: bool) -> None:
    """Render a saved plan in any format, offline.

    \b
    Example: campaignsync show plan.json --format markdown
    """
    from campaignsync import report
    from campaignsync.cli.saved import read_saved

    colour = options.coloured(no_color=no_color, to=output)
    options.emit(report.plan(read_saved(planfile), format_, colour=colour), output)
