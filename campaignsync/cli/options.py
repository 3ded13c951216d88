"""The options that commands share, and the objects in which commands receive them."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from inspect import signature
from pathlib import Path
from typing import Any, TypeVar

import click
from click.core import ParameterSource

from campaignsync.cli.command import Choice, Number, Option, Section
from campaignsync.cli.progress import Progress
from campaignsync.guards import NAMES as GUARDS

Function = TypeVar("Function", bound=Callable[..., Any])
Decorator = Callable[[Function], Function]

UNDO_ELSEWHERE = "undo-elsewhere"
"""The word for --allow with which apply undoes a run of another workspace's journal."""


@dataclass(frozen=True, slots=True)
class Target:
    """The accounts that a command works with.

    `environments` are the names of -e, `rate` is in requests per second.
    """

    environments: tuple[str, ...] = ()
    all_environments: bool = False
    sandbox: bool = False
    base_url: str | None = None
    rate: float = 12.0

    @property
    def environment(self) -> str | None:
        """The first environment; commands with a single -e have no other."""
        return self.environments[0] if self.environments else None


@dataclass(frozen=True, slots=True)
class Filters:
    """The definitions that a command works on: --select, --exclude and --shard."""

    select: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    shard: str | None = None


@dataclass(frozen=True, slots=True)
class WriteLimits:
    """The limits of what a plan may write."""

    send_unreadable: bool = False
    allow: tuple[str, ...] = ()
    guards_from: str | None = None


class TextWithSpaces(click.types.StringParamType):
    """A text that may contain spaces: an environment variable holds one per line."""

    def split_envvar_value(self, rv: str) -> list[str]:
        return [line for line in rv.splitlines() if line.strip()]


def option(*names: str, section: Section, **settings: Any) -> Decorator[Any]:
    """Return a click option with its environment variable: --rate is CAMPAIGNSYNC_RATE."""
    longest = max((name for name in names if name.startswith("-")), key=len)
    variable = "CAMPAIGNSYNC_" + longest.lstrip("-").replace("-", "_").upper()
    settings = {"envvar": variable, **settings}
    return click.option(*names, cls=Option, section=section, **settings)


def passed_as(name: str, build: Callable[..., Any], *decorators: Decorator[Any]) -> Decorator[Any]:
    """Return a decorator that adds options, and passes their values as one parameter.

    `build` makes the parameter of the values that it has parameters for.
    """
    keys = tuple(signature(build).parameters)

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(command)
        def wrapped(*values: Any, **others: Any) -> Any:
            own = {key: others.pop(key) for key in keys if key in others}
            return command(*values, **{name: build(**own)}, **others)

        decorated: Callable[..., Any] = wrapped
        for decorator in reversed(decorators):
            decorated = decorator(decorated)
        return decorated

    return decorate


paths = click.argument("paths", nargs=-1, type=click.Path(path_type=Path), metavar="[PATH]...")

no_color = option("--no-color", is_flag=True, section="Output", help="Disable colour.")

_quiet = option(
    "-q", "--quiet", is_flag=True, section="Output", help="Print no progress and no notes."
)
_verbose = option(
    "-v", "--verbose", is_flag=True, section="Output", help="Print each step on stderr."
)
quiet = passed_as("progress", Progress, _quiet)
progress = passed_as("progress", Progress, _quiet, _verbose)

_account = (
    option(
        "--sandbox",
        is_flag=True,
        section="Where",
        help="Use the bundled imitation of the API.",
    ),
    option(
        "--base-url",
        envvar="ALTUR_BASE_URL",
        metavar="URL",
        section="Where",
        help="Base URL of the API. Plain http is for loopback only.",
    ),
    option(
        "--rate",
        type=Number(min=0, min_open=True, max=12),
        metavar="N",
        default=12.0,
        show_default=True,
        section="Where",
        help="Maximum requests per second. The API allows 12 per key.",
    ),
)


def _in_tuple(_ctx: click.Context, _: click.Parameter, name: str | None) -> tuple[str, ...]:
    """Return the value of a single -e as `Target` holds it."""
    return (name,) if name else ()


account = passed_as(
    "target",
    Target,
    option(
        "-e",
        "--environment",
        "environments",
        metavar="NAME",
        section="Where",
        help="Environment of campaignsync.yaml to use.",
        callback=_in_tuple,
    ),
    *_account,
)


def _environments(
    environments: tuple[str, ...],
    all_environments: bool,  # noqa: FBT001 - passed by name
    sandbox: bool,  # noqa: FBT001
    base_url: str | None,
    rate: float,
) -> Target:
    """Resolve -e beside --all-environments: the command line wins over a variable.

    Raises UsageError if both are on the command line.
    """
    if environments and all_environments:
        source = click.get_current_context().get_parameter_source
        typed = [
            name
            for name in ("environments", "all_environments")
            if source(name) is ParameterSource.COMMANDLINE
        ]
        if len(typed) != 1:
            raise click.UsageError("-e and --all-environments exclude each other")
        all_environments = typed == ["all_environments"]
        environments = () if all_environments else environments
    return Target(environments, all_environments, sandbox, base_url, rate)


accounts = passed_as(
    "target",
    _environments,
    option(
        "-e",
        "--environment",
        "environments",
        multiple=True,
        metavar="NAME",
        section="Where",
        help="Environment of campaignsync.yaml to use. Repeatable: several run in parallel.",
    ),
    option(
        "--all-environments",
        is_flag=True,
        section="Where",
        help="Use every account of campaignsync.yaml, in parallel. Sandboxes are left out.",
    ),
    *_account,
)

_selecting = (
    option(
        "--select",
        type=TextWithSpaces(),
        multiple=True,
        metavar="WORD",
        section="What",
        help="Only these campaigns: ID, label (team=collections) or name pattern ('Q2 *')."
        " Repeatable.",
    ),
    option(
        "--exclude",
        type=TextWithSpaces(),
        multiple=True,
        metavar="WORD",
        section="What",
        help="Exclude these campaigns: same values as --select. Repeatable.",
    ),
)
selecting = passed_as("filters", Filters, *_selecting)
filters = passed_as(
    "filters",
    Filters,
    *_selecting,
    option(
        "--shard",
        metavar="K/N",
        section="What",
        help="Only part K of N, such as 2/5. A campaign always stays in its part.",
    ),
)


def write_limits(*more_allowed: str) -> Decorator[Any]:
    """Return the options that limit what is written; `more_allowed` are more words for --allow."""
    return passed_as(
        "limits",
        WriteLimits,
        option(
            "--send-unreadable",
            is_flag=True,
            section="Safety",
            help="Send managed fields whose live value the API does not return.",
        ),
        option(
            "--allow",
            multiple=True,
            type=Choice(words := (*GUARDS, *more_allowed)),
            metavar="GUARD",
            section="Safety",
            help=f"Disable one guard for this run: {', '.join(words)}. Repeatable.",
        ),
        option(
            "--guards-from",
            metavar="REVISION",
            section="Safety",
            help="Also check the guards of campaignsync.yaml at this git revision (origin/main).",
        ),
    )
