"""One run of apply: lock the environment, settle earlier runs, and send the plan's updates.

The operating system holds the lock, and releases it when its holder ends, even after a crash. A
JSON file beside the lock names the holder.
"""

import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from filelock import FileLock, Timeout

from campaignsync.api.client import Api
from campaignsync.api.pace import run_concurrently
from campaignsync.apply.in_flight import (
    InFlightLimit,
    Stopping,
    VerifiedBlocks,
    blocks_of,
)
from campaignsync.apply.journal import Journal
from campaignsync.apply.outcomes import Confirmation, Outcomes, Unconfirmed, WriteResult
from campaignsync.apply.verify import differences
from campaignsync.apply.write import CampaignWrite, WriteContext
from campaignsync.errors import (
    ApiError,
    CampaignSyncError,
    ConfigurationError,
    LockHeld,
    NotFound,
)
from campaignsync.files import make_private
from campaignsync.live import LiveReader
from campaignsync.model.fields import Value
from campaignsync.model.plan import Plan, PlannedCampaign
from campaignsync.model.runs import Failure, Intent, Outcome, Record, Result
from campaignsync.model.values import Definition, Desired

POLL_DELAYS = (0.0, 0.25, 0.75, 2.0, 4.0)
"""Seconds before each reading that checks for a write: the server's reads may lag behind."""


@contextmanager
def locked(folder: Path, name: str, *, timeout: float, started: str) -> Iterator[None]:
    """Hold the lock of an environment; wait up to `timeout` seconds for another holder to end.

    `started` is the time that other processes show for this holder. Raises LockHeld, naming the
    holder, and ConfigurationError if the folder cannot be used.
    """
    owner = folder / f"{name}.json"
    lock = FileLock(folder / f"{name}.lock", timeout=timeout, mode=0o600)
    try:
        make_private(folder)
        lock.acquire()
        _write_holder(owner, {"pid": os.getpid(), "started": started})
    except Timeout:
        raise LockHeld(
            f"another apply of {name} is running{_describe_holder(owner)}",
            hint="wait for it, or pass --lock-timeout SECONDS",
        ) from None
    except OSError as error:
        lock.release()
        raise ConfigurationError(
            f"cannot lock {folder}: {error.strerror or error}",
            hint="fix the permissions of that folder",
            code="LOCK",
        ) from None
    try:
        yield
    finally:
        # Ignore errors: the next holder replaces this file, and the run's report is not lost.
        with suppress(OSError):
            owner.unlink(missing_ok=True)
        lock.release()


def _write_holder(owner: Path, holder: Mapping[str, object]) -> None:
    # Create a new file: writing through a symbolic link would overwrite another file.
    owner.unlink(missing_ok=True)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    with os.fdopen(os.open(owner, flags, 0o600), "w") as file:
        json.dump(holder, file)


def _describe_holder(owner: Path) -> str:
    try:
        holder = json.loads(owner.read_text())
        return f": process {holder['pid']}, since {holder['started']}"
    except (OSError, ValueError, KeyError, TypeError):
        return ""


@dataclass(frozen=True, slots=True)
class Recovered:
    """The outcome of a write according to live, and a message that describes it.

    "updated" means that live has the intended values, "failed" that it has the values from before,
    "stale" that it has others or that the campaign no longer exists, and "unknown" that the API
    does not return enough values to decide.
    """

    outcome: Result
    message: str


async def recover(record: Record, reader: LiveReader) -> dict[int, Recovered]:
    """Read each campaign whose write has no known outcome, and journal the outcome.

    The journal stays unfinished while an outcome is unknown, so that the next apply reads again.
    """
    recovered = {intent.id: await _recover_one(intent, reader) for intent in record.unresolved}
    journal = Journal.resume(record)
    for id_, each in recovered.items():
        journal.record_outcome(id_, each.outcome, recovered=True)
    if any(each.outcome == "unknown" for each in recovered.values()):
        journal.close()
    else:
        journal.end(8)
    return recovered


