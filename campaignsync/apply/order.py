"""The order of writes: how many campaigns are in flight, and which writes go alone."""

import asyncio
from collections.abc import AsyncIterator
from collections.abc import Set as AbstractSet
from contextlib import asynccontextmanager

from campaignsync.model.plans import PlannedCampaign

SCALARS = ""
"""The block of the fields at the top level of a campaign."""


def block_of(path: str) -> str:
    """Return the block of a field: "scheduling", "cycles", "cycles.schedule" or SCALARS."""
    return path.rpartition(".")[0]


def blocks_of(campaign: PlannedCampaign) -> frozenset[str]:
    """Return the blocks that the PATCH of a campaign changes."""
    return frozenset(block_of(change.field) for change in campaign.changes)


class Place:
    """One campaign's place in the room; may be left before its block ends."""

    def __init__(self, room: "Room") -> None:
        self._room: Room | None = room

    def leave(self) -> None:
        """Let the next campaign be read: the PATCH of this one has left."""
        if self._room:
            self._room.free_one()
            self._room = None


class Room:
    """The campaigns between their reading and their PATCH, for a rate in requests per second.

    Of more campaigns than there are places, some would be read long before the pace serves their
    PATCH. The first campaign is alone until it leaves: the others would wait for it to be verified.
    """

    def __init__(self, rate: float) -> None:
        self._free = asyncio.Semaphore(1)
        # Half of the requests of a second are readings: so many are enough for answers that take
        # that long, and few enough for all of their PATCHes to leave soon if they end together.
        self._unopened = int(rate / 2)

    @asynccontextmanager
    async def place(self) -> AsyncIterator[Place]:
        """Wait for a place, and leave it at the end of the block at the latest."""
        await self._free.acquire()
        place = Place(self)
        try:
            yield place
        finally:
            place.leave()

    def free_one(self) -> None:
        for _ in range(1 + self._unopened):
            self._free.release()
        self._unopened = 0


class Proofs:
    """The blocks that a verified write has proven to merge as expected.

    The first write of each block goes alone: a server that merges in another way, such as one that
    replaces the whole week, harms one campaign per block.
    """

    def __init__(self) -> None:
        self._proven: set[str] = set()
        self._alone = asyncio.Lock()

    @asynccontextmanager
    async def needed(self, blocks: AbstractSet[str]) -> AsyncIterator[bool]:
        """Wait until these blocks may be sent; yield whether this write has to prove them."""
        while not blocks <= self._proven:
            async with self._alone:
                # Another write may have proven them while this one waited.
                if not blocks <= self._proven:
                    yield True
                    return
        yield False

    def add(self, blocks: AbstractSet[str]) -> None:
        self._proven |= blocks
