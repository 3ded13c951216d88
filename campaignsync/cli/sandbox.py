"""`campaignsync sandbox serve` and `campaignsync sandbox reset`."""

import threading
from pathlib import Path

import click

from campaignsync.cli import options
from campaignsync.cli.account import sandbox_of
from campaignsync.cli.command import CommandGroup, WholeNumber
from campaignsync.cli.progress import Progress
from campaignsync.cli.streams import print_message, print_result
from campaignsync.load.select import choose
from campaignsync.load.workspace import find_workspace
from campaignsync.report import wording as words
from campaignsync.sandbox import Sandbox

folder = click.argument("path", type=click.Path(path_type=Path), default=".", metavar="[PATH]")


@click.group("sandbox", cls=CommandGroup, invoke_without_command=True)
@click.pass_context
def command(ctx: click.Context) -> None:
    """Serve or reset the imitation of the API that `api: sandbox` uses."""
    if ctx.invoked_subcommand is None:
        print_result(ctx.get_help())


@command.command("serve")
@folder
@options.option(
    "--port",
    type=WholeNumber(0, 65535),
    metavar="N",
    default=0,
    section="Where",
    help="Port to listen on. Default: any free port.",
)
@options.quiet
def serve(path: Path, port: int, progress: Progress) -> None:
    """Serve the workspace's sandbox on loopback until Ctrl-C.

    \b
    Example: campaignsync sandbox serve campaigns.example --port 8080
    """
    with _sandbox_at(path, progress, port=port) as sandbox:
        print_result(f"export ALTUR_BASE_URL={sandbox.url}")
        print_result(f"export ALTUR_API_KEY={sandbox.key}")
        if not progress.quiet:
            print_message("Serving until Ctrl-C.")
        threading.Event().wait()


@command.command("reset")
@folder
@options.quiet
def reset(path: Path, progress: Progress) -> None:
    """Reset the workspace's sandbox to its seed."""
    resetting = progress.watch("resetting the sandbox")
    with _sandbox_at(path, progress) as sandbox, resetting:
        sandbox.reset()
        count = len(sandbox.campaigns())
    print_result(f"Reset the sandbox to its seed: {words.count(count, 'campaign')}.")


def _sandbox_at(path: Path, progress: Progress, *, port: int = 0) -> Sandbox:
    workspace = find_workspace(path)
    with progress.watch("starting the sandbox"):
        return sandbox_of(workspace, choose(workspace, None, sandbox=True), port=port)