async def _recover_one(intent: Intent, reader: LiveReader) -> Recovered:
    places = dict.fromkeys(("id", *intent.after), intent.source)
    definition = Definition(intent.id, intent.source.file, intent.after, places)
    try:
        live, _ = await reader.reread(definition)
    except NotFound:
        return Recovered("stale", "it no longer exists")
    except ApiError as error:
        return _still_unknown(error.message)
    return _compare(intent, live.values)


def _compare(intent: Intent, live: Mapping[str, Value]) -> Recovered:
    """Compare live with the values before and after the write."""
    if not intent.before:
        return _still_unknown("its fields were not readable before the run")
    if unread := [path for path in intent.before if path not in live]:
        return _still_unknown(f"the API no longer returns {', '.join(unread)}")
    if not differences(intent.after, live):
        return Recovered("updated", "its write was applied")
    if not differences(intent.before, live):
        return Recovered("failed", "its write was not applied")
    return Recovered("stale", "changed by someone else since its write")


def _still_unknown(reason: str) -> Recovered:
    return Recovered("unknown", f"the outcome of its write is still unknown: {reason}")


@dataclass(slots=True)
class Apply:
    """One apply: its outcomes so far, and the reason why it stopped, if any.

    `journal` may be None if the plan holds no update. `on_outcome` is called once per campaign, in
    the order in which they end. `poll_delays` are the seconds before each reading that checks for
    a write.
    """

    plan: Plan
    desired: Desired
    api: Api
    reader: LiveReader
    journal: Journal | None = None
    on_outcome: Callable[[Outcome], None] = lambda _: None
    poll_delays: tuple[float, ...] = POLL_DELAYS
    stopping: Stopping = field(default_factory=Stopping)
    outcomes: Outcomes = field(init=False)
    _context: WriteContext = field(init=False)
    _definitions: dict[int, Definition] = field(init=False)

    def __post_init__(self) -> None:
        self.outcomes = Outcomes(self.plan, self.journal, self.on_outcome, self.stopping)
        self._context = WriteContext(
            self.api,
            self.reader,
            self.outcomes,
            self.stopping,
            InFlightLimit(self.api.rate),
            VerifiedBlocks(),
            Confirmation(self.api, self.stopping, self.poll_delays),
            self.poll_delays,
        )
        self._definitions = {each.id: each for each in self.desired.definitions}

    async def run(self) -> None:
        """Send every update of the plan; an error of a campaign becomes its outcome."""
        for campaign in self.plan.campaigns:
            if campaign.action != "update":
                self.outcomes.record(
                    campaign, WriteResult(campaign.action, _first_blocked(campaign))
                )
        updates = [campaign for campaign in self.plan.campaigns if campaign.action == "update"]
        # The first write is sent alone: the more blocks it verifies, the fewer others wait.
        updates.sort(key=lambda campaign: len(blocks_of(campaign)), reverse=True)
        writes = [
            CampaignWrite(each, self._definitions[each.id], self._context) for each in updates
        ]
        unconfirmed: list[Unconfirmed] = []
        await run_concurrently([write.run(unconfirmed) for write in writes])
        async for write, result in self._context.confirmation.of_all(unconfirmed):
            self.outcomes.record(write.campaign, result)
        self.outcomes.close()

    def stop(self, reason: CampaignSyncError) -> None:
        """Start no new write, and allow the writes in flight a few seconds to end."""
        self.stopping.stop(reason)


def _first_blocked(campaign: PlannedCampaign) -> Failure | None:
    """Return the first reason why the plan blocks a campaign; None if it does not."""
    for blocked in campaign.blocked:
        return Failure(
            code=blocked.code,
            field=blocked.field,
            message=blocked.message,
            hint=blocked.hint,
            source=blocked.source,
        )
    return None
