"""Apply a plan: start all its writes, and record the outcome of each campaign."""

from collections.abc import Callable
from dataclasses import dataclass, field

from campaignsync.api.client import ApiClient
from campaignsync.api.pace import run_concurrently
from campaignsync.apply.in_flight import InFlightLimit, Stopping, VerifiedBlocks, blocks_of
from campaignsync.apply.journal import Journal
from campaignsync.apply.outcomes import Confirmation, Outcomes, Unconfirmed, WriteResult
from campaignsync.apply.write import CampaignWrite, WriteContext
from campaignsync.live import LiveReader
from campaignsync.model.definitions import Definition, Desired
from campaignsync.model.plan import Plan
from campaignsync.model.runs import Failure, Outcome

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
    api: ApiClient
    reader: LiveReader
    journal: Journal | None = None
    on_outcome: Callable[[Outcome], None] = lambda _: None
    poll_delays: tuple[float, ...] = POLL_DELAYS
    stopping: Stopping = field(default_factory=Stopping)
    outcomes: Outcomes = field(init=False)
    _context: WriteContext = field(init=False)
    _definitions: dict[int, Definition] = field(init=False)

    def __post_init__(self) -> None:
        self.outcomes = Outcomes(self.plan, self.journal, self.on_outcome, self.stopping)
        self._context = WriteContext(
            self.api,
            self.reader,
            self.outcomes,
            self.stopping,
            InFlightLimit(self.api.rate),
            VerifiedBlocks(),
            Confirmation(self.api, self.stopping, self.poll_delays),
            self.poll_delays,
        )
        self._definitions = self.desired.by_id

    async def run(self) -> None:
        """Send every update of the plan; an error of a campaign becomes its outcome."""
        for campaign in self.plan.campaigns:
            if campaign.action != "update":
                reason = next((Failure(**dict(each)) for each in campaign.blocked), None)
                self.outcomes.record(campaign, WriteResult(campaign.action, reason))
        updates = [campaign for campaign in self.plan.campaigns if campaign.action == "update"]
        # The first write is sent alone: the more blocks it verifies, the fewer others wait.
        updates.sort(key=lambda campaign: len(blocks_of(campaign)), reverse=True)
        writes = [
            CampaignWrite(each, self._definitions[each.id], self._context) for each in updates
        ]
        unconfirmed: list[Unconfirmed] = []
        await run_concurrently([write.run(unconfirmed) for write in writes])
        async for write, result in self._context.confirmation.of_all(unconfirmed):
            self.outcomes.record(write.campaign, result)
        self.outcomes.close()
