"""The guard `freeze`."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Annotated, Any, ClassVar, Self
from zoneinfo import ZoneInfo

from pydantic import (
    Field,
    GetJsonSchemaHandler,
    RootModel,
    ValidationInfo,
    field_validator,
    model_validator,
)

from campaignsync.guards.guard import Facts, Guard, Objection
from campaignsync.model.calendar import TIME_KIND, Date, Zone
from campaignsync.model.kind import InvalidValue, Kind, Raw, Value, clip
from campaignsync.model.kinds import Text
from campaignsync.model.plan import PlannedCampaign
from campaignsync.model.week import SPAN, WEEKDAYS, WEEKDAYS_KIND
from campaignsync.model.yaml_model import Missing, OneOrMore, Section

NO_ZONE = Missing("MISSING_ZONE", "is missing", "write zone: America/Mexico_City")


class PeriodHoursKind(Kind):
    """Hours of the day, such as `18:00-23:59`; overnight if they end before they start."""

    is_short_form = True

    def parse(self, text: Raw) -> Value:
        if not (span := SPAN.match(text)):
            raise InvalidValue(
                "NOT_A_TIME", f"is not a range of hours: {clip(text)}", "write 18:00-23:59"
            )
        start, stop = (TIME_KIND.parse(Raw(part)) for part in span.groups())
        if start == stop:
            raise InvalidValue(
                "EMPTY_FREEZE",
                f"starts and ends at {start}",
                "write 09:00-09:59, or remove `hours` to freeze the whole day",
            )
        return start, stop

    def __get_pydantic_json_schema__(
        self, schema: Any, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return {"type": "string", "examples": ["18:00-23:59", "22:00-06:00"]}


class Period(Section):
    """A period without changes: dates, weekdays, hours, or a combination of them.

    All of them are local times of `zone`; the first and the last date and minute are included.
    Hours past midnight belong to the day on which they start.
    """

    first: Date = Field(
        default="0001-01-01",
        alias="from",
        description="The first date; if omitted, the period has no start.",
    )
    last: Date = Field(
        default="9999-12-31",
        alias="to",
        description="The last date; if omitted, the period has no end.",
    )
    days: Annotated[frozenset[str], WEEKDAYS_KIND] = Field(
        default=frozenset(WEEKDAYS), description="The weekdays; if omitted, every day."
    )
    hours: Annotated[tuple[str, str], PeriodHoursKind()] = Field(
        default=("00:00", "23:59"),
        description="The hours of each day; 22:00-06:00 ends on the next day.",
    )
    zone: Annotated[Zone, NO_ZONE] = Field(description="The time zone of the dates and hours.")
    reason: Text = Field(
        default="", description="The reason; shown when the guard blocks a campaign."
    )

    @field_validator("last")
    @classmethod
    def _ordered(cls, last: str, info: ValidationInfo) -> str:
        if last < info.data.get("first", last):
            raise InvalidValue(
                "DATES_REVERSED", f"is before `from`, {info.data['first']}", "swap them"
            )
        return last

    @model_validator(mode="after")
    def _not_empty(self) -> Self:
        if not self.model_fields_set & {"first", "last", "days", "hours"}:
            raise InvalidValue(
                "EMPTY_FREEZE", "has no dates, weekdays or hours", "write from: 2026-12-20"
            )
        return self

    def covers(self, now: datetime) -> bool:
        """Return whether an aware datetime is in the period."""
        local = now.astimezone(ZoneInfo(self.zone))
        minute = f"{local:%H:%M}"
        start, stop = self.hours
        if start < stop:
            return start <= minute <= stop and self._has(local)
        return (minute >= start and self._has(local)) or (
            minute <= stop and self._has(local - timedelta(days=1))
        )

    def _has(self, day: datetime) -> bool:
        """Return whether the period has hours that start on a day."""
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
