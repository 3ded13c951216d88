"""Weekly calling windows, before and after, as the measures of a drawing."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from campaignsync.model.fields import WEEKDAYS, WEEKS
from campaignsync.model.plans import Change, PlannedCampaign
from campaignsync.report import words

TIME = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])\Z", re.ASCII)
MINUTES_OF_A_DAY = 24 * 60


@dataclass(frozen=True, slots=True)
class Span:
    """Minutes since midnight: from when to when is called."""

    start: int
    stop: int


@dataclass(frozen=True, slots=True)
class Day:
    """One weekday: its bars, and in words what becomes of it.

    A bar is None where nothing is drawn: the day is closed, or its hours are not known.
    """

    name: str
    before: Span | None
    after: Span | None
    told: str
    changed: bool


@dataclass(frozen=True, slots=True)
class Week:
    """A week with changes; `days` are all seven."""

    field: str
    days: tuple[Day, ...]

    @property
    def told(self) -> str:
        """Say the drawing in words, for those who do not see it."""
        return "; ".join(f"{day.name} {day.told}" for day in self.days if day.changed)


def weeks(campaign: PlannedCampaign) -> Iterator[Week]:
    """Give the weeks of a campaign that change; of other days a plan knows nothing."""
    changes = {change.field: change for change in campaign.changes}
    for week in WEEKS:
        days = tuple(_day(name, changes.get(f"{week}.{name}")) for name in WEEKDAYS)
        if any(day.changed for day in days):
            yield Week(week, days)


def _day(name: str, change: Change | None) -> Day:
    if change is None:
        return Day(name, None, None, "no change", changed=False)
    before = _span(change.before) if change.known else None
    return Day(name, before, _span(change.after), words.brief(change), changed=True)


def _span(window: Any) -> Span | None:
    """Read a window's minutes; live may say what is no window, and a closed day has none."""
    if not isinstance(window, dict) or window.get("active") is not True:
        return None
    start, stop = (TIME.match(str(window.get(key))) for key in ("startTime", "stopTime"))
    if not (start and stop):
        return None
    span = Span(*(int(time[1]) * 60 + int(time[2]) for time in (start, stop)))
    return span if span.start < span.stop else None
