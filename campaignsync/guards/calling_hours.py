"""The guard `calling-hours`.

It blocks every plan that moves calls outside the allowed hours. The allowed hours are local times
of the contacts, for which the guard uses the campaign's time zone. It checks

- each window that the plan changes, in the campaign's time zone, and
- if the plan changes the time zone: every window in force afterwards, because all of them move.
  The windows are checked in the new zone and in the old one, because the contacts do not move.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Annotated, Any, ClassVar, Self
from zoneinfo import ZoneInfo

from pydantic import BeforeValidator, GetJsonSchemaHandler, RootModel
from pydantic_core import CoreSchema

from campaignsync.guards.guard import Facts, Guard, Objection
from campaignsync.model.calendar import TIME, datetime_at
from campaignsync.model.fields import BY_PATH, WEEKS, unmet
from campaignsync.model.kind import Value
from campaignsync.model.kinds import SETTINGS
from campaignsync.model.plan import Change, PlannedCampaign
from campaignsync.model.week import DAYS, SHORT, WEEKDAYS, WEEKDAYS_KIND, WindowKind

DEFAULT_ZONE = "America/Mexico_City"
"""The API's default zone, for campaigns without a time zone."""
DAYS_AHEAD = 366
"""Days for which hours are compared in two zones: a year includes all their clock changes."""

CALLING_HOURS = (
    "integration_type",
    "cycles.enabled",
    "cycles.mode",
    *(f"{week}.{day}" for week in WEEKS for day in WEEKDAYS),
)
"""The fields that the guard needs of a campaign whose time zone the plan changes."""

Span = tuple[str, str]
"""The start and the end of a window, `HH:MM`."""


class AllowedHoursKind(WindowKind):
    """Hours in short form, such as `09:00-18:00`."""

    is_short_form = True

    def read(self, value: Any) -> Any:
        if isinstance(value, dict):
            raise self.wrong_shape(value)
        return super().read(value)


Hours = Annotated[dict[str, Any], AllowedHoursKind()]
Days = Annotated[frozenset[str], BeforeValidator(WEEKDAYS_KIND.read_key)]
HoursByDay = Annotated[dict[Days, Hours] | None, SETTINGS]


class CallingHours(RootModel[HoursByDay], Guard):
    """Block changes that move calls outside these hours, by weekday; other days have no hours."""

    root: HoursByDay = None

    example: ClassVar[dict[str, str]] = {"mon-fri": "08:00-21:00", "sat": "09:00-15:00"}

    @classmethod
    def __get_pydantic_json_schema__(
        cls, _: CoreSchema, __: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return {
            "description": cls.__doc__,
            "type": ["object", "null"],
            "patternProperties": {DAYS: {"type": "string", "pattern": SHORT}},
            "additionalProperties": False,
        }

    @property
    def is_set(self) -> bool:
        return self.root is not None

    @property
    def by_day(self) -> dict[str, Span]:
        """Return the allowed hours of each weekday with calls; a later key wins."""
        hours: dict[str, Span] = {}
        for days, window in (self.root or {}).items():
            for day in days:
                hours.pop(day, None)
                if window["active"]:
                    hours[day] = window["startTime"], window["stopTime"]
        return hours

    def stricter(self, other: Self) -> Self:
        if not (self.is_set and other.is_set):
            return self if self.is_set else other
        mine, theirs = self.by_day, other.by_day
        both = {}
        for day in mine.keys() & theirs.keys():
            start, stop = max(mine[day][0], theirs[day][0]), min(mine[day][1], theirs[day][1])
            if start < stop:
                both[day] = start, stop
        if both == mine:
            return self
        return type(self).model_validate({day: "-".join(span) for day, span in both.items()})

    def check(self, campaign: PlannedCampaign, facts: Facts) -> Iterator[Objection]:
        if not self.is_set:
            return
        changes = {change.field: change for change in campaign.changes}
        if zone := changes.get("timezone"):
            after = {path: change.after for path, change in changes.items()}
            values = {**facts.live.get(campaign.id, {}), **after}
            yield from self._in_new_zone(values, zone, facts.moment)
            return
        for path, change in changes.items():
            week, _, day = path.rpartition(".")
            if week in WEEKS and (why := self._outside(day, change.after)):
                yield Objection(why, path)

    def _in_new_zone(
        self, values: Mapping[str, Value], zone: Change, moment: datetime
    ) -> Iterator[Objection]:
        """Yield the objections to a change of the time zone, which moves every window in force."""
        for path in (f"{week}.{day}" for week in WEEKS for day in WEEKDAYS):
            day = path.rpartition(".")[2]
            if unmet(BY_PATH[path], values):
                continue
            if not isinstance(values.get(path), Mapping):
                yield Objection("the time zone changes, and these hours are not readable", path)
                continue
            why = self._outside(day, values[path])
            if not why and _is_open(values[path]):
                why = self._moved(day, values[path], zone, moment)
            if why:
                yield Objection(why, path)

    def _outside(self, day: str, window: Value) -> str | None:
        """Return why a window is not allowed in its own time zone, or None."""
        if not _is_open(window):
            return None
        start, stop = (str(window.get(key)) for key in ("startTime", "stopTime"))
        if not (TIME.match(start) and TIME.match(stop)):
            return "the day is open, but its start or end is not a time of day"
        if not (allowed := self.by_day.get(day)):
            return f"no calls are allowed on {day}"
        if not allowed[0] <= start < stop <= allowed[1]:
            return f"{start}-{stop} is not within {'-'.join(allowed)}"
        return None

    def _moved(
        self, day: str, window: Mapping[str, str], zone: Change, moment: datetime
    ) -> str | None:
        """Return why a window of the new zone is not allowed in the old zone, or None."""
        if not zone.known:
            return "the time zone changes, and the live time zone is not readable"
        before, after = str(zone.before or DEFAULT_ZONE), str(zone.after)
        try:
            old, new = ZoneInfo(before), ZoneInfo(after)
        except (KeyError, ValueError, OSError):
            return f"cannot compare the time zones {before} and {after}"
        today = moment.astimezone(new).date()
        for date_ in (today + timedelta(days=ahead) for ahead in range(DAYS_AHEAD)):
            if WEEKDAYS[date_.weekday()] != day:
                continue
            start, stop = (
                datetime_at(date_, window[key], new).astimezone(old)
                for key in ("startTime", "stopTime")
            )
            hours = {"startTime": f"{start:%H:%M}", "stopTime": f"{stop:%H:%M}", "active": True}
            if why := self._outside(WEEKDAYS[start.weekday()], hours):
                return (
                    f"{date_} {window['startTime']} in {after} is {start:%H:%M} in {before}: {why}"
                )
        return None


def _is_open(window: Value) -> bool:
    # A server that returns another value than true or false may call in that window.
    return isinstance(window, Mapping) and window.get("active") is not False
