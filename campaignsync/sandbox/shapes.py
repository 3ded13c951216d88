"""The two readings of a campaign, the list's flat one and the detail's nested one, and errors."""

import copy
import json
import re
from collections.abc import Mapping
from typing import Any

from campaignsync.sandbox.bends import Bends
from campaignsync.sandbox.rules import Answered

LISTED_CYCLES = ("enabled", "max_iterations", "cooldown_minutes", "filter_statuses", "filter_tags")
LISTED = (
    "id", "name", "description", "status", "archived", "timezone", "retries", "scheduling",
    "first_message", "template", "agent", "created_at",
)  # fmt: skip
TIME = re.compile(r"([0-9]{1,2}):([0-9]{2})\Z")


def listed(campaign: Mapping[str, Any], bends: Bends) -> dict[str, Any]:
    """Give the flat shape; it says nothing of the integration, the mode, and what is scheduled."""
    item = {key: campaign[key] for key in LISTED}
    item |= {f"cycle_{key}": campaign["cycles"][key] for key in LISTED_CYCLES}
    return _bent(item, bends, bends.list_keys)


def detailed(campaign: Mapping[str, Any], bends: Bends) -> dict[str, Any]:
    """Give the nested shape, all of it."""
    return _bent(dict(campaign), bends, bends.detail_keys)


def _bent(shape: dict[str, Any], bends: Bends, keys: frozenset[str] | None) -> dict[str, Any]:
    shape = _spelled(copy.deepcopy(shape), bends)
    if keys is not None:
        shape = _only(shape, keys)
    if bends.extra_keys:
        shape["x_new_field"] = {"since": "tomorrow"}
        if isinstance(shape.get("cycles"), dict):
            shape["cycles"]["x_new_field"] = [1, None]
    return shape


def _only(shape: dict[str, Any], keys: frozenset[str], prefix: str = "") -> dict[str, Any]:
    kept: dict[str, Any] = {}
    for key, value in shape.items():
        place = prefix + key
        if place in keys:
            kept[key] = value
        elif isinstance(value, dict) and any(found.startswith(f"{place}.") for found in keys):
            kept[key] = _only(value, keys, f"{place}.")
    return kept


def _spelled(value: Any, bends: Bends, key: str = "") -> Any:
    """Spell times, empty values and lists the way the bends say."""
    if isinstance(value, dict):
        return {name: _spelled(part, bends, name) for name, part in value.items()}
    if value in ("", []) and bends.empty == "null":
        return None
    if isinstance(value, list):
        return value[::-1] if bends.lists == "reversed" else value
    if key in ("startTime", "stopTime") and (found := TIME.match(value or "")):
        hours, minutes = int(found[1]), found[2]
        return {
            "HH:MM": f"{hours:02}:{minutes}",
            "HH:MM:SS": f"{hours:02}:{minutes}:00",
            "H:MM": f"{hours}:{minutes}",
        }[bends.times]
    return value


def error_body(error: Answered, shape: str) -> bytes:
    """Give an error in one of the shapes that API.md reckons with."""
    where = {"field": error.field} if error.field else {}
    details: dict[str, Any] = {"message": error.message, **where, **error.more}
    bodies: dict[str, Any] = {
        "code": {"success": False, "code": error.code, **details},
        "error": {"error": error.code, **details},
        "error.code": {"error": {"code": error.code, **details}},
        "error_code": {"error_code": error.code, **details},
        "detail.code": {"detail": {"code": error.code, **details}},
    }
    if shape == "text":
        return f"{error.code}: {error.message}".encode()
    return b"" if shape == "empty" else json.dumps(bodies[shape]).encode()
