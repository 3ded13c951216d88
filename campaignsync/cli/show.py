"""`campaignsync show`."""

from pathlib import Path

import click

from campaignsync.cli import options
from campaignsync.cli.results import Result, result
from campaignsync.cli.saved import read_saved


@click.command("show")
@click.argument("planfile", type=click.Path(path_type=Path))
@result("plan")
@options.quiet
def command(planfile: Path, result: Result, **_: bool) -> None:
    """Render a saved plan in any format, offline.

    \b
    Example: campaignsync show plan.json --format html -o plan.html
    """
    plan = read_saved(planfile, result.progress)
    result.write(lambda to: to.plan(plan))
