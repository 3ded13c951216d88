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
    from campaignsync.load import check, shown
    from campaignsync.workspace import definitions

    workspace, files = definitions(paths)
    _, problems = check(files, workspace.shared, workspace.shared.environments or (None,))
    result.give(partial(report.problems, [*map(shown, files)], problems))
    return 3 if any(problem.severity == "error" for problem in problems) else 0
