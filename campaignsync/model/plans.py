"""What would be sent, to whom, from which baseline: the plans that are saved and read again."""

from dataclasses import dataclass, field
from typing import Any, Literal, Self

from campaignsync.errors import Source
from campaignsync.model.documents import Document
from campaignsync.model.fields import BY_PATH

Action = Literal["update", "unchanged", "blocked", "frozen"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Change(Document):
    """One field, before → after.

    `known` is False where the API's answers did not say the live value: `before` is then null and
    means nothing.
    """

    field: str
    """Dotted path; a weekday is `scheduling.mon`."""
    before: Any
    after: Any
    known: bool
    source: Source

    def __post_init__(self) -> None:
        if self.field not in BY_PATH:
            raise ValueError(f"{self.field} is no field of a campaign")


@dataclass(frozen=True, slots=True, kw_only=True)
class Blocked(Document):
    """Why nothing of a campaign is sent: the API's own code, or one of ours."""

    code: str
    field: str | None
    message: str
    hint: str
    source: Source


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedCampaign(Document):
    """What becomes of one campaign.

    `changes` shows every difference, whatever the action; `patch` is the exact body of the PATCH,
    and empty unless the action is `update`. `status` is null where the API did not say it.
    """

    id: int
    name: str
    status: str | None
    source: Source
    action: Action
    changes: tuple[Change, ...] = ()
    patch: dict[str, Any] = field(default_factory=dict)
    blocked: tuple[Blocked, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanSummary(Document):
    """The campaigns by action, and the definitions that have no id in the environment."""

    update: int = 0
    unchanged: int = 0
    blocked: int = 0
    frozen: int = 0
    unknown_fields: int = 0
    left_out: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Requests(Document):
    """Requests made to read live, and requests that apply would make to write."""

    read: int
    write: int = 0


class Alone:
    """A document of one environment, read as one of several: its only part, and nothing failed."""

    __slots__ = ()

    @property
    def parts(self) -> tuple[Self, ...]:
        return (self,)

    @property
    def errors(self) -> "tuple[EnvironmentFailure, ...]":
        return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan(Alone, Document):
    """What would be sent, to whom, from which baseline.

    `shard` is the part of the workspace that was planned, `2/5`, or null for all of it.
    `definitions` is the digest of all managed values, `fingerprint` that of this whole document
    without its own line: apply refuses the plan where either no longer fits.
    """

    version: Literal[1] = 1
    kind: Literal["plan"] = "plan"
    tool: str
    created_at: str
    """UTC, ISO 8601."""
    environment: str
    base_url: str
    shard: str | None = None
    summary: PlanSummary
    requests: Requests
    campaigns: tuple[PlannedCampaign, ...]
    definitions: str
    fingerprint: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvironmentFailure(Document):
    """Why nothing came of one environment of several."""

    environment: str
    exit_code: int
    code: str
    message: str
    hint: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Plans(Document):
    """The plans of several environments, each with a fingerprint of its own.

    `errors` are those that could not be planned.
    """

    version: Literal[1] = 1
    kind: Literal["plans"] = "plans"
    summary: PlanSummary
    plans: tuple[Plan, ...]
    errors: tuple[EnvironmentFailure, ...]
    fingerprint: str = ""

    @property
    def parts(self) -> tuple[Plan, ...]:
        return self.plans
