"""What was probably meant: the nearest name, key and weekday."""

import re
import unicodedata
from collections.abc import Iterable
from difflib import get_close_matches

from campaignsync.model.calendar import days_of
from campaignsync.model.fields import MANAGEABLE, WEEKDAYS, WEEKS

LONGEST = 64
"""Characters of a name that are looked at; no key, day or zone has more."""
OTHER_DAYS = {
    **dict(zip(("lun", "mar", "mie", "jue", "vie", "sab", "dom"), WEEKDAYS, strict=True)),
    **dict.fromkeys(("weekdays", "weekday", "workdays", "m-f", "l-v"), "mon-fri"),
    **dict.fromkeys(("weekend", "weekends"), "sat-sun"),
    **dict.fromkeys(("daily", "everyday", "all", "every day"), "mon-sun"),
}
"""What people write for days, the API's home being Mexico."""
LONG_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


def _places() -> dict[str, str]:
    """Map names to the paths that they mean: a last part, or what the API's list calls it."""
    paths: dict[str, str] = {}
    for field in MANAGEABLE:
        paths.setdefault(field.path.rpartition(".")[2], field.path)
        group, _, name = field.path.rpartition(".")
        if group:
            # The API's list is flat: `cycle_mode`.
            paths.setdefault(f"{group.removesuffix('s')}_{name}", field.path)
            paths.setdefault(f"{group}_{name}", field.path)
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
    if names := near(plain, known, cutoff=0.5):
        return asked(f"`{each}`" for each in names)
    return f"known here: {', '.join(known)}"


def nearest(name: str, known: Iterable[str]) -> str:
    """Say which of the names that are known here was probably meant, or which there are."""
    known = [*known]
    if names := near(name[:LONGEST], known):
        return asked(f"`{each}`" for each in names)
    return f"known here: {', '.join(known)}" if known else "none is known here"


def near(name: str, known: Iterable[str], cutoff: float = 0.6) -> list[str]:
    """Give the known names that are one slip away; else the one that begins so, or is most alike.

    `cutoff` is how alike that one must be, from 0 to 1.
    """
    known = [*known]
    if slipped := [each for each in known if is_one_slip(name, each)]:
        return slipped
    begun = [each for each in known if len(name) > 1 and each.startswith(name)]
    return begun if len(begun) == 1 else get_close_matches(name, known, n=1, cutoff=cutoff)


def is_one_slip(one: str, other: str) -> bool:
    """Tell whether a letter more, less or wrong, or two swapped ones, make one of the other."""
    shorter = min(len(one), len(other))
    start = next((at for at in range(shorter) if one[at] != other[at]), shorter)
    one, other = one[start:], other[start:]
    is_swapped = one[:2] == other[:2][::-1] and one[2:] == other[2:]
    return one != other and (is_swapped or other[1:] in (one, one[1:]) or one[1:] == other)


def asked(names: Iterable[str]) -> str:
    return f"did you mean {' or '.join(names)}?"


def days_meant(name: str) -> str:
    """Say which weekdays were meant: long names, capitals and other dashes are common."""
    plain = ascii_of(name[:LONGEST].lower().strip())
    if not (short := OTHER_DAYS.get(plain)):
        dashed = re.sub(r"\s*(?:\bto\b|[-/]|\.\.+)\s*", "-", plain)
        short = re.sub(r"[a-z]+", _abbreviated, dashed)
    meant = [short] if days_of(short) else []
    if plain not in OTHER_DAYS:
        meant += (day for day in WEEKDAYS if is_one_slip(plain, day))
    if meant:
        return asked(f"`{each}`" for each in dict.fromkeys(meant))
    return f"known here: {', '.join(WEEKDAYS)}, a range such as mon-fri, a list such as mon,wed"


def _abbreviated(word: re.Match[str]) -> str:
    text = word.group()
    if other := OTHER_DAYS.get(text) or OTHER_DAYS.get(text[:3]):
        return other
    names = [text[:3]] if text[:3] in WEEKDAYS else near(text, (*WEEKDAYS, *LONG_DAYS))
    return names[0][:3] if names else text


def ascii_of(text: str) -> str:
    """Take the accents off, and turn any dash into one: zones and days are spelled without."""
    dashed = re.sub("[\u2010-\u2015\u2212]", "-", text)
    return unicodedata.normalize("NFKD", dashed).encode("ascii", "ignore").decode()
