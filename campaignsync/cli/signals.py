"""SIGINT and SIGTERM: the first asks for a clean end, the second leaves at once."""

import asyncio
import os
import signal
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from campaignsync.errors import Stopped

Result = TypeVar("Result")

SIGNALS = (signal.SIGINT, signal.SIGTERM)

_heeding: list[Callable[[int], None]] = []
"""What a signal does; the innermost `stopping` is asked."""


def run(work: Coroutine[Any, Any, Result]) -> Result:
    """Run work in an event loop; a signal cancels it where it waits, and Stopped is raised.

    Raised by a signal's own handler, an exception would come up anywhere, and what happens to be
    under way there, a library connecting, might take it for its own.
    """
    return asyncio.run(_until_asked(work))


@contextmanager
def stopping(stop: Callable[[Stopped], None]) -> Iterator[None]:
    """Let a signal call `stop` instead, while the block runs in the event loop of `run`."""
    asked = False

    def on_signal(number: int) -> None:
        nonlocal asked
        if asked:
            # What was announced is in the journal: the next apply reads what became of it.
            os._exit(128 + number)
        asked = True
        stop(Stopped(number))

    _heeding.append(on_signal)
    try:
        yield
    finally:
        _heeding.pop()


def _heed(number: int) -> None:
    _heeding[-1](number)


async def _until_asked(work: Coroutine[Any, Any, Result]) -> Result:
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    assert task is not None  # noqa: S101 - a coroutine runs in a task
    asked_by: list[Stopped] = []

    def cancel(reason: Stopped) -> None:
        asked_by.append(reason)
        task.cancel()

    before = signal.getsignal(signal.SIGTERM)
    for number in SIGNALS:
        loop.add_signal_handler(number, _heed, number)
    try:
        with stopping(cancel):
            return await work
    except asyncio.CancelledError:
        if not asked_by:
            raise
        raise asked_by[0] from None
    finally:
        for number in SIGNALS:
            loop.remove_signal_handler(number)
        signal.signal(signal.SIGTERM, before)
