"""`campaignsync show`."""

from pathlib import Path

import click

from campaignsync.cli.command import Command
from campaignsync.cli.output import Output, output_options
from campaignsync.cli.plan_files import read_saved


@click.command("show", cls=Command)
@click.argument("planfile", type=click.Path(path_type=Path))
@output_options("plan", steps=False)
def command(planfile: Path, output: Output) -> None:
    """Render a saved plan in any format, offline.

    \b
    Example: campaignsync show plan.json --format html -o plan.html
    """
    plan = read_saved(planfile, output.progress)
    output.write(lambda to: to.plan(plan))
