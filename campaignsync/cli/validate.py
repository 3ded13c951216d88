"""`campaignsync validate`."""

from pathlib import Path

import click

from campaignsync.cli import options


@click.command("validate")
@options.paths
@options.output
def command(paths: tuple[Path, ...], format_: str, output: Path | None, *, no_color: bool) -> int:
    """Check definitions offline: no key, no network.

    PATH is a workspace folder, a folder of definitions, or a definition file; the current folder
    where none is given. Every problem of every file is shown in one go.

    \b
    Example: campaignsync validate campaigns/
    """
    from campaignsync import report
    from campaignsync.load import check
    from campaignsync.workspace import definitions

    workspace, files = definitions(paths)
    _, problems = check(files, workspace.shared, workspace.shared.environments or (None,))
    colour = options.coloured(no_color=no_color, to=output)
    options.emit(report.problems(len(files), problems, format_, colour=colour), output)
    return 3 if any(problem.severity == "error" for problem in problems) else 0
