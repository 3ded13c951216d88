"""`campaignsync completion`."""

import click
from click.shell_completion import get_completion_class

from campaignsync.cli.command import COMPLETE, Choice, Command
from campaignsync.cli.streams import print_result


@click.command("completion", cls=Command)
@click.argument("shell", type=Choice(("bash", "zsh", "fish")), metavar="SHELL")
def command(shell: str) -> None:
    """Print the completion script of a shell, for commands, options and paths.

    SHELL is bash, zsh or fish.

    \b
    bash, in ~/.bashrc:   eval "$(campaignsync completion bash)"
    zsh, in ~/.zshrc:     eval "$(campaignsync completion zsh)"
    fish:                 campaignsync completion fish >~/.config/fish/completions/campaignsync.fish
    """
    completion = get_completion_class(shell)
    assert completion is not None  # noqa: S101 - click supports the three
    program = click.get_current_context().find_root().command
    print_result(completion(program, {}, "campaignsync", COMPLETE).source())
