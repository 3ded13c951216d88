"""A campaign's calling hours in the next days, in its own time zone and in UTC.

A wrong time zone is easy to overlook in a review. Hours in UTC make the mistake visible.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from itertools import groupby
from typing import NamedTuple
from zoneinfo import ZoneInfo

from campaignsync.model.fields import WEEKS
from campaignsync.model.kind import Value
from campaignsync.model.week import WEEKDAYS

DAYS = 14
"""Days to look ahead: each weekday twice, and clock changes within the next two weeks."""


class Hours(NamedTuple):
    """A week's window on one date: local and UTC times of day, and a note on a clock change."""

    day: date
    local: str
    utc: str
    oddity: str


def hours_ahead(facts: Mapping[str, Value], first: date) -> Iterator[str]:
    """Yield one line for each week of a campaign with calling hours in the days from `first`."""
    try:
        zone = ZoneInfo(str(facts.get("timezone")))
    except (KeyError, ValueError, OSError):
        return  # the zone is unknown, or is not in the zone database
    for week in WEEKS:
        days = (first + timedelta(days=ahead) for ahead in range(DAYS))
        open_days = [hours for day in days if (hours := hours_on(facts, week, day, zone))]
        if open_days:
            yield f"{week}, next {DAYS} days, {zone}: {'; '.join(_lines(open_days))}"


def hours_on(facts: Mapping[str, Value], week: str, day: date, zone: ZoneInfo) -> Hours | None:
    """Return the hours of a week on one date; None if the day is closed or unknown."""
    window = facts.get(f"{week}.{WEEKDAYS[day.weekday()]}")
    if not isinstance(window, Mapping) or window.get("active") is not True:
        return None
    try:
        start, stop = (_at(day, window.get(key), zone) for key in ("startTime", "stopTime"))
    except ValueError:
        return None  # the live value is not a time
    oddities = [odd for moment in (start, stop) if (odd := _oddity(moment, zone))]
    return Hours(day, _span(start, stop), _span(start, stop, UTC), "".join(oddities[:1]))


def _at(day: date, time: Value, zone: ZoneInfo) -> datetime:
    return datetime.fromisoformat(f"{day.isoformat()}T{time}").replace(tzinfo=zone)


def _span(start: datetime, stop: datetime, zone: object = None) -> str:
    if zone is UTC:
        start, stop = start.astimezone(UTC), stop.astimezone(UTC)
    return f"{start:%H:%M}-{stop:%H:%M}"


def _oddity(moment: datetime, zone: ZoneInfo) -> str:
    """Return a note if clocks skip or repeat the hour on that date; else an empty string."""
    there = moment.astimezone(UTC).astimezone(zone)
    if there.replace(tzinfo=None) != moment.replace(tzinfo=None):
        return f", where {moment:%H:%M} is skipped"
    if moment.replace(fold=1).utcoffset() != moment.utcoffset():
        return f", where {moment:%H:%M} occurs twice"
    return ""


def _lines(open_days: list[Hours]) -> Iterator[str]:
    """Yield one line per group of days with the same hours.

    Weekdays name the group; its dates are added if the hours do not hold in both weeks.
    """
    kinds: dict[tuple[str, str, str], list[date]] = {}
    for hours in open_days:
        kinds.setdefault((hours.local, hours.utc, hours.oddity), []).append(hours.day)
    open_on = Counter(hours.day.weekday() for hours in open_days)
    lines: list[tuple[tuple[int, int], str]] = []
    for (local, utc, oddity), days in kinds.items():
        named = Counter(day.weekday() for day in days)
        is_whole = all(open_on[day] == count for day, count in named.items())
        # First the whole weeks, from Monday on any day; then the hours of single dates.
        order = (0, min(named)) if is_whole else (1, min(days).toordinal())
        dates = "" if is_whole else f" {_dates(days)}"
        lines.append((order, f"{_weekdays(set(named))}{dates} {local} = {utc} UTC{oddity}"))
    yield from (line for _, line in sorted(lines))


def _weekdays(named: set[int]) -> str:
    """Return weekdays in the form of a definition: `mon-fri, sun`."""
    runs = groupby(sorted(named), key=lambda day: day - sorted(named).index(day))
    return ", ".join(
        WEEKDAYS[days[0]] if len(days) == 1 else f"{WEEKDAYS[days[0]]}-{WEEKDAYS[days[-1]]}"
        for days in (list(run) for _, run in runs)
    )


def _dates(days: list[date]) -> str:
    first, last = min(days), max(days)
    return f"({first})" if first == last else f"({first} to {last})"
