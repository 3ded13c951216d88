"""Suggest the valid key, weekdays or value nearest to an invalid one.

A suggestion for a value is always a valid value of the same field.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date
from difflib import get_close_matches
from zoneinfo import available_timezones

from campaignsync.model.calendar import DateKind, TimeKind, ZoneKind
from campaignsync.model.fields import MANAGEABLE, WEEKS
from campaignsync.model.kind import InvalidValue, Kind, Raw, Value
from campaignsync.model.kinds import ChoiceKind, FlagKind, IntegerKind
from campaignsync.model.week import WEEKDAYS, WindowKind, days_of
from campaignsync.suggest import LONGEST, did_you_mean, is_one_typo, similar

OTHER_DAYS = {
    **dict(zip(("lun", "mar", "mie", "jue", "vie", "sab", "dom"), WEEKDAYS, strict=True)),
    **dict.fromkeys(("weekdays", "weekday", "workdays", "m-f", "l-v"), "mon-fri"),
    **dict.fromkeys(("weekend", "weekends"), "sat-sun"),
    **dict.fromkeys(("daily", "everyday", "all", "every day"), "mon-sun"),
}
"""Other common spellings of days, also in Spanish, because the API is from Mexico."""
LONG_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
MEXICO, BOGOTA, LIMA = "America/Mexico_City", "America/Bogota", "America/Lima"
CARACAS, SANTIAGO, LA_PAZ = "America/Caracas", "America/Santiago", "America/La_Paz"
BUENOS_AIRES, SAO_PAULO = "America/Argentina/Buenos_Aires", "America/Sao_Paulo"
GUAYAQUIL, MADRID = "America/Guayaquil", "Europe/Madrid"
ZONES_BY_NAME: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(("utc", "gmt", "z", "zulu", "uct"), ("UTC",)),
    **dict.fromkeys(("cst", "cdt"), (MEXICO, "America/Chicago")),
    **dict.fromkeys(("est", "edt"), ("America/Cancun", "America/New_York")),
    **dict.fromkeys(("mst", "mdt"), ("America/Hermosillo", "America/Denver")),
    **dict.fromkeys(("pst", "pdt"), ("America/Tijuana", "America/Los_Angeles")),
    **dict.fromkeys(("cot", "colombia"), (BOGOTA,)),
    **dict.fromkeys(("pet", "peru"), (LIMA,)),
    **dict.fromkeys(("art", "argentina"), (BUENOS_AIRES,)),
    **dict.fromkeys(("brt", "brazil", "brasil"), (SAO_PAULO,)),
    **dict.fromkeys(("clt", "clst", "chile"), (SANTIAGO,)),
    **dict.fromkeys(("vet", "venezuela"), (CARACAS,)),
    **dict.fromkeys(("bot", "bolivia"), (LA_PAZ,)),
    **dict.fromkeys(("ect", "ecuador"), (GUAYAQUIL,)),
    **dict.fromkeys(("cet", "cest", "spain", "espana"), (MADRID,)),
    **dict.fromkeys(("mexico", "cdmx", "df"), (MEXICO,)),
}
"""Zones by abbreviation, country or nickname, for the regions where the API is used most."""
ZONES_BY_OFFSET: Mapping[int, tuple[str, ...]] = {
    -8: ("America/Tijuana",),
    -7: ("America/Hermosillo",),
    -6: (MEXICO, "America/Guatemala", "America/Costa_Rica"),
    -5: (BOGOTA, LIMA, "America/Cancun"),
    -4: (CARACAS, LA_PAZ, SANTIAGO),
    -3: (BUENOS_AIRES, SAO_PAULO, "America/Montevideo"),
    0: ("UTC",),
    1: (MADRID,),
}
"""Zones by their standard offset from UTC, in hours (east is positive)."""
OFFSET = re.compile(r"(etc/)?(?:gmt|utc)?\s*([+-])\s*([0-9]{1,2})(?::?00)?\Z")
YES = ("yes", "y", "on", "1", "si", "t", "enabled")
NO = ("no", "n", "off", "0", "f", "disabled")
CLOSED = (*NO, "none", "never", "false", "inactive", "cerrado", "-")
CLOCK = re.compile(r"([0-9]{1,2})(?:[:.h]([0-9]{2})?(?::00)?)?\s*([ap])?\.?m?\.?\Z")
DASH = re.compile(r"\s*-\s*|\s+(?:to|until|a)\s+")
NUMBERS = re.compile(r"[0-9]+|[0-9]{1,3}([_, '][0-9]{3})+")


def _paths_by_name() -> dict[str, str]:
    """Return the field paths by other names: the last part of a path, or the API's name."""
    paths: dict[str, str] = {}
    for field in MANAGEABLE:
        paths.setdefault(field.path.rpartition(".")[2], field.path)
        group, _, name = field.path.rpartition(".")
        if group:
            # The API lists campaigns with flat names, such as `cycle_mode`.
            paths.setdefault(f"{group.removesuffix('s')}_{name}", field.path)
            paths.setdefault(f"{group}_{name}", field.path)
    return {**paths, "schedule": "cycles.schedule"}


PATHS_BY_NAME = _paths_by_name()
PATHS = {field.path for field in MANAGEABLE} | set(WEEKS)


