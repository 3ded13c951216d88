"""Write the notes of a plan: what a reader of the changes cannot see in them.

A wrong time zone is easy to overlook in a review. Hours in UTC make the mistake visible. A value
that differs in spelling only looks unchanged: a server may normalize text and time zones.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

from campaignsync.errors import Source
from campaignsync.model.calendar import ZoneKind, datetime_at
from campaignsync.model.definitions import Definition, Desired, LiveCampaign
from campaignsync.model.fields import BY_PATH, WEEKS, shared_path
from campaignsync.model.kind import Value
from campaignsync.model.metadata import REFUSALS
from campaignsync.model.plan import Action, Change, Plan, PlannedCampaign, with_campaigns
from campaignsync.model.week import WEEKDAYS, names_of

MOST_NAMED = 10
"""Maximum number of campaigns that a note names; the others are only counted."""
DAYS_AHEAD = 14
"""Days to look ahead: each weekday twice, and clock changes within the next two weeks."""
BLANKS = re.compile(r"(?<![^\S\n])[^\S\n]++(?=\n|\Z)")
"""Spaces and tabs at the end of a line; the time to find them is linear."""
WORD = re.compile(r"(?<!\S)\S{1,1000}+(?!\S)")
"""A word of usual length: the time to compose a word is quadratic."""
YEARS = range(1990, 2038)
"""Years in which two names of the same zone must have the same offsets."""


def notes_on(
    definition: Definition,
    live: LiveCampaign | None,
    changes: Sequence[Change],
    values: Mapping[str, Value],
    *,
    action: Action,
    today: date | None,
) -> Iterator[str]:
    """Yield the notes on one planned campaign; `values` are live ones, else the definition's."""
    if action == "frozen":
        yield f"{REFUSALS['CAMPAIGN_FINISHED'].means}: {REFUSALS['CAMPAIGN_FINISHED'].remedy}"
    elif action == "unchanged" and values.get("archived"):
        yield REFUSALS["ARCHIVED"].means
    for change in changes:
        if change.known and (how := spelling_difference(change.field, change.after, change.before)):
            yield f"{change.field}: {how}; `campaignsync adopt` takes the API's spelling"
    touches_hours = any(change.field.startswith(("timezone", *WEEKS)) for change in changes)
    if action == "update" and today and live and touches_hours:
        yield from hours_ahead({**live.values, **definition.settled(live.values)}, today)


@dataclass(frozen=True, slots=True)
class Hours:
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
        days = (first + timedelta(days=ahead) for ahead in range(DAYS_AHEAD))
        open_days = [hours for day in days if (hours := hours_on(facts, week, day, zone))]
        if open_days:
            yield f"{week}, next {DAYS_AHEAD} days, {zone}: {'; '.join(_hours_lines(open_days))}"


def hours_on(facts: Mapping[str, Value], week: str, day: date, zone: ZoneInfo) -> Hours | None:
    """Return the hours of a week on one date; None if the day is closed or unknown."""
    window = facts.get(f"{week}.{WEEKDAYS[day.weekday()]}")
    if not isinstance(window, Mapping) or window.get("active") is not True:
        return None
    try:
        start, stop = (datetime_at(day, window.get(key), zone) for key in ("startTime", "stopTime"))
    except ValueError:
        return None  # the live value is not a time
    oddities = [odd for moment in (start, stop) if (odd := _oddity(moment, zone))]
    return Hours(day, _span(start, stop), _span(start, stop, UTC), "".join(oddities[:1]))


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


def _hours_lines(open_days: list[Hours]) -> Iterator[str]:
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
        names = ", ".join(names_of(WEEKDAYS[day] for day in named))
        lines.append((order, f"{names}{dates} {local} = {utc} UTC{oddity}"))
    yield from (line for _, line in sorted(lines))


def _dates(days: list[date]) -> str:
    first, last = min(days), max(days)
    return f"({first})" if first == last else f"({first} to {last})"


