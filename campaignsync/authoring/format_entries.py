"""Hold the formatted keys of one block: sort them, and join weekdays with equal hours."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from campaignsync.authoring.style import ORDER, ranged
from campaignsync.model.fields import WEEKDAYS, WEEKS
from campaignsync.model.week import days_of
from campaignsync.yamltree.nodes import AliasNode, Node, walk

AROUND = {"id": -2, "labels": -1, "environments": len(ORDER) + 1}
"""Sort positions of the keys that are not fields."""


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


def in_order(entries: list[Entry], path: str) -> list[Entry]:
    """Return entries in the field table's order.

    They stay unsorted if an alias would precede its anchor.
    """
    ordered = sorted(entries, key=lambda entry: _rank(entry.path, path))
    places = {id(entry): place for place, entry in enumerate(ordered)}
    for earlier, entry in enumerate(entries):
        for later in entries[earlier + 1 :]:
            is_swapped = places[id(entry)] > places[id(later)]
            if is_swapped and _anchors(entry.value) & _aliases(later.value):
                return entries
    return ordered


def _rank(path: str, parent: str) -> int:
    """Return the sort position of a key: fields by the table, unknown keys after them."""
    name = path.removeprefix(f"{parent}.")
    if name == "<<":
        return -3
    if path in AROUND:
        return AROUND[path]
    if parent in WEEKS and (days := days_of(name)):
        path = f"{parent}.{days[0]}"
    below = (place for each, place in ORDER.items() if f"{each}.".startswith(f"{path}."))
    return min(below, default=len(ORDER))


def _anchors(node: Node) -> set[str]:
    return {each.anchor for each in walk(node) if each.anchor}


def _aliases(node: Node) -> set[str]:
    return {each.name for each in walk(node) if isinstance(each, AliasNode)}


def joined_lines(entries: list[Entry]) -> Iterator[str]:
    """Yield the lines of the entries; join neighbouring weekdays that have the same hours."""
    place = 0
    while place < len(entries):
        run = entries[place]
        place += 1
        while place < len(entries) and _continues(run, entries[place]):
            run = _join(run, entries[place])
            place += 1
        yield from (*run.lead, *run.body, *run.trail)


def _continues(run: Entry, entry: Entry) -> bool:
    if not run.days or not entry.days or run.trail or entry.lead:
        return False
    follows = WEEKDAYS.index(entry.days[0]) == WEEKDAYS.index(run.days[-1]) + 1
    return follows and _hours(run) == _hours(entry)


def _hours(entry: Entry) -> str:
    return entry.body[0].partition(":")[2]


def _join(run: Entry, entry: Entry) -> Entry:
    days = [*run.days, *entry.days]
    margin = " " * margin_of(run.body[0])
    line = f"{margin}{ranged(days)}:{_hours(run)}"
    return Entry(run.path, run.value, run.lead, [line], entry.trail, days)


def margin_of(line: str) -> int:
    """Return the number of spaces at the start of a line."""
    return len(line) - len(line.lstrip(" "))
