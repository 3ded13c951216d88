"""The guard `freeze`."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Annotated, Any, ClassVar, Self
from zoneinfo import ZoneInfo

from pydantic import Field, RootModel, ValidationInfo, field_validator, model_validator

from campaignsync.fields import WEEKDAYS, Kind, Misfit, Value
from campaignsync.fields.calendar import SPAN, Day, Time, Zone, days_of
from campaignsync.fields.kinds import Text, clip
from campaignsync.guards.guard import Facts, Guard, Objection
from campaignsync.model.plan import PlannedCampaign
from campaignsync.model.section import Missing, OneOrMore, Scalar, Section, invalid

_DAY = rf"\s*({'|'.join(WEEKDAYS)})\s*"
WEEKDAY_KEYS = f"^{_DAY}(-{_DAY})?(,{_DAY}(-{_DAY})?)*$"
"""Weekdays as JSON Schema has them: `mon`, `mon-fri`, `mon,wed`."""

NO_ZONE = Missing("MISSING_ZONE", "is missing", "write zone: America/Mexico_City")


class Weekdays(Kind):
    """Weekdays, such as `fri-sun`."""

    def parse(self, text: str, *, plain: bool) -> Value:
        del plain
        if not (days := days_of(text)):
            raise Misfit("NOT_DAYS", f"is not a weekday or a range of weekdays: {clip(text)}")
        return frozenset(days)

    def schema(self) -> dict[str, Any]:
        return {"type": "string", "pattern": WEEKDAY_KEYS, "examples": ["fri-sun"]}


class Hours(Kind):
    """Hours of the day, such as `18:00-23:59`; overnight if they end before they start."""

    def parse(self, text: str, *, plain: bool) -> Value:
        if not (span := SPAN.match(text)):
            raise Misfit(
                "NOT_A_TIME", f"is not a range of hours: {clip(text)}", "write 18:00-23:59"
            )
        start, stop = (Time().parse(part, plain=plain) for part in span.groups())
        if start == stop:
            raise Misfit(
                "EMPTY_FREEZE",
                f"starts and ends at {start}",
                "write 09:00-09:59, or remove `hours` to freeze the whole day",
            )
        return start, stop

    def schema(self) -> dict[str, Any]:
        return {"type": "string", "examples": ["18:00-23:59", "22:00-06:00"]}


class Period(Section):
    """A time in which nothing changes: dates, weekdays, hours, or a combination of them.

    All of them are local times of `zone`; the first and the last date and minute belong to the
    period. Hours past midnight belong to the day on which they start.
    """

    first: Annotated[str, Scalar(Day())] = Field("0001-01-01", alias="from")
    """The first date; without it the period has no start."""
    last: Annotated[str, Scalar(Day())] = Field("9999-12-31", alias="to")
    """The last date; without it the period has no end."""
    days: Annotated[frozenset[str], Scalar(Weekdays())] = frozenset(WEEKDAYS)
    """The weekdays; every day without it."""
    hours: Annotated[tuple[str, str], Scalar(Hours())] = ("00:00", "23:59")
    """The hours of each day; 22:00-06:00 ends on the next day."""
    zone: Annotated[str, Scalar(Zone()), NO_ZONE]
    """The time zone of the dates and hours."""
    reason: Annotated[str, Scalar(Text())] = ""
    """Why; shown where the guard blocks a campaign."""

    @field_validator("last")
    @classmethod
    def _ordered(cls, last: str, info: ValidationInfo) -> str:
        if last < info.data.get("first", last):
            raise invalid("DATES_REVERSED", f"is before `from`, {info.data['first']}", "swap them")
        return last

    @model_validator(mode="after")
    def _not_empty(self) -> Self:
        if not self.model_fields_set & {"first", "last", "days", "hours"}:
            raise invalid(
                "EMPTY_FREEZE", "has no dates, weekdays or hours", "write from: 2026-12-20"
            )
        return self

    def covers(self, now: datetime) -> bool:
        """Tell whether an aware time lies in the period."""
        local = now.astimezone(ZoneInfo(self.zone))
        minute = f"{local:%H:%M}"
        start, stop = self.hours
        if start < stop:
            return start <= minute <= stop and self._has(local)
        return (minute >= start and self._has(local)) or (
            minute <= stop and self._has(local - timedelta(days=1))
        )

    def _has(self, day: datetime) -> bool:
        """Tell whether the period has hours that start on a day."""
        in_dates = self.first <= day.date().isoformat() <= self.last
        return in_dates and WEEKDAYS[day.weekday()] in self.days


Periods = Annotated[tuple[Period, ...], OneOrMore()]


class Freeze(RootModel[Periods], Guard):
    """Block every change during the listed periods."""

    root: Periods = ()

    example: ClassVar[list[dict[str, str]]] = [
        {"from": "2026-12-20", "to": "2027-01-06", "zone": "America/Mexico_City"},
        {"days": "fri-sun", "hours": "22:00-06:00", "zone": "America/Mexico_City"},
    ]

    @property
    def is_set(self) -> bool:
        return bool(self.root)

    def stricter(self, other: Self) -> Self:
        return type(self)((*self.root, *(each for each in other.root if each not in self.root)))

    def check(self, campaign: PlannedCampaign, facts: Facts) -> Iterator[Objection]:
        del campaign
        for period in self.root:
            if period.covers(facts.moment):
                reason = f": {period.reason}" if period.reason else ""
                yield Objection(f"changes are frozen now{reason}")
