"""Read the live campaigns of a set of definitions, with as few requests as possible.

The API has two readings. The list returns most fields of 100 campaigns in one request; the detail
returns all fields of one campaign. If one reading leaves out a field that is needed, the other is
tried. A field that neither returns is unknown.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Generic, TypeVar

from campaignsync.api.client import PAGE_SIZE, ApiClient
from campaignsync.api.pace import run_concurrently
from campaignsync.campaign_list import CampaignList, Listed
from campaignsync.errors import NotFound
from campaignsync.model.definitions import Definition, Desired, Live, LiveCampaign
from campaignsync.model.fields import BY_PATH, response_values, satisfies
from campaignsync.model.kind import Value

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Timed(Generic[T]):
    """A response, when it came (seconds of the event loop's clock), and how long it took."""

    response: T
    at: float
    took: float


class LiveReader:
    """Reads campaigns for one run, and remembers them.

    `_left_out` holds the fields that details leave out. `_list_lag` is how many seconds longer a
    list page last took than a detail.
    """

    def __init__(self, api: ApiClient) -> None:
        self._api = api
        self.listed = CampaignList(api)
        self._left_out: set[str] = set()
        self._list_lag = 0.0
        self._detailed: dict[int, Mapping[str, Value]] = {}

    async def read(self, desired: Desired) -> Live:
        """Return the fields that the definitions manage, and those that rules on changes require.

        Raises ApiError; a result from a part of the list is never returned.
        """
        definitions = desired.by_id
        reads_before = self._api.reads
        detail_ids = {id_ for id_, definition in definitions.items() if _wants_detail(definition)}
        if len(definitions) == 1:
            # The list would not save the request for this detail.
            detail_ids = set(definitions)
        list_ids = definitions.keys() - detail_ids
        details = [self._read_detail(id_) for id_ in detail_ids]
        await run_concurrently([*details, self.listed.walk_to(list_ids)])
        await self.read_details([id_ for id_ in list_ids if self._missing_fields(definitions[id_])])
        incomplete = {
            id_
            for id_, definition in definitions.items()
            if id_ in self._detailed and _is_listable(self._missing_fields(definition))
        }
        await self.listed.walk_to(incomplete, to_the_end=True)
        listed = self.listed.campaigns
        read_ids = (id_ for id_ in definitions if id_ in listed or id_ in self._detailed)
        return Live(
            {id_: LiveCampaign(id_, self._values(id_)) for id_ in read_ids},
            self._api.reads - reads_before,
        )

    @staticmethod
    def fewest_requests(desired: Desired) -> int:
        """Return the minimum number of requests that reading these definitions takes."""
        details = sum(map(_wants_detail, desired.definitions))
        return details + -(-(len(desired.definitions) - details) // PAGE_SIZE)

    async def read_all(
        self, *, archived: bool = False, expected: Collection[int] = ()
    ) -> dict[int, LiveCampaign]:
        """Return every campaign of the account by id, as far as the list shows its fields.

        The parameters are those of `CampaignList.walk_all`. Raises ApiError; a part of the list is
        never returned.
        """
        await self.listed.walk_all(archived=archived, expected=expected)
        return {id_: LiveCampaign(id_, self._values(id_)) for id_ in sorted(self.listed.campaigns)}

    async def read_details(self, ids: Collection[int]) -> dict[int, LiveCampaign]:
        """Return campaigns by their details, one request each; an unknown id is left out."""
        await run_concurrently([self._read_detail(id_) for id_ in ids])
        return {id_: LiveCampaign(id_, self._values(id_)) for id_ in ids if self.has_detail(id_)}

    def has_detail(self, id_: int) -> bool:
        """Return whether a campaign's detail was read; the list may lack fields."""
        return id_ in self._detailed

    async def reread(
        self, definition: Definition, *, before_write: bool = False
    ) -> tuple[LiveCampaign, float]:
        """Read one campaign now, and also its list page if its detail leaves out managed fields.

        Return it with the time of its oldest response, in seconds of the event loop's clock. The
        turn between the two requests does not count. With `before_write`, `archived` is read from
        the list if the detail leaves it out; this walks the list once per run. Raises ApiError.
        """
        id_, managed = definition.id, definition.values.keys()
        if before_write and "archived" in self._left_out:
            # Before the detail, which would be too old for a PATCH after the walk.
            await self.listed.look_up(id_)
        needs_list = self.listed.has_page(id_) and _is_listable(managed & self._left_out)
        if needs_list:
            # Let both responses come at the same time, so that neither gets old meanwhile.
            detail, page = await asyncio.gather(
                _timed(self._detail, id_, after=self._list_lag),
                _timed(self.listed.read_again, id_, after=-self._list_lag),
            )
            self._list_lag = page.took - detail.took
        else:
            detail = await _timed(self._detail, id_)
            left_out = managed - detail.response.keys()
            needs_list = _is_listable(left_out)
            if needs_list:
                self._left_out |= left_out
                await self.listed.read_again(id_)
            elif before_write and "archived" not in detail.response:
                self._left_out.add("archived")
                await self.listed.look_up(id_)
        self._detailed[id_] = detail.response
        listed = self.listed.campaigns.get(id_, Listed({}, detail.at))
        if needs_list:
            # The walk for another campaign may have read the page long before.
            oldest, newest = sorted((detail.at, listed.at))
            read_at = min(oldest + max(1 / self._api.rate, self._api.gap), newest)
            return LiveCampaign(id_, self._values(id_)), read_at
        # Someone may have changed the other fields since their page was read.
        kept = {
            path: value for path, value in listed.values.items() if not BY_PATH[path].is_sendable
        }
        return LiveCampaign(id_, {**kept, **detail.response}), detail.at

    async def _detail(self, id_: int) -> Mapping[str, Value]:
        return dict(response_values(await self._api.campaign(id_), "detailed"))

    def _values(self, id_: int) -> Mapping[str, Value]:
        campaigns = self.listed.campaigns
        listed = campaigns[id_].values if id_ in campaigns else {}
        return {**listed, **self._detailed.get(id_, {})}

    def _missing_fields(self, definition: Definition) -> set[str]:
        """Return the unread fields: managed ones, and those that rules on changes require."""
        values = self._values(definition.id)
        wanted = set(definition.values)
        changed = [
            path
            for path, value in definition.values.items()
            if path in values and not satisfies(path, values[path], value)
        ]
        if changed:
            wanted |= {"status", "archived"}
            wanted |= {rule.path for path in changed for rule in BY_PATH[path].api.requires}
        return wanted - values.keys()

    async def _read_detail(self, id_: int) -> None:
        with suppress(NotFound):
            self._detailed[id_] = await self._detail(id_)


def _wants_detail(definition: Definition) -> bool:
    return any(BY_PATH[path].api.listed is None for path in definition.values)


def _is_listable(paths: Iterable[str]) -> bool:
    return any(BY_PATH[path].api.listed is not None for path in paths)


async def _timed(read: Callable[[int], Awaitable[T]], id_: int, *, after: float = 0.0) -> Timed[T]:
    """Read a campaign, `after` seconds from now if positive."""
    clock = asyncio.get_running_loop().time
    await asyncio.sleep(max(after, 0.0))
    start = clock()
    response = await read(id_)
    return Timed(response, clock(), clock() - start)
