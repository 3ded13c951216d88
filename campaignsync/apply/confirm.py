"""Read back the values that the responses to PATCHes left out."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass

from campaignsync.api import Api
from campaignsync.apply import verify
from campaignsync.apply.concurrency import Interrupted, Stopping
from campaignsync.apply.outcomes import WriteResult
from campaignsync.errors import ApiError, OutcomeUnknown
from campaignsync.live import LiveReader
from campaignsync.model.fields import Value
from campaignsync.model.plan import PlannedCampaign
from campaignsync.model.values import Definition, Desired, LiveCampaign


@dataclass(frozen=True, slots=True)
class Unconfirmed:
    """A write whose response left out values that were sent, or others in their blocks.

    `before` is the campaign as it was read before the PATCH. `sent` holds the sent values that the
    response left out; it may be empty.
    """

    campaign: PlannedCampaign
    definition: Definition
    before: LiveCampaign
    sent: Mapping[str, Value]

    def compare(self, live: LiveCampaign | None) -> WriteResult:
        """Return the result of the write according to a later reading (None if not found)."""
        values = verify.with_lost_weekdays(live.values, self.before) if live else {}
        kept = verify.untouched(self.before.values, verify.sent_by(self.campaign))
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
        collateral=verify.collateral(changed, campaign.body),
        stops=error,
    )


@dataclass(frozen=True, slots=True)
class Confirmation:
    """Reads back writes until they are visible, or until the `poll_delays` (seconds) are over."""

    api: Api
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
            results = [(write, result) for write, result in await self._read_back(writes)]
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
