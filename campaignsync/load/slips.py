"""Suggest valid values for an invalid one.

A suggestion is always a valid value of the same field.
"""

import re
from collections.abc import Callable, Iterator
from datetime import date

from campaignsync.load.hints import ascii_of
from campaignsync.load.zones import zone_hint, zones_meant
from campaignsync.model.calendar import DateKind, TimeKind, WindowKind, ZoneKind
from campaignsync.model.kinds import (
    ChoiceKind,
    FlagKind,
    IntegerKind,
    InvalidValue,
    Kind,
    Raw,
    Value,
)
from campaignsync.suggest import LONGEST, did_you_mean, similar

YES = ("yes", "y", "on", "1", "si", "t", "enabled")
NO = ("no", "n", "off", "0", "f", "disabled")
CLOSED = (*NO, "none", "never", "false", "inactive", "cerrado", "-")
CLOCK = re.compile(r"([0-9]{1,2})(?:[:.h]([0-9]{2})?(?::00)?)?\s*([ap])?\.?m?\.?\Z")
DASH = re.compile(r"\s*-\s*|\s+(?:to|until|a)\s+")
NUMBERS = re.compile(r"[0-9]+|[0-9]{1,3}([_, '][0-9]{3})+")


def value_meant(kind: Kind, text: str, parse: Callable[[Raw], Value] | None = None) -> str:
    """Return a hint with up to three values that a text may mean; empty if none is near.

    Only valid values are suggested: those for which `parse` (by default the kind's `read`) does not
    raise InvalidValue.
    """
    text = text[:LONGEST]
    found = [
        proposal
        for proposal in dict.fromkeys(_candidates(kind, text))
        if proposal != text and _is_valid(proposal, parse or kind.read)
    ]
    if not found:
        return ""
    return zone_hint(text, found[:3]) if isinstance(kind, ZoneKind) else did_you_mean(found[:3])


def _is_valid(proposal: str, parse: Callable[[Raw], Value]) -> bool:
    try:
        parse(Raw(proposal))
    except InvalidValue:
        return False
    return True


def _candidates(kind: Kind, text: str) -> Iterator[str]:
    plain = ascii_of(text).strip().lower()
    match kind:
        case ZoneKind():
            yield from zones_meant(text)
        case ChoiceKind(options=options):
            yield from similar(re.sub("[^a-z0-9]+", "_", plain), options, cutoff=0.5)
        case FlagKind():
            yield from ["true"] if plain in YES else ["false"] if plain in NO else []
            yield from similar(plain, ("true", "false"))
        case IntegerKind():
            yield from _numbers(plain)
        case DateKind():
            yield from _dates(plain)
        case TimeKind():
            yield _time(plain)
        case WindowKind():
            yield from _windows(plain)


def _numbers(text: str) -> Iterator[str]:
    if NUMBERS.fullmatch(text):
        yield str(int(re.sub("[^0-9]", "", text)))
    elif re.fullmatch(r"[+]?[0-9]+([.]0{0,2})?(e[0-9])?", text):
        yield str(int(float(text)))


def _dates(text: str) -> Iterator[str]:
    """Yield the ISO dates that a text may mean; if the year is last, try both day-month orders."""
    numbers = re.findall("[0-9]+", text)
    if re.fullmatch("[0-9]{8}", text):
        numbers = [text[:4], text[4:6], text[6:]]
    if len(numbers) != len(("year", "month", "day")):
        return
    first, second, third = map(int, numbers)
    is_year_first = len(numbers[0]) > len("31")
    orders = (
        [(first, second, third)]
        if is_year_first
        else [(third, second, first), (third, first, second)]
    )
    for year, month, day in orders:
        try:
            yield date(year, month, day).isoformat()
        except ValueError:
            continue


def _windows(text: str) -> Iterator[str]:
    if text in CLOSED or similar(text, ("closed",)):
        yield "closed"
    elif len(hours := DASH.split(text)) == len(("start", "stop")):
        start, stop = map(_time, hours)
        yield f"{start}-{stop}"


def _time(text: str) -> str:
    """Return a time of day as HH:MM; return any other text unchanged."""
    if not (found := CLOCK.match(text.strip())):
        return text
    hour, minute = int(found[1]), found[2] or "00"
    if found[3]:
        hour = hour % 12 + (12 if found[3] == "p" else 0)
    # A window cannot end at 24:00: the latest time is 23:59.
    return "23:59" if (hour, minute) == (24, "00") else f"{hour:02}:{minute}"
