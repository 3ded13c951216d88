"""The rules that the server enforces: which requests it refuses, with which error."""

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
CHANNELS = ("phone_call", "whatsapp")
STATUSES = ("pending", "ready", "active", "inactive", "cooldown", "finished")
IMMUTABLE = ("agent_id", "integration_id", "integration_type", "cycles.enabled", "cycles.mode")
SCHEDULED_ONLY = ("schedule", "schedule_start_date", "schedule_end_date")
CHANNEL_OF = {"first_message": "phone_call", "template": "whatsapp", "template_alt": "whatsapp"}
CREATE_REQUIRED = ("name", "agent_id", "integration_id", "integration_type")

LIFECYCLE = {
    "activate": (("pending", "ready", "cooldown"), "active"),
    "pause": (("active", "cooldown"), "inactive"),
    "resume": (("inactive",), "active"),
}
"""The valid source statuses and the target status of each action."""
ALREADY = {"pause": "inactive", "resume": "active"}
"""Actions that succeed without effect if the campaign already has the target status."""

TIME = re.compile(r"([01]?[0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9])?\Z")
DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}\Z")


class Refusal(Exception):
    """A refused request: the status, the code, and the other parts of the error."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        field: str | None = None,
        more: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.field = field
        self.more = more or {}
        self.headers = headers or {}


def invalid(where: str, why: str) -> Refusal:
    """Return the refusal of an invalid field or parameter `where`."""
    return Refusal(400, "INVALID_REQUEST", f"{where} {why}", field=where)


Check = Callable[[str, Any], None]
"""Takes the dotted path of a value, and the value; raises Refusal."""


def text(longest: int | None = None) -> Check:
    def check(where: str, value: Any) -> None:
        if not isinstance(value, str):
            raise invalid(where, "must be a string")
        if longest is not None and len(value) > longest:
            raise invalid(where, f"must have at most {longest} characters")

    return check


def integer(least: int, most: int | None = None) -> Check:
    def check(where: str, value: Any) -> None:
        if not isinstance(value, int) or isinstance(value, bool):
            raise invalid(where, "must be an integer")
        if value < least or (most is not None and value > most):
            raise invalid(where, "is out of range")

    return check


def one_of(options: tuple[str, ...]) -> Check:
    def check(where: str, value: Any) -> None:
        if value not in options:
            raise invalid(where, f"must be one of {', '.join(options)}")

    return check


def members(known: Mapping[str, Check]) -> Check:
    """Return a check of an object's keys and values; the path of the request's body is ""."""

    def check(where: str, value: Any) -> None:
        if not isinstance(value, dict):
            raise invalid(where, "must be an object")
        for key, part in value.items():
            place = f"{where}.{key}" if where else key
            if key not in known:
                raise invalid(place, "is not a field of this request")
            known[key](place, part)

    return check


def boolean(where: str, value: Any) -> None:
    if not isinstance(value, bool):
        raise invalid(where, "must be a boolean")


def strings(where: str, value: Any) -> None:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise invalid(where, "must be a list of strings")


def zone(where: str, value: Any) -> None:
    text()(where, value)
    try:
        ZoneInfo(value)
    except (KeyError, ValueError, OSError):
        raise invalid(where, "must be an IANA time zone") from None


def time(where: str, value: Any) -> None:
    if not isinstance(value, str) or not TIME.match(value):
        raise invalid(where, "must be a time of day, HH:MM")


def day(where: str, value: Any) -> None:
    try:
        # fromisoformat accepts other forms, such as 20260105; the API specifies YYYY-MM-DD.
        if DATE.match(value):
            date.fromisoformat(value)
            return
    except (ValueError, TypeError):
        pass
    raise invalid(where, "must be a date, YYYY-MM-DD")


WEEK = members(
    dict.fromkeys(DAYS, members({"startTime": time, "stopTime": time, "active": boolean}))
)

CYCLES: Mapping[str, Check] = {
    "max_iterations": integer(0),
    "cooldown_minutes": integer(0),
    "filter_statuses": strings,
    "filter_tags": strings,
    "schedule": WEEK,
    "schedule_start_date": day,
    "schedule_end_date": day,
}

PATCHABLE: Mapping[str, Check] = {
    "name": text(255),
    "description": text(),
    "timezone": zone,
    "retries": integer(0, 5),
    "message_limit": integer(1, 10000),
    "scheduling": WEEK,
    "first_message": text(),
    "template": text(),
    "template_alt": text(),
    "cycles": members(CYCLES),
}


def check_patch(campaign: Mapping[str, Any], body: Mapping[str, Any]) -> None:
    """Raise Refusal if the API does not accept this PATCH of the campaign."""
    for place in _places(body):
        if place in IMMUTABLE:
            raise Refusal(400, "IMMUTABLE_FIELD", f"{place} cannot be changed", field=place)
    if campaign["status"] == "finished":
        raise Refusal(409, "CAMPAIGN_FINISHED", "a finished campaign is read-only")
    _check_channel(campaign["integration_type"], body)
    _check_cycles(campaign["cycles"], body.get("cycles"))
    members(PATCHABLE)("", body)


def _places(body: Mapping[str, Any]) -> Iterator[str]:
    for key, value in body.items():
        yield key
        if key == "cycles" and isinstance(value, dict):
            yield from (f"cycles.{inner}" for inner in value)


def _check_channel(channel: str, body: Mapping[str, Any]) -> None:
    for key in body:
        if CHANNEL_OF.get(key, channel) != channel:
            raise invalid(key, "belongs to the other channel")


def _check_cycles(cycles: Mapping[str, Any], patched: Any) -> None:
    if not isinstance(patched, dict):
        return
    if patched and not cycles["enabled"]:
        raise Refusal(400, "CYCLES_NOT_ENABLED", "cycles are not enabled", field="cycles")
    for key in SCHEDULED_ONLY:
        if key in patched and cycles["mode"] != "scheduled":
            place = f"cycles.{key}"
            raise Refusal(400, "SCHEDULED_MODE_ONLY", f"{place} needs mode scheduled", field=place)


def check_create(body: Mapping[str, Any]) -> None:
    """Raise Refusal if the API does not accept this body of a creation."""
    for key in CREATE_REQUIRED:
        if not isinstance(body.get(key), str) or not body[key]:
            raise invalid(key, "is required")
    members(CREATABLE)("", body)
    _check_channel(body["integration_type"], body)
    if body["integration_type"] != "phone_call" and body.get("cycles", {}).get("enabled"):
        raise invalid("cycles", "belongs to the other channel")


def _new_cycles(where: str, value: Any) -> None:
    if not isinstance(value, dict):
        raise invalid(where, "must be an object")
    boolean(f"{where}.enabled", value.get("enabled"))
    if not value["enabled"]:
        return
    mode = value.get("mode")
    one_of(("cooldown", "scheduled"))(f"{where}.mode", mode)
    accepted = {
        key: check
        for key, check in CYCLES.items()
        if mode == "scheduled" or key not in SCHEDULED_ONLY
    }
    members({**accepted, "enabled": boolean, "mode": text()})(where, value)


CREATABLE: Mapping[str, Check] = {
    **PATCHABLE,
    "agent_id": text(),
    "integration_id": text(),
    "integration_type": one_of(CHANNELS),
    "cycles": _new_cycles,
}


def next_status(status: str, action: str) -> str:
    """Return the target status of a lifecycle action; raises Refusal."""
    if action not in LIFECYCLE:
        raise Refusal(400, "UNKNOWN_ACTION", f"there is no action {action}")
    sources, target = LIFECYCLE[action]
    if ALREADY.get(action) == status or status in sources:
        return target
    raise Refusal(
        409,
        "INVALID_STATUS_TRANSITION",
        f"{action} is not possible from {status}",
        more={
            "current_status": status,
            "valid_targets": sorted(
                {to for sources, to in LIFECYCLE.values() if status in sources}
            ),
        },
    )
