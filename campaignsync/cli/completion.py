"""`campaignsync completion`."""

import click

from campaignsync.cli.choices import Choice
from campaignsync.cli.streams import put


@click.command("completion")
@click.argument("shell", type=Choice(("bash", "zsh", "fish")), metavar="SHELL")
def command(shell: str) -> None:
    """Print the script that lets a shell complete commands, options and paths.

    SHELL is bash, zsh or fish.

    \b
    bash, in ~/.bashrc:   eval "$(campaignsync completion bash)"
    zsh, in ~/.zshrc:     eval "$(campaignsync completion zsh)"
    fish:                 campaignsync completion fish >~/.config/fish/completions/campaignsync.fish
    """
    from click.shell_completion import get_completion_class

    from campaignsync.cli import COMPLETE, cli

    of_shell = get_completion_class(shell)
    assert of_shell is not None  # noqa: S101 - click knows the three
    put(of_shell(cli, {}, "campaignsync", COMPLETE).source())
