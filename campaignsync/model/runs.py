"""The applies of a workspace, as their journals tell them."""

from dataclasses import dataclass
from typing import Any, Literal

from campaignsync.model.documents import Document


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSummary(Document):
    """One apply, as its journal tells it; `exit_code` is null where it was cut off."""

    run: str
    started: str
    environment: str
    writes: int
    outcomes: dict[str, int]
    exit_code: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class History(Document):
    """The applies of a workspace, oldest first."""

    version: Literal[1] = 1
    kind: Literal["history"] = "history"
    runs: tuple[RunSummary, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Write(Document):
    """One PATCH that was announced: by field, what was before and what was sent."""

    id: int
    name: str
    outcome: str | None
    patch: dict[str, Any]
    before: dict[str, Any]
    after: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Run(RunSummary):
    """One apply, write by write."""

    version: Literal[1] = 1
    kind: Literal["run"] = "run"
    details: tuple[Write, ...]
