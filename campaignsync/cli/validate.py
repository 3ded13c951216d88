"""`campaignsync validate`."""

from functools import partial
from pathlib import Path

import click

from campaignsync.cli import options
from campaignsync.cli.results import Result, result


@click.command("validate")
@options.paths
@result("problems")
def command(paths: tuple[Path, ...], result: Result) -> int:
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

    workspace, files = definitions(paths)
    environments = workspace.shared.environments or (None,)
    _, problems = check(files, workspace.shared, environments, whole=is_whole(paths))
    result.give(partial(report.problems, [*map(shown, files)], problems))
    if more := more_about(problems):
        options.note(more)
    return 3 if more else 0
