"""The end of a run before its time: nothing new starts, and what is being sent may still end."""

import asyncio
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

from campaignsync.errors import CampaignSyncError

Result = TypeVar("Result")

GRACE = 5.5
"""Seconds that writes under way are given when the run is to stop; a CI job is killed after 7."""


class Cut(Exception):
    """The work in hand was ended by the stop; `sent` says that its PATCH was on its way."""

    def __init__(self, *, sent: bool) -> None:
        super().__init__()
        self.sent = sent


@dataclass(slots=True)
class Stopping:
    """Whether a run is to stop, why, and what it waits for meanwhile."""

    reason: CampaignSyncError | None = None
    _until: float | None = None
    _waiting: set[asyncio.Task[Any]] = field(default_factory=set)
    _sending: set[asyncio.Task[Any]] = field(default_factory=set)

    def ask(self, reason: CampaignSyncError) -> None:
        """Start nothing new, and give what is being sent a few seconds to end."""
        self.reason = self.reason or reason
        loop, own = asyncio.get_running_loop(), asyncio.current_task()
        self._until = self._until or loop.time() + GRACE
        for task in self._waiting - {own}:
            if task in self._sending:
                loop.call_at(self._until, task.cancel)
            else:
                task.cancel()

    @contextmanager
    def heeded(self) -> Iterator[None]:
        """Let a stop end the current task's work in the block; raises Cut where it did."""
        task = _current()
        self._waiting.add(task)
        try:
            yield
        except asyncio.CancelledError:
            if not self.reason:
                raise
            raise Cut(sent=task in self._sending) from None
        finally:
            self._waiting.discard(task)
            self._sending.discard(task)

    def hold_back(self) -> None:
        """From here on a stop ends the current task at once again."""
        self._sending.discard(_current())

    def let_end(self) -> None:
        """From here on a stop gives the current task time; raises Cut if it has come already."""
        if self.reason:
            raise Cut(sent=False)
        self._sending.add(_current())

    async def within_grace(self, work: Coroutine[Any, Any, Result]) -> Result:
        """Do what a run that is to stop still has time for; raises Cut after that."""
        task = asyncio.create_task(work)
        self._waiting.add(task)
        self._sending.add(task)
        if self._until is not None:
            asyncio.get_running_loop().call_at(self._until, task.cancel)
        try:
            return await task
        except asyncio.CancelledError:
            if not self.reason:
                raise
            raise Cut(sent=True) from None
        finally:
            self._waiting.discard(task)
            self._sending.discard(task)


def _current() -> asyncio.Task[Any]:
    task = asyncio.current_task()
    assert task is not None  # noqa: S101 - a coroutine runs in a task
    return task
