"""Write one campaign: read it, compare it with the plan, journal, PATCH, verify, and record."""

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from campaignsync.api.client import ApiClient, TooLate
from campaignsync.apply import verify
from campaignsync.apply.in_flight import (
    SCALARS,
    InFlightLimit,
    Interrupted,
    Slot,
    Stopping,
    VerifiedBlocks,
    block_of,
    blocks_of,
)
from campaignsync.apply.outcomes import (
    Confirmation,
    Outcomes,
    Unconfirmed,
    WriteResult,
    outcome_of,
    unanswered,
    unsent_change_result,
)
from campaignsync.errors import (
    ApiError,
    BillingLimit,
    JournalUnwritable,
    OutcomeUnknown,
    RateLimited,
    Unauthorized,
    Unreachable,
)
from campaignsync.live import LiveReader
from campaignsync.model.definitions import Definition, LiveCampaign
from campaignsync.model.fields import response_values
from campaignsync.model.kind import Value
from campaignsync.model.plan import PlannedCampaign
from campaignsync.model.runs import Intent
from campaignsync.plan import plan_campaign

ATTEMPTS = 3
"""Maximum number of times that a PATCH is sent if the API returns 429: nothing was written."""
MOST_READINGS = 12
"""Maximum readings of a campaign before its PATCH is sent soon enough after one."""
FRESH = 0.2
"""Seconds that a reading stays valid, in addition to one request's time at the full rate.

The PATCH overwrites what someone else changes after the reading, so this is short.
"""
LEEWAY = 0.05
"""Seconds that it stays valid in addition to one request's time at the current, reduced rate."""
APPLIED_LATER = range(201, 300)
"""Statuses of the API, not of a proxy's page, after which it may apply a PATCH at a later time."""
STOPPING = (Unauthorized, BillingLimit, Unreachable)
"""Errors after which every further request would fail in the same way."""


@dataclass(frozen=True, slots=True)
class WriteContext:
    """The objects that all writes of a run share.

    `poll_delays` are the seconds before each reading that checks for a write.
    """

    api: ApiClient
    reader: LiveReader
    outcomes: Outcomes
    stopping: Stopping
    in_flight: InFlightLimit
    verified_blocks: VerifiedBlocks
    confirmation: Confirmation
    poll_delays: tuple[float, ...]


