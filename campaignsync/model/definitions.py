"""Internal values: definitions (desired) and campaigns (live), which are not published."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Self

from campaignsync.errors import Problem, Source
from campaignsync.model.fields import BY_PATH
from campaignsync.model.kind import Value


@dataclass(frozen=True, slots=True)
class Definition:
    """One campaign's YAML: the managed fields by path, and the source position of each.

    A path that is not in `values` is not managed: it is neither compared nor sent. `places` maps
    every path of `values`, and "id", to its position in `file` or in a shared file. `labels` are
    for selection. `overridden` holds the paths that are set for this environment only.
    """

    id: int
    file: str
    values: Mapping[str, Value]
    places: Mapping[str, Source]
    labels: Mapping[str, str] = field(default_factory=dict)
    overridden: frozenset[str] = frozenset()

    @classmethod
    def to_read(cls, id_: int, paths: Iterable[str]) -> Self:
        """Return a definition without a file: its fields are read from live, and never sent."""
        return cls(id_, "", dict.fromkeys(paths), {"id": Source("", 1)})

    @property
    def source(self) -> Source:
        return Source(self.file, 1)

    def source_of(self, path: str) -> Source:
        """Return the position of a field, or of the id if the definition does not set the field."""
        return self.places.get(path, self.places["id"])

    def settled(self, live: Mapping[str, Value]) -> dict[str, Value]:
        """Return the desired values; times that a closed day omits are taken from `live`."""
        return {
            path: BY_PATH[path].kind.settle(value, live.get(path))
            for path, value in self.values.items()
        }


@dataclass(frozen=True, slots=True)
class Desired:
    """All definitions of a run, sorted by id, and the warnings about them.

    `left_out` counts the definitions without an id in the run's environment. `elsewhere` maps each
    id of another environment to that environment's name. `shard` is the part of the workspace that
    was loaded, such as `2/5`; None for the whole workspace.
    """

    definitions: tuple[Definition, ...]
    warnings: tuple[Problem, ...] = ()
    left_out: int = 0
    elsewhere: Mapping[int, str] = field(default_factory=dict)
    shard: str | None = None

    @property
    def by_id(self) -> dict[int, Definition]:
        return {definition.id: definition for definition in self.definitions}


@dataclass(frozen=True, slots=True)
class LiveCampaign:
    """One campaign as the API returns it; a path that is not in `values` is unknown."""

    id: int
    values: Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class Selection:
    """Filters for live campaigns; an empty filter matches every campaign.

    `names` are case-insensitive patterns with `*` and `?`. Archived and finished campaigns match
    only if `archived` or `finished` is set, or if the filters name their id or status.
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
        """Whether any filter is set; if so, a selection without a match is an error."""
        return bool(self.ids or self.statuses or self.names or self.agents or self.channels)

    def matches(self, campaign: LiveCampaign) -> bool:
        """Return whether a campaign matches; an unknown value matches no filter."""
        values = campaign.values
        if self.ids:
            is_hidden = campaign.id not in self.ids
        else:
            is_finished = values.get("status") == "finished" and "finished" not in self.statuses
            is_hidden = (bool(values.get("archived")) and not self.archived) or (
                is_finished and not self.finished
            )
        name = str(values.get("name") or "").casefold()
        return (
            not is_hidden
            and (not self.statuses or values.get("status") in self.statuses)
            and (not self.names or any(fnmatchcase(name, one.casefold()) for one in self.names))
            and (not self.agents or values.get("agent_id") in self.agents)
            and (not self.channels or values.get("integration_type") in self.channels)
        )


@dataclass(frozen=True, slots=True)
class Live:
    """The existing campaigns by id; a requested campaign that is not included does not exist."""

    campaigns: Mapping[int, LiveCampaign]
    reads: int = 0


SourcedValues = Mapping[str, tuple[Value, Source]]
"""Values by path, or by weekday, each with its source position."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """A named week: its hours by weekday, and the source position of the name."""

    source: Source
    days: SourcedValues


@dataclass(frozen=True, slots=True)
class Shared:
    """Values that the definitions of a workspace share.

    Text files are below `root`. `channels` holds the defaults for each channel; a definition
    overrides these and `defaults`. `environments` holds the names that definitions may use,
    `warnings` the warnings about the shared values.
    """

    root: str = "."
    schedules: Mapping[str, Schedule] = field(default_factory=dict)
    defaults: SourcedValues = field(default_factory=dict)
    channels: Mapping[str, SourcedValues] = field(default_factory=dict)
    environments: tuple[str, ...] = ()
    warnings: tuple[Problem, ...] = ()

    @property
    def defaulted(self) -> frozenset[str]:
        """The paths that have a default, for all channels or for one."""
        return frozenset().union(self.defaults, *self.channels.values())