def spelling_difference(path: str, definition: Value, live: Value) -> str:
    """Return a description of how two values differ if they differ in spelling only; else ""."""
    if not (isinstance(definition, str) and isinstance(live, str)) or definition == live:
        return ""
    if isinstance(BY_PATH[path].kind, ZoneKind):
        return _zone_difference(definition, live)
    if _normalized(definition) != _normalized(live):
        return ""
    return "; ".join(_text_difference(definition, live))


def _text_difference(definition: str, live: str) -> Iterator[str]:
    pairs: tuple[tuple[Callable[[str], bool], str, str], ...] = (
        (_has_blanks, "blanks at the end of a line", "none"),
        (_is_decomposed, "accents as separate characters (NFD)", "composed ones (NFC)"),
        (_is_padded, "blank lines or spaces at the start or the end", "none"),
    )
    for has, this, other in pairs:
        if has(definition) and not has(live):
            yield f"the definition has {this}, the API stores {other}"
        elif has(live) and not has(definition):
            yield f"the API stores {this}, the definition has {other}"


def _normalized(text: str) -> str:
    return BLANKS.sub("", _composed(text)).strip()


def _composed(text: str) -> str:
    """Return a text in NFC; very long words are unchanged."""
    return WORD.sub(lambda word: unicodedata.normalize("NFC", word[0]), text)


def _has_blanks(text: str) -> bool:
    return bool(BLANKS.search(text))


def _is_decomposed(text: str) -> bool:
    return _composed(text) != text


def _is_padded(text: str) -> bool:
    unblanked = BLANKS.sub("", text)
    return unblanked != unblanked.strip()


def _zone_difference(definition: str, live: str) -> str:
    try:
        same = _offsets(definition) == _offsets(live)
    except (KeyError, ValueError, OSError):
        return ""
    return f"{definition} and {live} have the same hours, and the API stores {live}" if same else ""


@cache
def _offsets(zone: str) -> tuple[object, ...]:
    """Return a zone's UTC offsets on the 1st and 15th of each month of YEARS."""
    rules = ZoneInfo(zone)
    return tuple(
        datetime(year, month, day, tzinfo=UTC).astimezone(rules).utcoffset()
        for year in YEARS
        for month in range(1, 13)
        for day in (1, 15)
    )


def note_shared_values(plan: Plan, desired: Desired) -> Plan:
    """Return the plan with a note on each blocked value that is not in the definition itself.

    The note names the campaigns that use the same line of `campaignsync.yaml`, or the same text
    file. Values that a guard blocks are included. Returns the same object if there are none.
    """
    if not any(_blocked_elsewhere(campaign) for campaign in plan.campaigns):
        return plan
    users: dict[Source, list[int]] = {}
    for definition in desired.definitions:
        for source in dict.fromkeys(definition.places.values()):
            if source.file != definition.file:
                users.setdefault(source, []).append(definition.id)
    campaigns = (
        campaign.model_copy(update={"notes": (*campaign.notes, *_shared_values(campaign, users))})
        for campaign in plan.campaigns
    )
    return with_campaigns(plan, tuple(campaigns))


def _shared_values(campaign: PlannedCampaign, users: Mapping[Source, list[int]]) -> Iterator[str]:
    for field, source in _blocked_elsewhere(campaign):
        ids = users.get(source, [campaign.id])
        campaigns = "campaign" if len(ids) == 1 else "campaigns"
        yield f"{field} is set in {source}, for {campaigns} {join_ids(ids)}"


def join_ids(ids: Sequence[int]) -> str:
    """Return ids for a note: the first MOST_NAMED, and how many more there are."""
    more = f" and {len(ids) - MOST_NAMED} more" if len(ids) > MOST_NAMED else ""
    return ", ".join(map(str, ids[:MOST_NAMED])) + more


def _blocked_elsewhere(campaign: PlannedCampaign) -> dict[tuple[str, Source], None]:
    """Return the blocked fields whose value is not in the definition's file, without duplicates."""
    return {
        (shared_path(blocked.field), blocked.source): None
        for blocked in campaign.blocked
        if blocked.field and blocked.source.file != campaign.source.file
    }
