"""The plan: what would be sent, to which campaign, from which baseline.

A plan is one document for one or several environments. It is saved, shown, and read again to be
applied.
"""

import hashlib
import hmac
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal

from pydantic import Field, field_validator

from campaignsync.errors import Source
from campaignsync.model.definitions import Desired
from campaignsync.model.document import Document, ErrorSummary, failures, grouped, total
from campaignsync.model.fields import BY_PATH

Action = Literal["update", "unchanged", "blocked", "frozen"]


class Change(Document):
    """One field, before → after.

    If `known` is false, the API did not report the live value, and `before` is null.
    """

    field: str = Field(description="Dotted path; a weekday is `scheduling.mon`.")
    before: Any
    after: Any
    known: bool
    source: Source

    @field_validator("field")
    @classmethod
    def _is_a_field(cls, path: str) -> str:
        if path not in BY_PATH:
            raise ValueError(f"{path} is not a field of a campaign")
        return path


class Request(Document):
    """One request that apply sends; `path` is relative to the base URL."""

    method: Literal["PATCH", "POST"]
    path: str
    body: dict[str, Any]


def patch_body(requests: Iterable[Request]) -> dict[str, Any]:
    """Return the fields that the PATCH among some requests sends; empty if there is none."""
    return next((each.body for each in requests if each.method == "PATCH"), {})


class Blocked(Document):
    """A reason why nothing is sent to a campaign: the API's own code, or one of ours."""

    code: str
    field: str | None
    message: str
    hint: str
    source: Source


class PlannedCampaign(Document):
    """The planned action for one campaign of one environment.

    `changes` holds every difference, whatever the action. `requests` is what apply sends, in
    order; it is empty unless the action is `update`. `status` is null if the API did not report it.
    """

    environment: str
    id: int
    name: str
    status: str | None
    source: Source
    action: Action
    changes: tuple[Change, ...] = ()
    requests: tuple[Request, ...] = ()
    blocked: tuple[Blocked, ...] = ()
    notes: tuple[str, ...] = ()
    unchanged_hours: dict[str, Any] = Field(
        default_factory=dict,
        description="Live zone and other weekdays, by path, if calling hours or the zone change.",
    )

    @property
    def body(self) -> dict[str, Any]:
        """The fields that its PATCH sends; empty if there is none."""
        return patch_body(self.requests)


class PlanSummary(Document):
    """Campaigns by action; `left_out` counts definitions without an id in the environment."""

    update: int = 0
    unchanged: int = 0
    blocked: int = 0
    frozen: int = 0
    unknown_fields: int = 0
    left_out: int = 0


class RequestCounts(Document):
    """The number of requests made for reading, and needed by apply for writing."""

    read: int = 0
    write: int = 0


class PlannedEnvironment(Document):
    """One account: its address, the digest of its definitions, and why it could not be planned.

    `definitions` is the digest of all managed values; apply refuses the plan if it differs.
    """

    name: str
    base_url: str
    definitions: str
    summary: PlanSummary
    requests: RequestCounts
    notes: tuple[str, ...] = Field(
        default=(), description="Notes to read first: guards that the workspace loosens."
    )
    error: ErrorSummary | None = None


class Plan(Document):
    """A plan: the requests to send, and each campaign's changes from its live values.

    `shard` is the part of the workspace that was planned, `2/5`, or null for all of it.
    `fingerprint` is the digest of the document without this key; apply refuses an edited plan.
    """

    version: Literal[1] = 1
    kind: Literal["plan"] = "plan"
    tool: str
    created_at: str = Field(description="UTC, ISO 8601.")
    shard: str | None = None
    environments: tuple[PlannedEnvironment, ...]
    summary: PlanSummary
    campaigns: tuple[PlannedCampaign, ...]
    seal: str | None = Field(
        default=None, description="HMAC of the document, if CAMPAIGNSYNC_PLAN_KEY was set."
    )
    fingerprint: str = ""

    @property
    def environment(self) -> PlannedEnvironment:
        """The environment of a plan for only one."""
        [environment] = self.environments
        return environment

    def by_environment(self) -> Iterator[tuple[PlannedEnvironment, list[PlannedCampaign]]]:
        """Return each environment that was planned, with its campaigns."""
        return grouped(self.environments, self.campaigns)

    def only(self, environment: str) -> "Plan":
        """Return the part of the plan for one environment, without a fingerprint."""
        [planned] = (each for each in self.environments if each.name == environment)
        campaigns = tuple(each for each in self.campaigns if each.environment == environment)
        part = {"environments": (planned,), "summary": planned.summary, "campaigns": campaigns}
        return self.model_copy(update={**part, "seal": None, "fingerprint": ""})

    def failed(self) -> Iterator[tuple[str, ErrorSummary]]:
        """Return the name of each environment that could not be planned, and why."""
        return failures(self.environments)


