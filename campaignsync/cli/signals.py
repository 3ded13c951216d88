"""SIGINT and SIGTERM: the first asks for a clean stop, the second leaves at once."""

import asyncio
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from campaignsync.cli.streams import tell
from campaignsync.errors import Stopped

SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def stopping(stop: Callable[[Stopped], None]) -> Iterator[None]:
    """Let signals call `stop` while the block runs, in the running event loop."""
    loop = asyncio.get_running_loop()
    asked = False

    def on_signal(number: int) -> None:
        nonlocal asked
        if asked:
            # What was announced is in the journal: the next apply reads what became of it.
            os._exit(128 + number)
        asked = True
        stop(Stopped(number))
        tell("Stopping: what is under way is being finished.")

    before = {number: signal.getsignal(number) for number in SIGNALS}
    for number in SIGNALS:
        loop.add_signal_handler(number, on_signal, number)
    try:
        yield
    finally:
        for number, handler in before.items():
            loop.remove_signal_handler(number)
            signal.signal(number, handler)
