"""The kinds of days and hours: time zones, dates, times of day, and a weekday's calling window."""

import re
from collections.abc import Mapping
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

from campaignsync.fields.kinds import UNSAID, Flag, Kind, Misfit, Value, clip

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}\Z", re.ASCII)
TIME = re.compile(r"([01]?[0-9]|2[0-3]):([0-5][0-9])(?::([0-5][0-9])(?:\.0+)?)?\Z", re.ASCII)
WHOLE_MINUTE = r"([01]?[0-9]|2[0-3]):[0-5][0-9](:00(\.0+)?)?"
"""A time of day as JSON Schema has it."""
SHORT = rf"^\s*(closed|{WHOLE_MINUTE}\s*[-\u2013]\s*{WHOLE_MINUTE})\s*$"
"""A window in short, likewise."""
SPAN = re.compile(r"\s*([0-9:.]+)\s*[-\u2013]\s*([0-9:.]+)\s*\Z", re.ASCII)

LONGEST_DAYS = 64
"""Characters of a key that names weekdays."""

NO_TIMES: Value = {"active": False}
"""A closed day without times; a weekday that is null reads as this."""
NO_REGIONS = ("Etc", "posix", "right", "SystemV")
"""What stands before a slash in the zone database, and is no place."""


class Zone(Kind):
    """An IANA time zone named by region and city.

    Abbreviations (`CST`, `EST5EDT`) are ambiguous or ignore daylight saving, and `Etc/GMT+6` lies
    six hours *west* of Greenwich: both put calls at hours that nobody meant.
    """

    def parse(self, text: str, *, plain: bool) -> Value:
        del plain
        region = text.partition("/")[0]
        named_by_place = "/" in text and region not in NO_REGIONS
        if text != "UTC" and not (named_by_place and _zone_exists(text)):
            raise Misfit(
                "NOT_A_TIME_ZONE",
                f"is not an IANA time zone named by region and city: {clip(text)}",
                "write one such as America/Mexico_City",
            )
        return text

    def schema(self) -> dict[str, Any]:
        place = rf"(?!({'|'.join(NO_REGIONS)})/)[A-Za-z_]+(/[A-Za-z0-9_+\-]+)+"
        return {
            "type": "string",
            "pattern": f"^(UTC|{place})$",
            "examples": ["America/Mexico_City", "America/Bogota", "America/Lima"],
        }


class Day(Kind):
    """A date, `YYYY-MM-DD`, kept as text."""

    def parse(self, text: str, *, plain: bool) -> Value:
        del plain
        if DATE.match(text):
            try:
                return date.fromisoformat(text).isoformat()
            except ValueError:
                pass
        raise Misfit("NOT_A_DATE", f"is not a date: {clip(text)}", "write it as YYYY-MM-DD")

    def canonical(self, answered: Any) -> Value:
        # A server may answer a date as midnight: "2026-01-05T00:00:00Z" [A].
        if isinstance(answered, str) and re.match(r"[0-9-]{10}T00:00", answered):
            return answered[:10]
        return answered or None

    def schema(self) -> dict[str, Any]:
        return {
            "type": "string",
            "format": "date",
            "pattern": "^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$",
            "examples": ["2026-01-05"],
        }


class Time(Kind):
    """A time of day, `HH:MM`."""

    def parse(self, text: str, *, plain: bool) -> Value:
        del plain
        found = TIME.match(text)
        if not found or (found[3] or "00") != "00":
            raise Misfit(
                "NOT_A_TIME",
                f"is not a time of day: {clip(text)}",
                "write it as HH:MM, 00:00 to 23:59",
            )
        return f"{int(found[1]):02}:{found[2]}"

    def canonical(self, answered: Any) -> Value:
        if isinstance(answered, str) and (found := TIME.match(answered)):
            seconds = "" if (found[3] or "00") == "00" else f":{found[3]}"
            return f"{int(found[1]):02}:{found[2]}{seconds}"
        return answered or None

    def schema(self) -> dict[str, Any]:
        return {"type": "string", "pattern": f"^{WHOLE_MINUTE}$", "examples": ["09:00"]}


class Window(Kind):
    """One weekday's calling hours, sent whole: `{startTime, stopTime, active}`.

    A closed day may leave its times out: they stay as they are live.
    """

    def parse(self, text: str, *, plain: bool) -> Value:
        if text.strip() == "closed":
            return {"active": False}
        if not (span := SPAN.match(text)):
            raise Misfit(
                "NOT_A_WINDOW",
                f"is no calling window: {clip(text)}",
                "write 09:00-18:00, or closed",
            )
        start, stop = (Time().parse(part, plain=plain) for part in span.groups())
        return self.compose({"startTime": start, "stopTime": stop, "active": True})

    def compose(self, parts: Mapping[str, Value]) -> Value:
        """Check a window given key by key, each part of its own kind; raises Misfit."""
        if parts.get("active") is False and not parts.keys() - {"active"}:
            return {"active": False}
        if missing := [key for key in WINDOW_PARTS if key not in parts]:
            raise Misfit(
                "INCOMPLETE_WINDOW",
                f"leaves out {' and '.join(missing)}",
                "write all of startTime, stopTime and active, or 09:00-18:00 in short",
            )
        if parts["stopTime"] <= parts["startTime"]:
            raise Misfit(
                "WINDOW_ENDS_BEFORE_START",
                f"stops at {parts['stopTime']}, not after it starts at {parts['startTime']}",
                "a window starts and ends on one day; the latest end is 23:59",
            )
        return {key: parts[key] for key in WINDOW_PARTS}

    def canonical(self, answered: Any) -> Value:
        if answered is None:
            return {"active": False}
        if not isinstance(answered, dict):
            return answered
        if "active" not in answered:
            return UNSAID
        times = {key: Time().canonical(answered.get(key)) for key in ("startTime", "stopTime")}
        active = Flag().canonical(answered.get("active"))
        if active is False and not any(times.values()):
            return {"active": False}
        return {**times, "active": active}

    def settle(self, desired: Value, live: Value) -> Value:
        if desired == {"active": False} and isinstance(live, dict):
            times = {key: time for key, time in live.items() if time is not None}
            return {**times, "active": False}
        return desired

    def schema(self) -> dict[str, Any]:
        return {
            "anyOf": [
                {"const": "closed"},
                {"type": "string", "pattern": SHORT},
                {
                    "type": "object",
                    "properties": {key: kind.schema() for key, kind in WINDOW_PARTS.items()},
                    "required": list(WINDOW_PARTS),
                    "additionalProperties": False,
                },
                {
                    "type": "object",
                    "properties": {"active": {"const": False}},
                    "required": ["active"],
                    "additionalProperties": False,
                },
            ],
            "examples": ["09:00-18:00", "closed"],
        }


def days_of(name: str) -> list[str]:
    """Return the weekdays of `mon`, `mon-fri` or `mon,wed`; none for any other text."""
    named: list[str] = []
    for part in name[: LONGEST_DAYS + 1].split(","):
        first, dash, last = (word.strip() for word in part.partition("-"))
        if first not in WEEKDAYS or (dash and last not in WEEKDAYS):
            return []
        start = WEEKDAYS.index(first)
        length = (WEEKDAYS.index(last) - start) % len(WEEKDAYS) if dash else 0
        named += (WEEKDAYS[(start + step) % len(WEEKDAYS)] for step in range(length + 1))
    return named


WINDOW_PARTS: Mapping[str, Kind] = {"startTime": Time(), "stopTime": Time(), "active": Flag()}


def _zone_exists(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return False
    return True
