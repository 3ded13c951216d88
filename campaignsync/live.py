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
from campaignsync.api.responses import Page
from campaignsync.errors import ApiError, NotFound
from campaignsync.model.campaign import CHANNELS
from campaignsync.model.definitions import Definition, Desired, Live, LiveCampaign
from campaignsync.model.fields import BY_PATH, response_values, satisfies
from campaignsync.model.kind import Value

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Listed:
    """A campaign of a list page, with the page's time and cursor, to read the page again.

    `at` is in seconds of the event loop's clock. A page of archived campaigns is not read again.
    """

    values: Mapping[str, Value]
    at: float
    cursor: str | None = None
    is_archive_page: bool = False


@dataclass(frozen=True, slots=True)
class Timed(Generic[T]):
    """A response, when it came (seconds of the event loop's clock), and how long it took."""

    response: T
    at: float
    took: float


class LiveReader:
    """Reads campaigns for one run, and remembers the list as far as it was walked.

    `pages_read` is the number of list pages read, and `pages_left` the number that the current walk
    still has. `_list_lag` is how many seconds longer a list page last took than a detail.
    """

    def __init__(self, api: ApiClient) -> None:
        self._api = api
        self._pages = api.walk()
        self._all_listed = False
        self._archived_listed = False
        self._left_out: set[str] = set()
        self._list_failure: ApiError | None = None
        self._list_lag = 0.0
        self.pages_read = 0
        self.pages_left = 0
        self._walking = asyncio.Lock()
        self._listed: dict[int, Listed] = {}
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
        await run_concurrently([*details, self._walk(list_ids)])
        await self.read_details([id_ for id_ in list_ids if self._missing_fields(definitions[id_])])
        incomplete = {
            id_
            for id_, definition in definitions.items()
            if id_ in self._detailed and _is_listable(self._missing_fields(definition))
        }
        await self._walk(incomplete, to_the_end=True)
        read_ids = (id_ for id_ in definitions if id_ in self._listed or id_ in self._detailed)
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
            await self._walk_for_archived(id_)
        needs_list = self._has_page(id_) and _is_listable(managed & self._left_out)
        if needs_list:
            # Let both responses come at the same time, so that neither gets old meanwhile.
            detail, page = await asyncio.gather(
                _timed(self._detail, id_, after=self._list_lag),
                _timed(self._list_again, id_, after=-self._list_lag),
            )
            self._list_lag = page.took - detail.took
        else:
            detail = await _timed(self._detail, id_)
            left_out = managed - detail.response.keys()
            needs_list = _is_listable(left_out)
            if needs_list:
                self._left_out |= left_out
                await self._list_again(id_)
            elif before_write and "archived" not in detail.response:
                self._left_out.add("archived")
                await self._walk_for_archived(id_)
        self._detailed[id_] = detail.response
        listed = self._listed.get(id_, Listed({}, detail.at))
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

    async def _walk_for_archived(self, id_: int) -> None:
        """Walk the list to the campaign. Raises ApiError, and after a failure always the same."""
        if self._list_failure:
            raise self._list_failure
        try:
            await self._walk({id_}, to_the_end=True)
        except ApiError as error:
            self._list_failure = error
            raise

    async def _detail(self, id_: int) -> Mapping[str, Value]:
        return dict(response_values(await self._api.campaign(id_), "detailed"))

    async def _list_again(self, id_: int) -> None:
        """Read the page that listed a campaign; walk the list if it is not there, or not listed."""
        if self._has_page(id_):
            if id_ in self._store_page(await self._api.page(self._listed[id_].cursor)):
                return
            del self._listed[id_]
            async with self._walking:
                self._pages, self._all_listed = self._api.walk(), False
        await self._walk({id_}, to_the_end=True)

    def _has_page(self, id_: int) -> bool:
        """Return whether a campaign's list page is known, and can be read again."""
        return id_ in self._listed and not self._listed[id_].is_archive_page

    def _values(self, id_: int) -> Mapping[str, Value]:
        listed = self._listed[id_].values if id_ in self._listed else {}
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

    async def _walk(self, wanted: set[int], *, to_the_end: bool = False) -> None:
        """Read list pages until all wanted campaigns are listed, or details take fewer requests.

        With `to_the_end` the wanted campaigns are known to exist: if the whole list lacks some,
        the archived campaigns are listed too.
        """

        def should_continue() -> bool:
            missing = len(wanted - self._listed.keys())
            return missing > 0 and (to_the_end or missing > self.pages_left)

        await self._walk_on(should_continue)
        if to_the_end and wanted - self._listed.keys():
            await self._walk_archived()

    async def _walk_archived(self) -> None:
        """Read the list of archived campaigns, unless the first list already includes some."""
        async with self._walking:
            shown = any(each.values.get("archived") is True for each in self._listed.values())
            if shown or self._archived_listed:
                return
            read = 0
            async for page in self._api.walk(archived="true"):
                read += len(page.campaigns)
                self._count_page(page, read)
                now = asyncio.get_running_loop().time()
                for item in page.campaigns:
                    values = {"archived": True, **dict(response_values(item, "listed"))}
                    listed = Listed(values, now, is_archive_page=True)
                    self._listed.setdefault(item["id"], listed)
            self._archived_listed = True

    async def _walk_on(self, should_continue: Callable[[], bool]) -> None:
        """Read list pages until the list ends or `should_continue` returns False."""
        async with self._walking:
            while not self._all_listed and should_continue():
                try:
                    page = await anext(self._pages, None)
                except BaseException:
                    # A generator ends when it raises: the list would seem to be complete.
                    self._pages = self._api.walk()
                    raise
                if page is None:
                    self._all_listed = True
                else:
                    self._store_page(page)
                    self._count_page(page, len(self._listed))

    def _store_page(self, page: Page) -> set[int]:
        """Store a page's values and its cursor, to read it again; return its campaigns' ids."""
        now = asyncio.get_running_loop().time()
        for item in page.campaigns:
            values = dict(response_values(item, "listed"))
            self._listed[item["id"]] = Listed(values, now, page.cursor)
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


async def _timed(read: Callable[[int], Awaitable[T]], id_: int, *, after: float = 0.0) -> Timed[T]:
    """Read a campaign, `after` seconds from now if positive."""
    clock = asyncio.get_running_loop().time
    await asyncio.sleep(max(after, 0.0))
    start = clock()
    response = await read(id_)
    return Timed(response, clock(), clock() - start)
