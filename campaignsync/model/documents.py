"""The JSON that others build on (DESIGN, section 6), one class a shape.

Reading is strict: an unknown key, a missing one or a value of another type is refused, so that a
saved plan is either what this program wrote or nothing.
"""

from collections.abc import Iterable
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    with_config,
)

from campaignsync.errors import Problem, Source
from campaignsync.fields import BY_PATH

Action = Literal["update", "unchanged", "blocked", "frozen"]
Result = Literal[
    "updated", "unchanged", "stale", "failed", "unknown", "blocked", "frozen", "skipped"
]


SHAPE = ConfigDict(
    frozen=True,
    extra="forbid",
    strict=True,
    defer_build=True,
    # What we write has all its keys: who reads it may rely on each of them.
    json_schema_serialization_defaults_required=True,
)
for part in (Source, Problem):
    with_config(SHAPE)(part)


class Document(BaseModel):
    model_config = SHAPE

    @classmethod
    def parse(cls, text: str | bytes) -> Self:
        """Read JSON; raises ValueError with the first thing that does not fit, and where."""
        try:
            return cls.model_validate_json(text)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            place = ".".join(str(part) for part in first["loc"])
            raise ValueError(f"{place}: {first['msg']}" if place else first["msg"]) from None


def _known(path: str) -> str:
    if path not in BY_PATH:
        raise ValueError("is no field of a campaign")
    return path


class Change(Document):
    """One field, before → after.

    `known` is False where the API's answers did not say the live value: `before` is then null and
    means nothing.
    """

    field: Annotated[
        str,
        AfterValidator(_known),
        Field(description="Dotted path; a weekday is `scheduling.mon`."),
    ]
    before: Any
    after: Any
    known: bool
    source: Source


class Blocked(Document):
    """Why nothing of a campaign is sent: the API's own code, or one of ours."""

    code: str
    field: str | None
    message: str
    hint: str
    source: Source


def added(summaries: Iterable[Document]) -> dict[str, int]:
    """Add up summaries, word by word."""
    total: dict[str, int] = {}
    for summary in summaries:
        for word, count in summary:
            total[word] = total.get(word, 0) + count
    return total


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
    patch: dict[str, Any] = {}
    blocked: tuple[Blocked, ...] = ()
    notes: tuple[str, ...] = ()


class PlanSummary(Document):
    """The campaigns by action, and the definitions that have no id in the environment."""

    update: int = 0
    unchanged: int = 0
    blocked: int = 0
    frozen: int = 0
    unknown_fields: int = 0
    left_out: int = 0


class Requests(Document):
    """Requests made to read live, and requests that apply would make to write."""

    read: int
    write: int = 0


class Plan(Document):
    """What would be sent, to whom, from which baseline.

    `definitions` is the digest of all managed values, `fingerprint` that of this whole document
    without its own line: apply refuses the plan where either no longer fits.
    """

    version: Literal[1] = 1
    kind: Literal["plan"] = "plan"
    tool: str
    created_at: Annotated[str, Field(description="UTC, ISO 8601.")]
    environment: str
    base_url: str
    summary: PlanSummary
    requests: Requests
    campaigns: tuple[PlannedCampaign, ...]
    definitions: str
    fingerprint: str = ""

    @property
    def parts(self) -> "tuple[Plan, ...]":
        return (self,)

    @property
    def errors(self) -> "tuple[EnvironmentFailure, ...]":
        return ()


class EnvironmentFailure(Document):
    """Why nothing came of one environment of several."""

    environment: str
    exit_code: int
    code: str
    message: str
    hint: str


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


Ahead = Literal["repo", "live", "both", "unknown"]
DriftState = Literal["in_sync", "repo", "live", "both", "unknown", "frozen", "missing"]


class Proof(Document):
    """What speaks for who is ahead: a run of the journal, a commit, or nothing (null)."""

    by: Literal["journal", "git"] | None = None
    reference: str | None = None
    date: str | None = None
    message: str


class DriftedField(Change):
    """A change that an apply would make, and who is ahead: live says `before`, the YAML `after`."""

    ahead: Ahead
    proof: Proof


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


