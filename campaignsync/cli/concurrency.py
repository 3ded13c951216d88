"""Run asynchronous work: one job, or one for each environment. A signal stops it cleanly.

The first SIGINT, SIGTERM or SIGHUP cancels the work, or calls the functions of `stopping`; the
second exits at once.
"""

import asyncio
import os
import signal
from collections.abc import Callable, Coroutine, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from campaignsync.cli.messages import print_error
from campaignsync.errors import CampaignSyncError, Stopped, severity
from campaignsync.model.document import ErrorSummary

T = TypeVar("T")

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

_handlers: list[Callable[[Stopped], None]] = []
"""The functions that a signal calls: those of `stopping`, else the first one, which cancels."""
_signals: list[Stopped] = []
"""The first signal of a run. Work that begins after it is stopped, too."""


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run work in an event loop; a signal cancels it at its next await, and Stopped is raised.

    A signal handler must not raise the exception itself: it could surface inside a library, which
    might handle it as its own.
    """
    before = {number: signal.getsignal(number) for number in SIGNALS}
    # nohup starts the program with SIGHUP ignored: it stays ignored.
    ignored = {signal.SIGHUP} if before[signal.SIGHUP] is signal.SIG_IGN else set()
    caught = [number for number in SIGNALS if number not in ignored]
    _signals.clear()
    with asyncio.Runner() as runner:
        # Before the work starts: a runner without a handler of SIGINT sets its own, and formats the
        # task with its whole result in doing so.
        for number in caught:
            runner.get_loop().add_signal_handler(number, _handle_signal, number)
        try:
            return runner.run(_cancel_on_signal(work))
        finally:
            for number in caught:
                runner.get_loop().remove_signal_handler(number)
                signal.signal(number, before[number])


@contextmanager
def stopping(stop: Callable[[Stopped], None]) -> Iterator[None]:
    """Call `stop` on a signal instead of cancelling, while the block runs under `run`."""
    _handlers.append(stop)
    for reason in _signals:
        stop(reason)
    try:
        yield
    finally:
        _handlers.remove(stop)


async def _cancel_on_signal(work: Coroutine[Any, Any, T]) -> T:
    task = asyncio.current_task()
    assert task is not None  # noqa: S101 - a coroutine runs in a task

    def cancel(_: Stopped) -> None:
        task.cancel()

    try:
        with stopping(cancel):
            return await work
    except asyncio.CancelledError:
        if not _signals:
            raise
        raise _signals[0] from None


def _handle_signal(number: int) -> None:
    if _signals:
        # The journal has every announced write: the next apply checks its outcome.
        os._exit(128 + number)
    _signals.append(Stopped(number))
    for stop in _handlers[1:] or _handlers:
        stop(_signals[0])


@dataclass(frozen=True, slots=True)
class PerEnvironment(Generic[T]):
    """The result of each environment by its name, or the error that stopped it."""

    results: Mapping[str, T]
    errors: tuple[tuple[str, CampaignSyncError], ...] = ()

    def all_or_raise(self) -> tuple[T, ...]:
        """Return the results if no environment stopped.

        Otherwise raise the error with the highest exit code, and print the others.
        """
        errors = [self._with_name(name, error) for name, error in self.errors]
        if errors:
            first = max(errors, key=lambda error: severity(error.exit_code))
            for error in errors:
                if error is not first:
                    print_error(error)
            raise first
        return tuple(self.results.values())

    def print_errors(self) -> dict[str, ErrorSummary]:
        """Print and return the errors by environment; raise one if every environment stopped."""
        if not self.results:
            self.all_or_raise()
        summaries = {}
        for name, error in self.errors:
            summaries[name] = ErrorSummary(
                exit_code=error.exit_code,
                code=error.code,
                message=error.message,
                hint=error.hint,
            )
            print_error(self._with_name(name, error))
        return summaries

    def _with_name(self, name: str, error: CampaignSyncError) -> CampaignSyncError:
        """Prefix an error's message with its environment if there are several."""
        if len(self.results) + len(self.errors) > 1:
            error.message = f"{name}: {error.message}"
        return error


def run_each(jobs: Iterable[tuple[str, Coroutine[Any, Any, T]]]) -> PerEnvironment[T]:
    """Run a named job for each environment, all of them to their end.

    Raises Stopped, and unexpected exceptions, only after every job has ended: no write is cut off.
    """
    names, works = zip(*jobs, strict=True)

    async def all_ended() -> list[T | BaseException]:
        return await asyncio.gather(*works, return_exceptions=True)

    results: dict[str, T] = {}
    errors: list[tuple[str, CampaignSyncError]] = []
    for name, ended in zip(names, run(all_ended()), strict=True):
        if isinstance(ended, CampaignSyncError):
            errors.append((name, ended))
        elif isinstance(ended, BaseException):
            raise ended
        else:
            results[name] = ended
    return PerEnvironment(results, tuple(errors))
