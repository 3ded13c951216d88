"""Suggest the name, key or weekday that was probably meant."""

import re
import unicodedata
from collections.abc import Iterable

from campaignsync.model.calendar import days_of
from campaignsync.model.fields import MANAGEABLE, WEEKDAYS, WEEKS
from campaignsync.suggest import LONGEST, did_you_mean, is_one_typo, similar

OTHER_DAYS = {
    **dict(zip(("lun", "mar", "mie", "jue", "vie", "sab", "dom"), WEEKDAYS, strict=True)),
    **dict.fromkeys(("weekdays", "weekday", "workdays", "m-f", "l-v"), "mon-fri"),
    **dict.fromkeys(("weekend", "weekends"), "sat-sun"),
    **dict.fromkeys(("daily", "everyday", "all", "every day"), "mon-sun"),
}
"""Other common spellings of days, also in Spanish, because the API is from Mexico."""
LONG_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


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


def key_meant(path: str, name: str, known: Iterable[str]) -> str:
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


def days_meant(name: str) -> str:
    """Return a hint with the weekdays that a text probably means.

    Long names, capitals and other dashes are accepted.
    """
    plain = ascii_of(name[:LONGEST].lower().strip())
    if not (short := OTHER_DAYS.get(plain)):
        dashed = re.sub(r"\s*(?:\bto\b|[-/]|\.\.+)\s*", "-", plain)
        short = re.sub(r"[a-z]+", _abbreviated, dashed)
    meant = [short] if days_of(short) else []
    if plain not in OTHER_DAYS:
        meant += (day for day in WEEKDAYS if is_one_typo(plain, day))
    if meant:
        return did_you_mean(f"`{each}`" for each in dict.fromkeys(meant))
    days = ", ".join(WEEKDAYS)
    return f"expected one of: {days}, a range (mon-fri) or a list (mon,wed)"


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