def with_campaigns(plan: Plan, campaigns: tuple[PlannedCampaign, ...]) -> Plan:
    """Return the plan with these campaigns, counted again, without a fingerprint."""
    environments = tuple(
        _counted(environment, [c for c in campaigns if c.environment == environment.name])
        for environment in plan.environments
    )
    return _assembled(plan, environments, campaigns)


def _counted(
    environment: PlannedEnvironment, campaigns: Sequence[PlannedCampaign]
) -> PlannedEnvironment:
    actions = Counter[str](campaign.action for campaign in campaigns)
    counts = {word: actions[word] for word in ("update", "unchanged", "blocked", "frozen")}
    unknown = sum(not change.known for campaign in campaigns for change in campaign.changes)
    summary = {**dict(environment.summary), **counts, "unknown_fields": unknown}
    requests = {
        "read": environment.requests.read,
        "write": sum(len(campaign.requests) for campaign in campaigns),
    }
    return environment.model_copy(
        update={"summary": PlanSummary(**summary), "requests": RequestCounts(**requests)}
    )


def _assembled(
    plan: Plan,
    environments: tuple[PlannedEnvironment, ...],
    campaigns: tuple[PlannedCampaign, ...],
) -> Plan:
    summary = PlanSummary(**total(environment.summary for environment in environments))
    parts = {"environments": environments, "summary": summary, "campaigns": campaigns}
    return plan.model_copy(update={**parts, "seal": None, "fingerprint": ""})


def merge(plans: Sequence[Plan], failed: Mapping[str, ErrorSummary]) -> Plan:
    """Return one plan of several environments; `failed` says why others could not be planned.

    There is at least one plan. The oldest one gives the time. The result has no fingerprint.
    """
    accounts = [each for plan in plans for each in plan.environments]
    nothing = PlanSummary()
    accounts += [
        PlannedEnvironment(
            name=name,
            base_url="",
            definitions="",
            summary=nothing,
            requests=RequestCounts(),
            error=error,
        )
        for name, error in failed.items()
    ]
    oldest = min(plans, key=lambda plan: plan.created_at)
    campaigns = tuple(campaign for plan in plans for campaign in plan.campaigns)
    return _assembled(oldest, tuple(accounts), campaigns)


def digest_of(desired: Desired) -> str:
    """Return the digest of all managed values; comments, order and file names do not count."""
    return _digest([[definition.id, definition.values] for definition in desired.definitions])


def seal(plan: Plan, key: bytes | None = None) -> Plan:
    """Return the plan with its fingerprint and, where there is a key, an HMAC made with it.

    The fingerprint is a plain digest: it detects accidents. Only the HMAC detects forgery.
    """
    signed = plan.model_copy(update={"seal": seal_of(plan, key) if key else None})
    return signed.model_copy(update={"fingerprint": fingerprint_of(signed)})


def fingerprint_of(plan: Plan) -> str:
    """Return the digest of the whole document without its `fingerprint`."""
    return _digest(plan.model_dump(exclude={"fingerprint"}))


def seal_of(plan: Plan, key: bytes) -> str:
    """Return the HMAC of the whole document without its `seal` and `fingerprint`."""
    text = _canonical(plan.model_dump(exclude={"seal", "fingerprint"}))
    return f"hmac-sha256:{hmac.new(key, text, hashlib.sha256).hexdigest()}"


def _digest(document: Any) -> str:
    return f"sha256:{hashlib.sha256(_canonical(document)).hexdigest()}"


def _canonical(document: Any) -> bytes:
    text = json.dumps(document, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return text.encode()
