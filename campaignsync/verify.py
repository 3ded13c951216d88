"""What a campaign should be like after a PATCH, held against what the API says it is like."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from campaignsync.errors import ApiError, Inconsistent
from campaignsync.model.applies import Failure
from campaignsync.model.fields import BY_PATH, REFUSALS, WEEKS, Mutability, Value, readings
from campaignsync.model.plans import Change, PlannedCampaign
from campaignsync.model.values import Definition, LiveCampaign

Differences = Mapping[str, tuple[Value, Value]]
"""By path: what was expected, and what the API says instead."""


def sent_by(campaign: PlannedCampaign) -> dict[str, Value]:
    """Give the fields that a planned PATCH holds, and their values."""
    return {
        change.field: change.after for change in campaign.changes if BY_PATH[change.field].sendable
    }


def said_after(answer: Mapping[str, Any], live: LiveCampaign) -> Mapping[str, Value]:
    """Read a PATCH's answer, and miss in it what is gone."""
    return missed(dict(readings(answer, "detailed")), live)


def missed(said: Mapping[str, Value], live: LiveCampaign) -> Mapping[str, Value]:
    """Say of a weekday that is gone from its week that it is null: it was lost, not left out."""
    weeks = {path.rpartition(".")[0] for path in said} & set(WEEKS)
    gone = (path for path in live.values if path not in said and path.rpartition(".")[0] in weeks)
    return {**dict.fromkeys(gone), **said}


def differences(expected: Mapping[str, Value], said: Mapping[str, Value]) -> Differences:
    """Compare where an answer says the field at all: what it leaves out is unknown."""
    return {
        path: (value, said[path])
        for path, value in expected.items()
        if path in said and said[path] != BY_PATH[path].kind.settle(value, said[path])
    }


def untouched(live: Mapping[str, Value], sent: Mapping[str, Value]) -> Mapping[str, Value]:
    """Give what a PATCH must leave alone; what the API decides may move at any time."""
    return {
        path: value
        for path, value in live.items()
        if path not in sent and BY_PATH[path].mutability is not Mutability.READ_ONLY
    }


def not_taken(refused: Differences) -> Inconsistent:
    return Inconsistent(
        f"the API accepted the PATCH, but not its values: {_both(refused, 'sent')}",
        hint="look at the campaign in the dashboard, and plan again",
        code="NOT_TAKEN",
        field=next(iter(refused)),
    )


def unasked(lost: Differences) -> Inconsistent:
    return Inconsistent(
        f"the PATCH changed what it did not name: {_both(lost, 'was')}",
        hint="nothing further is sent; put the values back, and report how the API merges",
        code="CHANGED_UNASKED",
        field=next(iter(lost)),
    )


def _both(found: Differences, word: str) -> str:
    return "; ".join(
        f"{path} {word} {brief(expected)}, is {brief(said)}"
        for path, (expected, said) in found.items()
    )


def reviewed(campaign: PlannedCampaign) -> tuple[Mapping[str, Any], Sequence[tuple[Any, ...]]]:
    """Give what a reviewer saw: the body, and each change wherever its line is in the file."""
    changes = [
        (change.field, change.before, change.after, change.known) for change in campaign.changes
    ]
    return campaign.patch, changes


def moved(campaign: PlannedCampaign, now: PlannedCampaign, definition: Definition) -> Failure:
    """Say what live was and is, for each field that moved since the plan."""
    planned = {change.field: change for change in campaign.changes}
    found = {change.field: change for change in now.changes}
    lines = [
        f"{path}: planned from {_seen(planned.get(path))}, live is {_seen(found.get(path))}"
        for path in {**planned, **found}
        if _seen(planned.get(path)) != _seen(found.get(path))
    ]
    reasons = [f"{blocked.code}: {blocked.message}" for blocked in now.blocked]
    return Failure(
        code="STALE",
        message="; ".join(lines + reasons + list(now.notes)) or "the campaign moved",
        hint="nothing was sent; plan again, and have it reviewed",
        source=definition.source,
    )


def _seen(change: Change | None) -> str:
    if change is None:
        return "as desired"
    return brief(change.before) if change.known else "not readable"


def failure(error: ApiError, definition: Definition) -> Failure:
    """Tell an error beside the line of the definition that it is about."""
    refusal = REFUSALS.get(error.code)
    return Failure(
        code=error.code,
        field=error.field,
        status=error.status,
        message=error.message,
        hint=error.hint or (refusal.remedy if refusal else ""),
        source=definition.source_of(error.field or ""),
    )


def brief(value: Value) -> str:
    return json.dumps(value, ensure_ascii=False)
