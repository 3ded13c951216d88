"""(Plan, Api, Journal) → outcomes: the only room that writes.

Each campaign is read again just before its PATCH, and planned again from that reading: only the
very changes that were reviewed are sent. What is about to be sent is on disk first. The answer is
held against what was expected; a write whose answer was lost is settled by reading.

    write.py      one campaign's way, from its last reading to its verified answer
    outcomes.py   what came of each campaign, on disk too, and the exit code
    stopping.py   how a run ends before its time
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from campaignsync import verify
from campaignsync.api import Api
from campaignsync.apply.outcomes import Ending, Outcomes, applies_of
from campaignsync.apply.stopping import Cut, Stopping
from campaignsync.apply.write import Moved, Write
from campaignsync.errors import (
    ApiError,
    BillingLimit,
    CampaignSyncError,
    JournalUnwritable,
    NotFound,
    OutcomeUnknown,
    Unauthorized,
    Unreachable,
)
from campaignsync.journal import Journal
from campaignsync.live import Reader, together
from campaignsync.model.applies import Failure, Outcome, Result
from campaignsync.model.fields import Value
from campaignsync.model.plans import Plan, PlannedCampaign
from campaignsync.model.values import Definition, Desired, LiveCampaign

__all__ = ["Apply", "applies_of"]

STOPPING = (Unauthorized, BillingLimit, Unreachable)
"""Errors after which every further request would end the same way."""

LOOKS = (0.0, 0.25, 0.75, 2.0, 4.0)
"""Seconds before each reading that looks for a write: a server's reads may lag behind (A11)."""


@dataclass(slots=True)
class Apply:
    """One apply under way: what came of each campaign so far, and why it stopped, if it did.

    `journal` may be None where the plan holds no update. `on_outcome` is told of each campaign
    once, in the order in which they end. `looks` are seconds before readings that look for a write.
    """

    plan: Plan
    desired: Desired
    api: Api
    reader: Reader
    journal: Journal | None = None
    on_outcome: Callable[[Outcome], None] = lambda _: None
    looks: tuple[float, ...] = LOOKS
    stopping: Stopping = field(default_factory=Stopping)
    outcomes: Outcomes = field(init=False)
    _unread: dict[int, Mapping[str, Value]] = field(default_factory=dict)
    _definitions: dict[int, Definition] = field(init=False)
    _planned: dict[int, PlannedCampaign] = field(init=False)

    def __post_init__(self) -> None:
        self.outcomes = Outcomes(self.plan, self.journal, self.on_outcome, self.stopping)
        self._definitions = {found.id: found for found in self.desired.definitions}
        self._planned = {campaign.id: campaign for campaign in self.plan.campaigns}

    async def run(self) -> None:
        """Send every update of the plan; what goes wrong with a campaign becomes its outcome."""
        updates = [campaign for campaign in self.plan.campaigns if campaign.action == "update"]
        for campaign in self.plan.campaigns:
            if campaign.action != "update":
                self.outcomes.enter(campaign, Ending(campaign.action, _as_planned(campaign)))
        # Alone: a server that merges in another way than we think harms one campaign, not all.
        await together([self._update(campaign) for campaign in updates[:1]])
        await together([self._update(campaign) for campaign in updates[1:]])
        await self._confirm()
        self.outcomes.close()

    def stop(self, reason: CampaignSyncError) -> None:
        """Start nothing new, and give what is being sent a few seconds to end."""
        self.stopping.ask(reason)

    async def _update(self, campaign: PlannedCampaign) -> None:
        """Bring one campaign to its outcome, whatever happens."""
        ending = await self._ending_of(campaign)
        if ending.unread:
            self._unread[campaign.id] = ending.unread
        else:
            self.outcomes.enter(campaign, ending)

    async def _ending_of(self, campaign: PlannedCampaign) -> Ending:
        definition = self._definitions[campaign.id]
        write = Write(
            campaign,
            definition,
            self.api,
            self.reader,
            self.outcomes,
            self.stopping,
            self.looks,
        )
        try:
            with self.stopping.heeded():
                return await write.run()
        except Cut as cut:
            return _unanswered(definition) if cut.sent else Ending("skipped")
        except JournalUnwritable as error:
            self.stop(error)
            return Ending("skipped")
        except ApiError as error:
            if isinstance(error, STOPPING):
                self.stop(error)
            return Ending(_result_of(error), verify.failure(error, definition))

    async def _confirm(self) -> None:
        """Read back, for all campaigns together, what the answers to the PATCHes left out."""
        looks = self.looks[:1] if self.stopping.reason else self.looks
        for look, pause in enumerate(looks, start=1):
            if not self._unread:
                return
            await asyncio.sleep(pause)
            for id_, ending in (await self._read_back()).items():
                # What does not show yet is looked for again.
                if ending.result != "failed" or look == len(looks):
                    del self._unread[id_]
                    self.outcomes.enter(self._planned[id_], ending)

    async def _read_back(self) -> Mapping[int, Ending]:
        definitions = tuple(self._definitions[id_] for id_ in self._unread)
        try:
            reading = Reader(self.api).read(Desired(definitions))
            live = (await self.stopping.within_grace(reading)).campaigns
        except Cut:
            return {found.id: _unanswered(found) for found in definitions}
        except ApiError as error:
            unseen = OutcomeUnknown(error.message, hint=error.hint)
            return {found.id: _unknown(unseen, found) for found in definitions}
        return {
            found.id: _confirmed(found, self._unread[found.id], live.get(found.id))
            for found in definitions
        }


def _confirmed(
    definition: Definition, wanted: Mapping[str, Value], live: LiveCampaign | None
) -> Ending:
    found = live.values if live else {}
    if refused := verify.differences(wanted, found):
        return Ending("failed", verify.failure(verify.not_taken(refused), definition))
    if wanted.keys() <= found.keys():
        return Ending("updated")
    gone = OutcomeUnknown("what could be read before the PATCH cannot be read any more")
    return _unknown(gone, definition)


def _unanswered(definition: Definition) -> Ending:
    unanswered = OutcomeUnknown(
        "the run was stopped before the answer came", hint="apply again: that reads it first"
    )
    return _unknown(unanswered, definition)


def _unknown(error: OutcomeUnknown, definition: Definition) -> Ending:
    return Ending("unknown", verify.failure(error, definition))


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
