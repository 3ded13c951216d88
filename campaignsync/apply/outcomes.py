"""What came of each campaign: told to whoever watches, and on disk where a write was announced."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from campaignsync.apply.stopping import Stopping
from campaignsync.errors import JournalUnwritable
from campaignsync.journal import Intent, Journal
from campaignsync.model.applies import Applied, Applies, ApplySummary, Failure, Outcome, Result
from campaignsync.model.documents import added
from campaignsync.model.fields import Value
from campaignsync.model.plans import EnvironmentFailure, Plan, PlannedCampaign
from campaignsync.verify import Differences

EXIT_CODES: Mapping[Result, int] = {"blocked": 6, "stale": 7, "failed": 8, "unknown": 9}


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
        """Give the exit code of DESIGN's table: the highest that holds."""
        results = {outcome.outcome for outcome in self.by_id.values()}
        codes = {EXIT_CODES.get(result, 0) for result in results}
        if reason := self.stopping.reason:
            # Where nothing was written the cause says more than "failed".
            codes = codes | {8} if "updated" in results else codes - {8}
            codes.add(reason.exit_code)
        return max(codes, default=0)

    def _record(self, write: Callable[[Journal], None]) -> None:
        """Write to the journal what has happened; where that fails, nothing more may happen."""
        assert self.journal is not None  # noqa: S101 - no write without a journal
        try:
            write(self.journal)
        except JournalUnwritable as error:
            self.unrecorded.append(error.line)
            self.stopping.ask(error)


def applies_of(applies: Iterable[Applied], errors: Iterable[EnvironmentFailure]) -> Applies:
    """Put the applies to several environments into one document, counted."""
    parts = tuple(applies)
    summary = ApplySummary(**added(part.summary for part in parts))
    return Applies(summary=summary, applies=parts, errors=tuple(errors))
