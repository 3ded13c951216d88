"""`campaignsync show`, and the reading of saved plans for `apply` and `comment`."""

from pathlib import Path

import click

from campaignsync.apply.saved_plan import read_plan
from campaignsync.cli.command import Command
from campaignsync.cli.progress import Progress
from campaignsync.cli.results import Output, result
from campaignsync.errors import ConfigurationError
from campaignsync.load.files import read
from campaignsync.model.plan import Plan

LARGEST_PLAN = 256 * 2**20
"""Maximum bytes of a saved plan; ten thousand campaigns with long prompts take less."""


@click.command("show", cls=Command)
@click.argument("planfile", type=click.Path(path_type=Path))
@result("plan", steps=False)
def command(planfile: Path, result: Output) -> None:
    """Render a saved plan in any format, offline.

    \b
    Example: campaignsync show plan.json --format html -o plan.html
    """
    plan = read_saved(planfile, result.progress)
    result.write(lambda to: to.plan(plan))


def read_saved(file: Path, progress: Progress) -> Plan:
    """Read a saved plan.

    Raises ConfigurationError for a file that is missing or not a plan, StalePlan for a damaged or
    edited plan.
    """
    with progress.watch("reading the plan"):
        try:
            content = read(file, LARGEST_PLAN)
        except ValueError as error:
            hint = "make one with `campaignsync plan --out FILE`"
            message = f"cannot read the plan {file}: {error}"
            raise ConfigurationError(message, hint=hint, code="UNREADABLE") from None
        return read_plan(content)
