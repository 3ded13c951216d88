"""The options that select live campaigns, for `list` and `export`."""

from collections.abc import Sized

import click

from campaignsync.cli.command import Choice
from campaignsync.cli.options import Words, option, passed
from campaignsync.errors import ConfigurationError
from campaignsync.model.values import Selection

STATUSES = ("pending", "ready", "active", "inactive", "cooldown", "finished")
CHANNELS = ("phone_call", "whatsapp")


def _selection(  # noqa: PLR0917 - passed by name
    ids: tuple[int, ...],
    statuses: tuple[str, ...],
    names: tuple[str, ...],
    agents: tuple[str, ...],
    channels: tuple[str, ...],
    archived: bool,  # noqa: FBT001 - passed by name
    finished: bool,  # noqa: FBT001
) -> Selection:
    return Selection(
        ids=frozenset(ids),
        statuses=frozenset(statuses),
        names=names,
        agents=frozenset(agents),
        channels=frozenset(channels),
        archived=archived,
        finished=finished,
    )


selection_options = passed(
    "selection",
    _selection,
    click.argument("ids", nargs=-1, type=click.IntRange(min=1), metavar="[ID]..."),
    option(
        "--status",
        "statuses",
        multiple=True,
        type=Choice(STATUSES),
        section="What",
        help="Only campaigns with this status. Repeatable.",
    ),
    option(
        "--name",
        "names",
        type=Words(),
        multiple=True,
        metavar="PATTERN",
        section="What",
        help="Only campaigns whose name matches, as 'Q2 *'. Repeatable.",
    ),
    option(
        "--agent",
        "agents",
        multiple=True,
        metavar="ID",
        section="What",
        help="Only campaigns of this agent. Repeatable.",
    ),
    option(
        "--channel",
        "channels",
        multiple=True,
        type=Choice(CHANNELS),
        section="What",
        help="Only campaigns of this channel. Repeatable.",
    ),
    option("--archived", is_flag=True, section="What", help="Include archived campaigns."),
    option("--finished", is_flag=True, section="What", help="Include finished campaigns."),
)


def refuse_nothing(selection: Selection, found: Sized) -> None:
    """Raise ConfigurationError if filters were given and no campaign matches them."""
    if selection.is_narrow and not found:
        hint = "add --archived or --finished to include such campaigns"
        raise ConfigurationError(
            "no campaign matches the filters", hint=hint, code="NOTHING_SELECTED"
        )
