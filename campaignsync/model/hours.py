"""The hours that a campaign's weeks mean on the clock of the world: in its zone, and in UTC.

An hour is written for a zone, and a mistake in the zone is read over easily: nobody notices a wrong
city, everybody notices calls that begin at 3 in the morning.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from itertools import groupby
from typing import NamedTuple
from zoneinfo import ZoneInfo

from campaignsync.model.fields import WEEKDAYS, WEEKS, Value

DAYS = 14
"""Days that are looked ahead: each weekday twice, and a clock change two weeks before it comes."""


class Hours(NamedTuple):
    """A week's window on one date: local and UTC times of day, and what the clocks do to it."""

    day: date
    local: str
    utc: str
    oddity: str


def hours_ahead(facts: Mapping[str, Value], first: date) -> Iterator[str]:
    """Tell each week of a campaign for the days from `first`, a line for each that has hours."""
    try:
        zone = ZoneInfo(str(facts.get("timezone")))
    except (KeyError, ValueError, OSError):
        return  # unknown, or a zone that only the API knows
    for week in WEEKS:
        days = (first + timedelta(days=ahead) for ahead in range(DAYS))
        found = [hours for day in days if (hours := hours_on(facts, week, day, zone))]
        if found:
            yield f"{week}, next {DAYS} days, {zone}: {'; '.join(_told(found))}"


def hours_on(facts: Mapping[str, Value], week: str, day: date, zone: ZoneInfo) -> Hours | None:
    """Give the hours of a week on one date; None where it is closed, or nothing is known."""
    window = facts.get(f"{week}.{WEEKDAYS[day.weekday()]}")
    if not isinstance(window, Mapping) or window.get("active") is not True:
        return None
    try:
        start, stop = (_at(day, window.get(key), zone) for key in ("startTime", "stopTime"))
    except ValueError:
        return None  # live says something that is no time
    oddities = [odd for moment in (start, stop) if (odd := _oddity(moment, zone))]
    return Hours(day, _span(start, stop), _span(start, stop, UTC), "".join(oddities[:1]))


def _at(day: date, time: Value, zone: ZoneInfo) -> datetime:
    return datetime.fromisoformat(f"{day.isoformat()}T{time}").replace(tzinfo=zone)


def _span(start: datetime, stop: datetime, zone: object = None) -> str:
    if zone is UTC:
        start, stop = start.astimezone(UTC), stop.astimezone(UTC)
    return f"{start:%H:%M}-{stop:%H:%M}"


def _oddity(moment: datetime, zone: ZoneInfo) -> str:
    """Tell of an hour that the clocks skip on that date, or that comes twice."""
    there = moment.astimezone(UTC).astimezone(zone)
    if there.replace(tzinfo=None) != moment.replace(tzinfo=None):
        return f", where {moment:%H:%M} is skipped"
    if moment.replace(fold=1).utcoffset() != moment.utcoffset():
        return f", where {moment:%H:%M} comes twice"
    return ""


def _told(found: list[Hours]) -> Iterator[str]:
    """Group the days with the same hours: by weekday where that holds in every week."""
    kinds: dict[tuple[str, str, str], list[date]] = {}
    for hours in found:
        kinds.setdefault((hours.local, hours.utc, hours.oddity), []).append(hours.day)
    open_on = Counter(hours.day.weekday() for hours in found)
    told: list[tuple[tuple[int, int], str]] = []
    for (local, utc, oddity), days in kinds.items():
        named = Counter(day.weekday() for day in days)
        whole = all(open_on[day] == count for day, count in named.items())
        # The week in its order, whatever day it is today; then what holds on some dates only.
        order = (0, min(named)) if whole else (1, min(days).toordinal())
        dates = "" if whole else f" {_dates(days)}"
        told.append((order, f"{_weekdays(set(named))}{dates} {local} = {utc} UTC{oddity}"))
    yield from (line for _, line in sorted(told))


def _weekdays(named: set[int]) -> str:
    """Write weekdays as a definition would: `mon-fri, sun`."""
    runs = groupby(sorted(named), key=lambda day: day - sorted(named).index(day))
    return ", ".join(
        WEEKDAYS[days[0]] if len(days) == 1 else f"{WEEKDAYS[days[0]]}-{WEEKDAYS[days[-1]]}"
        for days in (list(run) for _, run in runs)
    )


def _dates(days: list[date]) -> str:
    first, last = min(days), max(days)
    return f"({first})" if first == last else f"({first} to {last})"
