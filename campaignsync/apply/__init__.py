"""Apply a plan, and return the outcome of each campaign. Only this package writes to the API.

Each campaign is read again just before its PATCH, and planned again from that reading: only the
reviewed changes are sent. The journal records a PATCH before it is sent. The response is compared
with the expected values; if the response is lost, the campaign is read again.

    write.py        write one campaign, from its last reading to its verified response
    order.py        limit the campaigns in flight, and send first writes alone
    verify.py       compare the expected values with those that the API returns
    confirm.py      read back the values that the responses left out
    outcomes.py     record the outcome of each campaign, and determine the exit code
    stopping.py     stop a run early
    journal.py      record a run on disk, and read the record
    recovery.py     determine the unknown outcomes of an earlier run
    undo.py         build definitions that restore the values before a run
    saved_plan.py   read a saved plan, and refuse it if it was edited or is out of date
    lock.py         allow one apply at a time
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from campaignsync.api import Api
from campaignsync.apply import verify
from campaignsync.apply.confirm import Confirmation, Unconfirmed, unanswered
from campaignsync.apply.journal import Journal
from campaignsync.apply.order import InFlightLimit, Proofs, blocks_of
from campaignsync.apply.outcomes import Outcomes, WriteResult, combined_exit_code, merge_applied
from campaignsync.apply.stopping import Interrupted, Stopping
from campaignsync.apply.write import Shared, Write
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
from campaignsync.live import Reader, together
from campaignsync.model.plan import Plan, PlannedCampaign
from campaignsync.model.runs import Failure, Outcome, Result
from campaignsync.model.values import Definition, Desired

__all__ = ["Apply", "combined_exit_code", "merge_applied"]

STOPPING = (Unauthorized, BillingLimit, Unreachable)
"""Errors after which every further request would fail in the same way."""

POLL_DELAYS = (0.0, 0.25, 0.75, 2.0, 4.0)
"""Seconds before each reading that checks for a write: the server's reads may lag behind."""


@dataclass(slots=True)
class Apply:
    """One apply: its outcomes so far, and the reason why it stopped, if any.

    `journal` may be None if the plan holds no update. `on_outcome` is called once per campaign, in
    the order in which they end. `poll_delays` are the seconds before each reading that checks for
    a write.
    """

    plan: Plan
    desired: Desired
    api: Api
    reader: Reader
    journal: Journal | None = None
    on_outcome: Callable[[Outcome], None] = lambda _: None
    poll_delays: tuple[float, ...] = POLL_DELAYS
    stopping: Stopping = field(default_factory=Stopping)
    outcomes: Outcomes = field(init=False)
    _shared: Shared = field(init=False)
    _unconfirmed: list[Unconfirmed] = field(default_factory=list)
    _definitions: dict[int, Definition] = field(init=False)
    _planned: dict[int, PlannedCampaign] = field(init=False)

    def __post_init__(self) -> None:
        self.outcomes = Outcomes(self.plan, self.journal, self.on_outcome, self.stopping)
        self._shared = Shared(
            self.api,
            self.reader,
            self.outcomes,
            self.stopping,
            InFlightLimit(self.api.rate),
            Proofs(),
            Confirmation(self.api, self.stopping, self.poll_delays),
            self.poll_delays,
        )
        self._definitions = {each.id: each for each in self.desired.definitions}
        self._planned = {campaign.id: campaign for campaign in self.plan.campaigns}

    async def run(self) -> None:
        """Send every update of the plan; an error of a campaign becomes its outcome."""
        for campaign in self.plan.campaigns:
            if campaign.action != "update":
                self.outcomes.enter(campaign, WriteResult(campaign.action, _as_planned(campaign)))
        updates = [campaign for campaign in self.plan.campaigns if campaign.action == "update"]
        # The first write is sent alone: the more blocks it verifies, the fewer others wait.
        updates.sort(key=lambda campaign: len(blocks_of(campaign)), reverse=True)
        await together([self._update(campaign) for campaign in updates])
        async for write, result in self._shared.confirmation.of_all(self._unconfirmed):
            self.outcomes.enter(self._planned[write.definition.id], result)
        self.outcomes.close()

    def stop(self, reason: CampaignSyncError) -> None:
        """Start no new write, and allow the writes in flight a few seconds to end."""
        self.stopping.ask(reason)

    async def _update(self, campaign: PlannedCampaign) -> None:
        """Write one campaign, then record its outcome or keep it for confirmation."""
        result = await self._result_of(campaign)
        if isinstance(result, Unconfirmed):
            self._unconfirmed.append(result)
        else:
            self.outcomes.enter(campaign, result)

    async def _result_of(self, campaign: PlannedCampaign) -> WriteResult | Unconfirmed:
        definition = self._definitions[campaign.id]
        try:
            with self.stopping.cancellable():
                return await Write(campaign, definition, self._shared).run()
        except Interrupted as interrupted:
            if not interrupted.sent:
                return WriteResult("skipped")
            return WriteResult("unknown", verify.failure(unanswered(), definition))
        except JournalUnwritable as error:
            self.stop(error)
            return WriteResult("skipped")
        except ApiError as error:
            if isinstance(error, STOPPING):
                self.stop(error)
            return WriteResult(_outcome_of(error), verify.failure(error, definition))


def _outcome_of(error: ApiError) -> Result:
    if isinstance(error, OutcomeUnknown):
        return "unknown"
    # Both mean that the campaign changed after it was planned.
    if isinstance(error, NotFound) or error.code == "CAMPAIGN_FINISHED":
        return "stale"
    return "failed"


def _as_planned(campaign: PlannedCampaign) -> Failure | None:
    """Return the first reason why the plan blocks a campaign; None if it does not."""
    for blocked in campaign.blocked:
        return Failure(
            code=blocked.code,
            field=blocked.field,
            message=blocked.message,
            hint=blocked.hint,
            source=blocked.source,
        )
    return None
