"""Weekdays and their names; kinds of value for calling windows, and weeks of them."""

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from itertools import groupby
from typing import Annotated, Any, Self

from pydantic import (
    AfterValidator,
    Field,
    GetJsonSchemaHandler,
    model_validator,
)

from campaignsync.model.calendar import TIME_KIND, WHOLE_MINUTE, Time
from campaignsync.model.kind import LEAVE, UNKNOWN_VALUE, InvalidValue, Kind, Raw, Value, clip
from campaignsync.model.kinds import FLAG, Flag, MappingKind
from campaignsync.model.yaml_model import UNSET, YamlModel

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
LONGEST_DAYS = 64
"""Maximum length of a key that names weekdays, in characters."""
SHORT = rf"^\s*(closed|{WHOLE_MINUTE}\s*[-\u2013]\s*{WHOLE_MINUTE})\s*$"
"""Pattern of a window in short form, in the regex dialect of JSON Schema."""
SPAN = re.compile(r"\s*([0-9:.]+)\s*[-\u2013]\s*([0-9:.]+)\s*\Z", re.ASCII)
_DAY = rf"\s*({'|'.join(WEEKDAYS)})\s*"
_DAYS = f"{_DAY}(-{_DAY})?"
DAYS = f"^{_DAYS}(,{_DAYS})*$"
"""Pattern of a key that names weekdays: `mon`, `mon-fri`, `mon,wed`."""
NO_TIMES: Value = {"active": False}
"""A closed day without times. A weekday that the API returns as null is read as this value."""


class WindowKind(Kind):
    """One weekday's calling hours, sent as a unit: `{startTime, stopTime, active}`.

    A closed day may omit its times; the live times are then kept.
    """

    needs = "hours such as 09:00-18:00, or closed"
    null_hint = f"{LEAVE}, or write closed"
    shape_hint = ""

    def read(self, value: Any) -> Any:
        return value if isinstance(value, dict) else super().read(value)

    def parse(self, text: Raw) -> Value:
        if text.strip() == "closed":
            return dict(NO_TIMES)
        if not (span := SPAN.match(text)):
            message = f"is not a time window: {clip(text)}"
            raise InvalidValue("NOT_A_WINDOW", message, "write 09:00-18:00, or closed")
        start, stop = (TIME_KIND.parse(Raw(part)) for part in span.groups())
        if stop <= start:
            raise ends_before_start(start, stop)
        return {"startTime": start, "stopTime": stop, "active": True}

    def canonical(self, returned: Any) -> Value:
        if returned is None:
            return dict(NO_TIMES)
        if not isinstance(returned, dict):
            return returned
        if "active" not in returned:
            return UNKNOWN_VALUE
        times = {key: TIME_KIND.canonical(returned.get(key)) for key in ("startTime", "stopTime")}
        active = FLAG.canonical(returned.get("active"))
        if active is False and not any(times.values()):
            return dict(NO_TIMES)
        return {**times, "active": active}

    def settle(self, desired: Value, live: Value) -> Value:
        if desired == NO_TIMES and isinstance(live, dict):
            times = {key: time for key, time in live.items() if time is not None}
            return {**times, "active": False}
        return desired


def ends_before_start(start: str, stop: str) -> InvalidValue:
    """Return the error for a window whose end is not after its start."""
    return InvalidValue(
        "WINDOW_ENDS_BEFORE_START",
        f"must end after it starts: {start}-{stop}",
        "a window starts and ends on one day; the latest end is 23:59",
    )


