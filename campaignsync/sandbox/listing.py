"""The list of campaigns: which of them, how many at a time, and how to ask for the rest."""

import base64
import binascii
import re
from bisect import bisect_right
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from campaignsync.sandbox.bends import Bends
from campaignsync.sandbox.rules import CHANNELS, STATUSES, invalid, one_of
from campaignsync.sandbox.store import Campaign

LARGEST_PAGE = 100
FACTS: Mapping[str, tuple[str, ...]] = {
    "status": STATUSES,
    "integration": CHANNELS,
    "archived": ("true", "false"),
}
"""Parameters that take one of a few words."""
PARAMETERS = ("pageSize", "cursor", "agentId", *FACTS, "startDate", "endDate")

Query = Mapping[str, str]


def chosen(campaigns: Iterable[Campaign], query: Query) -> list[Campaign]:
    """Keep the campaigns that a query asks for; raises Refusal for one that makes no sense."""
    for name in query:
        if name not in PARAMETERS:
            # The API might ignore it; a misspelt filter must not pass for one that works.
            raise invalid(name, "is not a parameter of this request")
    facts = _facts_asked(query)
    span = _span_asked(query)
    return [
        campaign
        for campaign in campaigns
        if all(fact == _fact(campaign, name) for name, fact in facts.items())
        and (span is None or span[0] <= str(campaign["created_at"])[:10] <= span[1])
    ]


def _facts_asked(query: Query) -> dict[str, str]:
    for name, known in FACTS.items():
        if name in query:
            one_of(known)(name, query[name])
    return {name: query[name] for name in ("agentId", *FACTS) if name in query}


def _fact(campaign: Campaign, name: str) -> str:
    match name:
        case "agentId":
            return str(campaign["agent"]["id"])
        case "integration":
            return str(campaign["integration_type"])
        case "archived":
            return str(campaign["archived"]).lower()
    return str(campaign[name])


def _span_asked(query: Query) -> tuple[str, str] | None:
    asked = [name for name in ("startDate", "endDate") if name in query]
    if len(asked) == 1:
        raise invalid(asked[0], "is not enough: startDate and endDate go together")
    return (_date(query, "startDate"), _date(query, "endDate")) if asked else None


def _date(query: Query, name: str) -> str:
    try:
        return datetime.fromisoformat(query[name]).date().isoformat()
    except ValueError:
        raise invalid(name, "must be an ISO 8601 date") from None


def paged(
    found: list[Campaign], query: Query, bends: Bends
) -> tuple[list[Campaign], dict[str, Any]]:
    """Cut one page out of what was found, in the order of ids; gives it and its `pagination`.

    A cursor holds the last id before its page, so that a list that grows or shrinks meanwhile
    skips and repeats nothing. Raises Refusal for a page size out of range, and a foreign cursor.
    """
    size = min(_page_size(query), bends.page_size_cap or LARGEST_PAGE)
    last_seen = _id_in(query["cursor"]) if "cursor" in query else 0
    ids = [campaign["id"] for campaign in found]
    start = bisect_right(ids, last_seen)
    end = start + size
    page = [] if bends.cursor_fault == "empty-with-next" else found[start:end]
    following = _faulty_cursor(last_seen, bends)
    if following is None and end < len(found):
        following = _cursor(ids[end - 1])
    previous = _cursor(ids[start - size - 1] if start > size else 0) if start else None
    return page, {
        "has_next": following is not None,
        "has_previous": previous is not None,
        "next_cursor": following,
        "previous_cursor": previous,
    }


def _faulty_cursor(last_seen: int, bends: Bends) -> str | None:
    match bends.cursor_fault:
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
    if not (found := re.fullmatch(r"after:([0-9]{1,18})", text)):
        raise invalid("cursor", "is not one of ours")
    return int(found[1])
