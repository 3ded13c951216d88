"""What came of each campaign of an apply."""

from typing import Any, Literal

from pydantic import Field

from campaignsync.errors import Source
from campaignsync.model.documents import Document
from campaignsync.model.plans import Alone, EnvironmentFailure

Result = Literal[
    "updated", "unchanged", "stale", "failed", "unknown", "blocked", "frozen", "skipped"
]


class Failure(Document):
    """What stood in the way of one campaign."""

    code: str
    field: str | None = None
    status: int | None = None
    message: str
    hint: str = ""
    source: Source


class Outcome(Document):
    """What came of one campaign; `patch` is the body that was to be sent."""

    id: int
    name: str
    outcome: Result
    patch: dict[str, Any] = Field(default_factory=dict)
    error: Failure | None = None
    notes: tuple[str, ...] = ()


class ApplySummary(Document):
    updated: int
    unchanged: int
    stale: int
    failed: int
    unknown: int
    blocked: int
    frozen: int
    skipped: int


class Applied(Alone, Document):
    """What an apply did, counted from its outcomes."""

    version: Literal[1] = 1
    kind: Literal["apply"] = "apply"
    run: str
    environment: str
    summary: ApplySummary
    campaigns: tuple[Outcome, ...]


class Applies(Document):
    """What applies to several environments did; `errors` are those that did not begin."""

    version: Literal[1] = 1
    kind: Literal["applies"] = "applies"
    summary: ApplySummary
    applies: tuple[Applied, ...]
    errors: tuple[EnvironmentFailure, ...]

    @property
    def parts(self) -> tuple[Applied, ...]:
        return self.applies
