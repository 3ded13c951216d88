"""Assemble plans: count their campaigns, merge environments, fingerprint and seal the document."""

import hashlib
import hmac
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from campaignsync.model.document import ErrorSummary, total
from campaignsync.model.plan import (
    Plan,
    PlannedCampaign,
    PlannedEnvironment,
    PlanSummary,
    RequestCounts,
)
from campaignsync.model.values import Desired


def with_campaigns(plan: Plan, campaigns: tuple[PlannedCampaign, ...]) -> Plan:
    """Return the plan with these campaigns, counted and sealed again."""
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
    return seal(plan.model_copy(update=parts))


def merge(plans: Sequence[Plan], failed: Mapping[str, ErrorSummary]) -> Plan:
    """Return one plan of several environments; `failed` says why others could not be planned.

    There is at least one plan. The oldest one gives the time.
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
