"""The five endpoints: return a status and a document for a request; filters, pages and cursors."""

import base64
import binascii
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from campaignsync.sandbox.campaign import Campaign, detailed, listed, merge
from campaignsync.sandbox.quirks import Quirks
from campaignsync.sandbox.rules import (
    CHANNELS,
    STATUSES,
    Refusal,
    check_create,
    check_patch,
    invalid,
    next_status,
    one_of,
)
from campaignsync.sandbox.store import Filters, Lag, Page, Store

PREFIX = "/api/v1.0"
ALL = re.compile(rf"{PREFIX}/campaigns\Z")
ONE = re.compile(rf"{PREFIX}/campaigns/([1-9][0-9]{{0,17}})\Z")
ACTION = re.compile(rf"{PREFIX}/campaigns/([1-9][0-9]{{0,17}})/([^/]+)\Z")
UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\Z")

Answer = tuple[int, dict[str, Any]]
LARGEST_PAGE = 100
ENUMS: Mapping[str, tuple[str, ...]] = {
    "status": STATUSES,
    "integration": CHANNELS,
    "archived": ("true", "false"),
}
"""Parameters with a fixed set of values."""
PARAMETERS = ("pageSize", "cursor", "agentId", *ENUMS, "startDate", "endDate")

Query = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class ApiRequest:
    """The parts of a request that the endpoints use."""

    method: str
    path: str
    query: Query
    body: bytes
    idempotency_key: str | None


class Routes:
    """Answers requests from a store, with the current quirks."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lag = Lag()

    def answer(self, request: ApiRequest, quirks: Quirks) -> Answer:
        """Execute a request; return the status and the document. Raises Refusal."""
        calls = self._calls(request, quirks)
        if not calls:
            raise Refusal(404, "NOT_FOUND", "no such endpoint")
        if request.method not in calls:
            allowed = ", ".join(calls)
            raise Refusal(405, "METHOD_NOT_ALLOWED", f"use {allowed}", headers={"Allow": allowed})
        return calls[request.method]()

    def reset(self) -> None:
        """Restore the seed; delayed reads end, too."""
        self._store.reset()
        self._lag = Lag()

    def _calls(self, request: ApiRequest, quirks: Quirks) -> Mapping[str, Callable[[], Answer]]:
        if ALL.match(request.path):
            return {
                "GET": lambda: self._list(request.query, quirks),
                "POST": lambda: self._create(
                    _object(request.body), request.idempotency_key, quirks
                ),
            }
        if one := ONE.match(request.path):
            id_ = int(one[1])
            return {
                "GET": lambda: self._detail(id_, quirks),
                "PATCH": lambda: self._patch(id_, _object(request.body), quirks),
            }
        if action := ACTION.match(request.path):
            return {"POST": lambda: self._act(int(action[1]), action[2], quirks)}
        return {}

    def _list(self, query: Query, quirks: Quirks) -> Answer:
        page, pagination = read_page(self._store, query, quirks)
        return 200, {
            "total_count": page.total,
            "campaigns": [listed(self._lag.seen(campaign), quirks) for campaign in page.campaigns],
            "pagination": pagination,
        }

    def _detail(self, id_: int, quirks: Quirks) -> Answer:
        return 200, _envelope(self._lag.seen(self._existing(id_)), quirks)

    def _patch(self, id_: int, body: Campaign, quirks: Quirks) -> Answer:
        with self._store.transaction():
            campaign = self._existing(id_)
            check_patch(campaign, body)
            patched = merge(campaign, _without(body, quirks.ignore_fields), quirks.schedule_merge)
            for place, value in quirks.clobber.items():
                patched = merge(patched, _nested(place, value))
            self._replace(campaign, patched, quirks)
        return 200, _envelope(patched, quirks)

    def _create(self, body: Campaign, key: str | None, quirks: Quirks) -> Answer:
        if key is not None and not UUID.match(key):
            raise invalid("Idempotency-Key", "must be a UUID")
        check_create(body)
        with self._store.transaction():
            first = self._store.created(key) if key else None
            if first and first[0] != body:
                raise Refusal(409, "IDEMPOTENCY_CONFLICT", "the key was used with a different body")
            campaign = first[1] if first else self._store.add(_new(body))
            if key and not first:
                self._store.remember(key, body, campaign)
        return 201, _envelope(campaign, quirks)

    def _act(self, id_: int, action: str, quirks: Quirks) -> Answer:
        with self._store.transaction():
            campaign = self._existing(id_)
            if action == "archive":
                changed = {**campaign, "archived": True}
            else:
                changed = {**campaign, "status": next_status(campaign["status"], action)}
            self._replace(campaign, changed, quirks)
        return 200, _envelope(changed, quirks)

    def _existing(self, id_: int) -> Campaign:
        if (campaign := self._store.get(id_)) is None:
            raise Refusal(404, "NOT_FOUND", f"there is no campaign {id_}")
        return campaign

    def _replace(self, old: Campaign, new: Campaign, quirks: Quirks) -> None:
        self._store.put(new)
        self._lag.replaced(old, quirks.read_lag)


def decoded(body: bytes) -> Any:
    """Parse strict JSON, without NaN and Infinity. Raises ValueError."""
    try:
        return json.loads(body, parse_constant=_no_number)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _no_number(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _object(body: bytes) -> Campaign:
    try:
        document = decoded(body)
    except ValueError as error:
        raise Refusal(400, "INVALID_REQUEST", f"the body is not JSON: {error}") from None
    if not isinstance(document, dict):
        raise Refusal(400, "INVALID_REQUEST", "the body is not an object")
    return document


def _envelope(campaign: Campaign, quirks: Quirks) -> dict[str, Any]:
    return {"success": True, "campaign": detailed(campaign, quirks)}


def _new(body: Campaign) -> Campaign:
    """Return a campaign in the detail's shape from the body of a creation."""
    campaign = {
        **body,
        "agent": {"id": body["agent_id"], "name": body["agent_id"]},
        "integration": {"id": body["integration_id"]},
        "created_at": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
    }
    if not body.get("cycles", {}).get("enabled"):
        # If cycles are disabled, the other keys of the block are ignored.
        campaign.pop("cycles", None)
    del campaign["agent_id"], campaign["integration_id"]
    return campaign


def _without(body: Campaign, places: frozenset[str], prefix: str = "") -> Campaign:
    kept: Campaign = {}
    for key, value in body.items():
        if prefix + key in places:
            continue
        kept[key] = value
        if isinstance(value, dict):
            kept[key] = _without(value, places, f"{prefix}{key}.")
            if value and not kept[key]:
                del kept[key]
    return kept


def _nested(place: str, value: Any) -> Campaign:
    nested: Any = value
    for key in reversed(place.split(".")):
        nested = {key: nested}
    return dict(nested)


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
