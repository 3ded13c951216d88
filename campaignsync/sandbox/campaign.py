"""A campaign as a JSON document: its defaults, how a PATCH merges into it, and its two shapes."""

import re
from collections.abc import Mapping
from typing import Any

from campaignsync.sandbox.quirks import Quirks
from campaignsync.sandbox.rules import DAYS

Campaign = dict[str, Any]

CLOSED = {"startTime": "09:00", "stopTime": "18:00", "active": False}
NO_CYCLES: Campaign = {
    "enabled": False,
    "mode": None,
    "max_iterations": None,
    "cooldown_minutes": None,
    "filter_statuses": [],
    "filter_tags": [],
    "schedule": None,
    "schedule_start_date": None,
    "schedule_end_date": None,
}
CYCLES = NO_CYCLES | {
    "enabled": True,
    "mode": "cooldown",
    "max_iterations": 7,
    "cooldown_minutes": 720,
}

LISTED_CYCLES = ("enabled", "max_iterations", "cooldown_minutes", "filter_statuses", "filter_tags")
LISTED = (
    "id", "name", "description", "status", "archived", "timezone", "retries", "scheduling",
    "first_message", "template", "agent", "created_at",
)  # fmt: skip
TIME = re.compile(r"([0-9]{1,2}):([0-9]{2})(:[0-9]{2})?\Z")


def week() -> dict[str, Any]:
    """Return a week in which all days are closed."""
    return {day: dict(CLOSED) for day in DAYS}


def with_defaults(given: Mapping[str, Any], id_: int) -> Campaign:
    """Return a campaign with the defaults that the API sets on creation."""
    channel = given.get("integration_type", "phone_call")
    cycles = given.get("cycles") or {}
    campaign: Campaign = {
        "id": id_,
        "name": f"Campaign {id_}",
        "description": "",
        "status": "pending",
        "archived": False,
        "timezone": "America/Mexico_City",
        "retries": 0,
        "message_limit": 1000,
        "scheduling": week(),
        "first_message": "",
        "template": "",
        "template_alt": "",
        "agent": {"id": "agt_1", "name": "Agent"},
        "integration": {"id": f"int_{channel}_1"},
        "integration_type": channel,
        "cycles": _copied(CYCLES if cycles.get("enabled") else NO_CYCLES),
        "created_at": "2026-01-01T00:00:00Z",
    }
    if cycles.get("mode") == "scheduled":
        campaign["cycles"]["schedule"] = week()
    _merge(campaign, {**given, "cycles": cycles}, "leaf")
    return campaign


def merge(campaign: Campaign, body: Mapping[str, Any], how: str = "leaf") -> Campaign:
    """Return the patched campaign; `how` is the value of `Quirks.schedule_merge`."""
    merged: Campaign = _copied(campaign)
    _merge(merged, body, how)
    return merged


def _copied(value: Any) -> Any:
    """Return a copy of a JSON value; `deepcopy`, which detects cycles, is five times slower."""
    if isinstance(value, dict):
        return {key: _copied(part) for key, part in value.items()}
    return [_copied(part) for part in value] if isinstance(value, list) else value


def _merge(into: Campaign, body: Mapping[str, Any], how: str) -> None:
    for key, value in body.items():
        is_week = key in ("scheduling", "schedule")
        if is_week and how != "leaf":
            old = (into.get(key) or {}) if how == "day" else {}
            into[key] = {**old, **_copied(value)}
        elif isinstance(value, dict):
            if not isinstance(into.get(key), dict):
                into[key] = {}
            _merge(into[key], value, how)
        else:
            into[key] = _copied(value)


def listed(campaign: Mapping[str, Any], quirks: Quirks) -> dict[str, Any]:
    """Return the flat shape; it has only the fields in LISTED and LISTED_CYCLES."""
    item = {key: campaign[key] for key in LISTED}
    item |= {f"cycle_{key}": campaign["cycles"][key] for key in LISTED_CYCLES}
    return _quirky(item, quirks, quirks.list_keys)


def detailed(campaign: Mapping[str, Any], quirks: Quirks) -> dict[str, Any]:
    """Return the nested shape, with all fields."""
    return _quirky(campaign, quirks, quirks.detail_keys)


def widened(value: Any) -> Any:
    """Return a value with an unknown key added to every object."""
    if isinstance(value, dict):
        return {
            **{key: widened(part) for key, part in value.items()},
            "x_new_field": {"since": "tomorrow"},
        }
    if isinstance(value, list):
        return [widened(part) for part in value]
    return value


def _quirky(
    shape: Mapping[str, Any], quirks: Quirks, keys: frozenset[str] | None
) -> dict[str, Any]:
    spelled: dict[str, Any] = _spelled(shape, quirks)
    return spelled if keys is None else _only(spelled, keys)


def _only(shape: dict[str, Any], keys: frozenset[str], prefix: str = "") -> dict[str, Any]:
    kept: dict[str, Any] = {}
    for key, value in shape.items():
        place = prefix + key
        if place in keys:
            kept[key] = value
        elif isinstance(value, dict) and any(known.startswith(f"{place}.") for known in keys):
            kept[key] = _only(value, keys, f"{place}.")
    return kept


def _spelled(value: Any, quirks: Quirks, key: str = "") -> Any:
    """Return a value with times, empty values and lists in the form that the quirks choose."""
    if isinstance(value, dict):
        return {name: _spelled(part, quirks, name) for name, part in value.items()}
    if value in ("", []) and quirks.empty == "null":
        return None
    if isinstance(value, list):
        return value[::-1] if quirks.lists == "reversed" else value
    if key in ("startTime", "stopTime") and (parts := TIME.match(value or "")):
        hours, minutes = int(parts[1]), parts[2]
        return {
            "HH:MM": f"{hours:02}:{minutes}",
            "HH:MM:SS": f"{hours:02}:{minutes}:00",
            "H:MM": f"{hours}:{minutes}",
        }[quirks.times]
    return value
