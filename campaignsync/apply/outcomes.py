"""What came of each campaign: told to whoever watches, and on disk where a write was announced."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from campaignsync.apply.stopping import Stopping
from campaignsync.errors import JournalUnwritable, severity
from campaignsync.fields import Value
from campaignsync.journal import Intent, Journal
from campaignsync.model.applies import Applied, Applies, ApplySummary, Failure, Outcome, Result
from campaignsync.model.documents import added
from campaignsync.model.plans import EnvironmentFailure, Plan, PlannedCampaign
from campaignsync.verify import Differences

EXIT_CODES: Mapping[Result, int] = {
    "failed": 1,
    "skipped": 1,
    "blocked": 6,
    "stale": 7,
    "unknown": 9,
}
"""The exit code of a run with this outcome and no write."""
PARTLY_APPLIED = 8
ACCEPTED = ("NOT_TAKEN", "CHANGED_UNASKED")
"""Codes of failures that a PATCH has after the API accepted it: something may be written."""


@dataclass(frozen=True, slots=True)
class Ending:
    """What came of one campaign.

    `unread` is what was sent and the answer did not say: the ending holds once it was read back.
    `lost` is what the PATCH changed without naming it.
    """

    result: Result
    error: Failure | None = None
    notes: tuple[str, ...] = ()
    unread: Mapping[str, Value] = field(default_factory=dict)
    lost: Differences = field(default_factory=dict)


@dataclass(slots=True)
class Outcomes:
    """The outcomes of a run so far; a journal that cannot be written stops it."""

    plan: Plan
    journal: Journal | None
    tell: Callable[[Outcome], None]
    stopping: Stopping
    by_id: dict[int, Outcome] = field(default_factory=dict)
    unrecorded: list[str] = field(default_factory=list)

    def announce(self, intent: Intent) -> None:
        """Put an intent on disk; raises JournalUnwritable where its PATCH must not be sent."""
        assert self.journal is not None  # noqa: S101 - no write without a journal
        self.journal.intend(intent)

    def enter(self, campaign: PlannedCampaign, ending: Ending) -> None:
        """Note a campaign's outcome; on disk too, where a write was announced there."""
        outcome = Outcome(
            id=campaign.id,
            name=campaign.name,
            outcome=ending.result,
            patch=campaign.patch,
            error=ending.error,
            notes=ending.notes,
        )
        self.by_id[campaign.id] = outcome
        if self.journal and self.journal.announced(campaign.id):
            code = ending.error.code if ending.error else None
            self._record(lambda journal: journal.conclude(campaign.id, ending.result, code=code))
            if ending.lost:
                self._record(lambda journal: journal.note_collateral(campaign.id, ending.lost))
        self.tell(outcome)

    def close(self) -> None:
        """Say in the journal that the run came to its end, and how."""
        if self.journal:
            self._record(lambda journal: journal.end(self.exit_code()))

    def result(self, run: str) -> Applied:
        """Report the outcomes in the plan's order, counted; `run` names this run."""
        counts = Counter[str](outcome.outcome for outcome in self.by_id.values())
        return Applied(
            run=run,
            environment=self.plan.environment,
            summary=ApplySummary(**counts),
            campaigns=tuple(self.by_id[campaign.id] for campaign in self.plan.campaigns),
        )

    def exit_code(self) -> int:
        """Return the exit code for the outcomes so far and for the reason to stop, if any."""
        outcomes = self.by_id.values()
        codes = [EXIT_CODES.get(outcome.outcome, 0) for outcome in outcomes]
        if reason := self.stopping.reason:
            codes.append(reason.exit_code)
        return combined_exit_code(codes, outcomes)

    def _record(self, write: Callable[[Journal], None]) -> None:
        """Write to the journal what has happened; where that fails, nothing more may happen."""
        assert self.journal is not None  # noqa: S101 - no write without a journal
        try:
            write(self.journal)
        except JournalUnwritable as error:
            self.unrecorded.append(error.line)
            self.stopping.ask(error)


def combined_exit_code(codes: Iterable[int], outcomes: Iterable[Outcome]) -> int:
    """Return the exit code of a run, or of several environments, from the codes of its parts.

    1 and 3 to 7 mean that nothing was written: after a write they become 8.
    """
    code = max(codes, key=severity, default=0)
    if 0 < code < PARTLY_APPLIED and any(map(_has_written, outcomes)):
        return PARTLY_APPLIED
    return code


def _has_written(outcome: Outcome) -> bool:
    return outcome.outcome == "updated" or bool(outcome.error and outcome.error.code in ACCEPTED)


def applies_of(applies: Iterable[Applied], errors: Iterable[EnvironmentFailure]) -> Applies:
    """Put the applies to several environments into one document, counted."""
    parts = tuple(applies)
    summary = ApplySummary(**added(part.summary for part in parts))
    return Applies(summary=summary, applies=parts, errors=tuple(errors))
