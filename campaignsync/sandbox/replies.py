"""HTTP responses: a status, a body, and headers."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from campaignsync.sandbox.quirks import ErrorShape, Quirks
from campaignsync.sandbox.rules import Refusal
from campaignsync.sandbox.shapes import widened

JSON = "application/json"


@dataclass(frozen=True, slots=True)
class Reply:
    """A response that is ready to send."""

    status: int
    content: bytes
    kind: str = JSON
    headers: Mapping[str, str] = field(default_factory=dict)


def said(status: int, document: Mapping[str, Any], quirks: Quirks) -> Reply:
    """Return the reply to a successful request."""
    shown = widened(document) if quirks.extra_keys else document
    return Reply(status, json.dumps(shown).encode())


def refused(refusal: Refusal, quirks: Quirks) -> Reply:
    """Return the reply to a refused request, in the shape `quirks.error_shape`."""
    content = _error_body(refusal, quirks.error_shape)
    kind = "text/plain; charset=utf-8" if quirks.error_shape == "text" else JSON
    headers = {**refusal.headers, **_retry_after(refusal.status, quirks.retry_after)}
    return Reply(refusal.status, content, kind, headers)


def _retry_after(status: int, value: str | None) -> dict[str, str]:
    if value is None and status == HTTPStatus.TOO_MANY_REQUESTS:
        value = "1"
    can_wait = status in (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE)
    return {"Retry-After": value} if value and can_wait else {}


def _error_body(error: Refusal, shape: ErrorShape) -> bytes:
    where = {"field": error.field} if error.field is not None else {}
    details: dict[str, Any] = {"message": error.message, **where, **error.more}
    bodies: dict[ErrorShape, Any] = {
        "code": {"success": False, "code": error.code, **details},
        "error": {"error": error.code, **details},
        "error.code": {"error": {"code": error.code, **details}},
        "error_code": {"error_code": error.code, **details},
        "detail.code": {"detail": {"code": error.code, **details}},
    }
    if shape == "text":
        return f"{error.code}: {error.message}".encode(errors="backslashreplace")
    return b"" if shape == "empty" else json.dumps(bodies[shape]).encode()
