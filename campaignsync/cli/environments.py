"""Several environments side by side: one exit code, and what fails in one stops no other."""

import asyncio
from collections.abc import Coroutine, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from campaignsync.cli import signals
from campaignsync.cli.streams import tell_error
from campaignsync.errors import CampaignSyncError, severity
from campaignsync.model.plans import EnvironmentFailure, Plan

Found = TypeVar("Found")


@dataclass(frozen=True, slots=True)
class SideBySide(Generic[Found]):
    """What came of each environment: what was found there, or why it stopped."""

    found: tuple[Found, ...]
    stopped: tuple[tuple[str, CampaignSyncError], ...]

    def whole(self) -> tuple[Found, ...]:
        """Give what was found everywhere.

        Where an environment stopped, the error that matters most is raised; others are told.
        """
        errors = [self._named(name, error) for name, error in self.stopped]
        if errors:
            first = max(errors, key=lambda error: severity(error.exit_code))
            for error in errors:
                if error is not first:
                    tell_error(error)
            raise first
        return self.found

    def told(self) -> tuple[EnvironmentFailure, ...]:
        """Tell why environments stopped; where all did, the error that matters most is raised."""
        if not self.found:
            self.whole()
        failures = tuple(
            EnvironmentFailure(
                environment=name,
                exit_code=error.exit_code,
                code=error.code,
                message=error.message,
                hint=error.hint,
            )
            for name, error in self.stopped
        )
        for name, error in self.stopped:
            tell_error(self._named(name, error))
        return failures

    def _named(self, name: str, error: CampaignSyncError) -> CampaignSyncError:
        """Say in an error's message whose it is, where there are others."""
        if len(self.found) + len(self.stopped) > 1:
            error.message = f"{name}: {error.message}"
        return error


def side_by_side(jobs: Iterable[tuple[str, Coroutine[Any, Any, Found]]]) -> SideBySide[Found]:
    """Run a job for each environment, named first, all of them to their end.

    Raises Stopped, and what no job should raise, once none is under way any more: nobody's write is
    cut off by it.
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
    plans: Iterable[Plan],
    failed: Iterable[EnvironmentFailure],
    *,
    detailed: bool,
    strict: bool = False,
) -> int:
    """Give the code that matters most: 6 for what would be refused, or why an environment failed.

    What is pending is 2 where a `detailed` one is asked for; `strict` refuses frozen campaigns that
    differ, too.
    """
    codes = [failure.exit_code for failure in failed]
    for plan in plans:
        found = plan.summary
        codes.append(6 if found.blocked or (strict and found.frozen) else 0)
        codes.append(2 if detailed and found.update else 0)
    return max(codes, key=severity)
