"""Parse the API's responses: strict JSON, lists and details, and errors of any shape."""

import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any

from campaignsync.errors import (
    ApiError,
    BadResponse,
    BillingLimit,
    NotFound,
    RateLimited,
    Refused,
    Unauthorized,
    Unreachable,
)
from campaignsync.redaction import redacted

LONGEST_WAIT = 60.0
"""Maximum wait for a Retry-After, in seconds."""
DEEPEST = 50
"""Maximum levels of objects and lists in a response; a campaign has five."""
LONGEST_TEXT = 200
"""Maximum number of characters shown of a server's text."""

CODE = re.compile(r"[A-Za-z][A-Za-z0-9_.]{0,63}\Z")
"""An error code is one word; any other text in its place is a message."""
DOCUMENTED = re.compile(
    r"\b(IMMUTABLE_FIELD|CAMPAIGN_FINISHED|CYCLES_NOT_ENABLED|SCHEDULED_MODE_ONLY|INVALID_REQUEST"
    r"|INVALID_STATUS_TRANSITION|BILLING_LIMIT_REACHED|UNKNOWN_ACTION)\b"
)
"""The error codes of the API's reference, which does not define their place in a response."""
SURROGATE = re.compile(r"\\ud[89a-f]", re.IGNORECASE)
"""The JSON escape of a surrogate. A lone surrogate is not a character, and is always escaped."""
NOT_JSON = "body"
"""The only key of a document that stands for a body that is not a JSON object."""
CODE_PLACES = ("code", "error.code", "error_code", "detail.code", "detail.error_code")
FIELD_PLACES = ("field", "error.field", "detail.field")
MESSAGE_PLACES = ("message", "error.message", "detail.message", "detail", "error")
SUCCESSES, REDIRECTS = range(200, 300), range(300, 400)
REQUEST_TIMEOUT = 408
"""A gateway may send it after the API has done the request: it is handled like a server error."""


@dataclass(frozen=True, slots=True)
class Page:
    """One page of the list; `total` is the number of all campaigns, None if it is missing.

    `cursor` is the cursor with which it was requested; None for the first page.
    """

    campaigns: tuple[dict[str, Any], ...]
    total: int | None
    cursor: str | None
    next_cursor: str | None


def document_of(status: int, body: bytes, key: str, key_and_host: str) -> dict[str, Any]:
    """Return the JSON object of a success. Raises ApiError for any other response.

    `key_and_host` names both in the message of a refused key; `key` is removed from messages.
    """
    if status in SUCCESSES:
        document = decoded(body)
        if document.get("success") is False:
            raise refusal(status, document, key, key_and_host)
        return document
    if status in REDIRECTS:
        raise BadResponse(
            f"the API returned {status}: redirects are not followed",
            hint="set ALTUR_BASE_URL to the final address",
            status=status,
        )
    try:
        document = decoded(body)
    except BadResponse:
        # `refusal` searches the text for a documented code, and does not show the text itself.
        document = {NOT_JSON: body.decode(errors="replace")}
    raise refusal(status, document, key, key_and_host)


def decoded(body: bytes) -> dict[str, Any]:
    """Parse the body as a strict JSON object. Raises BadResponse for anything else."""
    try:
        text = body.decode("utf-8")
        document = json.loads(
            text,
            object_pairs_hook=_without_duplicates,
            parse_constant=_refuse_constant,
            parse_float=_finite,
        )
        if SURROGATE.search(text):
            # A lone surrogate can be neither printed nor sent.
            json.dumps(document, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        reason = "it is empty" if not body.strip() else str(error)
        raise BadResponse(f"the response is not valid JSON: {reason}", hint=_CHECK_URL) from None
    if not isinstance(document, dict):
        raise BadResponse("the response is not a JSON object", hint=_CHECK_URL)
    _refuse_depth(document)
    return document


_CHECK_URL = "check the base URL; a proxy or a login page may have responded"


def _refuse_depth(document: dict[str, Any]) -> None:
    """Raise BadResponse for a document with too many levels: comparing and showing it recurse."""
    level: list[Any] = [document]
    for _ in range(DEEPEST):
        next_level: list[Any] = []
        for container in level:
            values = container.values() if isinstance(container, dict) else container
            next_level += [value for value in values if isinstance(value, dict | list)]
        if not next_level:
            return
        level = next_level
    raise BadResponse(f"the response is nested more than {DEEPEST} levels deep", hint=_CHECK_URL)


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("duplicate key in an object")
    return members


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not a number")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text} is out of range")
    return number


