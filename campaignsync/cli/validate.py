"""`campaignsync validate`."""

from functools import partial
from pathlib import Path

import click

from campaignsync.cli import options
from campaignsync.cli.results import Result, result


@click.command("validate")
@options.paths
@options.option("--strict", is_flag=True, help="Also fail (exit 3) when there are warnings.")
@result("problems")
@options.quiet
def command(paths: tuple[Path, ...], result: Result, *, strict: bool, quiet: bool) -> int:
    """Check definitions offline: no key, no network.

    PATH is a workspace folder, a folder of definitions, or a definition file; the current folder
    where none is given. Every problem of every file is shown in one go.

    \b
    Example: campaignsync validate campaigns/
    """
    from campaignsync import report
    from campaignsync.errors import more_about
    from campaignsync.load import check, shown
    from campaignsync.workspace import definitions, is_whole

    with result.progress.count("reading", "definitions") as counted:
        workspace, files = definitions(paths)
        environments = workspace.shared.environments or (None,)
        whole = is_whole(paths)
        _, problems = check(counted(files), workspace.shared, environments, whole=whole)
    result.give(partial(report.problems, [*map(shown, files)], problems))
    more = more_about(problems)
    if more and not quiet:
        options.note(more)
    return 3 if more or (strict and problems) else 0
