"""The documents of drift, export, list, render, explain, validate and errors; the list of kinds."""

from collections.abc import Iterator
from typing import Any, Literal

from pydantic import Field

from campaignsync.errors import Problem, Source
from campaignsync.model.document import Document, ErrorSummary, failures, grouped
from campaignsync.model.plan import Change, Plan
from campaignsync.model.runs import Applied, History, Run

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


class ExportedCampaign(Document):
    """The outcome for one campaign; `file` is the path of its definition, written or not.

    `pending` is a file that would be written, `managed` one that already manages the campaign,
    `exists` a different file at the new path, `refused` a campaign that YAML cannot express.
    """

    id: int
    name: str
    status: str | None
    file: str | None
    outcome: Literal["written", "pending", "managed", "exists", "refused"]
    notes: tuple[str, ...] = ()


class ExportSummary(Document):
    """Number of campaigns by outcome."""

    written: int = 0
    pending: int = 0
    managed: int = 0
    exists: int = 0
    refused: int = 0


class Exported(Document):
    """Live campaigns that were written as definitions, and those that were not."""

    version: Literal[1] = 1
    kind: Literal["export"] = "export"
    environment: str
    summary: ExportSummary
    campaigns: tuple[ExportedCampaign, ...]


class ListedCampaign(Document):
    """One live campaign.

    A value is null if the API's list does not return it; `managed_by` is null without a definition.
    """

    id: int
    name: str
    status: str | None
    archived: bool | None
    channel: str | None
    agent_id: str | None
    managed_by: Source | None


class ListSummary(Document):
    """Number of campaigns with and without a definition."""

    managed: int
    unmanaged: int


class Listing(Document):
    """The live campaigns, each with its definition if there is one.

    `missing` holds the definitions whose campaign is not in the account; it is empty if only some
    campaigns were requested.
    """

    version: Literal[1] = 1
    kind: Literal["list"] = "list"
    environment: str
    summary: ListSummary
    campaigns: tuple[ListedCampaign, ...]
    missing: tuple[Source, ...] = ()


class RenderedField(Document):
    """One field, and the position of its value: in the definition, or in a shared file."""

    field: str
    value: Any
    source: Source


class RenderedDefinition(Document):
    """One definition with all shared values resolved."""

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
    """The meaning of an error code, the reason for the rule, and the fix.

    `before` and `after` show an example of the mistake and its correction: a definition, named
    files, or commands.
    """

    code: str
    meaning: str
    why: str
    fix: str
    before: str
    after: str


class Explained(Document):
    """Error codes, each explained."""

    version: Literal[1] = 1
    kind: Literal["explain"] = "explain"
    codes: tuple[ExplainedCode, ...]


class Validated(Document):
    """The problems that `validate` found; `definitions` counts the files that were read."""

    version: Literal[1] = 1
    kind: Literal["validate"] = "validate"
    definitions: int
    problems: tuple[Problem, ...]


class Error(Document):
    """The error that stopped a command."""

    version: Literal[1] = 1
    kind: Literal["error"] = "error"
    exit_code: int
    code: str
    message: str
    hint: str = ""
    problems: tuple[Problem, ...] = ()


KINDS: dict[str, type[Document]] = {
    "plan": Plan,
    "drift": Drift,
    "apply": Applied,
    "validate": Validated,
    "error": Error,
    "history": History,
    "run": Run,
    "export": Exported,
    "list": Listing,
    "render": Rendered,
    "explain": Explained,
}
"""Every published document by its kind."""