def page_of(document: Mapping[str, Any], cursor: str | None) -> Page:
    """Return the page of a cursor in a list response.

    Raises BadResponse if a part is missing or invalid.
    """
    campaigns, pagination = document.get("campaigns"), document.get("pagination")
    if not isinstance(campaigns, list) or not isinstance(pagination, Mapping):
        raise BadResponse(
            "unexpected response: `campaigns` or `pagination` is missing", hint=_CHECK_URL
        )
    if not all(isinstance(item, dict) and is_id(item.get("id")) for item in campaigns):
        raise BadResponse("unexpected response: an item of the list is not a campaign with an id")
    total = document.get("total_count")
    return Page(
        tuple(campaigns),
        total if isinstance(total, int) and not isinstance(total, bool) else None,
        cursor,
        _next_cursor(pagination),
    )


def _next_cursor(pagination: Mapping[str, Any]) -> str | None:
    has_next, cursor = pagination.get("has_next"), pagination.get("next_cursor")
    if has_next is False or (has_next is None and cursor is None):
        return None
    if not isinstance(cursor, str) or not cursor:
        raise BadResponse("unexpected response: the list has a next page but no cursor for it")
    return cursor


def campaign_of(document: Mapping[str, Any], campaign_id: int) -> dict[str, Any]:
    """Return the campaign in a detail response; raises BadResponse if it is missing or another."""
    campaign = document.get("campaign")
    if not isinstance(campaign, dict):
        raise BadResponse("unexpected response: `campaign` is missing", hint=_CHECK_URL)
    # Accept a response without an id: it still belongs to this request.
    returned_id = campaign.get("id", campaign_id)
    if returned_id != campaign_id or isinstance(returned_id, bool):
        returned = f"campaign {returned_id}" if is_id(returned_id) else "another one"
        raise BadResponse(f"requested campaign {campaign_id}, the API returned {returned}")
    return campaign


def is_id(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def refusal(status: int, document: Mapping[str, Any], key: str, key_and_host: str) -> ApiError:
    """Return the error for an unsuccessful response; `key_and_host` names both.

    The code, the field and the message may be at any of several places of the response. The key is
    removed from them.
    """
    field = _first(document, FIELD_PLACES, key)
    code = _code_in(document, key)
    text = _first(document, MESSAGE_PLACES, key) or _whole_text(document, {code, field}, key)
    details = ": ".join(part for part in (code, text if text != code else None) if part)
    returned = f"{status}{f' {details}' if details else ''}"
    message = f"the API returned {returned}"
    match status:
        case 401 | 403:
            return Unauthorized(
                f"the API refused {key_and_host}: {returned}",
                hint="check that the key is valid for this account and this address",
                status=status,
            )
        case 402:
            return BillingLimit(
                message,
                hint="raise the account's billing limit, then apply again",
                code=code,
                status=status,
                field=field,
            )
        case 404:
            return NotFound(message, hint="check the campaign's id and the account", status=status)
        case 429:
            hint = "lower --rate: all users of this key share its limit"
            return RateLimited(message, hint=hint, status=status)
        case _ if status >= 500 or status == REQUEST_TIMEOUT:  # noqa: PLR2004 - any server error
            return Unreachable(message, hint="try again later", code=code, status=status)
        case _:
            return Refused(message, code=code, status=status, field=field)


def _code_in(document: Mapping[str, Any], key: str) -> str | None:
    """Return the error code of a response; None if it has none.

    A code at one of CODE_PLACES comes first, then a documented code in any text, then `error`.
    """
    for place in CODE_PLACES:
        if (code := _first(document, (place,), key)) and CODE.match(code):
            return code
    for text in _texts(document):
        if documented := DOCUMENTED.search(text):
            return documented[0]
    code = _first(document, ("error",), key)
    return code if code and CODE.match(code) else None


def _whole_text(document: Mapping[str, Any], shown: set[str | None], key: str) -> str | None:
    """Return a response as JSON; None if all its texts are `shown`, or its body was not JSON."""
    if document.keys() == {NOT_JSON} or shown.issuperset(_texts(document)):
        return None
    return _shortened(json.dumps(document, ensure_ascii=False), key)


def _texts(value: Any) -> Iterator[str]:
    """Yield every string value in a response, in order; keys of objects are not included."""
    pending = [value]
    while pending:
        match pending.pop():
            case str(text):
                yield text
            case dict(members):
                pending.extend(reversed(members.values()))
            case list(items):
                pending.extend(reversed(items))


def _first(document: Mapping[str, Any], places: tuple[str, ...], key: str) -> str | None:
    """Return the first text at one of the dotted paths, shortened and without the key."""
    for place in places:
        value: Any = document
        for step in place.split("."):
            value = value.get(step) if isinstance(value, Mapping) else None
        if isinstance(value, str) and value:
            return _shortened(value, key)
    return None


def _shortened(text: str, key: str) -> str:
    """Return a server's text without the key, and not longer than LONGEST_TEXT."""
    text = redacted(text, key)
    return text if len(text) <= LONGEST_TEXT else f"{text[: LONGEST_TEXT - 1]}…"


def retry_after(header: str | None, now: float) -> float | None:
    """Return Retry-After in seconds from `now`, a UNIX time; at most LONGEST_WAIT.

    Return None if the header is missing or invalid.
    """
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
