"""Determine and record the outcome of each campaign, and the exit code of the run.

Values that the response to a PATCH left out are read back. An outcome is reported, and journaled if
its write was announced.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from campaignsync.api.client import ApiClient
from campaignsync.apply import verify
from campaignsync.apply.in_flight import Interrupted, Stopping
from campaignsync.apply.journal import Journal
from campaignsync.apply.verify import Differences
from campaignsync.errors import ApiError, JournalUnwritable, NotFound, OutcomeUnknown, severity
from campaignsync.live import LiveReader
from campaignsync.model.definitions import Definition, Desired, LiveCampaign
from campaignsync.model.document import ErrorSummary, total
from campaignsync.model.kind import Value
from campaignsync.model.plan import Plan, PlannedCampaign
from campaignsync.model.runs import (
    Applied,
    AppliedEnvironment,
    ApplySummary,
    Failure,
    Intent,
    Outcome,
    Result,
)

EXIT_CODES: Mapping[Result, int] = {
    "failed": 1,
    "skipped": 1,
    "blocked": 6,
    "stale": 7,
    "unknown": 9,
}
"""The exit code of a run that has this outcome and wrote nothing."""
PARTLY_APPLIED = 8
ACCEPTED = ("NOT_TAKEN", "CHANGED_UNASKED", "CHANGED_MEANWHILE")
"""Codes of failures after the API accepted a PATCH: something may have been written."""


@dataclass(frozen=True, slots=True)
class WriteResult:
    """The result for one campaign.

    `collateral` holds the fields that the PATCH changed without sending them, in a block that it
    sent. `stops` is an error after which the run must not send anything else.
    """

    outcome: Result
    error: Failure | None = None
    notes: tuple[str, ...] = ()
    collateral: Differences = field(default_factory=dict)
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
        """Write an intent to disk. After JournalUnwritable, its PATCH must not be sent."""
        assert self.journal is not None  # noqa: S101 - no write without a journal
        self.journal.record_intent(intent)

    def record(self, campaign: PlannedCampaign, result: WriteResult) -> None:
        """Record a campaign's outcome, in the journal too if its write was announced there."""
        outcome = Outcome(
            environment=campaign.environment,
            id=campaign.id,
            name=campaign.name,
            outcome=result.outcome,
            requests=campaign.requests,
            error=result.error,
            notes=result.notes,
        )
        self.by_id[campaign.id] = outcome
        if self.journal and self.journal.has_intent(campaign.id):
            code = result.error.code if result.error else None
            # Before the outcome: a run that is killed in between looks for both again.
            if result.collateral:
                self._record(
                    lambda journal: journal.record_collateral(campaign.id, result.collateral)
                )
            self._record(
                lambda journal: journal.record_outcome(campaign.id, result.outcome, code=code)
            )
        self.report(outcome)

    def close(self) -> None:
        """Write the end of the run, and its exit code, to the journal."""
        if self.journal:
            self._record(lambda journal: journal.end(self.exit_code()))

    def result(self, run: str) -> Applied:
        """Return the outcomes in the plan's order, counted; `run` names this run."""
        counts = Counter[str](outcome.outcome for outcome in self.by_id.values())
        summary = ApplySummary(**counts)
        name = self.plan.environment.name
        return Applied(
            environments=(AppliedEnvironment(name=name, run=run, summary=summary),),
            summary=summary,
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
        """Write an entry to the journal; stop the run if that fails."""
        assert self.journal is not None  # noqa: S101 - no write without a journal
        try:
            write(self.journal)
        except JournalUnwritable as error:
            self.unrecorded.append(error.line)
            self.stopping.stop(error)


def outcome_of(error: ApiError) -> Result:
    """Return the outcome of a campaign whose write ended with this error."""
    if isinstance(error, OutcomeUnknown):
        return "unknown"
    # Both mean that the campaign changed after it was planned.
    if isinstance(error, NotFound) or error.code == "CAMPAIGN_FINISHED":
        return "stale"
    return "failed"


def combined_exit_code(codes: Iterable[int], outcomes: Iterable[Outcome]) -> int:
    """Return the exit code of a run, or of several environments, from the codes of its parts.

    Codes 1 to 7 mean that nothing was written: they become 8 if something was written.
    """
    code = max(codes, key=severity, default=0)
    if 0 < code < PARTLY_APPLIED and any(map(_has_written, outcomes)):
        return PARTLY_APPLIED
    return code


def _has_written(outcome: Outcome) -> bool:
    return outcome.outcome == "updated" or bool(outcome.error and outcome.error.code in ACCEPTED)


def merge_applied(applied: Sequence[Applied], failed: Mapping[str, ErrorSummary]) -> Applied:
    """Return one document for several environments; `failed` has the errors of all others."""
    environments = [each for one in applied for each in one.environments]
    nothing = ApplySummary()
    environments += [
        AppliedEnvironment(name=name, run="", summary=nothing, error=error)
        for name, error in failed.items()
    ]
    return Applied(
        environments=tuple(environments),
        summary=ApplySummary(**total(each.summary for each in environments)),
        campaigns=tuple(campaign for one in applied for campaign in one.campaigns),
    )


@dataclass(frozen=True, slots=True)
class Unconfirmed:
    """A write whose response left out values that were sent, or others in their blocks.

    `before` is the campaign as it was read before the PATCH. `sent` holds the sent values that a
    reading must show; it may be empty.
    """

    campaign: PlannedCampaign
    definition: Definition
    before: LiveCampaign
    sent: Mapping[str, Value]

    def compare(self, live: LiveCampaign | None) -> WriteResult:
        """Return the result of the write according to a later reading (None if not found)."""
        values = verify.with_lost_weekdays(live.values, self.before.values) if live else {}
        all_sent = verify.sent_by(self.campaign, self.definition)
        kept = verify.untouched(self.before.values, all_sent)
        if changed := verify.differences(kept, values):
            return unsent_change_result(changed, self.campaign, self.definition)
        if refused := verify.differences(self.sent, values):
            error = verify.not_taken(refused, self.campaign.id)
            return WriteResult("failed", verify.failure(error, self.definition))
        if self.sent.keys() <= values.keys():
            return WriteResult("updated")
        return self.unknown(OutcomeUnknown("the API no longer returns some of the values"))

    def unknown(self, error: OutcomeUnknown) -> WriteResult:
        return WriteResult("unknown", verify.failure(error, self.definition))


def unsent_change_result(
    changed: verify.Differences, campaign: PlannedCampaign, definition: Definition
) -> WriteResult:
    """Return the failed result of a PATCH after which fields changed that it did not send."""
    error = verify.unsent_change(changed, campaign.body)
    return WriteResult(
        "failed",
        verify.failure(error, definition),
        collateral=verify.in_sent_blocks(changed, campaign.body),
        stops=error,
    )


@dataclass(frozen=True, slots=True)
class Confirmation:
    """Reads back writes until they are visible, or until the `poll_delays` (seconds) are over."""

    api: ApiClient
    stopping: Stopping
    poll_delays: tuple[float, ...]

    async def of_one(self, write: Unconfirmed) -> WriteResult:
        """Return the result of one write."""
        [(_, result)] = [each async for each in self.of_all([write])]
        return result

    async def of_all(
        self, writes: list[Unconfirmed]
    ) -> AsyncIterator[tuple[Unconfirmed, WriteResult]]:
        """Yield each write and its result as soon as it is known; read all of them together."""
        delays = self.poll_delays[:1] if self.stopping.reason else self.poll_delays
        for reading, delay in enumerate(delays, start=1):
            if not writes:
                return
            await asyncio.sleep(delay)
            results = await self._read_back(writes)
            writes = []
            for write, result in results:
                # The server's reads may lag behind: read an old value again.
                if result.outcome == "failed" and not result.stops and reading < len(delays):
                    writes.append(write)
                    continue
                if result.stops:
                    self.stopping.stop(result.stops)
                yield write, result

    async def _read_back(self, writes: list[Unconfirmed]) -> list[tuple[Unconfirmed, WriteResult]]:
        desired = Desired(tuple(write.definition for write in writes))
        try:
            reading = LiveReader(self.api).read(desired)
            live = (await self.stopping.within_grace(reading)).campaigns
        except Interrupted:
            return [(write, write.unknown(unanswered())) for write in writes]
        except ApiError as error:
            unknown = OutcomeUnknown(error.message, hint=error.hint)
            return [(write, write.unknown(unknown)) for write in writes]
        return [(write, write.compare(live.get(write.definition.id))) for write in writes]


def unanswered() -> OutcomeUnknown:
    return OutcomeUnknown(
        "the run was stopped before the response arrived",
        hint="apply again: it reads the campaign before it writes",
    )
