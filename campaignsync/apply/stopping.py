"""Stop a run early: start no new write, and allow the writes in flight time to end."""

import asyncio
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

from campaignsync.errors import CampaignSyncError

T = TypeVar("T")

GRACE = 5.5
"""Seconds that writes in flight have to end after a stop; a CI job is killed after 7."""


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

    def ask(self, reason: CampaignSyncError) -> None:
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
