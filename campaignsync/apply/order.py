"""Order the writes: limit the campaigns in flight, and send the first write of a block alone."""

import asyncio
from collections.abc import AsyncIterator
from collections.abc import Set as AbstractSet
from contextlib import asynccontextmanager

from campaignsync.model.plan import PlannedCampaign

SCALARS = ""
"""The block of the fields at the top level of a campaign."""


def block_of(path: str) -> str:
    """Return the block of a field: "scheduling", "cycles", "cycles.schedule" or SCALARS."""
    return path.rpartition(".")[0]


def blocks_of(campaign: PlannedCampaign) -> frozenset[str]:
    """Return the blocks that the PATCH of a campaign changes."""
    return frozenset(block_of(change.field) for change in campaign.changes)


class Slot:
    """One campaign's share of the limit; it can be released before the `async with` block ends."""

    def __init__(self, limit: "InFlightLimit") -> None:
        self._limit: InFlightLimit | None = limit

    def release(self) -> None:
        """Release the slot once the PATCH is sent, so that the next campaign can be read."""
        if self._limit:
            self._limit.release_slot()
            self._limit = None


class InFlightLimit:
    """A limit on the campaigns that were read and whose PATCH was not sent yet.

    `rate` is in requests per second. If too many campaigns are read at once, the last PATCHes get
    their turn too long after their readings. The first campaign is alone until its PATCH is sent:
    the others would wait for its verification.
    """

    def __init__(self, rate: float) -> None:
        self._free = asyncio.Semaphore(1)
        # Half of the requests are readings. This many slots keep the rate if a response takes a
        # second, and let most PATCHes be sent in time if all responses arrive at once.
        self._slots_to_open = int(rate / 2)

    @asynccontextmanager
    async def slot(self) -> AsyncIterator[Slot]:
        """Wait for a slot, and release it at the end of the block at the latest."""
        await self._free.acquire()
        slot = Slot(self)
        try:
            yield slot
        finally:
            slot.release()

    def release_slot(self) -> None:
        """Free a slot; the first release also opens all others."""
        for _ in range(1 + self._slots_to_open):
            self._free.release()
        self._slots_to_open = 0


class Proofs:
    """The blocks for which a verified write has shown that the API merges them as expected.

    The first write of each block is sent alone, so that a server that merges in another way (one
    that replaces the whole week, for example) damages only one campaign per block.
    """

    def __init__(self) -> None:
        self._proven: set[str] = set()
        self._alone = asyncio.Lock()

    @asynccontextmanager
    async def needed(self, blocks: AbstractSet[str]) -> AsyncIterator[bool]:
        """Wait until these blocks may be sent; yield whether this write has to prove them."""
        while not blocks <= self._proven:
            async with self._alone:
                # Check again: another write may have proven them while this one waited.
                if not blocks <= self._proven:
                    yield True
                    return
        yield False

    def add(self, blocks: AbstractSet[str]) -> None:
        """Allow concurrent writes of these blocks from now on."""
        self._proven |= blocks
