"""Hold the formatted keys of one block, and join neighbouring weekdays with equal hours."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from campaignsync.authoring.style import ranged
from campaignsync.model.fields import WEEKDAYS
from campaignsync.yamltree.nodes import Node


@dataclass(slots=True)
class Entry:
    """One formatted key: the comment lines above it, its own lines, the comments below it."""

    path: str
    value: Node
    lead: list[str]
    body: list[str]
    trail: list[str] = field(default_factory=list)
    days: list[str] = field(default_factory=list)
    """The weekdays of a key that may be joined with a neighbour; empty if it may not."""


def laid_out(entries: list[Entry]) -> Iterator[str]:
    """Yield the lines of the entries; join neighbouring weekdays that have the same hours."""
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
    return follows and _hours(run) == _hours(entry)


def _hours(entry: Entry) -> str:
    return entry.body[0].partition(":")[2]


def _joined(run: Entry, entry: Entry) -> Entry:
    days = [*run.days, *entry.days]
    margin = " " * margin_of(run.body[0])
    line = f"{margin}{ranged(days)}:{_hours(run)}"
    return Entry(run.path, run.value, run.lead, [line], entry.trail, days)


def margin_of(line: str) -> int:
    """Return the number of spaces at the start of a line."""
    return len(line) - len(line.lstrip(" "))
