"""What moved in live, and who is ahead."""

from dataclasses import dataclass
from typing import Literal

from campaignsync.errors import Source
from campaignsync.model.documents import Document
from campaignsync.model.plans import Alone, Change, EnvironmentFailure

Ahead = Literal["repo", "live", "both", "unknown"]
DriftState = Literal["in_sync", "repo", "live", "both", "unknown", "frozen", "missing"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof(Document):
    """What speaks for who is ahead: a run of the journal, a commit, or nothing (null)."""

    by: Literal["journal", "git"] | None = None
    reference: str | None = None
    date: str | None = None
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftedField(Change):
    """A change that an apply would make, and who is ahead: live says `before`, the YAML `after`."""

    field: str
    """Dotted path; a weekday is `scheduling.mon`."""  # again: pydantic reads no base's docstrings
    ahead: Ahead
    proof: Proof


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftedCampaign(Document):
    """One campaign beside its definition; `missing` is one that the account does not have.

    The differences of a `frozen` one, which is finished, are no drift: nobody can act on them.
    """

    id: int
    name: str
    status: str | None
    source: Source
    state: DriftState
    fields: tuple[DriftedField, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftSummary(Document):
    """Campaigns by state, and fields whose live value the API does not say."""

    in_sync: int = 0
    repo: int = 0
    live: int = 0
    both: int = 0
    unknown: int = 0
    frozen: int = 0
    missing: int = 0
    unreadable_fields: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift(Alone, Document):
    """What differs between live and the definitions, and who is ahead.

    `shard` is the part of the workspace that was looked at, `2/5`, or null for all of it.
    """

    version: Literal[1] = 1
    kind: Literal["drift"] = "drift"
    tool: str
    created_at: str
    """UTC, ISO 8601."""
    environment: str
    base_url: str
    shard: str | None = None
    summary: DriftSummary
    campaigns: tuple[DriftedCampaign, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Drifts(Document):
    """The drift of several environments; `errors` are those that could not be compared."""

    version: Literal[1] = 1
    kind: Literal["drifts"] = "drifts"
    summary: DriftSummary
    drifts: tuple[Drift, ...]
    errors: tuple[EnvironmentFailure, ...]

    @property
    def parts(self) -> tuple[Drift, ...]:
        return self.drifts
