"""One campaign's write: read again, held against what was reviewed, sent, and verified."""

import asyncio
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from campaignsync import verify
from campaignsync.api import Api
from campaignsync.apply.outcomes import Ending, Outcomes
from campaignsync.apply.stopping import Stopping
from campaignsync.errors import ApiError, OutcomeUnknown, RateLimited, Unreachable
from campaignsync.journal import Intent
from campaignsync.live import Reader
from campaignsync.model.fields import Value
from campaignsync.model.plans import PlannedCampaign
from campaignsync.model.values import Definition, LiveCampaign
from campaignsync.plan import plan_campaign

ATTEMPTS = 3
"""Times that a campaign is read and sent, where the API answers 429: it did nothing."""


class Moved(ApiError):
    """Somebody else's write came between ours and our reading."""

    code = "STALE"


@dataclass(frozen=True, slots=True)
class Write:
    """The write of one campaign; `looks` are seconds before readings that look for it."""

    campaign: PlannedCampaign
    definition: Definition
    api: Api
    reader: Reader
    outcomes: Outcomes
    stopping: Stopping
    looks: tuple[float, ...]

    async def run(self) -> Ending:
        """Read, compare, send, verify: back to back in one task. Raises ApiError."""
        for _ in range(ATTEMPTS - 1):
            try:
                return await self._attempt()
            except RateLimited:
                if not self.api.may_try_again():
                    raise
        return await self._attempt()

    async def _attempt(self) -> Ending:
        if self.stopping.reason:
            return Ending("skipped")
        live = await self.reader.again(self.definition)
        now = plan_campaign(self.definition, live, send_unreadable=True)
        if _known(self.campaign) and not _known(now):
            return Ending("unchanged", notes=("live already is as desired",))
        if now.action != "update" or verify.reviewed(now) != verify.reviewed(self.campaign):
            return Ending("stale", verify.moved(self.campaign, now, self.definition))
        said = await self._send(live)
        return await self._verify(live, said)

    async def _send(self, live: LiveCampaign) -> Mapping[str, Value]:
        """Send a PATCH, and give what the API says of the campaign then.

        Where the answer was lost the campaign is read: as desired means done; as before means not
        done, and it is sent once more; anything else is somebody's. Never twice unread.
        """
        sent = verify.sent_by(self.campaign)
        baseline = {path: live.values[path] for path in sent if path in live.values}
        lost: OutcomeUnknown
        for _ in range(2):
            self.stopping.hold_back()
            try:
                answer = await self.api.patch(
                    self.campaign.id, self.campaign.patch, lambda: self._announce(baseline, sent)
                )
                return verify.said_after(answer, live)
            except OutcomeUnknown as error:
                lost = error
            found = await self._look_for(baseline.keys(), sent, lost)
            if not verify.differences(sent, found):
                return verify.missed(found, live)
            if verify.differences(baseline, found):
                raise Moved(verify.not_taken(verify.differences(sent, found)).message)
        raise Unreachable(
            f"the write was not done, twice: {lost.message}", hint=lost.hint, status=lost.status
        )

    def _announce(self, before: Mapping[str, Value], after: Mapping[str, Value]) -> None:
        """Put the intent on disk, at the last moment at which its PATCH can be held back."""
        campaign = self.campaign
        self.stopping.let_end()
        source = self.definition.source
        self.outcomes.announce(
            Intent(campaign.id, campaign.name, campaign.patch, before, after, source)
        )

    async def _look_for(
        self, readable: AbstractSet[str], sent: Mapping[str, Value], lost: OutcomeUnknown
    ) -> Mapping[str, Value]:
        """Read until the write shows, or has had the time to.

        Raises `lost` where that cannot be learnt: nobody answers, or nothing of it is readable.
        """
        found: Mapping[str, Value] = {}
        for pause in self.looks:
            await asyncio.sleep(pause)
            try:
                # A new reader: what the list said before the write says nothing of it.
                found = (await Reader(self.api).again(self.definition)).values
            except ApiError:
                raise lost from None
            if not readable or not readable <= found.keys():
                raise lost
            if not verify.differences(sent, found):
                break
        return found

    async def _verify(self, live: LiveCampaign, said: Mapping[str, Value]) -> Ending:
        """Hold what the API says after the PATCH against what was live and what was sent."""
        sent = verify.sent_by(self.campaign)
        if lost := verify.differences(verify.untouched(live.values, sent), said):
            # It would do the same to the next campaign.
            self.stopping.ask(verify.unasked(lost))
            failure = verify.failure(verify.unasked(lost), self.definition)
            return Ending("failed", failure, lost=lost)
        if verify.differences(sent, said):
            unread = OutcomeUnknown("the PATCH was answered with other values, and nothing since")
            said = await self._look_for(sent.keys() & said.keys(), sent, unread)
        if refused := verify.differences(sent, said):
            return Ending("failed", verify.failure(verify.not_taken(refused), self.definition))
        unsaid = {path for path in sent if path not in said and path in live.values}
        return Ending("updated", unread={path: sent[path] for path in unsaid})


def _known(campaign: PlannedCampaign) -> bool:
    return any(change.known for change in campaign.changes)