class WeekKind(MappingKind):
    """Calling hours by weekday; several at once as `mon-fri` or `mon,wed`."""

    shape_hint = "write days below it: mon-fri: 09:00-18:00"

    def __get_pydantic_json_schema__(
        self, schema: Any, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        schedule = {"type": "string", "description": "A schedule of campaignsync.yaml."}
        return {"anyOf": [handler(schema), schedule]}


class ByDay:
    """Metadata of a mapping from weekdays to windows: adds the weekday keys to its JSON Schema."""

    def __get_pydantic_json_schema__(
        self, schema: Any, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        window = handler(schema)["additionalProperties"]
        return {
            "description": "Hours by weekday. A key may name several days: `mon-fri` or `mon,wed`.",
            "type": "object",
            "properties": dict.fromkeys(WEEKDAYS, window),
            "patternProperties": {DAYS: window},
            "additionalProperties": False,
            "examples": [{"mon-fri": "09:00-18:00", "sat": "closed"}],
        }


class WeekdaysKind(Kind):
    """Weekdays, such as `fri-sun`."""

    is_short_form = True

    def parse(self, text: Raw) -> Value:
        if not (days := days_of(text)):
            raise InvalidValue("NOT_DAYS", f"is not a weekday or a range of weekdays: {clip(text)}")
        return frozenset(days)

    def __get_pydantic_json_schema__(
        self, schema: Any, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return {"type": "string", "pattern": DAYS, "examples": ["fri-sun"]}


WINDOW, WEEK, WEEKDAYS_KIND = WindowKind(), WeekKind(), WeekdaysKind()


class Window(YamlModel):
    """A weekday's hours: `09:00-18:00`, `closed`, or the API's own keys and values."""

    start: Annotated[Time, Field(alias="startTime")] = UNSET
    stop: Annotated[Time, Field(alias="stopTime")] = UNSET
    active: Flag = UNSET

    @model_validator(mode="before")
    @classmethod
    def _short(cls, value: Any) -> Any:
        return WINDOW.read(value)

    @model_validator(mode="after")
    def _checked(self) -> Self:
        given = self.canonical()
        if given == NO_TIMES:
            return self
        if missing := [key for key in WINDOW_PARTS if key not in given]:
            raise InvalidValue(
                "INCOMPLETE_WINDOW",
                f"leaves out {' and '.join(missing)}",
                "write startTime, stopTime and active, or the short form 09:00-18:00",
            )
        if self.stop <= self.start:
            raise ends_before_start(self.start, self.stop)
        return self

    def canonical(self) -> dict[str, Value]:
        """Return the keys that are set and their values, in the API's form."""
        parts = {"startTime": self.start, "stopTime": self.stop, "active": self.active}
        return {key: value for key, value in parts.items() if value is not UNSET}

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: Any, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        described = handler(schema)
        keys = handler.resolve_ref_schema(described)
        given = {**keys, "required": list(WINDOW_PARTS)}
        given.pop("title")
        closed = {
            **given,
            "properties": {"active": {"const": False}},
            "required": ["active"],
        }
        short = [{"const": "closed"}, {"type": "string", "pattern": SHORT}]
        keys.clear()
        keys |= {
            "description": "A weekday's hours.",
            "anyOf": [*short, given, closed],
            "examples": ["09:00-18:00", "closed"],
        }
        return described


WINDOW_PARTS: Mapping[str, Kind] = {"startTime": TIME_KIND, "stopTime": TIME_KIND, "active": FLAG}


@lru_cache(maxsize=256)
def days_of(name: str) -> tuple[str, ...]:
    """Return the weekdays of `mon`, `mon-fri` or `mon,wed`; an empty tuple for any other text."""
    named: list[str] = []
    for part in name[: LONGEST_DAYS + 1].split(","):
        first, dash, last = (word.strip() for word in part.partition("-"))
        if first not in WEEKDAYS or (dash and last not in WEEKDAYS):
            return ()
        start = WEEKDAYS.index(first)
        length = (WEEKDAYS.index(last) - start) % len(WEEKDAYS) if dash else 0
        named += (WEEKDAYS[(start + step) % len(WEEKDAYS)] for step in range(length + 1))
    return tuple(named)


def names_of(days: Iterable[str]) -> Iterator[str]:
    """Yield the shortest names of weekdays, in order: `mon` for one, `mon-fri` for neighbours."""
    places = sorted({WEEKDAYS.index(day) for day in days})
    for _, run in groupby(places, key=lambda place: place - places.index(place)):
        first, *others = (WEEKDAYS[place] for place in run)
        yield f"{first}-{others[-1]}" if others else first


class DuplicateDays(InvalidValue):
    """Weekdays that have two windows. `days` holds (weekday, first key, second key) for each."""

    code = "DUPLICATE_DAY"

    def __init__(self, days: list[tuple[str, str, str]]) -> None:
        hint = "split the range, so that each day has one key: mon-tue, wed, thu-fri"
        super().__init__(self.code, "names a weekday twice", hint)
        self.days = days


def _named_days(name: str) -> str:
    if not days_of(name):
        error = InvalidValue("UNKNOWN_KEY", "is not a weekday")
        error.kind = WEEK
        raise error
    return name


def _by_day(week: dict[str, Window]) -> dict[str, Value]:
    """Return the canonical window of each weekday; raises DuplicateDays."""
    windows: dict[str, Value] = {}
    first: dict[str, str] = {}
    twice = []
    for name, window in week.items():
        for day in days_of(name):
            if day in first:
                twice.append((day, first[day], name))
            first.setdefault(day, name)
            windows[day] = window.canonical()
    if twice:
        raise DuplicateDays(twice)
    return windows


Days = Annotated[str, AfterValidator(_named_days)]
Day = Annotated[Window, AfterValidator(Window.canonical), WINDOW]
Windows = Annotated[dict[Days, Window], AfterValidator(_by_day), ByDay()]
Week = Annotated[Windows, WEEK]
"""A week of a campaign: hours by weekday, or the name of a schedule."""
WholeWeek = Annotated[Windows, WEEK]
"""A week that is defined in campaignsync.yaml, where the name of a schedule is not allowed."""
