"""`campaignsync validate`."""

from pathlib import Path

import click

from campaignsync.cli import options
from campaignsync.cli.results import Result, result
from campaignsync.cli.streams import note
from campaignsync.errors import more_about
from campaignsync.load import check, shown
from campaignsync.workspace import definitions, is_whole


@click.command("validate")
@options.paths
@result("problems")
@options.quiet
def command(paths: tuple[Path, ...], result: Result, *, quiet: bool) -> int:
    """Check definitions offline: no key, no network.

    PATH is a workspace folder, a folder of definitions, or a definition file; the default is the
    current folder. Every problem of every file is reported at once.

    \b
    Example: campaignsync validate campaigns/
    """
    with result.progress.count("reading", "definitions") as counted:
        workspace, files = definitions(paths)
        environments = workspace.shared.environments or (None,)
        whole = is_whole(paths)
        _, problems = check(counted(files), workspace.shared, environments, whole=whole)
    names = [*map(shown, files)]
    result.write(lambda to: to.problems(names, problems))
    more = more_about(problems)
    if more and not quiet:
        note(more)
    return 3 if more else 0
