"""`campaignsync init`."""

from pathlib import Path

import click

from campaignsync.cli import options
from campaignsync.cli.streams import put, tell

PLACES = ("github", "gitlab", "kubernetes", "cron")


@click.command("init")
@click.argument("folder", type=click.Path(path_type=Path), default=".", metavar="[DIR]")
@options.option(
    "--ci",
    multiple=True,
    type=options.Choice(PLACES),
    help="Add the jobs for a place where they run; may be repeated.",
)
def command(folder: Path, ci: tuple[str, ...]) -> None:
    """Make a config repo that works at once, and change nothing that exists.

    An example definition, the editor's schema, .gitignore, a README and a pre-commit hook; with
    --ci the jobs that validate, plan, apply and watch for drift.

    \b
    Examples: campaignsync init my-campaigns --ci github
              campaignsync init --ci gitlab --ci kubernetes
    """
    from campaignsync.report import words
    from campaignsync.scaffold import lay_out

    made = kept = 0
    for laid in lay_out(folder, ci):
        put(f"{'made' if laid.made else 'kept'}  {words.line(str(folder / laid.path))}")
        if laid.lacks:
            options.note(f"{folder / laid.path} was there already; it needs: {laid.lacks}")
        made, kept = made + laid.made, kept + (not laid.made)
    left = f", {kept} left as they were" if kept else ""
    put(f"Init: {made} made{left}.")
    if made:
        tell(f"Try it: campaignsync plan --sandbox {words.line(str(folder))}")