def suggest_key(path: str, name: str, known: Iterable[str]) -> str:
    """Return a hint for the unknown key `name` at `path`; `known` has the keys valid there."""
    if path in PATHS:
        return f"nest it: {path.replace('.', ': {')}: …{'}' * path.count('.')}"
    plain = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name[:LONGEST]).replace("-", "_").lower()
    known = [*known]
    if plain in known:
        return f"did you mean `{plain}`?"
    if (place := PATHS_BY_NAME.get(plain)) and place != path:
        return (
            f"did you mean `{place}`?" if "." in place else f"`{place}` is a key of the top level"
        )
    if names := similar(plain, known, cutoff=0.5):
        return did_you_mean(f"`{each}`" for each in names)
    return f"expected one of: {', '.join(known)}"


def suggest_days(name: str) -> str:
    """Return a hint with the weekdays that a text probably means.

    Long names, capitals and other dashes are accepted.
    """
    plain = ascii_of(name[:LONGEST].lower().strip())
    if not (short := OTHER_DAYS.get(plain)):
        dashed = re.sub(r"\s*(?:\bto\b|[-/]|\.\.+)\s*", "-", plain)
        short = re.sub(r"[a-z]+", _abbreviated, dashed)
    days = [short] if days_of(short) else []
    if plain not in OTHER_DAYS:
        days += (day for day in WEEKDAYS if is_one_typo(plain, day))
    if days:
        return did_you_mean(f"`{day}`" for day in dict.fromkeys(days))
    return f"expected one of: {', '.join(WEEKDAYS)}, a range (mon-fri) or a list (mon,wed)"


def _abbreviated(word: re.Match[str]) -> str:
    text = word.group()
    if other := OTHER_DAYS.get(text) or OTHER_DAYS.get(text[:3]):
        return other
    names = [text[:3]] if text[:3] in WEEKDAYS else similar(text, (*WEEKDAYS, *LONG_DAYS))
    return names[0][:3] if names else text


def ascii_of(text: str) -> str:
    """Return a text in ASCII, without accents and with hyphens for dashes, to match known names."""
    dashed = re.sub("[\u2010-\u2015\u2212]", "-", text)
    return unicodedata.normalize("NFKD", dashed).encode("ascii", "ignore").decode()


def suggest_zones(text: str) -> list[str]:
    """Return the zones that a text probably means: by offset, by name, or the one spelled alike."""
    plain = ascii_of(text[:LONGEST]).strip()
    if offset := OFFSET.match(plain.lower()):
        return _zones_at(offset)
    city = plain.rpartition("/")[2].replace(" ", "_").lower()
    zones = sorted(available_timezones())
    return (
        [*ZONES_BY_NAME.get(city, ZONES_BY_NAME.get(_abbreviation(plain.lower()), ()))]
        or [zone for zone in zones if zone.lower().endswith(f"/{city}")]
        or get_close_matches(plain, zones, n=1, cutoff=0.7)
    )


def _zones_at(offset: re.Match[str]) -> list[str]:
    etc, sign, hours = offset.groups()
    east = int(hours) if sign == "+" else -int(hours)
    # `Etc/GMT+6` is UTC-6. Also try UTC+6 if no zone of the first sign is listed: the author may
    # have expected the usual sign.
    sides = (-east, east) if etc else (east,)
    return next(([*ZONES_BY_OFFSET[side]] for side in sides if side in ZONES_BY_OFFSET), [])


def _abbreviation(plain: str) -> str:
    """Return `cst` for `central standard time (mexico)` and for `cst6cdt`."""
    words = plain.partition("(")[0].split()
    if words[-1:] == ["time"]:
        return "".join(word[0] for word in words)
    return re.split("[0-9]", plain, maxsplit=1)[0]


def zone_hint(text: str, zones: list[str]) -> str:
    """Return a hint with the zones that a text may mean; for an offset, first what is wrong."""
    question = did_you_mean(zones)
    if offset := OFFSET.match(ascii_of(text[:LONGEST]).strip().lower()):
        etc, sign, hours = offset.groups()
        if etc:
            turned = "-" if sign == "+" else "+"
            return f"the signs of Etc zones are inverted: this is UTC{turned}{hours}; {question}"
        return f"a fixed offset does not follow daylight saving time; {question}"
    return question


def suggest_value(kind: Kind, text: str, parse: Callable[[Raw], Value] | None = None) -> str:
    """Return a hint with up to three values that a text may mean; empty if none is near.

    Only valid values are suggested: those for which `parse` (by default the kind's `read`) does not
    raise InvalidValue.
    """
    text = text[:LONGEST]
    proposals = [
        proposal
        for proposal in dict.fromkeys(_candidates(kind, text))
        if proposal != text and _is_valid(proposal, parse or kind.read)
    ]
    if not proposals:
        return ""
    return (
        zone_hint(text, proposals[:3])
        if isinstance(kind, ZoneKind)
        else did_you_mean(proposals[:3])
    )


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
            yield from suggest_zones(text)
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
    if not (match := CLOCK.match(text.strip())):
        return text
    hour, minute = int(match[1]), match[2] or "00"
    if match[3]:
        hour = hour % 12 + (12 if match[3] == "p" else 0)
    # A window cannot end at 24:00: the latest time is 23:59.
    return "23:59" if (hour, minute) == (24, "00") else f"{hour:02}:{minute}"
