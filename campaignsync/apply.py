"""(Plan, Api, Journal) → outcomes: the only room that writes.

Each campaign is read again just before its PATCH, and planned again from that reading: only the
very changes that were reviewed are sent. What is about to be sent is on disk first. The answer is
held against what was expected; a write whose answer was lost is settled by reading.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from campaignsync import verify
from campaignsync.api import Api
from campaignsync.errors import (
    ApiError,
    BillingLimit,
    CampaignSyncError,
    JournalUnwritable,
    NotFound,
    OutcomeUnknown,
    RateLimited,
    Unauthorized,
    Unreachable,
)
from campaignsync.fields import Value
from campaignsync.journal import Intent, Journal
from campaignsync.live import Reader, together
from campaignsync.model.documents import (
    Applied,
    ApplySummary,
    Failure,
    Outcome,
    Plan,
    PlannedCampaign,
    Result,
)
from campaignsync.model.values import Definition, Desired, Live, LiveCampaign
from campaignsync.plan import plan_campaign

STOPPING = (Unauthorized, BillingLimit, Unreachable)
"""Errors after which every further request would end the same way."""

EXIT_CODES: Mapping[Result, int] = {"blocked": 6, "stale": 7, "failed": 8, "unknown": 9}

ATTEMPTS = 3
"""Times that a campaign is read and sent, where the API answers 429: it did nothing."""
LOOKS = (0.0, 0.25, 0.75, 2.0, 4.0)
"""Seconds before each reading that looks for a write: a server's reads may lag behind (A11)."""
GRACE = 5.5
"""Seconds that writes under way are given when the run is to stop; a CI job is killed after 7."""


