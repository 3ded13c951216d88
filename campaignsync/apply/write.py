"""Write one campaign: read it again, compare it with the plan, send the PATCH, and verify."""

import asyncio
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from campaignsync.api import Api, TooLate
from campaignsync.apply import verify
from campaignsync.apply.confirm import Confirmation, Unconfirmed, unasked_result
from campaignsync.apply.order import SCALARS, InFlightLimit, Proofs, Slot, block_of, blocks_of
from campaignsync.apply.outcomes import Outcomes, WriteResult
from campaignsync.apply.stopping import Stopping
from campaignsync.errors import ApiError, OutcomeUnknown, RateLimited, Unreachable
from campaignsync.live import Reader
from campaignsync.model.fields import Value
from campaignsync.model.plan import PlannedCampaign
from campaignsync.model.runs import Intent
from campaignsync.model.values import Definition, LiveCampaign
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
"""The same in addition to one request's time at the current rate: the next turn is in time."""


@dataclass(frozen=True, slots=True)
class Shared:
    """The objects that all writes of a run share.

    `poll_delays` are the seconds before each reading that checks for a write.
    """

    api: Api
    reader: Reader
    outcomes: Outcomes
    stopping: Stopping
    in_flight: InFlightLimit
    proofs: Proofs
    confirmation: Confirmation
    poll_delays: tuple[float, ...]


