"""The list endpoint: filters, page size and cursors."""

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from campaignsync.sandbox.quirks import Quirks
from campaignsync.sandbox.rules import CHANNELS, STATUSES, invalid, one_of
from campaignsync.sandbox.store import Filters, Page, Store

LARGEST_PAGE = 100
ENUMS: Mapping[str, tuple[str, ...]] = {
    "status": STATUSES,
    "integration": CHANNELS,
    "archived": ("true", "false"),
}
"""Parameters with a fixed set of values."""
PARAMETERS = ("pageSize", "cursor", "agentId", *ENUMS, "startDate", "endDate")

Query = Mapping[str, str]


def parse_filters(query: Query) -> Filters:
    """Return the filters of a query; raises Refusal for an invalid one."""
    for name in query:
        if name not in PARAMETERS:
            # The API might ignore it. Here a misspelt filter is an error, so that tests find it.
            raise invalid(name, "is not a parameter of this request")
    for name, known in ENUMS.items():
        if name in query:
            one_of(known)(name, query[name])
    first_day, last_day = _date_range(query) or (None, None)
    enums = {name: query.get(name) for name in ENUMS}
    return Filters(query.get("agentId"), **enums, first_day=first_day, last_day=last_day)


def _date_range(query: Query) -> tuple[str, str] | None:
    names = [name for name in ("startDate", "endDate") if name in query]
    if len(names) == 1:
        raise invalid(names[0], "needs the other date: startDate and endDate must be used together")
    return (_date(query, "startDate"), _date(query, "endDate")) if names else None


def _date(query: Query, name: str) -> str:
    try:
        return datetime.fromisoformat(query[name]).date().isoformat()
    except ValueError:
        raise invalid(name, "must be an ISO 8601 date") from None


def read_page(store: Store, query: Query, quirks: Quirks) -> tuple[Page, dict[str, Any]]:
    """Return the requested page, sorted by id, and its `pagination`.

    A cursor contains the last id before its page, so that no campaign is skipped or repeated when
    the list changes between two pages. Raises Refusal for an invalid filter, page size or cursor.
    """
    filters = parse_filters(query)
    if quirks.hides_archived and filters.archived is None:
        filters = replace(filters, archived="false")
    size = min(_page_size(query), quirks.page_size_cap or LARGEST_PAGE)
    last_seen = _id_in(query["cursor"]) if "cursor" in query else 0
    page = store.page(filters, last_seen, size)
    following = _faulty_cursor(last_seen, quirks)
    if following is None and page.last is not None:
        following = _cursor(page.last)
    previous = _cursor(page.before) if page.before is not None else None
    if quirks.cursor_fault == "empty-with-next":
        page = replace(page, campaigns=[])
    return page, {
        "has_next": following is not None,
        "has_previous": previous is not None,
        "next_cursor": following,
        "previous_cursor": previous,
    }


def _faulty_cursor(last_seen: int, quirks: Quirks) -> str | None:
    match quirks.cursor_fault:
        case "repeat":
            return _cursor(1)
        case "cycle":
            return _cursor(2 if last_seen == 1 else 1)
        case "empty-with-next":
            return _cursor(last_seen + 1)
    return None


def _page_size(query: Query) -> int:
    size = query.get("pageSize", str(LARGEST_PAGE))
    if not re.fullmatch(r"[0-9]{1,3}", size) or not 1 <= int(size) <= LARGEST_PAGE:
        raise invalid("pageSize", f"must be from 1 to {LARGEST_PAGE}")
    return int(size)


def _cursor(last_seen: int) -> str:
    return base64.urlsafe_b64encode(f"after:{last_seen}".encode()).decode()


def _id_in(cursor: str) -> int:
    try:
        text = base64.urlsafe_b64decode(cursor).decode()
    except (ValueError, binascii.Error):
        text = ""
    if not (match := re.fullmatch(r"after:([0-9]{1,18})", text)):
        raise invalid("cursor", "is not a valid cursor")
    return int(match[1])
