"""What stays inside: the definitions as desired, the campaigns as live.

Named tuples: frozen as dataclasses can be, and made in a tenth of their time, which every command
would wait for when it starts.
"""

from collections.abc import Mapping
from fnmatch import fnmatchcase
from types import MappingProxyType
from typing import Any, NamedTuple

from campaignsync.errors import Problem, Source
from campaignsync.model.fields import BY_PATH, Value

NOTHING: Mapping[Any, Any] = MappingProxyType({})


class Definition(NamedTuple):
    """One campaign's YAML: the managed fields by path, and where each stands.

    A path that `values` lacks is not managed: it is neither compared nor sent. `places` holds where
    every path of `values` stands, in `file` or in what it shares, and the id under "id". `labels`
    are for choosing; `overridden` are the paths that it says for this environment alone.
    """

    id: int
    file: str
    values: Mapping[str, Value]
    places: Mapping[str, Source]
    labels: Mapping[str, str] = NOTHING
    overridden: frozenset[str] = frozenset()

    @property
    def source(self) -> Source:
        return Source(self.file, 1)

    def source_of(self, path: str) -> Source:
        """Point at a field; at the id where the definition does not say that field."""
        return self.places.get(path, self.places["id"])

    def settled(self, live: Mapping[str, Value]) -> dict[str, Value]:
        """Give the desired values; what they leave open, a closed day's times, is as live."""
        return {
            path: BY_PATH[path].kind.settle(value, live.get(path))
            for path, value in self.values.items()
        }


class Desired(NamedTuple):
    """All definitions of a run, in the order of their ids, and what is odd about them.

    `left_out` counts the definitions that have no id in the run's environment; `elsewhere` names
    the environment of each id that is not of this one. `shard` is the part that they are of the
    workspace, `2/5`; None for all of it.
    """

    definitions: tuple[Definition, ...]
    warnings: tuple[Problem, ...] = ()
    left_out: int = 0
    elsewhere: Mapping[int, str] = NOTHING
    shard: str | None = None


class LiveCampaign(NamedTuple):
    """What the API says of one campaign; a path that `values` lacks is unknown."""

    id: int
    values: Mapping[str, Value]


class Selection(NamedTuple):
    """Which live campaigns are meant; what is empty asks for nothing.

    `names` are patterns with `*` and `?`, without case. Archived and finished campaigns are meant
    only where `archived` and `finished` say so, or where an id or a status names them.
    """

    ids: frozenset[int] = frozenset()
    statuses: frozenset[str] = frozenset()
    names: tuple[str, ...] = ()
    agents: frozenset[str] = frozenset()
    channels: frozenset[str] = frozenset()
    archived: bool = False
    finished: bool = False

    @property
    def is_narrow(self) -> bool:
        """Tell whether anything was asked for: then finding nothing is a mistake."""
        return bool(self.ids or self.statuses or self.names or self.agents or self.channels)

    def admits(self, campaign: LiveCampaign) -> bool:
        """Tell whether a campaign is meant; what is not known of it answers no question."""
        values = campaign.values
        if self.ids:
            hidden = campaign.id not in self.ids
        else:
            is_finished = values.get("status") == "finished" and "finished" not in self.statuses
            hidden = (bool(values.get("archived")) and not self.archived) or (
                is_finished and not self.finished
            )
        name = str(values.get("name") or "").casefold()
        return (
            not hidden
            and (not self.statuses or values.get("status") in self.statuses)
            and (not self.names or any(fnmatchcase(name, one.casefold()) for one in self.names))
            and (not self.agents or values.get("agent_id") in self.agents)
            and (not self.channels or values.get("integration_type") in self.channels)
        )


class Live(NamedTuple):
    """The campaigns that exist, by id: one that was asked for and is not here does not exist."""

    campaigns: Mapping[int, LiveCampaign]
    reads: int = 0


Placed = Mapping[str, tuple[Value, Source]]
"""Values by path, or by weekday, and where each stands."""


class Schedule(NamedTuple):
    """A week that has a name: its hours by weekday, and where the name stands."""

    source: Source
    days: Placed


class Shared(NamedTuple):
    """What the definitions of a workspace have in common.

    Texts in files lie below `root`. `channels` are the defaults of one channel each; a definition
    wins over both. `environments` are the names that definitions may use, `warnings` what is odd
    about all this.
    """

    root: str = "."
    schedules: Mapping[str, Schedule] = NOTHING
    defaults: Placed = NOTHING
    channels: Mapping[str, Placed] = NOTHING
    environments: tuple[str, ...] = ()
    warnings: tuple[Problem, ...] = ()

    @property
    def defaulted(self) -> frozenset[str]:
        """The paths that have a default, for all definitions or for some."""
        return frozenset().union(self.defaults, *self.channels.values())
