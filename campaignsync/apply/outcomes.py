"""The outcome of each campaign: reported at once, and journalled if its write was announced."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from campaignsync.apply.stopping import Stopping
from campaignsync.errors import ApiError, JournalUnwritable
from campaignsync.journal import Intent, Journal
from campaignsync.model.applies import Applied, Applies, ApplySummary, Failure, Outcome, Result
from campaignsync.model.documents import added
from campaignsync.model.plans import EnvironmentFailure, Plan, PlannedCampaign
from campaignsync.verify import Differences

EXIT_CODES: Mapping[Result, int] = {"blocked": 6, "stale": 7, "failed": 8, "unknown": 9}


@dataclass(frozen=True, slots=True)
class WriteResult:
    """The result for one campaign.

    `lost` is what the PATCH changed within a block that it sent, and did not name. `stops` is an
    error after which the run must not send anything else.
    """

    outcome: Result
    error: Failure | None = None
    notes: tuple[str, ...] = ()
    lost: Differences = field(default_factory=dict)
    stops: ApiError | None = None


@dataclass(slots=True)
class Outcomes:
    """The outcomes of a run so far. A journal that cannot be written stops the run."""

    plan: Plan
    journal: Journal | None
    report: Callable[[Outcome], None]
    stopping: Stopping
    by_id: dict[int, Outcome] = field(default_factory=dict)
    unrecorded: list[str] = field(default_factory=list)

    def announce(self, intent: Intent) -> None:
        """Write an intent to disk; raise JournalUnwritable if its PATCH must not be sent."""
        assert self.journal is not None  # noqa: S101 - no write without a journal
        self.journal.intend(intent)

    def enter(self, campaign: PlannedCampaign, result: WriteResult) -> None:
        """Record a campaign's outcome, in the journal too if its write was announced there."""
        outcome = Outcome(
            id=campaign.id,
            name=campaign.name,
            outcome=result.outcome,
            patch=campaign.patch,
            error=result.error,
            notes=result.notes,
        )
        self.by_id[campaign.id] = outcome
        if self.journal and self.journal.announced(campaign.id):
            code = result.error.code if result.error else None
            self._record(lambda journal: journal.conclude(campaign.id, result.outcome, code=code))
            if result.lost:
                self._record(lambda journal: journal.note_collateral(campaign.id, result.lost))
        self.report(outcome)

    def close(self) -> None:
        """Record in the journal that the run has ended, and its exit code."""
        if self.journal:
            self._record(lambda journal: journal.end(self.exit_code()))

    def result(self, run: str) -> Applied:
        """Return the outcomes in the plan's order, counted; `run` names this run."""
        counts = Counter[str](outcome.outcome for outcome in self.by_id.values())
        return Applied(
            run=run,
            environment=self.plan.environment,
            summary=ApplySummary(**counts),
            campaigns=tuple(self.by_id[campaign.id] for campaign in self.plan.campaigns),
        )

    def exit_code(self) -> int:
        """Return the exit code of the run: the highest that applies."""
        results = {outcome.outcome for outcome in self.by_id.values()}
        codes = {EXIT_CODES.get(result, 0) for result in results}
        if reason := self.stopping.reason:
            # If nothing was written, the cause says more than "failed".
            codes = codes | {8} if "updated" in results else codes - {8}
            codes.add(reason.exit_code)
        return max(codes, default=0)

    def _record(self, write: Callable[[Journal], None]) -> None:
        """Write to the journal what has happened; stop the run if that fails."""
        assert self.journal is not None  # noqa: S101 - no write without a journal
        try:
            write(self.journal)
        except JournalUnwritable as error:
            self.unrecorded.append(error.line)
            self.stopping.ask(error)


def applies_of(applies: Iterable[Applied], errors: Iterable[EnvironmentFailure]) -> Applies:
    """Return one document for the applies to several environments, counted."""
    parts = tuple(applies)
    summary = ApplySummary(**added(part.summary for part in parts))
    return Applies(summary=summary, applies=parts, errors=tuple(errors))