@dataclass(slots=True)
class CampaignWrite:
    """The write of one campaign; its methods follow the module's steps from top to bottom."""

    campaign: PlannedCampaign
    definition: Definition
    context: WriteContext
    _rate_limited: int = 0
    _lost_responses: list[OutcomeUnknown] = field(default_factory=list)
    _before_lost: LiveCampaign | None = None

    async def run(self, unconfirmed: list[Unconfirmed]) -> None:
        """Write the campaign, and record its outcome or add the write to `unconfirmed`."""
        result = await self._result()
        if isinstance(result, Unconfirmed):
            unconfirmed.append(result)
            return
        if result.stops:
            # The next PATCH might also change fields that it does not send.
            self.context.stopping.stop(result.stops)
        self.context.outcomes.record(self.campaign, result)

    async def _result(self) -> WriteResult | Unconfirmed:
        """Write the campaign; an error becomes its result, and may stop the run."""
        stopping = self.context.stopping
        try:
            with stopping.cancellable():
                return await self._retry()
        except Interrupted as interrupted:
            if not interrupted.sent:
                return WriteResult("skipped")
            return WriteResult("unknown", verify.failure(unanswered(), self.definition))
        except JournalUnwritable as error:
            stopping.stop(error)
            return WriteResult("skipped")
        except ApiError as error:
            if isinstance(error, STOPPING):
                stopping.stop(error)
            return WriteResult(outcome_of(error), verify.failure(error, self.definition))

    async def _retry(self) -> WriteResult | Unconfirmed:
        """Attempt the write until its PATCH was sent in time, and not refused with 429.

        Raises ApiError.
        """
        for _ in range(MOST_READINGS):
            try:
                return await self._attempt()
            except TooLate:
                continue
            except RateLimited:
                self._rate_limited += 1
                if self._rate_limited == ATTEMPTS or not self.context.api.may_try_again():
                    raise
        raise Unreachable(
            f"could not send the PATCH soon enough after a read, {MOST_READINGS} times",
            hint="nothing was sent; apply again when the API, or this machine, is less busy",
        )

    async def _attempt(self) -> WriteResult | Unconfirmed:
        """Read and send once. Raises TooLate if the reading is too old at the PATCH's turn."""
        self.context.stopping.uncommit()
        if self.context.stopping.reason:
            return WriteResult("skipped")
        async with self.context.in_flight.slot() as slot:
            live, read_at = await self._read()
            if unsent := self._compare(live):
                return unsent
            blocks = blocks_of(self.campaign)
            async with self.context.verified_blocks.wait_for(blocks) as is_first:
                # The first writes of these blocks may have taken long: read again if too late.
                if asyncio.get_running_loop().time() > self._latest_send(read_at):
                    live, read_at = await self._read()
                    if unsent := self._compare(live):
                        return unsent
                returned = await self._send(live, read_at, slot)
                result = await self._verify(live, returned)
                if not is_first:
                    return result
                if isinstance(result, Unconfirmed):
                    result = await self.context.confirmation.of_one(result)
                if result.outcome == "updated":
                    self.context.verified_blocks.add(blocks)
                return result

    async def _read(self) -> tuple[LiveCampaign, float]:
        return await self.context.reader.reread(self.definition, before_write=True)

    def _compare(self, live: LiveCampaign) -> WriteResult | None:
        """Plan the campaign again from its reading; return the result if nothing may be sent."""
        replanned = plan_campaign(self.definition, live, send_unreadable=True)
        planned = _known_changes(self.campaign)
        remaining = {change.field for change in replanned.changes}
        if self._before_lost and planned - remaining:
            # The PATCH whose response was lost was applied late, at least in part.
            sent = verify.sent_by(self.campaign, self.definition)
            late = Unconfirmed(self.campaign, self.definition, self._before_lost, sent)
            return late.compare(live)
        # A planned field that the API no longer returns does not match its definition.
        if planned and not (_known_changes(replanned) or planned & remaining):
            return WriteResult("unchanged", notes=("live already matches the definition",))
        is_reviewed = verify.reviewed(replanned) == verify.reviewed(self.campaign)
        if replanned.action != "update" or not is_reviewed:
            failure = verify.stale_failure(self.campaign, replanned, self.definition)
            return WriteResult("stale", failure)
        return None

    async def _send(self, live: LiveCampaign, read_at: float, slot: Slot) -> Mapping[str, Value]:
        """Send a PATCH, and return the campaign's values after it.

        If the response is lost, the campaign is read. If it has the desired values, the write is
        done. If it has the values from before, the write is not done, and the PATCH is sent once
        more. Otherwise someone else changed it: raises Inconsistent if a part of the write shows,
        and OutcomeUnknown if nothing of it does. A PATCH is never sent again without this reading.
        """
        campaign = self.campaign
        sent = verify.sent_by(campaign, self.definition)
        baseline = {path: live.values[path] for path in sent if path in live.values}
        siblings = verify.in_sent_blocks(verify.untouched(live.values, sent), campaign.body)
        place = self.definition.source
        intent = Intent(
            campaign.id, campaign.name, campaign.requests, baseline, sent, place, siblings
        )

        def announce() -> None:
            """Write the intent to disk. Raises Interrupted on a stop: nothing is sent then."""
            self.context.stopping.commit()
            self.context.outcomes.announce(intent)
            slot.release()

        while True:
            self.context.stopping.uncommit()
            try:
                response = await self.context.api.patch(
                    campaign.id, campaign.body, announce, by=self._latest_send(read_at)
                )
                return dict(response_values(response, "detailed"))
            except OutcomeUnknown as error:
                unknown = error
                self._lost_responses.append(error)
                self._before_lost = live
            values, read_at = await self._poll(live, baseline.keys(), unknown)
            if not (others := verify.differences(sent, values)):
                return values
            if verify.differences(baseline, values):
                if (baseline.keys() & values.keys()) - others.keys():
                    raise verify.not_taken(others, campaign.id)
                raise verify.overwritten(others, unknown)
            if len(self._lost_responses) > 1:
                if accepted := [e for e in self._lost_responses if e.status in APPLIED_LATER]:
                    self.context.stopping.stop(accepted[0])
                    raise accepted[0]
                raise Unreachable(
                    f"the write failed twice: {unknown.message}",
                    hint=unknown.hint,
                    status=unknown.status,
                )

    def _latest_send(self, read_at: float) -> float:
        api = self.context.api
        return read_at + max(1 / api.rate + FRESH, api.gap + LEEWAY)

    async def _poll(
        self, before: LiveCampaign, readable: Collection[str], unknown: OutcomeUnknown
    ) -> tuple[Mapping[str, Value], float]:
        """Read until the write is visible or the `poll_delays` are over.

        Return the last values, with lost weekdays, and their time, as `LiveReader.reread` does.
        Raises `unknown` if the API does not respond, or leaves out `readable` fields.
        """
        sent = verify.sent_by(self.campaign, self.definition)
        values: Mapping[str, Value] = {}
        read_at = 0.0
        for delay in self.context.poll_delays:
            await asyncio.sleep(delay)
            try:
                # Use a new reader: the list read before the write is outdated.
                live, read_at = await LiveReader(self.context.api).reread(self.definition)
            except ApiError:
                raise unknown from None
            values = verify.with_lost_weekdays(live.values, before.values)
            if not readable or not values.keys() >= set(readable):
                raise unknown
            if not verify.differences(sent, values):
                break
        return values, read_at

    async def _verify(
        self, live: LiveCampaign, returned: Mapping[str, Value]
    ) -> WriteResult | Unconfirmed:
        """Compare the values after the PATCH with what was live and what was sent."""
        sent = verify.sent_by(self.campaign, self.definition)
        untouched = verify.untouched(live.values, sent)
        if changed := verify.differences(untouched, returned):
            # Days that the response leaves out of a sent week count as lost: undo reads them.
            whole = verify.with_lost_weekdays(returned, live.values)
            lost = verify.in_sent_blocks(verify.differences(untouched, whole), self.campaign.body)
            return unsent_change_result({**changed, **lost}, self.campaign, self.definition)
        if verify.differences(sent, returned):
            unknown = OutcomeUnknown("the response has other values, and no later read succeeded")
            returned, _ = await self._poll(live, sent.keys() & returned.keys(), unknown)
            if changed := verify.differences(untouched, returned):
                return unsent_change_result(changed, self.campaign, self.definition)
        if refused := verify.differences(sent, returned):
            error = verify.not_taken(refused, self.campaign.id)
            return WriteResult("failed", verify.failure(error, self.definition))
        readable = {path: value for path, value in sent.items() if path in live.values}
        unread = {path: value for path, value in readable.items() if path not in returned}
        if verify.with_lost_weekdays(returned, live.values).keys() != returned.keys():
            # The response may hold a part of the week: a reading that shows the write decides.
            return Unconfirmed(self.campaign, self.definition, live, readable)
        has_unread_siblings = any(
            path not in returned and block_of(path) in blocks_of(self.campaign) - {SCALARS}
            for path in untouched
        )
        if unread or has_unread_siblings:
            return Unconfirmed(self.campaign, self.definition, live, unread)
        return WriteResult("updated")


def _known_changes(campaign: PlannedCampaign) -> set[str]:
    return {change.field for change in campaign.changes if change.known}
