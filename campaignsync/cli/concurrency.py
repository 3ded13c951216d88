"""Several environments side by side: a failure in one does not stop the others."""

import asyncio
from collections.abc import Coroutine, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from campaignsync.cli import signals
from campaignsync.cli.messages import tell_error
from campaignsync.errors import CampaignSyncError, severity
from campaignsync.model.document import ErrorSummary
from campaignsync.model.plan import PlanSummary

Found = TypeVar("Found")


@dataclass(frozen=True, slots=True)
class SideBySide(Generic[Found]):
    """The result of each environment, or the error that stopped it."""

    found: tuple[Found, ...]
    stopped: tuple[tuple[str, CampaignSyncError], ...]

    def whole(self) -> tuple[Found, ...]:
        """Return the results if no environment stopped.

        Otherwise raise the error with the highest exit code, and print the others.
        """
        errors = [self._named(name, error) for name, error in self.stopped]
        if errors:
            first = max(errors, key=lambda error: severity(error.exit_code))
            for error in errors:
                if error is not first:
                    tell_error(error)
            raise first
        return self.found

    def failed(self) -> dict[str, ErrorSummary]:
        """Print and return the errors by environment; raise one if every environment stopped."""
        if not self.found:
            self.whole()
        summaries = {
            name: ErrorSummary(
                exit_code=error.exit_code,
                code=error.code,
                message=error.message,
                hint=error.hint,
            )
            for name, error in self.stopped
        }
        for name, error in self.stopped:
            tell_error(self._named(name, error))
        return summaries

    def _named(self, name: str, error: CampaignSyncError) -> CampaignSyncError:
        """Prefix an error's message with its environment if there are several."""
        if len(self.found) + len(self.stopped) > 1:
            error.message = f"{name}: {error.message}"
        return error


def side_by_side(jobs: Iterable[tuple[str, Coroutine[Any, Any, Found]]]) -> SideBySide[Found]:
    """Run a named job for each environment, all of them to their end.

    Raises Stopped, and unexpected exceptions, only after every job has ended: no write is cut off.
    """
    names, works = zip(*jobs, strict=True)
    found: list[Found] = []
    stopped: list[tuple[str, CampaignSyncError]] = []
    for name, ended in zip(names, signals.run(_all_ended(works)), strict=True):
        if isinstance(ended, CampaignSyncError):
            stopped.append((name, ended))
        elif isinstance(ended, BaseException):
            raise ended
        else:
            found.append(ended)
    return SideBySide(tuple(found), tuple(stopped))


async def _all_ended(
    works: Sequence[Coroutine[Any, Any, Found]],
) -> list[Found | BaseException]:
    return await asyncio.gather(*works, return_exceptions=True)


def exit_code(
    summary: PlanSummary,
    failed: Iterable[ErrorSummary],
    *,
    detailed: bool,
    strict: bool = False,
) -> int:
    """Return the exit code of a plan: that of a failure, or 6 if something is blocked.

    With `detailed`, pending changes are 2. With `strict`, frozen campaigns that differ are 6.
    """
    codes = [error.exit_code for error in failed]
    codes.append(6 if summary.blocked or (strict and summary.frozen) else 0)
    codes.append(2 if detailed and summary.update else 0)
    return max(codes, key=severity)
