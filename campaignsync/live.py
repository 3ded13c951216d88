"""Read the live campaigns of a set of definitions, with as few requests as possible.

The API has two readings. The list returns most fields of 100 campaigns in one request; the detail
returns all fields of one campaign. If one reading leaves out a field that is needed, the other is
tried. A field that neither returns is unknown.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from contextlib import suppress
from typing import TypeVar

from campaignsync.api.client import PAGE_SIZE, ApiClient
from campaignsync.api.pace import run_concurrently
from campaignsync.api.responses import Page
from campaignsync.errors import NotFound
from campaignsync.model.campaign import CHANNELS
from campaignsync.model.definitions import Definition, Desired, Live, LiveCampaign
from campaignsync.model.fields import BY_PATH, response_values, satisfies
from campaignsync.model.kind import Value

T = TypeVar("T")


class LiveReader:
    """Reads campaigns for one run, and remembers the list as far as it was walked.

    `pages_read` is the number of list pages read, and `pages_left` the number that the current walk
    still has, according to its last page. `_listed_at` has the time of the page with a campaign, in
    seconds of the event loop's clock. `_list_lag` is how many seconds longer a list page took than
    a detail, the last time that both were read together.
    """

    def __init__(self, api: ApiClient) -> None:
        self._api = api
        self._pages = api.walk()
        self._all_listed = False
        self._archived_listed = False
        self._cursor: str | None = None
        self._cursors: dict[int, str | None] = {}
        self._left_out: set[str] = set()
        self._list_lag = 0.0
        self.pages_read = 0
        self.pages_left = 0
        self._walking = asyncio.Lock()
        self._listed: dict[int, Mapping[str, Value]] = {}
        self._listed_at: dict[int, float] = {}
        self._detailed: dict[int, Mapping[str, Value]] = {}

    async def read(self, desired: Desired) -> Live:
        """Return the fields that the definitions manage, and those that rules on changes require.

        Raises ApiError; a result from a part of the list is never returned.
        """
        definitions = {definition.id: definition for definition in desired.definitions}
        reads_before = self._api.reads
        detail_ids = {id_ for id_, definition in definitions.items() if _wants_detail(definition)}
        if len(definitions) == 1 or len(detail_ids) == len(definitions):
            # The list would not save any of these requests.
            detail_ids = set(definitions)
        await run_concurrently(
            [
                *(self._read_detail(id_) for id_ in detail_ids),
                self._walk(set(definitions) - detail_ids),
            ]
        )
        incomplete = (
            id_ for id_ in set(definitions) - detail_ids if self._missing_fields(definitions[id_])
        )
        await run_concurrently([self._read_detail(id_) for id_ in incomplete])
        await self._walk(
            {
                id_
                for id_, definition in definitions.items()
                if id_ in self._detailed and _is_listable(self._missing_fields(definition))
            },
            to_the_end=True,
        )
        read_ids = (id_ for id_ in definitions if id_ in self._listed or id_ in self._detailed)
        return Live(
            {id_: LiveCampaign(id_, self._values(id_)) for id_ in read_ids},
            self._api.reads - reads_before,
        )

    @staticmethod
    def fewest_requests(desired: Desired) -> int:
        """Return the minimum number of requests that reading these definitions takes."""
        definitions = desired.definitions
        details = sum(map(_wants_detail, definitions))
        if len(definitions) == 1:
            return 1
        return details + -(-(len(definitions) - details) // PAGE_SIZE)

    async def read_all(
        self, *, archived: bool = False, expected: Collection[int] = ()
    ) -> dict[int, LiveCampaign]:
        """Return every campaign of the account by id, as far as the list shows its fields.

        The list may hide archived campaigns. They are requested if `archived` is set, or if the
        list lacks an `expected` id. Raises ApiError; a part of the list is never returned.
        """
        await self._walk_on(lambda: not self._all_listed)
        if archived or set(expected) - self._listed.keys():
            await self._walk_archived()
        return {id_: LiveCampaign(id_, self._values(id_)) for id_ in sorted(self._listed)}

    async def read_details(self, ids: Collection[int]) -> dict[int, LiveCampaign]:
        """Return campaigns by their details, one request each; an unknown id is left out."""
        await run_concurrently([self._read_detail(id_) for id_ in ids])
        return {id_: LiveCampaign(id_, self._values(id_)) for id_ in ids if self.has_detail(id_)}

    async def count(self, ids: Collection[int], enough: int) -> int:
        """Count the campaigns of these ids that the list shows, or stop once there are enough.

        Raises ApiError.
        """
        wanted = set(ids)
        await self._walk_on(lambda: len(wanted & self._listed.keys()) < enough)
        return len(wanted & self._listed.keys())

    async def read_channels(self) -> dict[int, str]:
        """Return campaigns' channels by id; this takes one more walk through the list.

        The list does not show a campaign's channel, but filters by it. A campaign that comes with
        both channels shows that the filter was ignored: its channel is unknown.
        """
        channels_by_id: dict[int, set[str]] = {}
        filters: list[dict[str, str]] = [{}]
        if self._archived_listed:
            filters.append({"archived": "true"})
        for channel in CHANNELS:
            for archived in filters:
                read = 0
                async for page in self._api.walk(integration=channel, **archived):
                    read += len(page.campaigns)
                    self._count_page(page, read)
                    for item in page.campaigns:
                        channels_by_id.setdefault(item["id"], set()).add(channel)
        return {
            id_: min(channels) for id_, channels in channels_by_id.items() if len(channels) == 1
        }

    def has_detail(self, id_: int) -> bool:
        """Return whether a campaign's detail was read; the list may lack fields."""
        return id_ in self._detailed

    async def reread(self, definition: Definition) -> tuple[LiveCampaign, float]:
        """Read one campaign now, and also its list page if its detail leaves out managed fields.

        Return it with the time of its oldest response, in seconds of the event loop's clock. The
        turn between the two requests does not count. Raises NotFound and any other ApiError.
        """
        managed = definition.values.keys()
        needs_list = definition.id in self._cursors and _is_listable(managed & self._left_out)
        if needs_list:
            # Let both responses come at the same time, so that neither gets old meanwhile.
            (values, detail_at, detail_took), (_, _, list_took) = await asyncio.gather(
                _timed(self._detail, definition.id, after=self._list_lag),
                _timed(self._list_again, definition.id, after=-self._list_lag),
            )
            self._list_lag = list_took - detail_took
        else:
            values, detail_at, _ = await _timed(self._detail, definition.id)
            needs_list = _is_listable(left_out := managed - values.keys())
            if needs_list:
                self._left_out |= left_out
                is_listed = definition.id in self._cursors
                await (self._list_again if is_listed else self._find_listed)(definition.id)
        self._detailed[definition.id] = values
        # The walk for another campaign may have read the page long before.
        listed_at = self._listed_at.get(definition.id, detail_at) if needs_list else detail_at
        oldest, newest = sorted((detail_at, listed_at))
        turn = max(1 / self._api.rate, self._api.gap)
        listed = self._listed.get(definition.id, {})
        if not needs_list:
            # Someone may have changed the other fields since their page was read.
            listed = {
                path: value for path, value in listed.items() if not BY_PATH[path].is_sendable
            }
        live = LiveCampaign(definition.id, {**listed, **values})
        return live, min(oldest + turn, newest)

    async def _detail(self, id_: int) -> Mapping[str, Value]:
        return dict(response_values(await self._api.campaign(id_), "detailed"))

    async def _list_again(self, id_: int) -> None:
        """Read the page that listed a campaign; walk the list again if it has moved."""
        page = await self._api.page(self._cursors[id_])
        if id_ in self._store_page(page, self._cursors[id_]):
            return
        del self._listed[id_], self._listed_at[id_], self._cursors[id_]
        async with self._walking:
            self._pages, self._cursor, self._all_listed = self._api.walk(), None, False
        await self._find_listed(id_)

    async def _find_listed(self, id_: int) -> None:
        await self._walk({id_}, to_the_end=True)

    def _values(self, id_: int) -> Mapping[str, Value]:
        return {**self._listed.get(id_, {}), **self._detailed.get(id_, {})}

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

    async def _walk(self, wanted: set[int], *, to_the_end: bool = False) -> None:
        """Read list pages until all wanted campaigns are listed, or details take fewer requests.

        With `to_the_end` the wanted campaigns are known to exist: if the whole list lacks some,
        the archived campaigns are listed too.
        """

        def should_continue() -> bool:
            missing = wanted - self._listed.keys()
            return bool(missing) and (to_the_end or len(missing) > self.pages_left)

        await self._walk_on(should_continue)
        if to_the_end and wanted - self._listed.keys():
            await self._walk_archived()

    async def _walk_archived(self) -> None:
        """Read the list of archived campaigns, unless the first list already includes some."""
        async with self._walking:
            shown = any(values.get("archived") is True for values in self._listed.values())
            if shown or self._archived_listed:
                return
            read = 0
            async for page in self._api.walk(archived="true"):
                read += len(page.campaigns)
                self._count_page(page, read)
                for item in page.campaigns:
                    values = {"archived": True, **dict(response_values(item, "listed"))}
                    self._listed.setdefault(item["id"], values)
                    self._listed_at.setdefault(item["id"], asyncio.get_running_loop().time())
            self._archived_listed = True

    async def _walk_on(self, should_continue: Callable[[], bool]) -> None:
        """Read list pages until the list ends or `should_continue` returns False."""
        async with self._walking:
            while not self._all_listed and should_continue():
                page = await anext(self._pages, None)
                if page is None:
                    self._all_listed = True
                    return
                self._store_page(page, self._cursor)
                self._cursor = page.next_cursor
                self._count_page(page, len(self._listed))

    def _store_page(self, page: Page, cursor: str | None) -> set[int]:
        """Store a page's values and its cursor, to read it again; return its campaigns' ids."""
        for item in page.campaigns:
            self._listed[item["id"]] = dict(response_values(item, "listed"))
            self._listed_at[item["id"]] = asyncio.get_running_loop().time()
            self._cursors[item["id"]] = cursor
        return {item["id"] for item in page.campaigns}

    def _count_page(self, page: Page, read: int) -> None:
        self.pages_read += 1
        unread = (page.total or 0) - read
        # Use integer division: the server's total may be too large for a float.
        self.pages_left = -(-unread // max(len(page.campaigns), 1))


def _wants_detail(definition: Definition) -> bool:
    return any(BY_PATH[path].api.listed is None for path in definition.values)


def _is_listable(paths: Iterable[str]) -> bool:
    return any(BY_PATH[path].api.listed is not None for path in paths)


async def _timed(
    read: Callable[[int], Awaitable[T]], id_: int, *, after: float = 0.0
) -> tuple[T, float, float]:
    """Read a campaign, `after` seconds from now if positive.

    Return the response, when it came (seconds of the event loop's clock), and how long it took.
    """
    clock = asyncio.get_running_loop().time
    await asyncio.sleep(max(after, 0.0))
    start = clock()
    value = await read(id_)
    return value, clock(), clock() - start
