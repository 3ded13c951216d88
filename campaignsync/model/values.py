"""What stays inside: the definitions as desired, the campaigns as live."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from campaignsync.errors import Problem, Source
from campaignsync.fields import BY_PATH, Value


@dataclass(frozen=True, slots=True)
class Definition:
    """One campaign's YAML: the managed fields by path, and where each stands.

    A path that `values` lacks is not managed: it is neither compared nor sent. `places` holds where
    every path of `values` stands, in `file` or in what it shares, and the id under "id". `labels`
    are for choosing; `overridden` are the paths that it says for this environment alone.
    """

    id: int
    file: str
    values: Mapping[str, Value]
    places: Mapping[str, Source]
    labels: Mapping[str, str] = field(default_factory=dict)
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


@dataclass(frozen=True, slots=True)
class Desired:
    """All definitions of a run, in the order of their ids, and what is odd about them.

    `left_out` counts the definitions that have no id in the run's environment; `elsewhere` names
    the environment of each id that is not of this one. `shard` is the part that they are of the
    workspace, `2/5`; None for all of it.
    """

    definitions: tuple[Definition, ...]
    warnings: tuple[Problem, ...] = ()
    left_out: int = 0
    elsewhere: Mapping[int, str] = field(default_factory=dict)
    shard: str | None = None


@dataclass(frozen=True, slots=True)
class LiveCampaign:
    """What the API says of one campaign; a path that `values` lacks is unknown."""

    id: int
    values: Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class Selection:
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


@dataclass(frozen=True, slots=True)
class Live:
    """The campaigns that exist, by id: one that was asked for and is not here does not exist."""

    campaigns: Mapping[int, LiveCampaign]
    reads: int = 0


@dataclass(frozen=True, slots=True)
class Secret:
    """A key that no repr, log line or traceback shows."""

    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Environment:
    """One account to talk to, as the workspace names it.

    `api` is "altur" or "sandbox"; `api_key_env` the variable that holds the key; `seed` the file
    that a new sandbox starts from.
    """

    name: str
    api: str = "altur"
    api_key_env: str = "ALTUR_API_KEY"
    seed: str | None = None


@dataclass(frozen=True, slots=True)
class MassChange:
    """More than `percent` of at least `at_least` definitions must not change at once."""

    percent: int = 30
    at_least: int = 10


@dataclass(frozen=True, slots=True)
class Freeze:
    """A time in which nothing is changed: days from `first` to `last`, or hours of weekdays.

    Dates are ISO, hours `HH:MM`; both ends belong to it, and all of it is meant in `zone`.
    """

    zone: str
    reason: str = ""
    first: str = "0000"
    last: str = "9999"
    days: frozenset[str] = frozenset()
    hours: tuple[str, str] = ("00:00", "23:59")


CallingHours = Mapping[str, tuple[str, str]]
"""By weekday the hours, `HH:MM`, that calls may be moved to; one that it lacks has none."""


@dataclass(frozen=True, slots=True)
class Guards:
    """What a plan may not do; `risky_fields` name fields, or groups of them.

    Each of `calling_hours` holds by itself.
    """

    mass_change: MassChange = MassChange()
    risky_fields: frozenset[str] = frozenset()
    protected: frozenset[int] = frozenset()
    freeze: tuple[Freeze, ...] = ()
    calling_hours: tuple[CallingHours, ...] = ()


Placed = Mapping[str, tuple[Value, Source]]
"""Values by path, or by weekday, and where each stands."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """A week that has a name: its hours by weekday, and where the name stands."""

    source: Source
    days: Placed


@dataclass(frozen=True, slots=True)
class Shared:
    """What the definitions of a workspace have in common.

    Texts in files lie below `root`. `channels` are the defaults of one channel each; a definition
    wins over both. `environments` are the names that definitions may use, `warnings` what is odd
    about all this.
    """

    root: str = "."
    schedules: Mapping[str, Schedule] = field(default_factory=dict)
    defaults: Placed = field(default_factory=dict)
    channels: Mapping[str, Placed] = field(default_factory=dict)
    environments: tuple[str, ...] = ()
    warnings: tuple[Problem, ...] = ()

    @property
    def defaulted(self) -> frozenset[str]:
        """The paths that have a default, for all definitions or for some."""
        return frozenset().union(self.defaults, *self.channels.values())


@dataclass(frozen=True, slots=True)
class Workspace:
    """The folder with `campaignsync.yaml`; the defaults hold where there is none.

    `root` is where `.campaignsync/` lies, `definitions` the paths that the file names, as paths
    that open from the current folder.
    """

    root: str
    file: str | None = None
    definitions: tuple[str, ...] = ()
    environments: Mapping[str, Environment] = field(default_factory=dict)
    default_environment: str | None = None
    guards: Guards = Guards()
    shared: Shared = Shared()
