"""Define the errors that end a command.

Each class sets its exit code. The message states the problem, the hint the next step.

    CampaignSyncError          1   unexpected
    ├── DefinitionError        3   the definitions have problems; lists all of them
    ├── ConfigurationError     3   the workspace, the environment or the usage is wrong
    ├── CredentialError        4   the key is missing or malformed; nothing was sent
    ├── ApiError               1   a request to the API failed
    │   ├── Unauthorized       4   401 or 403: the API refused the key
    │   ├── Unreachable        5   no connection, a timeout, or 5xx past the retry budget
    │   │   └── RateLimited    5   429 past the retry budget
    │   ├── BadResponse        1   invalid response: not JSON, a redirect, keys missing
    │   ├── Refused            1   the API refused this request, with a code and a field
    │   │   ├── NotFound       1   404
    │   │   └── BillingLimit   1   402: the API would refuse every further request, too
    │   ├── Inconsistent       8   the API accepted a write, but live differs from it
    │   └── OutcomeUnknown     9   a write was sent, and no response was received
    ├── PlanRefused            6   the plan has blocked changes, or a guard refuses it
    ├── StalePlan              7   live, the definitions or the account changed since the plan
    ├── JournalDamaged         3   the journal is corrupt
    ├── JournalUnwritable      1   an intent or an outcome could not be written to disk
    ├── LockHeld              10   another run holds the lock
    └── Stopped              130   stopped cleanly by a signal (129 SIGHUP, 143 SIGTERM)
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Source:
    """A place in a file: `file` as the user would type it; line and column count from 1."""

    file: str
    line: int
    column: int = 1

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True)
class Problem:
    """One problem in a definition: what it is, where it is, and what to write instead.

    `excerpt` is the line of the file, to draw a caret under; None if no single line applies.
    """

    code: str
    message: str
    source: Source
    hint: str = ""
    severity: Literal["error", "warning"] = "error"
    excerpt: str | None = None


def more_about(problems: Iterable[Problem]) -> str:
    """Return a hint that explains the first error's code; empty if there are only warnings."""
    codes = (problem.code for problem in problems if problem.severity == "error")
    code = next(codes, None)
    return f"run `campaignsync explain {code}` for details" if code else ""


def severity(code: int) -> int:
    """Return the rank of an exit code among several: the highest wins, 1 and 2 come last."""
    return {0: 0, 2: 1, 1: 2}.get(code, code)


class CampaignSyncError(Exception):
    """The root of the tree: `code` for machines, the message for people, `hint` to act on.

    `advice` is the class's default hint. `problems` are those of the definitions.
    """

    exit_code: int = 1
    code: str = "UNEXPECTED"
    advice: str = ""
    problems: tuple[Problem, ...] = ()

    def __init__(self, message: str, *, hint: str = "", code: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint or type(self).advice
        self.code = code or type(self).code


class DefinitionError(CampaignSyncError):
    """The definitions have problems; nothing was planned and no request was made."""

    exit_code = 3
    code = "INVALID_DEFINITIONS"

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        errors = [problem for problem in self.problems if problem.severity == "error"]
        super().__init__(
            f"{len(errors)} problem{'s' * (len(errors) != 1)} in the definitions",
            hint=more_about(self.problems),
        )

    @property
    def files(self) -> list[str]:
        """Return the files that have problems."""
        return sorted({problem.source.file for problem in self.problems})


class ConfigurationError(CampaignSyncError):
    exit_code = 3
    code = "USAGE"


class CredentialError(CampaignSyncError):
    exit_code = 4
    code = "KEY"


class ApiError(CampaignSyncError):
    """A failed request; `status` is the HTTP status, None if no response was received."""

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


class BadResponse(ApiError):
    code = "BAD_RESPONSE"
    advice = "try again; if it happens again, check for a proxy or a login page in between"


class Refused(ApiError):
    """The API refused one request; `code` is the API's own code if it sent one.

    Nothing was written: a run that wrote other campaigns before exits with 8 instead.
    """

    code = "REFUSED"
    advice = "check the campaign in the dashboard, then plan again"


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
    advice = "apply again: it reads the campaign before it writes"


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
    """`line` could not be written to disk; reports show it, so that it is not lost."""

    code = "JOURNAL_UNWRITABLE"

    def __init__(self, message: str, *, hint: str, line: str) -> None:
        super().__init__(message, hint=hint)
        self.line = line


class LockHeld(CampaignSyncError):
    exit_code = 10
    code = "LOCK_HELD"


class Stopped(CampaignSyncError):
    """A signal stopped the run; the exit code is 128 + `signal`, as in a shell."""

    code = "STOPPED"

    def __init__(self, signal: int) -> None:
        super().__init__(f"stopped by signal {signal}")
        self.exit_code = 128 + signal
