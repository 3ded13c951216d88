"""Compute drawings of weekly calling windows, live and desired."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from campaignsync.model.fields import WEEKS
from campaignsync.model.plan import Change, PlannedCampaign
from campaignsync.model.week import WEEKDAYS
from campaignsync.report.changes import on_one_line

TIME = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])\Z", re.ASCII)
DAY = 24 * 60
WEEK = 7 * DAY
"""Minutes of a day and of a week."""


@dataclass(frozen=True, slots=True)
class Span:
    """A calling window in minutes since midnight."""

    start: int
    stop: int


@dataclass(frozen=True, slots=True)
class Day:
    """One weekday: its bars, and its change as text.

    A day that does not change has bars in `before` only. A day without bars is closed, or its hours
    are not readable (`known` is False).
    """

    name: str
    before: tuple[Span, ...]
    after: tuple[Span, ...]
    text: str
    is_changed: bool
    known: bool = True


@dataclass(frozen=True, slots=True)
class Week:
    """A week whose calling hours change; `days` holds all seven.

    `clock` names the time zone of the drawing.
    """

    field: str
    days: tuple[Day, ...]
    clock: str

    @property
    def text(self) -> str:
        """Return the drawing as text, for a screen reader."""
        return "; ".join(f"{day.name} {day.text}" for day in self.days if day.is_changed)


def weeks(campaign: PlannedCampaign, created_at: str) -> Iterator[Week]:
    """Yield the weeks of a campaign whose hours change, by themselves or with the time zone.

    If the zone changes, the desired hours are drawn in the live zone's time. Both zones use their
    UTC offset at `created_at`, a time in ISO 8601.
    """
    changes = {change.field: change for change in campaign.changes}
    zone = changes.get("timezone")
    shift = _shift(zone, created_at) if zone else None
    for week in WEEKS:
        paths = {name: f"{week}.{name}" for name in WEEKDAYS}
        if shift is None:
            clock = "local time"
            days = tuple(
                _day(name, changes.get(path), path, campaign.unchanged_hours)
                for name, path in paths.items()
            )
        else:
            clock = f"{zone.before} (live)" if zone else ""
            days = _shifted(paths, changes, campaign.unchanged_hours, shift)
        if any(day.is_changed for day in days):
            yield Week(week, days, clock)


def _day(name: str, change: Change | None, path: str, unchanged: Mapping[str, Any]) -> Day:
    if change is None:
        bars = _spans(unchanged.get(path))
        return Day(name, bars, (), "no change", is_changed=False, known=path in unchanged)
    before = _spans(change.before) if change.known else ()
    text = on_one_line(change)
    return Day(name, before, _spans(change.after), text, is_changed=True, known=change.known)


def _shifted(
    paths: Mapping[str, str],
    changes: Mapping[str, Change],
    unchanged: Mapping[str, Any],
    shift: int,
) -> tuple[Day, ...]:
    """Return the days with the desired hours moved by `shift` minutes.

    Hours that cross midnight continue on the neighbouring day.
    """
    after: dict[int, list[Span]] = {number: [] for number in range(len(paths))}
    for number, path in enumerate(paths.values()):
        desired = changes[path].after if path in changes else unchanged.get(path)
        for span in _spans(desired):
            start = (number * DAY + span.start + shift) % WEEK
            stop = start + span.stop - span.start
            midnight = (start // DAY + 1) * DAY
            for first, last in ((start, min(stop, midnight)), (midnight, stop)):
                if first < last:
                    day = first // DAY
                    after[day % len(paths)].append(Span(first - day * DAY, last - day * DAY))
    return tuple(
        _moved(name, changes.get(path), unchanged.get(path), tuple(after[number]))
        for number, (name, path) in enumerate(paths.items())
    )


def _moved(name: str, change: Change | None, hours: Any, after: tuple[Span, ...]) -> Day:
    before = _spans(change.before if change else hours)
    known = change.known if change else hours is not None
    text = f"{_hours_text(before) if known else 'not readable'} → {_hours_text(after)}"
    return Day(name, before, after, text, is_changed=before != after, known=known)


def _hours_text(spans: tuple[Span, ...]) -> str:
    times = (
        f"{span.start // 60:02}:{span.start % 60:02}–{span.stop // 60:02}:{span.stop % 60:02}"
        for span in sorted(spans, key=lambda span: span.start)
    )
    return ", ".join(times) or "closed"


def _shift(change: Change, created_at: str) -> int | None:
    """Return the minutes by which a zone change moves calls; None if a zone is not known."""
    if not change.known:
        return None
    try:
        moment = datetime.fromisoformat(created_at).astimezone(UTC)
        zones = (ZoneInfo(str(change.before)), ZoneInfo(str(change.after)))
    except (KeyError, ValueError, OSError):
        return None
    before, after = (moment.astimezone(zone).utcoffset() for zone in zones)
    if before is None or after is None:
        return None
    return round((before - after).total_seconds() / 60)


def _spans(window: Any) -> tuple[Span, ...]:
    """Return a window in minutes, empty if the day is closed or the live value is not a window."""
    if not isinstance(window, dict) or window.get("active") is not True:
        return ()
    start, stop = (TIME.match(str(window.get(key))) for key in ("startTime", "stopTime"))
    if not (start and stop):
        return ()
    span = Span(*(int(time[1]) * 60 + int(time[2]) for time in (start, stop)))
    return (span,) if span.start < span.stop else ()
