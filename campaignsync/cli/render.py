"""`campaignsync render`."""

from pathlib import Path

import click

from campaignsync.cli import options


@click.command("render")
@options.paths
@options.choice
@options.option("-e", "--environment", metavar="NAME", help="The environment to resolve for.")
@options.output_as((*options.FORMATS, "yaml"))
@options.quiet
def command(
    paths: tuple[Path, ...],
    *,
    chosen: tuple[str, ...],
    excluded: tuple[str, ...],
    environment: str | None,
    format_: str,
    output: Path | None,
    no_color: bool,
    quiet: bool,
) -> None:
    """Show definitions with all that they share resolved, and where each value stands.

    Defaults, schedules, texts in files and an environment's own values are what `plan` compares
    with live. A number among the PATHs is a campaign's id. Offline: no key, no network.

    \b
    Examples: campaignsync render 1234
              campaignsync render -e staging --select team=collections --format yaml
    """
    from campaignsync import report
    from campaignsync.cli.progress import Progress
    from campaignsync.load import load
    from campaignsync.report.documents import rendered_of
    from campaignsync.select import refuse_absent, select
    from campaignsync.workspace import choose, definitions
    from campaignsync.write.resolved import resolved

    ids = tuple(str(path) for path in paths if str(path).isdecimal() and not path.exists())
    progress = Progress(quiet=quiet)
    with progress.count("reading", "definitions") as counted:
        workspace, files = definitions([path for path in paths if str(path) not in ids])
        target = choose(workspace, environment)
        desired = load(counted(files), workspace.shared, target.name)
    refuse_absent(desired, target.name)
    desired = select(desired, (*ids, *chosen), excluded)
    with progress.watch("writing the report"):
        if format_ == "yaml":
            text = resolved(desired.definitions)
        else:
            colour = options.coloured(no_color=no_color, to=output)
            text = report.rendered(rendered_of(desired, target.name), format_, colour=colour)
    options.emit(text, output)
