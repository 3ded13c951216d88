"""`campaignsync render`."""

from pathlib import Path

import click

from campaignsync.authoring.style import resolved
from campaignsync.cli import options
from campaignsync.cli.command import Command
from campaignsync.cli.options import Filters
from campaignsync.cli.output import Output, output_options
from campaignsync.load import load
from campaignsync.load.select import choose, refuse_absent, select
from campaignsync.load.workspace import find_definitions
from campaignsync.model.definitions import Desired
from campaignsync.model.results import Rendered, RenderedDefinition, RenderedField


@click.command("render", cls=Command)
@options.paths
@options.selecting
@options.option(
    "-e",
    "--environment",
    metavar="NAME",
    section="Where",
    help="Environment to resolve for.",
)
@output_options("rendered", "yaml", steps=False)
def command(
    paths: tuple[Path, ...],
    *,
    filters: Filters,
    environment: str | None,
    output: Output,
) -> None:
    """Show definitions with shared values resolved, and where each value comes from.

    This is what `plan` compares with live: defaults, schedules, texts in files and the values of
    an environment included. A number among the PATHs is a campaign id. Works offline.

    \b
    Examples: campaignsync render 1234
              campaignsync render -e staging --select team=collections --format yaml
    """
    ids = tuple(str(path) for path in paths if str(path).isdecimal() and not path.exists())
    with output.progress.count("reading", "definitions") as counted:
        workspace, files = find_definitions([path for path in paths if str(path) not in ids])
        target = choose(workspace, environment)
        desired = load(counted(files), workspace.shared, target.name)
    refuse_absent(desired, target.name)
    desired = select(desired, (*ids, *filters.select), filters.exclude)
    document = _rendered(desired, target.name)
    output.write(
        lambda to: resolved(desired.definitions) if to.name == "yaml" else to.rendered(document)
    )


def _rendered(desired: Desired, environment: str) -> Rendered:
    """Return the document of definitions field by field, with the source of each value."""
    definitions = (
        RenderedDefinition(
            id=each.id,
            source=each.source_of("id"),
            labels=dict(each.labels),
            fields=tuple(
                RenderedField(field=path, value=value, source=each.source_of(path))
                for path, value in each.values.items()
            ),
        )
        for each in desired.definitions
    )
    return Rendered(environment=environment, definitions=tuple(definitions))
