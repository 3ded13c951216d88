"""`campaignsync sandbox serve` and `campaignsync sandbox reset`."""

import threading
from pathlib import Path
from typing import TYPE_CHECKING

import click

from campaignsync.cli import options
from campaignsync.cli.streams import put, tell

if TYPE_CHECKING:
    from campaignsync.sandbox import Sandbox

folder = click.argument("path", type=click.Path(path_type=Path), default=".", metavar="[PATH]")


@click.group("sandbox")
def command() -> None:
    """Serve or reset the imitation of the API that `api: sandbox` talks to."""


@command.command("serve")
@folder
@options.option("--port", type=click.IntRange(0, 65535), default=0, help="0 takes a free one.")
@options.quiet
def serve(path: Path, port: int, *, quiet: bool) -> None:
    """Serve the workspace's sandbox on loopback until Ctrl-C.

    \b
    Example: campaignsync sandbox serve campaigns.example --port 8080
    """
    with _sandbox_at(path, port=port, quiet=quiet) as sandbox:
        put(f"export ALTUR_BASE_URL={sandbox.url}")
        put(f"export ALTUR_API_KEY={sandbox.key}")
        if not quiet:
            tell("Serving until Ctrl-C.")
        threading.Event().wait()


@command.command("reset")
@folder
@options.quiet
def reset(path: Path, *, quiet: bool) -> None:
    """Put the workspace's sandbox back to its seed."""
    from campaignsync.cli.progress import Progress

    resetting = Progress(quiet=quiet).watch("putting the sandbox back")
    with _sandbox_at(path, quiet=quiet) as sandbox, resetting:
        sandbox.reset()
        count = len(sandbox.campaigns())
    put(f"The sandbox holds {count} campaigns, as its seed says.")


def _sandbox_at(path: Path, *, port: int = 0, quiet: bool) -> "Sandbox":
    from campaignsync.cli.connect import sandbox_of
    from campaignsync.cli.progress import Progress
    from campaignsync.workspace import choose, find_workspace

    workspace = find_workspace(path)
    with Progress(quiet=quiet).watch("starting the sandbox"):
        return sandbox_of(workspace, choose(workspace, None, sandbox=True), port=port)
