"""Stop a run early: start nothing new, and give writes under way time to end."""

import asyncio
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

from campaignsync.errors import CampaignSyncError

T = TypeVar("T")

GRACE = 5.5
"""Seconds that a stop gives to writes under way; a CI job is killed after 7."""


class Interrupted(Exception):
    """The stop ended this work; `sent` tells whether its PATCH was on its way."""

    def __init__(self, *, sent: bool) -> None:
        super().__init__()
        self.sent = sent


@dataclass(slots=True)
class Stopping:
    """The stop of a run: its reason, once there is one, and the tasks that it cancels.

    A committed task has a PATCH on its way: it is cancelled only after the grace period.
    """

    reason: CampaignSyncError | None = None
    _until: float | None = None
    _cancellable: set[asyncio.Task[Any]] = field(default_factory=set)
    _committed: set[asyncio.Task[Any]] = field(default_factory=set)

    def ask(self, reason: CampaignSyncError) -> None:
        """Start nothing new, and give writes under way a few seconds to end."""
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
        """Let a stop cancel the current task in this block; raise Interrupted if it did."""
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
        """Give the current task the grace period; raise Interrupted if the run is stopping."""
        if self.reason:
            raise Interrupted(sent=False)
        self._committed.add(_current())

    def uncommit(self) -> None:
        """Let a stop cancel the current task at once: none of its PATCHes is on its way."""
        self._committed.discard(_current())

    async def within_grace(self, work: Coroutine[Any, Any, T]) -> T:
        """Return the result of work that ends within the grace period.

        Raise Interrupted if it does not.
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
