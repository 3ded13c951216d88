"""The five endpoints: a request's method, path, query and body → a status and a JSON document."""

import base64
import binascii
import json
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from importlib import resources
from typing import Any

from campaignsync.sandbox.bends import Bends
from campaignsync.sandbox.rules import Answered, check_create, check_patch, invalid, next_status
from campaignsync.sandbox.shapes import detailed, listed
from campaignsync.sandbox.store import Campaign, Store, merge

PREFIX = "/api/v1.0"
ONE = re.compile(r"/campaigns/([1-9][0-9]{0,17})\Z")
ACTION = re.compile(r"/campaigns/([1-9][0-9]{0,17})/([^/]+)\Z")
LARGEST_PAGE = 100

Answer = tuple[int, dict[str, Any]]
Query = Mapping[str, str]


def openapi() -> bytes:
    """Give the OpenAPI 3.1 document of this API, as it lies in the package."""
    return resources.files(__package__).joinpath("openapi.json").read_bytes()


class Routes:
    """Answers requests from a store; `read_lag` of the bends is remembered here."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._stale: dict[int, tuple[int, Campaign]] = {}

    def answer(
        self,
        method: str,
        path: str,
        *,
        query: Query,
        body: bytes,
        key: str | None,
        bends: Bends,
    ) -> Answer:
        """Do what is asked; raises Answered for every refusal."""
        path = path.removeprefix(PREFIX) if path.startswith(f"{PREFIX}/") else ""
        calls: dict[str, Callable[[], Answer]]
        if path == "/campaigns":
            calls = {
                "GET": lambda: self._list(query, bends),
                "POST": lambda: self._create(_object(body), key, bends),
            }
        elif one := ONE.match(path):
            calls = {
                "GET": lambda: self._detail(int(one[1]), bends),
                "PATCH": lambda: self._patch(int(one[1]), _object(body), bends),
            }
        elif action := ACTION.match(path):
            calls = {"POST": lambda: self._act(int(action[1]), action[2], bends)}
        else:
            raise Answered(404, "NOT_FOUND", "there is nothing here")
        if method not in calls:
            allowed = ", ".join(calls)
            raise Answered(405, "METHOD_NOT_ALLOWED", f"use {allowed}", more={"allow": allowed})
        return calls[method]()

    def _list(self, query: Query, bends: Bends) -> Answer:
        found = [campaign for campaign in self._store.all().values() if _matches(campaign, query)]
        size = min(_page_size(query), bends.page_size_cap or LARGEST_PAGE)
        start = _offset(query.get("cursor"))
        page = found[start : start + size]
        more = start + size < len(found)
        following: str | None = _cursor(start + size) if more else None
        if bends.cursor_fault == "repeat":
            more, following = True, _cursor(0)
        elif bends.cursor_fault == "cycle":
            more, following = True, _cursor(size if start == 0 else 0)
        elif bends.cursor_fault == "empty-with-next":
            page, more, following = [], True, _cursor(start + 1)
        return 200, {
            "total_count": len(found),
            "campaigns": [listed(self._seen(campaign, bends), bends) for campaign in page],
            "pagination": {
                "has_next": more,
                "has_previous": start > 0,
                "next_cursor": following,
                "previous_cursor": _cursor(max(start - size, 0)) if start else None,
            },
        }

    def _detail(self, id_: int, bends: Bends) -> Answer:
        return _envelope(self._seen(self._existing(id_), bends), bends)

    def _patch(self, id_: int, body: dict[str, Any], bends: Bends) -> Answer:
        campaign = self._existing(id_)
        check_patch(campaign, body)
        self._stale[id_] = (bends.read_lag, campaign)
        taken = _without(body, bends.ignore_fields)
        patched = merge(campaign, taken, bends.schedule_merge)
        for place, value in bends.clobber.items():
            patched = merge(patched, _nested(place, value))
        self._store.put(patched)
        return _envelope(patched, bends)

    def _create(self, body: dict[str, Any], key: str | None, bends: Bends) -> Answer:
        check_create(body)
        campaign, first = self._store.create(body, key)
        if first != json.dumps(body, sort_keys=True):
            raise Answered(409, "IDEMPOTENCY_CONFLICT", "the key was used with another body")
        return 201, _envelope(campaign, bends)[1]

    def _act(self, id_: int, action: str, bends: Bends) -> Answer:
        campaign = self._existing(id_)
        if action == "archive":
            campaign["archived"] = True
        else:
            campaign["status"] = next_status(campaign, action)
        self._store.put(campaign)
        return _envelope(campaign, bends)

    def _existing(self, id_: int) -> Campaign:
        if (campaign := self._store.get(id_)) is None:
            raise Answered(404, "NOT_FOUND", f"there is no campaign {id_}")
        return campaign

    def _seen(self, campaign: Campaign, bends: Bends) -> Campaign:
        """Show the old state for a while, as a server does whose reads lag behind its writes."""
        reads, old = self._stale.get(campaign["id"], (0, campaign))
        if not bends.read_lag or reads <= 0:
            return campaign
        self._stale[campaign["id"]] = (reads - 1, old)
        return old


def _envelope(campaign: Campaign, bends: Bends) -> Answer:
    return 200, {"success": True, "campaign": detailed(campaign, bends)}


def _object(body: bytes) -> dict[str, Any]:
    try:
        document = json.loads(body)
    except ValueError:
        raise Answered(400, "INVALID_REQUEST", "the body is not JSON") from None
    if not isinstance(document, dict):
        raise Answered(400, "INVALID_REQUEST", "the body is not an object")
    return document


def _matches(campaign: Campaign, query: Query) -> bool:
    created = (query.get("startDate"), query.get("endDate"))
    if (created[0] is None) != (created[1] is None):
        raise invalid("startDate", "and endDate go together")
    facts = {
        "agentId": campaign["agent"]["id"],
        "status": campaign["status"],
        "integration": campaign["integration_type"],
        "archived": str(campaign["archived"]).lower(),
    }
    if any(query.get(name, fact) != fact for name, fact in facts.items()):
        return False
    if created[0] is None or created[1] is None:
        return True
    start, end = (_date(text) for text in created if text is not None)
    return start <= str(campaign["created_at"])[:10] <= end


def _date(text: str) -> str:
    try:
        return datetime.fromisoformat(text).date().isoformat()
    except ValueError:
        raise invalid("startDate", "is not ISO 8601") from None


def _page_size(query: Query) -> int:
    size = query.get("pageSize", str(LARGEST_PAGE))
    if not re.fullmatch(r"[0-9]{1,3}", size) or not 1 <= int(size) <= LARGEST_PAGE:
        raise invalid("pageSize", f"is from 1 to {LARGEST_PAGE}")
    return int(size)


def _cursor(offset: int) -> str:
    return base64.urlsafe_b64encode(f"after:{offset}".encode()).decode()


def _offset(cursor: str | None) -> int:
    if cursor is None:
        return 0
    try:
        text = base64.urlsafe_b64decode(cursor.encode()).decode()
        return int(text.removeprefix("after:"))
    except (ValueError, binascii.Error):
        raise invalid("cursor", "is not one of ours") from None


def _without(body: dict[str, Any], places: frozenset[str], prefix: str = "") -> dict[str, Any]:
    return {
        key: _without(value, places, f"{prefix}{key}.") if isinstance(value, dict) else value
        for key, value in body.items()
        if prefix + key not in places
    }


def _nested(place: str, value: Any) -> dict[str, Any]:
    for key in reversed(place.split(".")):
        value = {key: value}
    nested: dict[str, Any] = value
    return nested
