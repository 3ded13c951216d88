"""Walk the API's list of campaigns, and remember it as far as it was walked."""

import asyncio
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from campaignsync.api.client import ApiClient
from campaignsync.api.responses import Page
from campaignsync.errors import ApiError
from campaignsync.model.campaign import CHANNELS
from campaignsync.model.fields import response_values
from campaignsync.model.kind import Value


@dataclass(frozen=True, slots=True)
class Listed:
    """A campaign of a list page, with the page's time and cursor, to read the page again.

    `at` is in seconds of the event loop's clock. A page of archived campaigns is not read again.
    """

    values: Mapping[str, Value]
    at: float
    cursor: str | None = None
    is_archive_page: bool = False


class CampaignList:
    """The list for one run: its campaigns by id, as far as it was walked.

    `pages_read` is the number of pages read, and `pages_left` the number that the current walk
    still has.
    """

    def __init__(self, api: ApiClient) -> None:
        self._api = api
        self._pages = api.walk()
        self._is_walked = False
        self._is_archive_walked = False
        self._failure: ApiError | None = None
        self._walking = asyncio.Lock()
        self.campaigns: dict[int, Listed] = {}
        self.pages_read = 0
        self.pages_left = 0

    async def walk_all(self, *, archived: bool = False, expected: Collection[int] = ()) -> None:
        """Read every page of the list.

        The list may hide archived campaigns. They are requested if `archived` is set, or if the
        list lacks an `expected` id. Raises ApiError.
        """
        await self._walk_on(lambda: not self._is_walked)
        if archived or set(expected) - self.campaigns.keys():
            await self._walk_archive()

    async def count(self, ids: Collection[int], enough: int) -> int:
        """Count the campaigns of these ids that the list shows, or stop once there are enough.

        Raises ApiError.
        """
        wanted = set(ids)
        await self._walk_on(lambda: len(wanted & self.campaigns.keys()) < enough)
        return len(wanted & self.campaigns.keys())

    async def read_channels(self) -> dict[int, str]:
        """Return campaigns' channels by id; this takes one more walk through the list.

        The list does not show a campaign's channel, but filters by it. A campaign that comes with
        both channels shows that the filter was ignored: its channel is unknown.
        """
        channels_by_id: dict[int, set[str]] = {}
        filters: list[dict[str, str]] = [{}]
        if self._is_archive_walked:
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

    def has_page(self, id_: int) -> bool:
        """Return whether a campaign's page is known, and can be read again."""
        return id_ in self.campaigns and not self.campaigns[id_].is_archive_page

    async def read_again(self, id_: int) -> None:
        """Read the page that listed a campaign; walk the list if it is not there, or not listed."""
        if self.has_page(id_):
            if id_ in self._store_page(await self._api.page(self.campaigns[id_].cursor)):
                return
            del self.campaigns[id_]
            async with self._walking:
                self._pages, self._is_walked = self._api.walk(), False
        await self.walk_to({id_}, to_the_end=True)

    async def look_up(self, id_: int) -> None:
        """Walk the list to the campaign. Raises ApiError, and after a failure always the same."""
        if self._failure:
            raise self._failure
        try:
            await self.walk_to({id_}, to_the_end=True)
        except ApiError as error:
            self._failure = error
            raise

    async def walk_to(self, wanted: set[int], *, to_the_end: bool = False) -> None:
        """Read list pages until all wanted campaigns are listed, or details take fewer requests.

        With `to_the_end` the wanted campaigns are known to exist: if the whole list lacks some,
        the archived campaigns are listed too.
        """

        def should_continue() -> bool:
            missing = len(wanted - self.campaigns.keys())
            return missing > 0 and (to_the_end or missing > self.pages_left)

        await self._walk_on(should_continue)
        if to_the_end and wanted - self.campaigns.keys():
            await self._walk_archive()

    async def _walk_archive(self) -> None:
        """Read the list of archived campaigns, unless the first list already includes some."""
        async with self._walking:
            shown = any(each.values.get("archived") is True for each in self.campaigns.values())
            if shown or self._is_archive_walked:
                return
            read = 0
            async for page in self._api.walk(archived="true"):
                read += len(page.campaigns)
                self._count_page(page, read)
                now = asyncio.get_running_loop().time()
                for item in page.campaigns:
                    values = {"archived": True, **dict(response_values(item, "listed"))}
                    listed = Listed(values, now, is_archive_page=True)
                    self.campaigns.setdefault(item["id"], listed)
            self._is_archive_walked = True

    async def _walk_on(self, should_continue: Callable[[], bool]) -> None:
        """Read list pages until the list ends or `should_continue` returns False."""
        async with self._walking:
            while not self._is_walked and should_continue():
                try:
                    page = await anext(self._pages, None)
                except BaseException:
                    # A generator ends when it raises: the list would seem to be complete.
                    self._pages = self._api.walk()
                    raise
                if page is None:
                    self._is_walked = True
                else:
                    self._store_page(page)
                    self._count_page(page, len(self.campaigns))

    def _store_page(self, page: Page) -> set[int]:
        """Store a page's values and its cursor, to read it again; return its campaigns' ids."""
        now = asyncio.get_running_loop().time()
        for item in page.campaigns:
            values = dict(response_values(item, "listed"))
            self.campaigns[item["id"]] = Listed(values, now, page.cursor)
        return {item["id"] for item in page.campaigns}

    def _count_page(self, page: Page, read: int) -> None:
        self.pages_read += 1
        unread = (page.total or 0) - read
        # Use integer division: the server's total may be too large for a float.
        self.pages_left = -(-unread // max(len(page.campaigns), 1))
