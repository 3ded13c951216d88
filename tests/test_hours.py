"""Hours in a plan: in the campaign's zone and in UTC, with daylight saving time."""

import json
import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from support.servers import desire

from campaignsync.model.definitions import Live, LiveCampaign
from campaignsync.model.kind import Value
from campaignsync.plan import make_plan
from campaignsync.plan_notes import hours_ahead, hours_on

ZONES = (
    "America/Mexico_City", "America/Bogota", "America/New_York", "America/Santiago",
    "America/Sao_Paulo", "America/St_Johns", "Europe/Madrid", "Europe/London", "Africa/Casablanca",
    "Asia/Kathmandu", "Australia/Lord_Howe", "Pacific/Chatham", "Pacific/Kiritimati", "UTC",
)  # fmt: skip

ORACLE = """
import json, sys, time
days = [tuple(map(int, day.split("-"))) for day in json.load(sys.stdin)]
def utc(day, hour, minute):
    there = time.mktime((*day, hour, minute, 0, 0, 0, -1))
    return time.strftime("%H:%M", time.gmtime(there))
print(json.dumps([f"{utc(day, 9, 15)}-{utc(day, 17, 45)}" for day in days]))
"""
"""The C library's time zones, independent of Python's `zoneinfo`."""


def week(start: str, stop: str, days: str = "mon tue wed thu fri sat sun") -> dict[str, Value]:
    window = {"startTime": start, "stopTime": stop, "active": True}
    return {f"scheduling.{day}": window for day in days.split()}


@pytest.mark.slow
@pytest.mark.fault("D15")
@pytest.mark.skipif(not Path("/usr/share/zoneinfo").is_dir(), reason="the system has no time zones")
@pytest.mark.parametrize("zone", ZONES)
def test_the_hours_in_utc_are_those_of_the_systems_clock(zone: str) -> None:
    """On each day of a year the windows in UTC match those of another time zone library."""
    days = [date(2026, 6, 1) + timedelta(days=ahead) for ahead in range(366)]
    expected = subprocess.run(
        [sys.executable, "-c", ORACLE],
        input=json.dumps([day.isoformat() for day in days]),
        env={"TZ": zone},
        capture_output=True,
        text=True,
        check=True,
    )

    facts = week("09:15", "17:45")
    converted = [hours_on(facts, "scheduling", day, ZoneInfo(zone)) for day in days]

    assert [hours.utc for hours in converted if hours] == json.loads(expected.stdout)


@pytest.mark.fault("D15")
@pytest.mark.parametrize(
    ("zone", "day", "start", "oddity"),
    [
        ("Europe/Madrid", "2026-03-29", "02:30", "02:30 is skipped"),
        ("Europe/Madrid", "2026-10-25", "02:30", "02:30 occurs twice"),
        ("America/New_York", "2026-03-08", "02:00", "02:00 is skipped"),
        ("Australia/Lord_Howe", "2026-04-05", "01:45", "01:45 occurs twice"),
    ],
)
def test_a_window_in_a_clock_change_is_marked(zone: str, day: str, start: str, oddity: str) -> None:
    """A window that begins in the hour of a clock change is marked, with its date."""
    facts = {"timezone": zone, **week(start, "12:00")}
    [line] = hours_ahead(facts, date.fromisoformat(day) - timedelta(days=3))

    assert f"({day}) {start}-12:00" in line
    assert oddity in line


@pytest.mark.parametrize("day", range(23, 30))
def test_weekdays_with_the_same_hours_share_a_line(day: int) -> None:
    """A fortnight without a clock change is one short line, the same on every day."""
    facts = {
        "timezone": "America/Mexico_City",
        **week("09:00", "18:00", "mon tue wed fri"),
        **week("10:00", "14:00", "sat"),
        "scheduling.sun": {"active": False},
    }

    [line] = hours_ahead(facts, date(2026, 11, day))

    assert line == (
        "scheduling, next 14 days, America/Mexico_City:"
        " mon-wed, fri 09:00-18:00 = 15:00-00:00 UTC; sat 10:00-14:00 = 16:00-20:00 UTC"
    )


@pytest.mark.parametrize("first", range(14))
def test_a_clock_change_ahead_shows_both_hours(first: int) -> None:
    """In the fortnight before a clock change, the hours before and after it are dated."""
    start = date(2026, 10, 19) + timedelta(days=first)
    [line] = hours_ahead({"timezone": "America/New_York", **week("09:00", "18:00")}, start)

    assert ("13:00-22:00 UTC" in line) == (start < date(2026, 11, 1))
    assert "14:00-23:00 UTC" in line


@pytest.mark.parametrize(
    "facts",
    [
        {},
        {"timezone": "America/Bogota"},
        {"timezone": "Moon/Tranquility", **week("09:00", "18:00")},
        {"timezone": 5, **week("09:00", "18:00")},
        {"timezone": "UTC", "scheduling.mon": None, "scheduling.tue": "closed"},
        {"timezone": "UTC", **week("9", "later")},
        {"timezone": "UTC", "scheduling.mon": {}},
    ],
    ids=str,
)
def test_an_invalid_live_window_has_no_hours(facts: dict[str, Value]) -> None:
    """A plan can be made with any live value as a zone or a window."""
    assert list(hours_ahead(facts, date(2026, 1, 1))) == []


@pytest.mark.parametrize(
    ("values", "is_shown"),
    [
        ({"timezone": "America/Bogota"}, True),
        ({"scheduling.mon": {"startTime": "10:00", "stopTime": "11:00", "active": True}}, True),
        ({"retries": 3}, False),
        ({"agent_id": "other", "timezone": "America/Bogota"}, False),
    ],
    ids=["zone", "day", "neither", "blocked"],
)
def test_hours_are_shown_where_an_update_changes_them(
    values: dict[str, Value], *, is_shown: bool
) -> None:
    """A plan shows the resulting hours only where they change."""
    live = {"timezone": "UTC", "retries": 1, "agent_id": "own", **week("09:00", "18:00")}
    plan = make_plan(
        desire([1], **values),
        Live({1: LiveCampaign(1, live)}),
        environment="e",
        base_url="b",
        created_at="2026-11-23T00:00:00Z",
    )

    assert any("next 14 days" in note for note in plan.campaigns[0].notes) == is_shown
