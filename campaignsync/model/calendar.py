"""Kinds of value for time zones, dates and times of day."""

import re
from datetime import date, datetime
from functools import cache
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from pydantic import (
    WithJsonSchema,
)

from campaignsync.model.kind import InvalidValue, Kind, Raw, Value, clip

DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}\Z", re.ASCII)
TIME = re.compile(r"([01]?[0-9]|2[0-3]):([0-5][0-9])(?::([0-5][0-9])(?:\.0+)?)?\Z", re.ASCII)
WHOLE_MINUTE = r"([01]?[0-9]|2[0-3]):[0-5][0-9](:00(\.0+)?)?"
"""Pattern of a time of day, in the regex dialect of JSON Schema."""


NO_REGIONS = ("Etc", "posix", "right", "SystemV")
"""Prefixes of the zone database (before the slash) that are not regions."""


class ZoneKind(Kind):
    """An IANA time zone named by region and city.

    Abbreviations (`CST`, `EST5EDT`) are ambiguous or ignore daylight saving, and `Etc/GMT+6` lies
    six hours *west* of Greenwich. Both can move calls to unintended hours.
    """

    def parse(self, text: Raw) -> Value:
        region = text.partition("/")[0]
        named_by_place = "/" in text and region not in NO_REGIONS
        if text != "UTC" and not (named_by_place and _zone_exists(str(text))):
            raise InvalidValue(
                "NOT_A_TIME_ZONE",
                f"is not a valid IANA time zone: {clip(text)}",
                "write a region and city, such as America/Mexico_City",
            )
        return str(text)


@cache
def _zone_exists(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return False
    return True


class DateKind(Kind):
    """A date, `YYYY-MM-DD`, kept as text."""

    def parse(self, text: Raw) -> Value:
        if DATE.match(text):
            try:
                return date.fromisoformat(text).isoformat()
            except ValueError:
                pass
        raise InvalidValue("NOT_A_DATE", f"is not a date: {clip(text)}", "write it as YYYY-MM-DD")

    def canonical(self, returned: Any) -> Value:
        # A server may return a date as midnight: "2026-01-05T00:00:00Z" (an assumption).
        if isinstance(returned, str) and re.match(r"[0-9-]{10}T00:00", returned):
            return returned[:10]
        return returned or None


class TimeKind(Kind):
    """A time of day, `HH:MM`."""

    def parse(self, text: Raw) -> Value:
        match = TIME.match(text)
        if not match or (match[3] or "00") != "00":
            message = f"is not a time of day: {clip(text)}"
            raise InvalidValue("NOT_A_TIME", message, "write it as HH:MM, 00:00 to 23:59")
        return f"{int(match[1]):02}:{match[2]}"

    def canonical(self, returned: Any) -> Value:
        if isinstance(returned, str) and (match := TIME.match(returned)):
            seconds = "" if (match[3] or "00") == "00" else f":{match[3]}"
            return f"{int(match[1]):02}:{match[2]}{seconds}"
        return returned or None


def datetime_at(day: date, time: Value, zone: ZoneInfo) -> datetime:
    """Return a time of day on a date in a zone; raises ValueError if it is not a time."""
    return datetime.fromisoformat(f"{day.isoformat()}T{time}").replace(tzinfo=zone)


ZONE, DATE_KIND, TIME_KIND = ZoneKind(), DateKind(), TimeKind()

_PLACE = rf"(?!({'|'.join(NO_REGIONS)})/)[A-Za-z_]+(/[A-Za-z0-9_+\-]+)+"
Zone = Annotated[
    str,
    ZONE,
    WithJsonSchema(
        {
            "type": "string",
            "pattern": f"^(UTC|{_PLACE})$",
            "examples": ["America/Mexico_City", "America/Bogota", "America/Lima"],
        }
    ),
]
Date = Annotated[
    str,
    DATE_KIND,
    WithJsonSchema(
        {
            "type": "string",
            "format": "date",
            "pattern": "^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$",
            "examples": ["2026-01-05"],
        }
    ),
]
Time = Annotated[
    str,
    TIME_KIND,
    WithJsonSchema({"type": "string", "pattern": f"^{WHOLE_MINUTE}$", "examples": ["09:00"]}),
]
