"""What was probably meant: the nearest key, weekday and time zone."""

import re
import unicodedata
from collections.abc import Iterable
from difflib import get_close_matches
from zoneinfo import available_timezones

from campaignsync.fields import MANAGEABLE, WEEKDAYS, WEEKS, Misfit
from campaignsync.fields.calendar import Zone

LONGEST = 64
"""Characters of a name that are looked at; no key, day or zone has more."""
OTHER_DAYS = {
    **dict(zip(("lun", "mar", "mie", "jue", "vie", "sab", "dom"), WEEKDAYS, strict=True)),
    "weekdays": "mon-fri",
    "weekend": "sat-sun",
    "daily": "mon-sun",
    "everyday": "mon-sun",
}
"""What people write for days, the API's home being Mexico."""


def _places() -> dict[str, str]:
    """Map names to the paths that they mean: a last part, or what the API's list calls it."""
    paths: dict[str, str] = {}
    for field in MANAGEABLE:
        paths.setdefault(field.path.rpartition(".")[2], field.path)
        if field.listed and "." not in field.listed:
            paths.setdefault(field.listed, field.path)
    return {**paths, "schedule": "cycles.schedule"}


PLACES = _places()
PATHS = {field.path for field in MANAGEABLE} | set(WEEKS)


def key_meant(path: str, name: str, known: Iterable[str]) -> str:
    """Say what an unknown key was meant to be; `known` are the keys of its level."""
    if path in PATHS:
        return f"nest it: {path.replace('.', ': {')}: …{'}' * path.count('.')}"
    plain = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name[:LONGEST]).replace("-", "_").lower()
    known = [*known]
    if plain in known:
        return f"did you mean `{plain}`?"
    if (place := PLACES.get(plain)) and place != path:
        return (
            f"did you mean `{place}`?" if "." in place else f"`{place}` is a key of the top level"
        )
    if near := get_close_matches(plain, known, n=1, cutoff=0.5):
        return f"did you mean `{near[0]}`?"
    return f"known here: {', '.join(known)}"


def nearest(name: str, known: Iterable[str]) -> str:
    """Say which of the names that are known here was probably meant, or which there are."""
    names = [*known]
    near = get_close_matches(name[:80], names, n=1)
    return f"did you mean `{near[0]}`?" if near else f"known here: {', '.join(names) or 'none'}"


def days_of(name: str) -> list[str]:
    """Write out `mon`, `mon-fri` and `mon,wed`; nothing for what is no such thing."""
    named: list[str] = []
    for part in name[: LONGEST + 1].split(","):
        first, dash, last = (word.strip() for word in part.partition("-"))
        if first not in WEEKDAYS or (dash and last not in WEEKDAYS):
            return []
        start = WEEKDAYS.index(first)
        length = (WEEKDAYS.index(last) - start) % len(WEEKDAYS) if dash else 0
        named += (WEEKDAYS[(start + step) % len(WEEKDAYS)] for step in range(length + 1))
    return named


def days_meant(name: str) -> str:
    """Say which weekdays were meant: long names, capitals and other dashes are common."""
    short = re.sub(r"\s*(?:\bto\b|[-–—/]|\.\.+)\s*", "-", name[:LONGEST].lower())
    short = re.sub(r"[a-z]+", _abbreviated, _ascii(short))
    if days_of(short):
        return f"did you mean `{short}`?"
    if near := get_close_matches(short, WEEKDAYS, n=1, cutoff=0.6):
        return f"did you mean `{near[0]}`?"
    return f"known here: {', '.join(WEEKDAYS)}, a range such as mon-fri, a list such as mon,wed"


def _abbreviated(word: re.Match[str]) -> str:
    text = word.group()
    return OTHER_DAYS.get(text) or OTHER_DAYS.get(text[:3]) or text[:3]


def zones_meant(text: str) -> str:
    """Name up to three zones of that city, or one spelled alike; empty where there is none."""
    text = _ascii(text[:LONGEST])
    city = text.rpartition("/")[2].replace(" ", "_").lower()
    if city in ("utc", "gmt", "z", "zulu", "uct"):
        return "UTC"
    zones = sorted(available_timezones())
    near = [zone for zone in zones if zone.lower().endswith(f"/{city}")]
    near = near or get_close_matches(text, zones, n=1, cutoff=0.7)
    return " or ".join([zone for zone in near if _is_good(zone)][:3])


def _ascii(text: str) -> str:
    """Take the accents off: zones are spelled without."""
    return unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()


def _is_good(zone: str) -> bool:
    """Keep from naming what would be refused again, such as `Etc/GMT-6` with its turned sign."""
    try:
        Zone().parse(zone, plain=True)
    except Misfit:
        return False
    return True