@dataclass(slots=True)
class Apply:
    """One apply under way: what came of each campaign so far, and why it stopped, if it did.

    `journal` may be None where the plan holds no update. `on_outcome` is told of each campaign
    once, in the order in which they end. `looks` are seconds before readings that look for a write.
    `unrecorded` are the lines of what happened that the journal did not take.
    """

    plan: Plan
    desired: Desired
    api: Api
    reader: Reader
    journal: Journal | None = None
    on_outcome: Callable[[Outcome], None] = lambda _: None
    looks: tuple[float, ...] = LOOKS
    outcomes: dict[int, Outcome] = field(default_factory=dict)
    stopped_by: CampaignSyncError | None = None
    unrecorded: list[str] = field(default_factory=list)
    _unconfirmed: dict[int, Mapping[str, Value]] = field(default_factory=dict)
    _waiting: set[asyncio.Task[Any]] = field(default_factory=set)
    _sending: set[asyncio.Task[Any]] = field(default_factory=set)
    _until: float | None = None
    _definitions: dict[int, Definition] = field(init=False)

    def __post_init__(self) -> None:
        self._definitions = {found.id: found for found in self.desired.definitions}

    async def run(self) -> None:
        """Send every update of the plan; what goes wrong with a campaign becomes its outcome."""
        updates = [campaign for campaign in self.plan.campaigns if campaign.action == "update"]
        for campaign in self.plan.campaigns:
            if campaign.action != "update":
                self._end(campaign, campaign.action, _as_planned(campaign))
        # Alone: a server that merges in another way than we think harms one campaign, not all.
        await together([self._update(campaign) for campaign in updates[:1]])
        await together([self._update(campaign) for campaign in updates[1:]])
        await self._confirm()

    def stop(self, reason: CampaignSyncError) -> None:
        """Start nothing new, and give what is being sent a few seconds to end."""
        self.stopped_by = self.stopped_by or reason
        loop, own = asyncio.get_running_loop(), asyncio.current_task()
        self._until = self._until or loop.time() + GRACE
        for task in self._waiting - {own}:
            if task in self._sending:
                loop.call_at(self._until, task.cancel)
            else:
                task.cancel()

    def end(self) -> None:
        """Say in the journal that the run came to its end, and how."""
        if self.journal:
            self._put_on_disk(lambda journal: journal.end(self.exit_code()))

    def result(self, run: str) -> Applied:
        """Report the outcomes in the plan's order, counted; `run` names this run."""
        counts = Counter[str](outcome.outcome for outcome in self.outcomes.values())
        return Applied(
            run=run,
            environment=self.plan.environment,
            summary=ApplySummary(**{word: counts[word] for word in ApplySummary.model_fields}),
            campaigns=tuple(self.outcomes[campaign.id] for campaign in self.plan.campaigns),
        )

    def exit_code(self) -> int:
        """Give the exit code of DESIGN's table: the highest that holds."""
        results = {outcome.outcome for outcome in self.outcomes.values()}
        codes = {EXIT_CODES.get(result, 0) for result in results}
        if self.stopped_by:
            # Where nothing was written the cause says more than "failed".
            codes = codes | {8} if "updated" in results else codes - {8}
            codes.add(self.stopped_by.exit_code)
        return max(codes, default=0)

    async def _update(self, campaign: PlannedCampaign) -> None:
        """Bring one campaign to its outcome, whatever happens."""
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - a coroutine runs in a task
        definition = self._definitions[campaign.id]
        self._waiting.add(task)
        try:
            await self._write(campaign, definition)
        except asyncio.CancelledError:
            if not self.stopped_by:
                raise
            self._end_stopped(campaign, definition, was_sending=task in self._sending)
        except ApiError as error:
            if isinstance(error, STOPPING):
                self.stop(error)
            self._end(campaign, _result_of(error), verify.failure(error, definition))
        except JournalUnwritable as error:
            self.stop(error)
            self._end(campaign, "skipped")
        finally:
            self._waiting.discard(task)
            self._sending.discard(task)

    def _end_stopped(
        self, campaign: PlannedCampaign, definition: Definition, *, was_sending: bool
    ) -> None:
        if was_sending:
            self._end(campaign, "unknown", verify.failure(_unanswered(), definition))
        else:
            self._end(campaign, "skipped")

    async def _write(self, campaign: PlannedCampaign, definition: Definition) -> None:
        """Read, compare with what was reviewed, send, verify: back to back in one task."""
        for attempt in range(1, ATTEMPTS + 1):
            if self.stopped_by:
                self._end(campaign, "skipped")
                return
            live = await self.reader.again(definition)
            now = plan_campaign(definition, live, send_unreadable=True)
            if _known(campaign) and not _known(now):
                self._end(campaign, "unchanged", notes=("live already is as desired",))
                return
            if now.action != "update" or verify.reviewed(now) != verify.reviewed(campaign):
                self._end(campaign, "stale", verify.moved(campaign, now, definition))
                return
            try:
                said = await self._send(campaign, definition, live)
            except RateLimited:
                if attempt == ATTEMPTS:
                    raise
            else:
                await self._verify(campaign, definition, live, said)
                return

    async def _send(
        self, campaign: PlannedCampaign, definition: Definition, live: LiveCampaign
    ) -> Mapping[str, Value]:
        """Send a PATCH, and give what the API says of the campaign then.

        Where the answer was lost the campaign is read: as desired means done; as before means not
        done, and it is sent once more; anything else is somebody's. Never twice unread.
        """
        sent = verify.sent_by(campaign)
        baseline = {path: live.values[path] for path in sent if path in live.values}
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - a coroutine runs in a task
        intent = Intent(
            campaign.id, campaign.name, campaign.patch, baseline, sent, definition.source
        )
        lost: OutcomeUnknown
        for _ in range(2):
            self._sending.discard(task)
            try:
                announce = partial(self._announce, intent, task)
                answer = await self.api.patch(campaign.id, campaign.patch, announce)
                return verify.said_after(answer, live)
            except OutcomeUnknown as error:
                lost = error
            found = await self._look_for(baseline.keys(), sent, definition, lost)
            if not verify.differences(sent, found):
                return verify.missed(found, live)
            if verify.differences(baseline, found):
                raise Moved(verify.not_taken(verify.differences(sent, found)).message)
        raise Unreachable(
            f"the write was not done, twice: {lost.message}", hint=lost.hint, status=lost.status
        )

    def _announce(self, intent: Intent, task: asyncio.Task[None]) -> None:
        """Put an intent on disk, at the last moment at which its PATCH can be held back."""
        if self.stopped_by:
            raise asyncio.CancelledError
        assert self.journal is not None  # noqa: S101 - no write without a journal
        self.journal.intend(intent)
        self._sending.add(task)

    async def _look_for(
        self,
        readable: AbstractSet[str],
        sent: Mapping[str, Value],
        definition: Definition,
        lost: OutcomeUnknown,
    ) -> Mapping[str, Value]:
        """Read until the write shows, or has had the time to.

        Raises `lost` where that cannot be learnt: nobody answers, or nothing of it is readable.
        """
        found: Mapping[str, Value] = {}
        for pause in self.looks:
            await asyncio.sleep(pause)
            try:
                # A new reader: what the list said before the write says nothing of it.
                found = (await Reader(self.api).again(definition)).values
            except ApiError:
                raise lost from None
            if not readable or not readable <= found.keys():
                raise lost
            if not verify.differences(sent, found):
                break
        return found

    async def _verify(
        self,
        campaign: PlannedCampaign,
        definition: Definition,
        live: LiveCampaign,
        said: Mapping[str, Value],
    ) -> None:
        """Hold what the API says after the PATCH against what was live and what was sent."""
        sent = verify.sent_by(campaign)
        if lost := verify.differences(verify.untouched(live.values, sent), said):
            # It would do the same to the next campaign.
            self.stop(verify.unasked(lost))
            self._end(campaign, "failed", verify.failure(verify.unasked(lost), definition))
            self._put_on_disk(lambda journal: journal.note_collateral(campaign.id, lost))
            return
        if verify.differences(sent, said):
            unread = OutcomeUnknown("the PATCH was answered with other values, and nothing since")
            said = await self._look_for(sent.keys() & said.keys(), sent, definition, unread)
        if refused := verify.differences(sent, said):
            self._end(campaign, "failed", verify.failure(verify.not_taken(refused), definition))
        elif unsaid := {path for path in sent if path not in said and path in live.values}:
            self._unconfirmed[campaign.id] = {path: sent[path] for path in unsaid}
        else:
            self._end(campaign, "updated")

    async def _confirm(self) -> None:
        """Read back, for all campaigns together, what the answers to the PATCHes left out."""
        refused: Mapping[int, verify.Differences] = {}
        for pause in self.looks[:1] if self.stopped_by else self.looks:
            if self._unconfirmed:
                await asyncio.sleep(pause)
                refused = await self._read_back()
        for id_, differences in refused.items():
            self._end_unconfirmed(id_, "failed", verify.not_taken(differences))

    async def _read_back(self) -> Mapping[int, verify.Differences]:
        """End what shows by now, and what cannot be read; give what still differs."""
        definitions = tuple(self._definitions[id_] for id_ in self._unconfirmed)
        try:
            live = (await self._within_grace(Reader(self.api).read(Desired(definitions)))).campaigns
        except ApiError as error:
            for id_ in list(self._unconfirmed):
                self._end_unconfirmed(
                    id_, "unknown", OutcomeUnknown(error.message, hint=error.hint)
                )
            return {}
        refused = {}
        for id_, wanted in list(self._unconfirmed.items()):
            found = live[id_].values if id_ in live else {}
            if differences := verify.differences(wanted, found):
                refused[id_] = differences
            elif wanted.keys() <= found.keys():
                self._end_unconfirmed(id_, "updated")
            else:
                gone = OutcomeUnknown("what could be read before the PATCH cannot be read any more")
                self._end_unconfirmed(id_, "unknown", gone)
        return refused

    def _end_unconfirmed(self, id_: int, result: Result, error: ApiError | None = None) -> None:
        del self._unconfirmed[id_]
        campaign = next(campaign for campaign in self.plan.campaigns if campaign.id == id_)
        failure = verify.failure(error, self._definitions[id_]) if error else None
        self._end(campaign, result, failure)

    async def _within_grace(self, reading: Coroutine[Any, Any, Live]) -> Live:
        """Read, as long as a run that is to stop has time; raises OutcomeUnknown after that."""
        task = asyncio.create_task(reading)
        self._waiting.add(task)
        self._sending.add(task)
        if self._until is not None:
            asyncio.get_running_loop().call_at(self._until, task.cancel)
        try:
            return await task
        except asyncio.CancelledError:
            if not self.stopped_by:
                raise
            raise _unanswered() from None
        finally:
            self._waiting.discard(task)
            self._sending.discard(task)

    def _end(
        self,
        campaign: PlannedCampaign,
        result: Result,
        error: Failure | None = None,
        notes: tuple[str, ...] = (),
    ) -> None:
        """Note a campaign's outcome; on disk too, where a write was announced there."""
        outcome = Outcome(
            id=campaign.id,
            name=campaign.name,
            outcome=result,
            patch=campaign.patch,
            error=error,
            notes=notes,
        )
        self.outcomes[campaign.id] = outcome
        if self.journal and self.journal.announced(campaign.id):
            code = error.code if error else None
            self._put_on_disk(lambda journal: journal.conclude(campaign.id, result, code=code))
        self.on_outcome(outcome)

    def _put_on_disk(self, write: Callable[[Journal], None]) -> None:
        """Write to the journal what has happened; where that fails, nothing more may happen."""
        assert self.journal is not None  # noqa: S101 - no write without a journal
        try:
            write(self.journal)
        except JournalUnwritable as error:
            self.unrecorded.append(error.line)
            self.stop(error)


class Moved(ApiError):
    """Somebody else's write came between ours and our reading."""

    code = "STALE"


def _unanswered() -> OutcomeUnknown:
    return OutcomeUnknown(
        "the run was stopped before the answer came", hint="apply again: that reads it first"
    )


def _known(campaign: PlannedCampaign) -> bool:
    return any(change.known for change in campaign.changes)


def _result_of(error: ApiError) -> Result:
    if isinstance(error, OutcomeUnknown):
        return "unknown"
    # All three mean that the campaign moved on after it was planned.
    if isinstance(error, NotFound | Moved) or error.code == "CAMPAIGN_FINISHED":
        return "stale"
    return "failed"


def _as_planned(campaign: PlannedCampaign) -> Failure | None:
    """Repeat the plan's first reason for a campaign of which nothing is sent."""
    for blocked in campaign.blocked:
        return Failure(
            code=blocked.code,
            field=blocked.field,
            message=blocked.message,
            hint=blocked.hint,
            source=blocked.source,
        )
    return None
