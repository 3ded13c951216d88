"""Runs of apply: what apply and history publish, and a run as its journal records it."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Any, Literal

from campaignsync.errors import Source
from campaignsync.model.definitions import Definition
from campaignsync.model.document import Document, ErrorSummary, failures, grouped
from campaignsync.model.kind import Value
from campaignsync.model.plan import Request, patch_body

Result = Literal[
    "updated", "unchanged", "stale", "failed", "unknown", "blocked", "frozen", "skipped"
]


class Failure(Document):
    """The reason why a campaign was not updated as planned."""

    code: str
    field: str | None = None
    status: int | None = None
    message: str
    hint: str = ""
    source: Source


class Outcome(Document):
    """The outcome for one campaign; `requests` holds the planned requests."""

    environment: str
    id: int
    name: str
    outcome: Result
    requests: tuple[Request, ...] = ()
    error: Failure | None = None
    notes: tuple[str, ...] = ()


class ApplySummary(Document):
    """Number of campaigns by outcome."""

    updated: int = 0
    unchanged: int = 0
    stale: int = 0
    failed: int = 0
    unknown: int = 0
    blocked: int = 0
    frozen: int = 0
    skipped: int = 0


class AppliedEnvironment(Document):
    """One account: the run in its journal, empty if nothing was written, and why it failed."""

    name: str
    run: str
    summary: ApplySummary
    error: ErrorSummary | None = None


class Applied(Document):
    """The result of an apply."""

    version: Literal[1] = 1
    kind: Literal["apply"] = "apply"
    environments: tuple[AppliedEnvironment, ...]
    summary: ApplySummary
    campaigns: tuple[Outcome, ...]

    def by_environment(self) -> Iterator[tuple[AppliedEnvironment, list[Outcome]]]:
        """Return each environment that was applied, with its campaigns."""
        return grouped(self.environments, self.campaigns)

    def failed(self) -> Iterator[tuple[str, ErrorSummary]]:
        """Return the name of each environment that was not applied, and why."""
        return failures(self.environments)


class RunSummary(Document):
    """One apply in the journal; `exit_code` is null if the run was interrupted."""

    run: str
    started: str
    environment: str
    writes: int
    outcomes: dict[str, int]
    exit_code: int | None


class History(Document):
    """The applies of a workspace, oldest first."""

    version: Literal[1] = 1
    kind: Literal["history"] = "history"
    runs: tuple[RunSummary, ...]


class Write(Document):
    """One write: its requests, and by field the value before and the desired value."""

    id: int
    name: str
    outcome: str | None
    requests: tuple[Request, ...]
    before: dict[str, Any]
    after: dict[str, Any]


class Run(RunSummary):
    """One apply with all its writes."""

    version: Literal[1] = 1
    kind: Literal["run"] = "run"
    details: tuple[Write, ...]


@dataclass(frozen=True, slots=True)
class Intent:
    """A write that is about to be sent: its requests, and its fields before and after.

    `before` lacks the fields that could not be read. `siblings` holds the live values of the other
    fields in the blocks that it sends, which must stay as they are.
    """

    id: int
    name: str
    requests: tuple[Request, ...]
    before: Mapping[str, Value]
    after: Mapping[str, Value]
    source: Source
    siblings: Mapping[str, Value] = field(default_factory=dict)

    @property
    def body(self) -> dict[str, Any]:
        """The fields that its PATCH sends."""
        return patch_body(self.requests)

    def definition(self, values: Mapping[str, Value]) -> Definition:
        """Return a definition of the campaign, placed at the intent's line of the journal."""
        places = dict.fromkeys(("id", *values), self.source)
        return Definition(self.id, self.source.file, values, places)


@dataclass(frozen=True, slots=True)
class Record:
    """One run, read from its journal: its intents, outcomes, and exit code if it finished.

    `environment`, `base_url` and `started` are empty if the run was killed before its first line.
    `collateral` holds fields that a PATCH changed without sending them, in a block that it sent:
    (before, after) by path. An intent without an outcome is a write whose outcome is unknown.
    """

    run: str
    path: PurePath
    environment: str = ""
    base_url: str = ""
    started: str = ""
    intents: Mapping[int, Intent] = field(default_factory=dict)
    outcomes: Mapping[int, Mapping[str, Any]] = field(default_factory=dict)
    collateral: Mapping[int, Mapping[str, tuple[Value, Value]]] = field(default_factory=dict)
    exit_code: int | None = None

    def is_of(self, environment: str, base_url: str) -> bool:
        """Return whether the run wrote to an account."""
        return (self.environment, self.base_url) == (environment, base_url)

    @property
    def is_unfinished(self) -> bool:
        """Return whether the run was cut off, or has a write with an unknown outcome."""
        return self.exit_code is None or bool(self.unresolved)

    @property
    def unresolved(self) -> tuple[Intent, ...]:
        """Return the writes whose outcome is unknown."""
        known = {id_ for id_, line in self.outcomes.items() if line["outcome"] != "unknown"}
        return tuple(intent for id_, intent in self.intents.items() if id_ not in known)


def summary_of(record: Record) -> RunSummary:
    """Return the summary of a run; a write without an outcome counts as unknown."""
    outcomes = Counter(_outcome(record, id_) or "unknown" for id_ in record.intents)
    return RunSummary(
        run=record.run,
        started=record.started,
        environment=record.environment,
        writes=len(record.intents),
        outcomes=dict(outcomes),
        exit_code=record.exit_code,
    )


def run_of(record: Record) -> Run:
    """Return the document of a run; its writes are in the order of the journal."""
    writes = (
        Write(
            id=intent.id,
            name=intent.name,
            outcome=_outcome(record, intent.id),
            requests=intent.requests,
            before=dict(intent.before),
            after=dict(intent.after),
        )
        for intent in record.intents.values()
    )
    return Run(**dict(summary_of(record)), details=tuple(writes))


def _outcome(record: Record, id_: int) -> str | None:
    outcome = record.outcomes.get(id_)
    return str(outcome["outcome"]) if outcome else None
