"""Compare what a campaign should be after a PATCH with what the API returns."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from campaignsync.errors import ApiError, Inconsistent
from campaignsync.model.fields import (
    BY_PATH,
    NO_TIMES,
    REFUSALS,
    WEEKS,
    Mutability,
    Value,
    readings,
    satisfies,
)
from campaignsync.model.plan import Change, PlannedCampaign, Request
from campaignsync.model.results import Failure
from campaignsync.model.spelling import respelled
from campaignsync.model.values import Definition, LiveCampaign

Differences = Mapping[str, tuple[Value, Value]]
"""By path: the expected value, and the one that the API returned."""


def sent_by(campaign: PlannedCampaign) -> dict[str, Value]:
    """Return the fields that a planned PATCH sends, and their values."""
    return {
        change.field: change.after for change in campaign.changes if BY_PATH[change.field].sendable
    }


def said_after(answer: Mapping[str, Any], live: LiveCampaign) -> Mapping[str, Value]:
    """Read a PATCH's answer; a weekday that its week has lost is null."""
    return missed(dict(readings(answer, "detailed")), live)


def missed(said: Mapping[str, Value], live: LiveCampaign) -> Mapping[str, Value]:
    """Add weekdays missing from a returned week as null: they were lost, not left out.

    A day that was closed without times cannot be lost: a server may leave it out of its week.
    """
    weeks = {path.rpartition(".")[0] for path in said} & set(WEEKS)
    gone = (
        path
        for path, value in live.values.items()
        if path not in said and path.rpartition(".")[0] in weeks and value != NO_TIMES
    )
    return {**dict.fromkeys(gone), **said}


def differences(expected: Mapping[str, Value], said: Mapping[str, Value]) -> Differences:
    """Return the fields that an answer returns with another value; one it leaves out is unknown."""
    return {
        path: (value, said[path])
        for path, value in expected.items()
        if path in said and not satisfies(path, said[path], value)
    }


def untouched(live: Mapping[str, Value], sent: Mapping[str, Value]) -> Mapping[str, Value]:
    """Return the fields that a PATCH must not change; read-only ones may change at any time."""
    return {
        path: value
        for path, value in live.items()
        if path not in sent and BY_PATH[path].mutability is not Mutability.READ_ONLY
    }


def collateral(changed: Differences, body: Mapping[str, Any]) -> Differences:
    """Return the changes that a PATCH itself can have caused: those within a block that it sent.

    A server may replace such a block, a week or the cycles, instead of merging it. A change
    elsewhere is somebody else's, and not ours to undo.
    """
    return {path: both for path, both in changed.items() if path.partition(".")[0] in body}


def not_taken(refused: Differences, campaign_id: int) -> Inconsistent:
    """Return the error for sent values that live does not have."""
    spellings = {path: respelled(path, *both) for path, both in refused.items()}
    hints = [
        f"{path}: {how}; write it as the API does, or run"
        f" `campaignsync adopt {campaign_id} --field {path}`"
        for path, how in spellings.items()
        if how
    ]
    return Inconsistent(
        f"the API accepted the PATCH, but not its values: {_both(refused, 'sent')}",
        hint="; ".join(hints) or "check the campaign in the dashboard, then plan again",
        code="NOT_TAKEN",
        field=next(iter(refused)),
    )


def unasked(changed: Differences, body: Mapping[str, Any]) -> Inconsistent:
    """Return the error for fields that changed with a PATCH and were not sent."""
    caused = collateral(changed, body)
    others = {path: both for path, both in changed.items() if path not in caused}
    if not caused:
        return Inconsistent(
            f"someone else changed the campaign during the PATCH: {_both(others, 'was')}",
            hint="the run stops here, and `campaignsync undo` leaves this edit alone; plan again",
            code="CHANGED_MEANWHILE",
            field=next(iter(others)),
        )
    elsewhere = f"; someone else changed: {_both(others, 'was')}" if others else ""
    return Inconsistent(
        f"the PATCH changed fields that it did not send: {_both(caused, 'was')}{elsewhere}",
        hint="the run stops here; plan what restores them with `campaignsync undo last`",
        code="CHANGED_UNASKED",
        field=next(iter(caused)),
    )


def _both(changed: Differences, word: str) -> str:
    return "; ".join(
        f"{path} {word} {brief(expected)}, is {brief(said)}"
        for path, (expected, said) in changed.items()
    )


def reviewed(campaign: PlannedCampaign) -> tuple[Sequence[Request], Sequence[tuple[Any, ...]]]:
    """Return what a reviewer saw: the requests and the changes, without their lines in the file."""
    changes = [
        (change.field, change.before, change.after, change.known) for change in campaign.changes
    ]
    return campaign.requests, changes


def moved(campaign: PlannedCampaign, now: PlannedCampaign, definition: Definition) -> Failure:
    """Return the failure that names live's value then and now, for each field that changed."""
    planned = {change.field: change for change in campaign.changes}
    current = {change.field: change for change in now.changes}
    lines = [
        f"{path}: planned from {_seen(planned.get(path))}, live is {_seen(current.get(path))}"
        for path in {**planned, **current}
        if _seen(planned.get(path)) != _seen(current.get(path))
    ]
    reasons = [f"{blocked.code}: {blocked.message}" for blocked in now.blocked]
    return Failure(
        code="STALE",
        message="; ".join(lines + reasons + list(now.notes)) or "the campaign changed",
        hint="nothing was sent; plan again and have it reviewed",
        source=definition.source,
    )


def _seen(change: Change | None) -> str:
    if change is None:
        return "as the definition has it"
    return brief(change.before) if change.known else "not readable"


def failure(error: ApiError, definition: Definition) -> Failure:
    """Return an API error with the line of the definition that it is about."""
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
