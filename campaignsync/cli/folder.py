"""The option -C of the program and of every command."""

from contextlib import chdir

import click

from campaignsync.errors import ConfigurationError


def _change_folder(ctx: click.Context, _: click.Parameter, folder: str | None) -> None:
    """Work in another folder until the command line has run."""
    if folder is None or ctx.resilient_parsing:
        return
    try:
        ctx.find_root().with_resource(chdir(folder))
    except OSError as error:
        raise ConfigurationError(
            f"cannot change to the folder {folder}: {error.strerror}",
            hint="-C takes an existing folder",
        ) from None


working_folder = click.Option(
    ["-C", "working_folder"],
    type=click.Path(file_okay=False),
    metavar="DIR",
    is_eager=True,
    expose_value=False,
    callback=_change_folder,
    help="Run as if started in this folder; all paths are then relative to it.",
)
"""An option of the program and of every command: see `cli.Commands`."""