class Drift(Document):
    """What differs between live and the definitions, and who is ahead."""

    version: Literal[1] = 1
    kind: Literal["drift"] = "drift"
    tool: str
    created_at: Annotated[str, Field(description="UTC, ISO 8601.")]
    environment: str
    base_url: str
    summary: DriftSummary
    campaigns: tuple[DriftedCampaign, ...]


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
    patch: dict[str, Any] = {}
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


class Applied(Document):
    """What an apply did, counted from its outcomes."""

    version: Literal[1] = 1
    kind: Literal["apply"] = "apply"
    run: str
    environment: str
    summary: ApplySummary
    campaigns: tuple[Outcome, ...]

    @property
    def parts(self) -> "tuple[Applied, ...]":
        return (self,)

    @property
    def errors(self) -> tuple[EnvironmentFailure, ...]:
        return ()


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


class RunSummary(Document):
    """One apply, as its journal tells it; `exit_code` is null where it was cut off."""

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
    """One PATCH that was announced: by field, what was before and what was sent."""

    id: int
    name: str
    outcome: str | None
    patch: dict[str, Any]
    before: dict[str, Any]
    after: dict[str, Any]


class Run(RunSummary):
    """One apply, write by write."""

    version: Literal[1] = 1
    kind: Literal["run"] = "run"
    details: tuple[Write, ...]


class ExportedCampaign(Document):
    """What became of one campaign: `file` is where it stands, or would.

    `pending` is a file that would be written, `managed` one that manages the campaign already,
    `exists` another file in the new one's place, `refused` a campaign that no definition can hold.
    """

    id: int
    name: str
    status: str | None
    file: str | None
    outcome: Literal["written", "pending", "managed", "exists", "refused"]
    notes: tuple[str, ...] = ()


class ExportSummary(Document):
    written: int = 0
    pending: int = 0
    managed: int = 0
    exists: int = 0
    refused: int = 0


class Exported(Document):
    """Live campaigns that became definitions, and those that did not."""

    version: Literal[1] = 1
    kind: Literal["export"] = "export"
    environment: str
    summary: ExportSummary
    campaigns: tuple[ExportedCampaign, ...]


class ListedCampaign(Document):
    """One live campaign; null is what the API's list does not say, or what nothing manages."""

    id: int
    name: str
    status: str | None
    archived: bool | None
    channel: str | None
    agent_id: str | None
    managed_by: Source | None


class ListSummary(Document):
    managed: int
    unmanaged: int


class Listing(Document):
    """The live campaigns beside their definitions.

    `missing` are definitions whose campaign the account does not have; it is empty where only some
    campaigns were asked for.
    """

    version: Literal[1] = 1
    kind: Literal["list"] = "list"
    environment: str
    summary: ListSummary
    campaigns: tuple[ListedCampaign, ...]
    missing: tuple[Source, ...] = ()


class RenderedField(Document):
    """One field, and where its value stands: in the definition, or in what it shares."""

    field: str
    value: Any
    source: Source


class RenderedDefinition(Document):
    id: int
    source: Source
    labels: dict[str, str]
    fields: tuple[RenderedField, ...]


class Rendered(Document):
    """Definitions with defaults, schedules, texts and environment resolved."""

    version: Literal[1] = 1
    kind: Literal["render"] = "render"
    environment: str
    definitions: tuple[RenderedDefinition, ...]


class ExplainedCode(Document):
    """What a code means, why there is such a rule, and what to do.

    `before` and `after` are an example without and with the fix, or empty: a definition, files
    under their names, or commands.
    """

    code: str
    meaning: str
    why: str
    fix: str
    before: str
    after: str


class Explained(Document):
    """Codes, each explained."""

    version: Literal[1] = 1
    kind: Literal["explain"] = "explain"
    codes: tuple[ExplainedCode, ...]


class Validated(Document):
    """What `validate` found; `definitions` counts the files that were read."""

    version: Literal[1] = 1
    kind: Literal["validate"] = "validate"
    definitions: int
    problems: tuple[Problem, ...]


class Error(Document):
    """An error that stopped a command."""

    version: Literal[1] = 1
    kind: Literal["error"] = "error"
    exit_code: int
    code: str
    message: str
    hint: str = ""
    problems: tuple[Problem, ...] = ()
