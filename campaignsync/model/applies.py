"""What came of each campaign of an apply."""

from dataclasses import dataclass, field
from typing import Any, Literal

from campaignsync.errors import Source
from campaignsync.model.documents import Document
from campaignsync.model.plans import Alone, EnvironmentFailure

Result = Literal[
    "updated", "unchanged", "stale", "failed", "unknown", "blocked", "frozen", "skipped"
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure(Document):
    """What stood in the way of one campaign."""

    code: str
    field: str | None = None
    status: int | None = None
    message: str
    hint: str = ""
    source: Source


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome(Document):
    """What came of one campaign; `patch` is the body that was to be sent."""

    id: int
    name: str
    outcome: Result
    patch: dict[str, Any] = field(default_factory=dict)
    error: Failure | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplySummary(Document):
    """The campaigns by what came of them."""

    updated: int = 0
    unchanged: int = 0
    stale: int = 0
    failed: int = 0
    unknown: int = 0
    blocked: int = 0
    frozen: int = 0
    skipped: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied(Alone, Document):
    """What an apply did, counted from its outcomes."""

    version: Literal[1] = 1
    kind: Literal["apply"] = "apply"
    run: str
    environment: str
    summary: ApplySummary
    campaigns: tuple[Outcome, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
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
