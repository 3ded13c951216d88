"""Read back what the answers to PATCHes left out."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass

from campaignsync import verify
from campaignsync.api import Api
from campaignsync.apply.outcomes import WriteResult
from campaignsync.apply.stopping import Interrupted, Stopping
from campaignsync.errors import ApiError, OutcomeUnknown
from campaignsync.fields import Value
from campaignsync.live import Reader
from campaignsync.model.values import Definition, Desired, LiveCampaign


@dataclass(frozen=True, slots=True)
class Unconfirmed:
    """A write whose answer left values out: those that were sent, and others in their blocks."""

    definition: Definition
    sent: Mapping[str, Value]
    siblings: Mapping[str, Value]

    def compare(self, live: LiveCampaign | None) -> WriteResult:
        """Return the result of the write as live shows it."""
        before = LiveCampaign(self.definition.id, {**self.sent, **self.siblings})
        found = verify.missed(live.values, before) if live else {}
        if lost := verify.differences(self.siblings, found):
            failure = verify.failure(verify.unasked(lost), self.definition)
            return WriteResult("failed", failure, lost=lost)
        if refused := verify.differences(self.sent, found):
            return WriteResult("failed", verify.failure(verify.not_taken(refused), self.definition))
        if self.sent.keys() <= found.keys():
            return WriteResult("updated")
        return self.unknown(OutcomeUnknown("values readable before the PATCH are not any more"))

    def unknown(self, error: OutcomeUnknown) -> WriteResult:
        return WriteResult("unknown", verify.failure(error, self.definition))


@dataclass(frozen=True, slots=True)
class Confirmation:
    """Reads back writes until they are visible, or have had time to become so."""

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
        """Yield the result of each write as soon as it is known; read them all together."""
        delays = self.poll_delays[:1] if self.stopping.reason else self.poll_delays
        for look, delay in enumerate(delays, start=1):
            if not writes:
                return
            await asyncio.sleep(delay)
            results = [(write, result) for write, result in await self._read_back(writes)]
            writes = []
            for write, result in results:
                # An old value may be a server's lag: look again.
                if result.outcome == "failed" and look < len(delays):
                    writes.append(write)
                    continue
                if result.lost:
                    self.stopping.ask(verify.unasked(result.lost))
                yield write, result

    async def _read_back(self, writes: list[Unconfirmed]) -> list[tuple[Unconfirmed, WriteResult]]:
        desired = Desired(tuple(write.definition for write in writes))
        try:
            reading = Reader(self.api).read(desired)
            live = (await self.stopping.within_grace(reading)).campaigns
        except Interrupted:
            return [(write, write.unknown(unanswered())) for write in writes]
        except ApiError as error:
            unseen = OutcomeUnknown(error.message, hint=error.hint)
            return [(write, write.unknown(unseen)) for write in writes]
        return [(write, write.compare(live.get(write.definition.id))) for write in writes]


def unanswered() -> OutcomeUnknown:
    return OutcomeUnknown(
        "the run was stopped before the answer came", hint="apply again: that reads it first"
    )
