"""The options that commands share, and where a command's result goes."""

import os
import sys
from collections.abc import Callable
from functools import reduce
from pathlib import Path
from typing import Any, TextIO, TypeVar

import click

from campaignsync.cli.streams import put, tell
from campaignsync.files import write_whole

Command = TypeVar("Command", bound=Callable[..., Any])
Decorator = Callable[[Command], Command]

GUARDS = ("mass-change", "risky-fields", "protected", "freeze", "calling-hours")
FORMATS = ("text", "json", "markdown")


def option(*names: str, **settings: Any) -> Decorator[Any]:
    """Give a click option its environment variable: --rate is CAMPAIGNSYNC_RATE."""
    longest = max(names, key=len).partition("/")[0]
    variable = "CAMPAIGNSYNC_" + longest.lstrip("-").replace("-", "_").upper()
    return click.option(*names, envvar=variable, **settings)


def together(*decorators: Decorator[Any]) -> Decorator[Any]:
    return lambda command: reduce(lambda inner, outer: outer(inner), reversed(decorators), command)


paths = click.argument("paths", nargs=-1, type=click.Path(path_type=Path), metavar="[PATH]...")

output = together(
    option(
        "--format",
        "format_",
        type=click.Choice(FORMATS),
        default="text",
        show_default=True,
        help="The shape of the result.",
    ),
    option(
        "-o",
        "--output",
        type=click.Path(dir_okay=False, path_type=Path),
        help="Write the result to a file.",
    ),
    option("--no-color", is_flag=True, help="No colour, whatever the terminal."),
    option(
        "--log-format",
        type=click.Choice(("text", "json")),
        default="text",
        expose_value=False,  # it is looked for before the command line is read
        help="The shape of what goes to stderr: for people, or one JSON object a line.",
    ),
)

chatter = together(
    option("-q", "--quiet", is_flag=True, help="No progress, no warnings."),
    option("-v", "--verbose", is_flag=True, help="Say what is being done, on stderr."),
)

account = together(
    option("-e", "--environment", metavar="NAME", help="The environment of campaignsync.yaml."),
    option("--sandbox", is_flag=True, help="Talk to the bundled imitation of the API instead."),
    click.option(
        "--base-url",
        envvar="ALTUR_BASE_URL",
        metavar="URL",
        help="Another address of the API; plain http only to loopback.",
    ),
    option(
        "--rate",
        type=click.FloatRange(min=0, min_open=True, max=12),
        default=11.0,
        show_default=True,
        help="Requests a second; the API allows 12, all users of a key together.",
    ),
    option(
        "--send-unreadable",
        is_flag=True,
        help="Send managed fields whose live value the API does not say.",
    ),
    option(
        "--allow",
        multiple=True,
        type=click.Choice(GUARDS),
        help="Lift one guard, for this time; may be repeated.",
    ),
)

journal = option(
    "--journal",
    type=click.Path(file_okay=False, path_type=Path),
    help="The folder of the journals, instead of .campaignsync/journal.",
)


def emit(text: str, to: Path | None) -> None:
    """Print a result, or write it to a file whole."""
    if to is None:
        put(text, colour=True)  # the report is coloured already, or not at all
    else:
        write_whole(to, text + "\n")


def note(text: str) -> None:
    """Say on stderr what a person should know beside the result."""
    from campaignsync.report import words

    tell(f"note: {words.line(text)}", level="note", facts={"message": text})


def coloured(*, no_color: bool, to: Path | TextIO | None = None) -> bool:
    """Decide about colour: flag, NO_COLOR, FORCE_COLOR, then whether it goes to a terminal.

    `to` is a file that a result is written to, or the stream that it goes to; stdout by default.
    """
    if no_color or isinstance(to, Path) or os.environ.get("NO_COLOR"):
        return False
    return bool(os.environ.get("FORCE_COLOR")) or (to or sys.stdout).isatty()
