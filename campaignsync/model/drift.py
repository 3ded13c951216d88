"""The document that drift publishes: differences, and which side is ahead."""

from collections.abc import Iterator
from typing import Literal

from pydantic import Field

from campaignsync.errors import Source
from campaignsync.model.document import Document, ErrorSummary, failures, grouped
from campaignsync.model.plan import Change

Ahead = Literal["repo", "live", "both", "unknown"]
DriftState = Literal["in_sync", "repo", "live", "both", "unknown", "frozen", "missing"]


class Evidence(Document):
    """The evidence for the side that is ahead: a run of the journal, a commit, or null."""

    by: Literal["journal", "git"] | None = None
    reference: str | None = None
    date: str | None = None
    message: str


class DriftedField(Change):
    """A difference, and which side is ahead: `before` is live, `after` is the definition."""

    ahead: Ahead
    evidence: Evidence


class DriftedCampaign(Document):
    """One campaign compared with its definition; a `missing` one is not in the account.

    Differences of a `frozen` campaign, which is finished, do not count as drift.
    """

    environment: str
    id: int
    name: str
    status: str | None
    source: Source
    state: DriftState
    fields: tuple[DriftedField, ...] = ()


class DriftSummary(Document):
    """Number of campaigns by state, and of fields whose live value the API does not return."""

    in_sync: int = 0
    repo: int = 0
    live: int = 0
    both: int = 0
    unknown: int = 0
    frozen: int = 0
    missing: int = 0
    unreadable_fields: int = 0


class ComparedEnvironment(Document):
    """One account, and why it could not be compared."""

    name: str
    base_url: str
    summary: DriftSummary
    error: ErrorSummary | None = None


class Drift(Document):
    """Differences between live campaigns and their definitions, and which side is ahead.

    `shard` is the part of the workspace that was compared, `2/5`, or null for all of it.
    """

    version: Literal[1] = 1
    kind: Literal["drift"] = "drift"
    tool: str
    created_at: str = Field(description="UTC, ISO 8601.")
    shard: str | None = None
    environments: tuple[ComparedEnvironment, ...]
    summary: DriftSummary
    campaigns: tuple[DriftedCampaign, ...]

    def by_environment(self) -> Iterator[tuple[ComparedEnvironment, list[DriftedCampaign]]]:
        """Return each environment that was compared, with its campaigns."""
        return grouped(self.environments, self.campaigns)

    def failed(self) -> Iterator[tuple[str, ErrorSummary]]:
        """Return the name of each environment that could not be compared, and why."""
        return failures(self.environments)
