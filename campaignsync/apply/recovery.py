"""Determine the unknown outcomes of an earlier run's writes, by reading their campaigns."""

import asyncio
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field

from campaignsync.apply.journal import Journal, read_journal
from campaignsync.apply.verify import (
    Differences,
    differences,
    unsent_change,
    with_lost_weekdays,
)
from campaignsync.errors import ApiError, LockHeld, NotFound
from campaignsync.live import LiveReader
from campaignsync.model.kind import Value
from campaignsync.model.runs import Intent, Record, Result

LOCK_POLL = 0.1
"""Seconds between two attempts to lock a journal that another process writes."""


@dataclass(frozen=True, slots=True)
class Recovered:
    """The outcome of a write according to live, and a message that describes it.

    "updated" means that live has the intended values, "failed" that it has the values from before,
    "stale" that it has others or that the campaign no longer exists, and "unknown" that the API
    does not return enough values to decide. `collateral` holds the fields that the write cleared
    without sending them.
    """

    outcome: Result
    message: str
    collateral: Differences = field(default_factory=dict)


async def recover(
    record: Record, reader: LiveReader, lock_timeout: float = 0.0
) -> dict[int, Recovered] | None:
    """Read each campaign whose write has no known outcome; journal and return the outcomes by id.

    The journal stays unfinished while an outcome is unknown, so that the next apply reads again.
    Return None if the run has finished since `record` was read. Raises LockHeld if it still runs
    after `lock_timeout` seconds.
    """
    with closing(await _resume(record, lock_timeout)) as journal:
        record = read_journal(record.path)
        if not record.is_unfinished:
            return None
        recovered = {intent.id: await _recover_one(intent, reader) for intent in record.unresolved}
        for id_, each in recovered.items():
            if each.collateral:
                journal.record_collateral(id_, each.collateral)
            journal.record_outcome(id_, each.outcome, recovered=True)
        is_settled = all(each.outcome != "unknown" for each in recovered.values())
        if is_settled or record.exit_code is None:
            journal.end(8 if is_settled else 9)
    return recovered


async def _resume(record: Record, lock_timeout: float) -> Journal:
    clock = asyncio.get_running_loop().time
    until = clock() + lock_timeout
    while True:
        try:
            return Journal.resume(record)
        except LockHeld:
            if clock() >= until:
                raise
        await asyncio.sleep(LOCK_POLL)


async def _recover_one(intent: Intent, reader: LiveReader) -> Recovered:
    try:
        live, _ = await reader.reread(intent.definition({**intent.siblings, **intent.after}))
    except NotFound:
        return Recovered("stale", "it no longer exists")
    except ApiError as error:
        return _still_unknown(error.message)
    return _compare(intent, live.values)


def _compare(intent: Intent, live: Mapping[str, Value]) -> Recovered:
    """Compare live with the values before and after the write."""
    live = with_lost_weekdays(live, {**intent.siblings, **intent.before})
    if not intent.before:
        return _still_unknown("its fields were not readable before the run")
    if unread := [path for path in intent.before if path not in live]:
        return _still_unknown(f"the API no longer returns {', '.join(unread)}")
    outcome: Result
    if not differences(intent.after, live):
        outcome, message = "updated", "its write was applied"
    elif not differences(intent.before, live):
        return Recovered("failed", "its write was not applied")
    else:
        outcome, message = "stale", "changed by someone else since its write"
    if cleared := _cleared(intent, live):
        message += f", but {unsent_change(cleared, intent.body).message}"
    return Recovered(outcome, message, cleared)


def _cleared(intent: Intent, live: Mapping[str, Value]) -> Differences:
    """Return the fields that the write did not send, and that are empty now.

    A server that replaces a block clears them. Someone else made any other change since the write.
    """
    changed = differences(intent.siblings, live)
    return {path: both for path, both in changed.items() if _is_empty(both[1])}


def _is_empty(value: Value) -> bool:
    if isinstance(value, dict):
        return all(part in (None, False, "00:00") for part in value.values())
    return not value


def _still_unknown(reason: str) -> Recovered:
    return Recovered("unknown", f"the outcome of its write is still unknown: {reason}")
