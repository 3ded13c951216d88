"""`campaignsync validate`."""

from pathlib import Path

import click

from campaignsync.cli import options
from campaignsync.cli.command import Command
from campaignsync.cli.messages import print_note
from campaignsync.cli.output import Output, output_options
from campaignsync.errors import more_about
from campaignsync.load import check
from campaignsync.load.files import display_path
from campaignsync.load.workspace import find_definitions, includes_workspace


@click.command("validate", cls=Command)
@options.paths
@options.option(
    "--strict", section="What", is_flag=True, help="Also fail (exit 3) when there are warnings."
)
@output_options("problems", steps=False)
def command(paths: tuple[Path, ...], output: Output, *, strict: bool) -> int:
    """Check definitions offline: no key, no network.

    PATH is a workspace folder, a folder of definitions, or a definition file; the default is the
    current folder. Every problem of every file is reported at once.

    \b
    Example: campaignsync validate campaigns/
    """
    with output.progress.count("reading", "definitions") as counted:
        workspace, files = find_definitions(paths)
        environments = workspace.shared.environments or (None,)
        _, problems = check(
            counted(files), workspace.shared, environments, whole=includes_workspace(paths)
        )
    names = [*map(display_path, files)]
    output.write(lambda to: to.problems(names, problems))
    more = more_about(problems)
    if more and not output.progress.quiet:
        print_note(more)
    return 3 if more or (strict and problems) else 0
