"""Every way a command can end badly, as one tree.

Each class owns its exit code; what a person needs to know is in the message, what they can do
about it in the hint.

    CampaignSyncError          1   unexpected
    ├── DefinitionError        3   definitions hold problems: all of them, each with its place
    ├── ConfigurationError     3   workspace, environment or usage is wrong
    ├── CredentialError        4   the key is missing or malformed: nothing was sent
    ├── ApiError               1   something came of talking to the API
    │   ├── Unauthorized       4   401 or 403: the key was refused
    │   ├── Unreachable        5   no connection, no answer in time, or 5xx past the retry budget
    │   │   └── RateLimited    5   429 past the retry budget
    │   ├── BadAnswer          1   the answer makes no sense: not JSON, a redirect, keys missing
    │   ├── Refused            8   the API said no to this one request, with a code and a field
    │   │   ├── NotFound       8   404
    │   │   └── BillingLimit   8   402: every further request would be refused too
    │   ├── Inconsistent       8   a write was answered, and live is not what it should be now
    │   └── OutcomeUnknown     9   a write was sent, and its answer was not seen
    ├── PlanRefused            6   the plan holds what may not be sent
    ├── StalePlan              7   the saved plan no longer fits the world it was made for
    ├── JournalDamaged         3   a journal does not say what was written to it
    ├── JournalUnwritable      1   an intent or an outcome could not be put on disk
    ├── LockHeld              10   another run holds the lock
    └── Stopped              130   stopped cleanly by a signal (129 SIGHUP, 143 SIGTERM)
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Source:
    """A place in a file: `file` as the user would type it, line and column from 1."""

    file: str
    line: int
    column: int = 1

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with a definition: what it is, where it is, what to write instead.

    `excerpt` is the line of the file itself, for a caret; None where there is no one line.
    """

    code: str
    message: str
    source: Source
    hint: str = ""
    severity: Literal["error", "warning"] = "error"
    excerpt: str | None = None


def more_about(problems: Iterable[Problem]) -> str:
    """Say how to read more about the first error among problems; empty where there is none."""
    wrong = (problem.code for problem in problems if problem.severity == "error")
    code = next(wrong, None)
    return f"`campaignsync explain {code}` says more" if code else ""


class CampaignSyncError(Exception):
    """The root: `code` for machines, the message for people, `hint` for what to do next.

    `advice` is the hint of errors that come without one.
    """

    exit_code: int = 1
    code: str = "UNEXPECTED"
    advice: str = ""

    def __init__(self, message: str, *, hint: str = "", code: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint or type(self).advice
        self.code = code or type(self).code


class DefinitionError(CampaignSyncError):
    """Definitions hold problems; nothing was planned, no request was made."""

    exit_code = 3
    code = "INVALID_DEFINITIONS"

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        wrong = [problem for problem in self.problems if problem.severity == "error"]
        super().__init__(
            f"{len(wrong)} problem{'s' * (len(wrong) != 1)} in the definitions",
            hint=more_about(self.problems),
        )

    @property
    def files(self) -> list[str]:
        """Name the files that hold problems."""
        return sorted({problem.source.file for problem in self.problems})


class ConfigurationError(CampaignSyncError):
    exit_code = 3
    code = "USAGE"


class CredentialError(CampaignSyncError):
    exit_code = 4
    code = "KEY"


class ApiError(CampaignSyncError):
    """What came of one request; `status` is the HTTP status, None where no answer was seen."""

    code = "API"

    def __init__(
        self,
        message: str,
        *,
        hint: str = "",
        code: str | None = None,
        status: int | None = None,
        field: str | None = None,
    ) -> None:
        super().__init__(message, hint=hint, code=code)
        self.status = status
        self.field = field


class Unauthorized(ApiError):
    exit_code = 4
    code = "UNAUTHORIZED"


class Unreachable(ApiError):
    exit_code = 5
    code = "UNREACHABLE"


class RateLimited(Unreachable):
    code = "RATE_LIMITED"


class BadAnswer(ApiError):
    code = "BAD_ANSWER"
    advice = "plan again; where it stays so, look for what stands between: a proxy, a login page"


class Refused(ApiError):
    """The API's own code stands in `code` (API.md, "Rules that the server enforces")."""

    exit_code = 8
    code = "REFUSED"
    advice = "look at the campaign in the dashboard, and plan again"


class NotFound(Refused):
    code = "NOT_FOUND"


class BillingLimit(Refused):
    code = "BILLING_LIMIT_REACHED"


class Inconsistent(ApiError):
    exit_code = 8
    code = "INCONSISTENT"


class OutcomeUnknown(ApiError):
    exit_code = 9
    code = "OUTCOME_UNKNOWN"
    advice = "apply again: that reads the campaign first"


class PlanRefused(CampaignSyncError):
    exit_code = 6
    code = "PLAN_REFUSED"


class StalePlan(CampaignSyncError):
    exit_code = 7
    code = "STALE_PLAN"


class JournalDamaged(CampaignSyncError):
    exit_code = 3
    code = "JOURNAL_DAMAGED"


class JournalUnwritable(CampaignSyncError):
    """`line` is what could not be written: it is shown, so that nothing is lost."""

    code = "JOURNAL_UNWRITABLE"

    def __init__(self, message: str, *, hint: str, line: str) -> None:
        super().__init__(message, hint=hint)
        self.line = line


class LockHeld(CampaignSyncError):
    exit_code = 10
    code = "LOCK_HELD"


class Stopped(CampaignSyncError):
    """A signal asked for the end; `signal` is its number, the exit code follows the shell."""

    code = "STOPPED"

    def __init__(self, signal: int) -> None:
        super().__init__(f"stopped by signal {signal}")
        self.exit_code = 128 + signal
