"""Compare the values expected after a PATCH with those that the API returns."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from campaignsync.errors import ApiError, Inconsistent, OutcomeUnknown
from campaignsync.model.definitions import Definition
from campaignsync.model.fields import BY_PATH, WEEKS, satisfies
from campaignsync.model.kind import Value
from campaignsync.model.metadata import REFUSALS, Mutability
from campaignsync.model.plan import Change, PlannedCampaign, Request
from campaignsync.model.runs import Failure
from campaignsync.model.week import NO_TIMES
from campaignsync.plan import brief
from campaignsync.plan_notes import spelling_difference

T = TypeVar("T")
Differences = Mapping[str, tuple[Value, Value]]
"""The expected value and the value that the API returned, by path."""


def sent_by(campaign: PlannedCampaign, definition: Definition) -> dict[str, Value]:
    """Return the fields that a planned PATCH sends, and their values in the definition.

    A day that is closed without times is sent with its live times, and the API may clear them.
    """
    return {
        change.field: definition.values[change.field]
        for change in campaign.changes
        if BY_PATH[change.field].is_sendable
    }


def with_lost_weekdays(
    returned: Mapping[str, Value], before: Mapping[str, Value]
) -> Mapping[str, Value]:
    """Return the values, and null for each weekday that the API removed from a returned week.

    A day that was closed without times before is not added: the API may leave it out of its week.
    """
    weeks = {path.rpartition(".")[0] for path in returned} & set(WEEKS)
    gone = (
        path
        for path, value in before.items()
        if path not in returned and path.rpartition(".")[0] in weeks and value != NO_TIMES
    )
    return {**dict.fromkeys(gone), **returned}


def differences(expected: Mapping[str, Value], returned: Mapping[str, Value]) -> Differences:
    """Return the fields that a response has with another value; fields it left out are ignored."""
    return {
        path: (value, returned[path])
        for path, value in expected.items()
        if path in returned and not satisfies(path, returned[path], value)
    }


def untouched(live: Mapping[str, Value], sent: Mapping[str, Value]) -> Mapping[str, Value]:
    """Return the live values that a PATCH must not change; read-only ones may change anytime."""
    return {
        path: value
        for path, value in live.items()
        if path not in sent and BY_PATH[path].api.mutability is not Mutability.READ_ONLY
    }


def in_sent_blocks(by_path: Mapping[str, T], body: Mapping[str, Any]) -> dict[str, T]:
    """Return the fields in the blocks that a PATCH sends, which it may change.

    A server may replace a sent block (a week or the cycles) instead of merging it. Someone else
    makes any other change, and undo must not revert it.
    """
    return {path: each for path, each in by_path.items() if path.partition(".")[0] in body}


def not_taken(refused: Differences, campaign_id: int) -> Inconsistent:
    """Return the error for sent values that live does not have."""
    spellings = {path: spelling_difference(path, *both) for path, both in refused.items()}
    hints = [
        f"{path}: {how}; write it as the API stores it, or run"
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


def overwritten(others: Differences, lost: OutcomeUnknown) -> OutcomeUnknown:
    """Return the error for a lost write after which live has other values than before and sent."""
    return OutcomeUnknown(
        f"{lost.message}; someone else changed the campaign since: {_both(others, 'sent')}",
        hint="check the campaign in the dashboard, then plan again",
        status=lost.status,
    )


def unsent_change(changed: Differences, body: Mapping[str, Any]) -> Inconsistent:
    """Return the error for fields that changed during a PATCH that did not send them."""
    caused = in_sent_blocks(changed, body)
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
        hint="the run stops here; `campaignsync undo last` plans how to restore them",
        code="CHANGED_UNASKED",
        field=next(iter(caused)),
    )


def _both(changed: Differences, word: str) -> str:
    return "; ".join(
        f"{path} {word} {brief(expected)}, is {brief(returned)}"
        for path, (expected, returned) in changed.items()
    )


def reviewed(campaign: PlannedCampaign) -> tuple[Sequence[Request], Sequence[tuple[Any, ...]]]:
    """Return the reviewed parts of a campaign: requests, and changes without their source lines."""
    changes = [
        (change.field, change.before, change.after, change.known) for change in campaign.changes
    ]
    return campaign.requests, changes


def stale_failure(
    campaign: PlannedCampaign, replanned: PlannedCampaign, definition: Definition
) -> Failure:
    """Return the failure of a campaign that changed since the plan, with both live values."""
    planned = {change.field: change for change in campaign.changes}
    current = {change.field: change for change in replanned.changes}
    lines = [
        f"`{path}` changed since the plan: was {_seen(planned.get(path))},"
        f" is {_seen(current.get(path))}"
        for path in {**planned, **current}
        if _seen(planned.get(path)) != _seen(current.get(path))
    ]
    reasons = [f"{blocked.code}: {blocked.message}" for blocked in replanned.blocked]
    return Failure(
        code="STALE",
        message="; ".join(lines + reasons + list(replanned.notes)) or "the campaign changed",
        hint="nothing was sent; plan again and have it reviewed",
        source=definition.source,
    )


def _seen(change: Change | None) -> str:
    if change is None:
        return "the definition's value"
    return brief(change.before) if change.known else "not readable"


def failure(error: ApiError, definition: Definition) -> Failure:
    """Return an API error as a failure, with the line of the definition that it concerns."""
    refusal = REFUSALS.get(error.code)
    return Failure(
        code=error.code,
        field=error.field,
        status=error.status,
        message=error.message,
        hint=error.hint or (refusal.remedy if refusal else ""),
        source=definition.source_of(error.field or ""),
    )
