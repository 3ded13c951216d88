"""Control the writes in flight: limit them, send the first of each block alone, and stop a run."""

import asyncio
from collections.abc import AsyncIterator, Coroutine, Iterator
from collections.abc import Set as AbstractSet
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

from campaignsync.errors import CampaignSyncError
from campaignsync.model.plan import PlannedCampaign

T = TypeVar("T")

GRACE = 5.5
"""Seconds that writes in flight have to end after a stop; a CI job is killed after 7."""

SCALARS = ""
"""The block of the fields at the top level of a campaign."""


def block_of(path: str) -> str:
    """Return the block of a field: "scheduling", "cycles", "cycles.schedule" or SCALARS."""
    return path.rpartition(".")[0]


def blocks_of(campaign: PlannedCampaign) -> frozenset[str]:
    """Return the blocks that the PATCH of a campaign changes."""
    return frozenset(block_of(change.field) for change in campaign.changes)


class Slot:
    """One campaign's share of the limit; it can be released before the `async with` block ends."""

    def __init__(self, limit: "InFlightLimit") -> None:
        self._limit: InFlightLimit | None = limit

    def release(self) -> None:
        """Release the slot once the PATCH is sent, so that the next campaign can be read."""
        if self._limit:
            self._limit.release_slot()
            self._limit = None


class InFlightLimit:
    """A limit on the campaigns that were read and whose PATCH was not sent yet.

    `rate` is in requests per second. If too many campaigns are read at once, the last PATCHes get
    their turn too long after their readings. The first campaign is alone until its PATCH is sent:
    the others would wait for its verification.
    """

    def __init__(self, rate: float) -> None:
        self._free = asyncio.Semaphore(1)
        # Half of the requests are readings. This many slots keep the rate if a response takes a
        # second, and let most PATCHes be sent in time if all responses arrive at once.
        self._slots_to_open = int(rate / 2)

    @asynccontextmanager
    async def slot(self) -> AsyncIterator[Slot]:
        """Wait for a slot, and release it at the end of the block at the latest."""
        await self._free.acquire()
        slot = Slot(self)
        try:
            yield slot
        finally:
            slot.release()

    def release_slot(self) -> None:
        """Free a slot; the first release also opens all others."""
        for _ in range(1 + self._slots_to_open):
            self._free.release()
        self._slots_to_open = 0


class VerifiedBlocks:
    """The blocks for which a verified write has shown that the API merges them as expected.

    The first write of each block is sent alone, so that a server that merges in another way (one
    that replaces the whole week, for example) damages only one campaign per block.
    """

    def __init__(self) -> None:
        self._verified: set[str] = set()
        self._alone = asyncio.Lock()

    @asynccontextmanager
    async def wait_for(self, blocks: AbstractSet[str]) -> AsyncIterator[bool]:
        """Wait until these blocks may be sent; yield whether this write is the first."""
        while not blocks <= self._verified:
            async with self._alone:
                # Check again: another write may have verified them while this one waited.
                if not blocks <= self._verified:
                    yield True
                    return
        yield False

    def add(self, blocks: AbstractSet[str]) -> None:
        """Allow concurrent writes of these blocks from now on."""
        self._verified |= blocks


class Interrupted(Exception):
    """The stop cancelled this work; `sent` is true if its PATCH may have been sent."""

    def __init__(self, *, sent: bool) -> None:
        super().__init__()
        self.sent = sent


@dataclass(slots=True)
class Stopping:
    """The state of a stop: its reason, None while the run goes on, and the tasks that it cancels.

    A committed task has a PATCH in flight: it is cancelled only after the grace period.
    """

    reason: CampaignSyncError | None = None
    _until: float | None = None
    _cancellable: set[asyncio.Task[Any]] = field(default_factory=set)
    _committed: set[asyncio.Task[Any]] = field(default_factory=set)

    def stop(self, reason: CampaignSyncError) -> None:
        """Start no new write, and allow the writes in flight GRACE seconds to end."""
        self.reason = self.reason or reason
        loop, own = asyncio.get_running_loop(), asyncio.current_task()
        self._until = self._until or loop.time() + GRACE
        for task in self._cancellable - {own}:
            if task in self._committed:
                loop.call_at(self._until, task.cancel)
            else:
                task.cancel()

    @contextmanager
    def cancellable(self) -> Iterator[None]:
        """Allow a stop to cancel the current task in this block. Raises Interrupted if it did."""
        task = _current()
        self._cancellable.add(task)
        try:
            yield
        except asyncio.CancelledError:
            if not self.reason:
                raise
            raise Interrupted(sent=task in self._committed) from None
        finally:
            self._cancellable.discard(task)
            self._committed.discard(task)

    def commit(self) -> None:
        """Grant the current task the grace period. Raises Interrupted if the run is stopping."""
        if self.reason:
            raise Interrupted(sent=False)
        self._committed.add(_current())

    def uncommit(self) -> None:
        """Allow a stop to cancel the current task at once: it has no PATCH in flight."""
        self._committed.discard(_current())

    async def within_grace(self, work: Coroutine[Any, Any, T]) -> T:
        """Await work until the end of the grace period, and return its result.

        Raises Interrupted if the work takes longer.
        """
        task = asyncio.create_task(work)
        self._cancellable.add(task)
        self._committed.add(task)
        if self._until is not None:
            asyncio.get_running_loop().call_at(self._until, task.cancel)
        try:
            return await task
        except asyncio.CancelledError:
            if not self.reason:
                raise
            raise Interrupted(sent=True) from None
        finally:
            self._cancellable.discard(task)
            self._committed.discard(task)


def _current() -> asyncio.Task[Any]:
    task = asyncio.current_task()
    assert task is not None  # noqa: S101 - a coroutine runs in a task
    return task
