"""What the server accepts and what it refuses (API.md, "Rules that the server enforces")."""

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
IMMUTABLE = ("agent_id", "integration_id", "integration_type", "cycles.enabled", "cycles.mode")
SCHEDULED_ONLY = ("schedule", "schedule_start_date", "schedule_end_date")
LIFECYCLE = {
    "activate": (("pending", "ready", "cooldown"), "active"),
    "pause": (("active", "cooldown"), "inactive"),
    "resume": (("inactive",), "active"),
}
"""Each action: the statuses that it starts from, and the one that it leads to."""
ALREADY = {"pause": "inactive", "resume": "active"}
"""Actions that succeed and do nothing in the status that they lead to."""

TIME = re.compile(r"([01]?[0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9])?\Z")


class Answered(Exception):
    """A request ends here: the status, the code, and what else the error says."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        field: str | None = None,
        more: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.field = field
        self.more = more or {}


def invalid(where: str, why: str) -> Answered:
    return Answered(400, "INVALID_REQUEST", f"{where} {why}", where)


Check = Callable[[str, Any], None]


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


def day(where: str, value: Any) -> None:
    text()(where, value)
    try:
        date.fromisoformat(value)
    except ValueError:
        raise invalid(where, "must be a date, YYYY-MM-DD") from None


def week(where: str, value: Any) -> None:
    if not isinstance(value, dict):
        raise invalid(where, "must be an object")
    for name, window in value.items():
        place = f"{where}.{name}"
        if name not in DAYS or not isinstance(window, dict):
            raise invalid(place, "is no weekday's window")
        for key, part in window.items():
            if key == "active":
                boolean(f"{place}.active", part)
            elif key not in ("startTime", "stopTime") or not (
                isinstance(part, str) and TIME.match(part)
            ):
                raise invalid(f"{place}.{key}", "must be a time of day")


CYCLES: Mapping[str, Check] = {
    "max_iterations": integer(0),
    "cooldown_minutes": integer(0),
    "filter_statuses": strings,
    "filter_tags": strings,
    "schedule": week,
    "schedule_start_date": day,
    "schedule_end_date": day,
}

PATCHABLE: Mapping[str, Check] = {
    "name": text(255),
    "description": text(),
    "timezone": zone,
    "retries": integer(0, 5),
    "message_limit": integer(1, 10000),
    "scheduling": week,
    "first_message": text(),
    "template": text(),
    "template_alt": text(),
}

CHANNEL = {"first_message": "phone_call", "template": "whatsapp", "template_alt": "whatsapp"}
CREATE_REQUIRED = ("name", "agent_id", "integration_id", "integration_type")


def check_patch(campaign: Mapping[str, Any], body: Mapping[str, Any]) -> None:
    """Raise Answered unless the campaign takes this body."""
    for place in _places(body):
        if place in IMMUTABLE:
            raise Answered(400, "IMMUTABLE_FIELD", f"{place} cannot be changed", place)
    if campaign["status"] == "finished":
        raise Answered(409, "CAMPAIGN_FINISHED", "a finished campaign is read-only")
    for key, value in body.items():
        if key == "cycles":
            _check_cycles(campaign, value)
        elif key in PATCHABLE:
            if CHANNEL.get(key, campaign["integration_type"]) != campaign["integration_type"]:
                raise invalid(key, "belongs to the other channel")
            PATCHABLE[key](key, value)
        else:
            raise invalid(key, "is not a field of this request")


def _check_cycles(campaign: Mapping[str, Any], cycles: Any) -> None:
    if not isinstance(cycles, dict):
        raise invalid("cycles", "must be an object")
    if cycles and not campaign["cycles"]["enabled"]:
        raise Answered(400, "CYCLES_NOT_ENABLED", "cycles are not enabled", "cycles")
    for key, value in cycles.items():
        place = f"cycles.{key}"
        if key not in CYCLES:
            raise invalid(place, "is not a field of this request")
        if key in SCHEDULED_ONLY and campaign["cycles"]["mode"] != "scheduled":
            raise Answered(400, "SCHEDULED_MODE_ONLY", f"{place} needs mode scheduled", place)
        CYCLES[key](place, value)


def _places(body: Mapping[str, Any]) -> Iterator[str]:
    for key, value in body.items():
        yield key
        if key == "cycles" and isinstance(value, dict):
            yield from (f"cycles.{inner}" for inner in value)


def check_create(body: Mapping[str, Any]) -> None:
    """Raise Answered unless a campaign can be made of this body."""
    for key in CREATE_REQUIRED:
        if not isinstance(body.get(key), str) or not body[key]:
            raise invalid(key, "is required")
    channel = body["integration_type"]
    if channel not in ("phone_call", "whatsapp"):
        raise invalid("integration_type", "must be phone_call or whatsapp")
    for key, value in body.items():
        if key in ("agent_id", "integration_id", "integration_type"):
            continue
        if key == "cycles":
            _check_new_cycles(channel, value)
        elif key not in PATCHABLE:
            raise invalid(key, "is not a field of this request")
        elif CHANNEL.get(key, channel) != channel:
            raise invalid(key, "belongs to the other channel")
        else:
            PATCHABLE[key](key, value)


def _check_new_cycles(channel: str, cycles: Any) -> None:
    if not isinstance(cycles, dict) or channel != "phone_call":
        raise invalid("cycles", "must be an object, of a phone-call campaign")
    boolean("cycles.enabled", cycles.get("enabled"))
    if not cycles["enabled"]:
        return
    if cycles.get("mode") not in ("cooldown", "scheduled"):
        raise invalid("cycles.mode", "must be cooldown or scheduled")
    for key, value in cycles.items():
        if key in ("enabled", "mode"):
            continue
        if key not in CYCLES or (key in SCHEDULED_ONLY and cycles["mode"] == "cooldown"):
            raise invalid(f"cycles.{key}", "is not a field of this request")
        CYCLES[key](f"cycles.{key}", value)


def next_status(campaign: Mapping[str, Any], action: str) -> str:
    """Give the status that a lifecycle action leads to; raises Answered."""
    if action not in LIFECYCLE:
        raise Answered(400, "UNKNOWN_ACTION", f"there is no action {action}")
    sources, target = LIFECYCLE[action]
    status: str = campaign["status"]
    if ALREADY.get(action) == status or status in sources:
        return target
    targets = [name for name, (froms, _) in LIFECYCLE.items() if status in froms]
    raise Answered(
        409,
        "INVALID_STATUS_TRANSITION",
        f"{action} is not possible from {status}",
        more={"current_status": status, "valid_targets": targets},
    )
