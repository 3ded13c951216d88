"""The keys of one block as they are to be written, and how equal neighbours become one line."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from campaignsync.authoring.style import ranged
from campaignsync.model.fields import WEEKDAYS
from campaignsync.yamltree.nodes import Node


@dataclass(slots=True)
class Entry:
    """One key as it is to be written: the lines above it, its own, and those that end it."""

    path: str
    value: Node
    lead: list[str]
    body: list[str]
    trail: list[str] = field(default_factory=list)
    days: list[str] = field(default_factory=list)
    """The weekdays that its one line says something of, and nothing else does."""


def laid_out(entries: list[Entry]) -> Iterator[str]:
    """Give the entries' lines; neighbouring weekdays that say the same become one line."""
    place = 0
    while place < len(entries):
        run = entries[place]
        place += 1
        while place < len(entries) and _continues(run, entries[place]):
            run = _joined(run, entries[place])
            place += 1
        yield from (*run.lead, *run.body, *run.trail)


def _continues(run: Entry, entry: Entry) -> bool:
    if not run.days or not entry.days or run.trail or entry.lead:
        return False
    follows = WEEKDAYS.index(entry.days[0]) == WEEKDAYS.index(run.days[-1]) + 1
    return follows and _said(run) == _said(entry)


def _said(entry: Entry) -> str:
    return entry.body[0].partition(":")[2]


def _joined(run: Entry, entry: Entry) -> Entry:
    days = [*run.days, *entry.days]
    margin = " " * margin_of(run.body[0])
    line = f"{margin}{ranged(days)}:{_said(run)}"
    return Entry(run.path, run.value, run.lead, [line], entry.trail, days)


def margin_of(line: str) -> int:
    """Give how many spaces a line begins with."""
    return len(line) - len(line.lstrip(" "))
