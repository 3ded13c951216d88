"""Detect values that differ in spelling only: a server may normalize text and time zones."""

import re
import unicodedata
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import cache
from zoneinfo import ZoneInfo

from campaignsync.model.calendar import ZoneKind
from campaignsync.model.fields import BY_PATH
from campaignsync.model.kind import Value

BLANKS = re.compile(r"(?<![^\S\n])[^\S\n]++(?=\n|\Z)")
"""Spaces and tabs at the end of a line; the time to find them is linear."""
WORD = re.compile(r"(?<!\S)\S{1,1000}+(?!\S)")
"""A word of usual length: the time to compose a word is quadratic."""
YEARS = range(1990, 2038)
"""Years in which two names of the same zone must have the same offsets."""


def spelling_difference(path: str, definition: Value, live: Value) -> str:
    """Return a description of how two values differ if they differ in spelling only; else ""."""
    if not (isinstance(definition, str) and isinstance(live, str)) or definition == live:
        return ""
    if isinstance(BY_PATH[path].kind, ZoneKind):
        return _zone(definition, live)
    if _plain(definition) != _plain(live):
        return ""
    return "; ".join(_text(definition, live))


def _text(definition: str, live: str) -> Iterator[str]:
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


def _plain(text: str) -> str:
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


def _zone(definition: str, live: str) -> str:
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