@dataclass(slots=True)
class Write:
    """The write of one campaign."""

    campaign: PlannedCampaign
    definition: Definition
    shared: Shared
    _refusals: int = 0
    _losses: int = 0

    async def run(self) -> WriteResult | Unconfirmed:
        """Read, compare, send and verify. Raises ApiError."""
        for _ in range(MOST_READINGS):
            try:
                return await self._attempt()
            except TooLate:
                continue
            except RateLimited:
                self._refusals += 1
                if self._refusals == ATTEMPTS or not self.shared.api.may_try_again():
                    raise
        raise Unreachable(
            f"could not send the PATCH soon enough after a read, {MOST_READINGS} times",
            hint="nothing was sent; apply again when the API, or this machine, is less busy",
        )

    async def _attempt(self) -> WriteResult | Unconfirmed:
        """Read and send once. Raises TooLate if the reading is too old at the PATCH's turn."""
        self.shared.stopping.uncommit()
        if self.shared.stopping.reason:
            return WriteResult("skipped")
        async with self.shared.in_flight.slot() as slot:
            live, read_at = await self.shared.reader.timed(self.definition)
            now = plan_campaign(self.definition, live, send_unreadable=True)
            if _known(self.campaign) and not _known(now):
                if self._losses:
                    return WriteResult("updated")
                return WriteResult("unchanged", notes=("live already matches the definition",))
            if now.action != "update" or verify.reviewed(now) != verify.reviewed(self.campaign):
                return WriteResult("stale", verify.moved(self.campaign, now, self.definition))
            blocks = blocks_of(self.campaign)
            async with self.shared.proofs.needed(blocks) as proving:
                answer = await self._send(live, read_at, slot)
                result = await self._verify(live, answer)
                if not proving:
                    return result
                if isinstance(result, Unconfirmed):
                    result = await self.shared.confirmation.of_one(result)
                if result.outcome == "updated":
                    self.shared.proofs.add(blocks)
                return result

    async def _send(self, live: LiveCampaign, read_at: float, slot: Slot) -> Mapping[str, Value]:
        """Send a PATCH, and return the campaign's values after it.

        If the response is lost, the campaign is read. If it has the desired values, the write is
        done. If it has the values from before, the write is not done, and the PATCH is sent once
        more. Otherwise someone else changed it: raises Inconsistent if a part of the write shows,
        and OutcomeUnknown if nothing of it does. A PATCH is never sent again without this reading.
        """
        sent = verify.sent_by(self.campaign)
        baseline = {path: live.values[path] for path in sent if path in live.values}

        def announce() -> None:
            self._announce(baseline, sent)
            slot.release()

        while True:
            self.shared.stopping.uncommit()
            try:
                answer = await self.shared.api.patch(
                    self.campaign.id, self.campaign.body, announce, by=self._valid_until(read_at)
                )
                return verify.values_after(answer, live)
            except OutcomeUnknown as error:
                lost = error
                self._losses += 1
            found = await self._look_for(baseline.keys(), sent, lost)
            read_at = _now()
            if not (others := verify.differences(sent, found)):
                return verify.with_lost_weekdays(found, live)
            if verify.differences(baseline, found):
                if (baseline.keys() & found.keys()) - others.keys():
                    raise verify.not_taken(others, self.campaign.id)
                raise verify.overwritten(others, lost)
            if self._losses > 1:
                raise Unreachable(
                    f"the write failed twice: {lost.message}",
                    hint=lost.hint,
                    status=lost.status,
                )

    def _valid_until(self, read_at: float) -> float:
        api = self.shared.api
        return read_at + max(1 / api.rate + FRESH, api.gap + LEEWAY)

    def _announce(self, before: Mapping[str, Value], after: Mapping[str, Value]) -> None:
        """Write the intent to disk just before its PATCH is sent. Raises Interrupted on a stop."""
        campaign = self.campaign
        self.shared.stopping.commit()
        source = self.definition.source
        self.shared.outcomes.announce(
            Intent(campaign.id, campaign.name, campaign.requests, before, after, source)
        )

    async def _look_for(
        self, readable: AbstractSet[str], sent: Mapping[str, Value], lost: OutcomeUnknown
    ) -> Mapping[str, Value]:
        """Read until the write is visible or the `poll_delays` are over; return the last values.

        Raises `lost` if the API does not respond, or if its responses leave out `readable` fields.
        """
        found: Mapping[str, Value] = {}
        for delay in self.shared.poll_delays:
            await asyncio.sleep(delay)
            try:
                # Use a new reader: the list read before the write is outdated.
                found = (await Reader(self.shared.api).again(self.definition)).values
            except ApiError:
                raise lost from None
            if not readable or not readable <= found.keys():
                raise lost
            if not verify.differences(sent, found):
                break
        return found

    async def _verify(
        self, live: LiveCampaign, answer: Mapping[str, Value]
    ) -> WriteResult | Unconfirmed:
        """Compare the values after the PATCH with what was live and what was sent."""
        sent = verify.sent_by(self.campaign)
        untouched = verify.untouched(live.values, sent)
        if result := self._unasked(untouched, answer):
            return result
        if verify.differences(sent, answer):
            unseen = OutcomeUnknown(
                "the PATCH's response has other values, and no later read succeeded"
            )
            found = await self._look_for(sent.keys() & answer.keys(), sent, unseen)
            answer = verify.with_lost_weekdays(found, live)
            if result := self._unasked(untouched, answer):
                return result
        if refused := verify.differences(sent, answer):
            error = verify.not_taken(refused, self.campaign.id)
            return WriteResult("failed", verify.failure(error, self.definition))
        unread = {path: sent[path] for path in sent if path not in answer and path in live.values}
        has_unread_siblings = any(
            path not in answer and block_of(path) in blocks_of(self.campaign) - {SCALARS}
            for path in untouched
        )
        if unread or has_unread_siblings:
            return Unconfirmed(self.campaign, self.definition, live, unread)
        return WriteResult("updated")

    def _unasked(
        self, untouched: Mapping[str, Value], answer: Mapping[str, Value]
    ) -> WriteResult | None:
        """Return the failure if fields changed that were not sent, and stop the run; else None.

        The run stops because the next PATCH might do the same.
        """
        if not (changed := verify.differences(untouched, answer)):
            return None
        result = unasked_result(changed, self.campaign, self.definition)
        assert result.stops is not None  # noqa: S101 - an unasked change always stops the run
        self.shared.stopping.ask(result.stops)
        return result


def _known(campaign: PlannedCampaign) -> bool:
    return any(change.known for change in campaign.changes)


def _now() -> float:
    return asyncio.get_running_loop().time()
