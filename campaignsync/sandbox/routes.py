"""The five endpoints: return a status and a document for a request."""

import json
import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from campaignsync.sandbox.campaign import Campaign, detailed, listed, merge
from campaignsync.sandbox.listing import Query, read_page
from campaignsync.sandbox.quirks import Quirks
from campaignsync.sandbox.rules import Refusal, check_create, check_patch, invalid, next_status
from campaignsync.sandbox.store import Store

PREFIX = "/api/v1.0"
ALL = re.compile(rf"{PREFIX}/campaigns\Z")
ONE = re.compile(rf"{PREFIX}/campaigns/([1-9][0-9]{{0,17}})\Z")
ACTION = re.compile(rf"{PREFIX}/campaigns/([1-9][0-9]{{0,17}})/([^/]+)\Z")
UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\Z")

Answer = tuple[int, dict[str, Any]]


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


class Lag:
    """The old states of campaigns that reads still return after a write."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._old: dict[int, list[Campaign]] = {}

    def replaced(self, old: Campaign, reads: int) -> None:
        """Keep the old state of a campaign for its next `reads` reads."""
        with self._lock:
            self._old[old["id"]] = [old] * reads

    def seen(self, campaign: Campaign) -> Campaign:
        """Return the state that a read returns: an old one, or `campaign`."""
        with self._lock:
            left = self._old.get(campaign["id"])
            return left.pop() if left else campaign


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
