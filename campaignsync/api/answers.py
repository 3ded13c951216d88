"""What comes back: strict JSON, the envelopes, and errors of any shape (API.md)."""

import json
import math
import re
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any, NamedTuple

from campaignsync.api.credentials import redacted
from campaignsync.errors import (
    ApiError,
    BadAnswer,
    BillingLimit,
    NotFound,
    RateLimited,
    Refused,
    Unauthorized,
    Unreachable,
)

LONGEST_WAIT = 60.0
"""Seconds of a Retry-After that are honoured; a server that asks for days is not waited for."""

CODE = re.compile(r"[A-Za-z][A-Za-z0-9_.]{0,63}\Z")
"""A code is a word; a sentence in its place is a message."""
HALF = re.compile(r"\\ud[89a-f]", re.IGNORECASE)
"""The escape of half a character beyond the first 65,536: there is no other way into an answer."""
CODE_PLACES = ("code", "error.code", "error_code", "detail.code", "error")
FIELD_PLACES = ("field", "error.field", "detail.field")
MESSAGE_PLACES = ("message", "error.message", "detail.message", "detail", "error")


class Page(NamedTuple):
    """One page of the list: `total` campaigns in all, where the server says so."""

    campaigns: tuple[dict[str, Any], ...]
    total: int | None
    next_cursor: str | None


def decoded(body: bytes) -> dict[str, Any]:
    """Read a body as one JSON object; raises BadAnswer for all that is not strictly that."""
    try:
        text = body.decode("utf-8")
        answer = json.loads(
            text,
            object_pairs_hook=_without_duplicates,
            parse_constant=_no_number,
            parse_float=_finite,
        )
        if HALF.search(text):
            # Half a character can neither be printed nor sent: refused before it spreads.
            json.dumps(answer, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        what = "it is empty" if not body.strip() else str(error)
        raise BadAnswer(f"the answer is not JSON: {what}", hint=_LOOK) from None
    if not isinstance(answer, dict):
        raise BadAnswer("the answer is not a JSON object", hint=_LOOK)
    return answer


_LOOK = "is the base URL right? A proxy or a login page may have answered"


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice in one object")
    return found


def _no_number(name: str) -> Any:
    raise ValueError(f"{name} is not a number")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text} is out of range")
    return number


def page_of(answer: Mapping[str, Any]) -> Page:
    """Read the list's envelope; raises BadAnswer where a list of campaigns is not all there."""
    campaigns, pagination = answer.get("campaigns"), answer.get("pagination")
    if not isinstance(campaigns, list) or not isinstance(pagination, Mapping):
        raise BadAnswer(
            "the answer is no list of campaigns: `campaigns` or `pagination` is missing"
        )
    if not all(isinstance(item, dict) and is_id(item.get("id")) for item in campaigns):
        raise BadAnswer("the list holds something that is no campaign with an id")
    total = answer.get("total_count")
    return Page(
        tuple(campaigns),
        total if isinstance(total, int) and not isinstance(total, bool) else None,
        _next_cursor(pagination),
    )


def _next_cursor(pagination: Mapping[str, Any]) -> str | None:
    more, cursor = pagination.get("has_next"), pagination.get("next_cursor")
    if more is False or (more is None and cursor is None):
        return None
    if not isinstance(cursor, str) or not cursor:
        raise BadAnswer("the list says that it goes on, and not where: the cursor is no text")
    return cursor


def campaign_of(answer: Mapping[str, Any], campaign_id: int) -> dict[str, Any]:
    """Read the detail's envelope; raises BadAnswer where it holds no such campaign."""
    campaign = answer.get("campaign")
    if not isinstance(campaign, dict):
        raise BadAnswer("the answer holds no `campaign`", hint=_LOOK)
    # An answer that leaves the id out is still the one to this request.
    if campaign.get("id", campaign_id) != campaign_id or isinstance(campaign.get("id"), bool):
        raise BadAnswer(f"campaign {campaign_id} was asked for, and another one answered")
    return campaign


def is_id(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def refusal(status: int, answer: Mapping[str, Any], key: str) -> ApiError:
    """Make the error that a status says, with code, field and words from wherever they stand.

    The key is taken out of what the answer echoes.
    """
    code, field, words = (
        _first(answer, places, key) for places in (CODE_PLACES, FIELD_PLACES, MESSAGE_PLACES)
    )
    code = code if code and CODE.match(code) else None
    said = ": ".join(part for part in (code, words if words != code else None) if part)
    message = f"the API answered {status}{f' {said}' if said else ''}"
    match status:
        case 401 | 403:
            return Unauthorized(
                message, hint="check that the key is valid for this account", status=status
            )
        case 402:
            return BillingLimit(
                message, hint="raise the account's plan", code=code, status=status, field=field
            )
        case 404:
            return NotFound(message, hint="check the campaign's id and the account", status=status)
        case 429:
            return RateLimited(message, hint="lower --rate: others use this key", status=status)
        case _ if status >= 500:  # noqa: PLR2004 - HTTP's own border
            return Unreachable(message, hint="try again later", code=code, status=status)
        case _:
            return Refused(message, code=code, status=status, field=field)


def _first(answer: Mapping[str, Any], places: tuple[str, ...], key: str) -> str | None:
    for place in places:
        found: Any = answer
        for step in place.split("."):
            found = found.get(step) if isinstance(found, Mapping) else None
        if isinstance(found, str) and found:
            text = redacted(found, key)
            return text if len(text) <= 200 else text[:199] + "…"  # noqa: PLR2004 - a line or two
    return None


def retry_after(header: str | None, now: float) -> float | None:
    """Read Retry-After as seconds from `now` (a UNIX time); None where it says nothing usable."""
    if header is None:
        return None
    try:
        seconds = float(header)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(header).timestamp() - now
        except (ValueError, OverflowError):
            return None
    if not math.isfinite(seconds):
        return None
    return min(max(seconds, 0.0), LONGEST_WAIT)
