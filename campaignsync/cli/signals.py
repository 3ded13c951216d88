"""SIGINT, SIGTERM and SIGHUP: the first one stops the run cleanly, the second exits at once."""

import asyncio
import os
import signal
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from campaignsync.errors import Stopped

Result = TypeVar("Result")

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

_stops: list[Callable[[Stopped], None]] = []
"""The functions that a signal calls: those of `stopping`, else the first one."""
_asked: list[Stopped] = []
"""The first signal of a run. Work that begins after it is stopped, too."""


def run(work: Coroutine[Any, Any, Result]) -> Result:
    """Run work in an event loop; a signal cancels it at its next await, and Stopped is raised.

    A signal handler must not raise the exception itself: it could surface inside a library, which
    might handle it as its own.
    """
    return asyncio.run(_until_asked(work))


@contextmanager
def stopping(stop: Callable[[Stopped], None]) -> Iterator[None]:
    """Call `stop` on a signal instead of cancelling, while the block runs under `run`."""
    _stops.append(stop)
    for reason in _asked:
        stop(reason)
    try:
        yield
    finally:
        _stops.remove(stop)


def _on_signal(number: int) -> None:
    if _asked:
        # The journal has every announced write: the next apply checks its outcome.
        os._exit(128 + number)
    _asked.append(Stopped(number))
    for stop in _stops[1:] or _stops:
        stop(_asked[0])


async def _until_asked(work: Coroutine[Any, Any, Result]) -> Result:
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    assert task is not None  # noqa: S101 - a coroutine runs in a task

    def cancel(_: Stopped) -> None:
        task.cancel()

    before = {number: signal.getsignal(number) for number in SIGNALS}
    # nohup starts the program with SIGHUP ignored: it stays ignored.
    ignored = {signal.SIGHUP} if before[signal.SIGHUP] is signal.SIG_IGN else set()
    caught = [number for number in SIGNALS if number not in ignored]
    _asked.clear()
    for number in caught:
        loop.add_signal_handler(number, _on_signal, number)
    try:
        with stopping(cancel):
            return await work
    except asyncio.CancelledError:
        if not _asked:
            raise
        raise _asked[0] from None
    finally:
        for number in caught:
            loop.remove_signal_handler(number)
            signal.signal(number, before[number])
