"""The two shapes of a campaign: flat in the list, nested in the detail."""

import re
from collections.abc import Mapping
from typing import Any

from campaignsync.sandbox.quirks import Quirks

LISTED_CYCLES = ("enabled", "max_iterations", "cooldown_minutes", "filter_statuses", "filter_tags")
LISTED = (
    "id", "name", "description", "status", "archived", "timezone", "retries", "scheduling",
    "first_message", "template", "agent", "created_at",
)  # fmt: skip
TIME = re.compile(r"([0-9]{1,2}):([0-9]{2})(:[0-9]{2})?\Z")


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
