"""Write values as YAML in the standard style: the field table's order, short forms, blocks.

The formatted keys of one block are sorted here, and weekdays with equal hours joined.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import groupby

from campaignsync.model.calendar import DateKind
from campaignsync.model.definitions import Definition
from campaignsync.model.fields import BY_PATH, MANAGEABLE, WEEKS
from campaignsync.model.kind import Value
from campaignsync.model.week import WEEKDAYS, WindowKind, days_of, names_of
from campaignsync.yamltree.nodes import AliasNode, Node, walk
from campaignsync.yamltree.scalars import WIDEST, block, comment, write_scalar

Lines = Iterator[str]
ORDER = {field.path: place for place, field in enumerate(MANAGEABLE)}
"""The position of each field in a definition."""

Remarks = Mapping[str, str]
"""Comments by path, as `  # text`, to append to the first line of the field."""
NONE: Remarks = {}
AROUND = {"id": -2, "labels": -1, "environments": len(ORDER) + 1}
"""Sort positions of the keys that are not fields."""


def definition_lines(
    id_: int, values: Mapping[str, Value], environment: str | None = None
) -> Lines:
    """Yield the lines of one campaign: its id, then `values`, which are in the table's order."""
    yield f"id: {{{write_scalar(environment, flow=True)}: {id_}}}" if environment else f"id: {id_}"
    yield from level_lines(values, "", 0)


def resolved(definitions: Iterable[Definition]) -> str:
    """Return one YAML document per definition, without shared values.

    Each line has a comment with the source of its value.
    """
    return "\n---\n".join("\n".join(_resolved_lines(definition)) for definition in definitions)


def _resolved_lines(definition: Definition) -> Lines:
    remarks = {path: f"  # {comment(str(at))}" for path, at in definition.places.items()}
    yield f"id: {definition.id}{remarks['id']}"
    if definition.labels:
        labels = (
            f"{write_scalar(name, flow=True)}: {write_scalar(text, flow=True)}"
            for name, text in definition.labels.items()
        )
        yield f"labels: {{{', '.join(labels)}}}"
    yield from level_lines(definition.values, "", 0, remarks)


def level_lines(
    values: Mapping[str, Value], prefix: str, indent: int, remarks: Remarks = NONE
) -> Lines:
    """Yield the lines of the keys below a dotted prefix, groups at their first key's position."""
    if prefix[:-1] in WEEKS:
        yield from (f"{' ' * indent}{line}" for line in week_parts(values, remarks))
        return
    for path, inner in _groups(values, prefix):
        key = f"{path.removeprefix(prefix)}:"
        if path in BY_PATH:
            first, *more = entry_lines(path, key, values[path], indent)
            yield from (first + remarks.get(path, ""), *more)
        else:
            yield f"{' ' * indent}{key}"
            yield from level_lines(inner, f"{path}.", indent + 2, remarks)


def _groups(values: Mapping[str, Value], prefix: str) -> Iterator[tuple[str, dict[str, Value]]]:
    """Yield the path of each key below a prefix, with the values below that key."""
    for key, group in groupby(values, lambda path: path.removeprefix(prefix).partition(".")[0]):
        yield prefix + key, {path: values[path] for path in group}


def entry_lines(path: str, head: str, value: Value, indent: int) -> list[str]:
    """Return the lines of one field; `head` is the text before its value, such as `key:`."""
    margin = " " * indent
    if isinstance(value, str) and (lines := block(value, head, indent)):
        return lines
    line = f"{margin}{head} {inline(path, value)}"
    if isinstance(value, list) and len(line) > WIDEST:
        return [f"{margin}{head}", *(f"{margin}  - {write_scalar(item)}" for item in value)]
    return [line]


def flow(values: Mapping[str, Value], prefix: str) -> str:
    """Return the keys below a prefix in braces, on one line."""
    return f"{{{', '.join(_flow_parts(values, prefix))}}}"


def _flow_parts(values: Mapping[str, Value], prefix: str) -> Lines:
    if prefix[:-1] in WEEKS:
        yield from week_parts(values)
        return
    for path, inner in _groups(values, prefix):
        is_field = path in BY_PATH
        text = inline(path, values[path], flow=True) if is_field else flow(inner, f"{path}.")
        yield f"{path.removeprefix(prefix)}: {text}"


def inline(path: str, value: Value, *, flow: bool = False) -> str:
    """Return a value on one line; `flow` if it is inside brackets or braces."""
    kind = BY_PATH[path].kind
    if isinstance(value, list):
        return f"[{', '.join(write_scalar(item, flow=True) for item in value)}]"
    if isinstance(kind, WindowKind):
        return window(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    # A date needs no quotes: every YAML reader reads it as the same day.
    is_text = isinstance(value, str) and not isinstance(kind, DateKind)
    return write_scalar(value, flow=flow) if is_text else str(value)


def window(value: Value) -> str:
    """Return one weekday's hours, in the short form if it holds every value."""
    if value == {"active": False}:
        return "closed"
    if value["active"]:
        return f"{value['startTime']}-{value['stopTime']}"
    return f'{{startTime: "{value["startTime"]}", stopTime: "{value["stopTime"]}", active: false}}'


def week_parts(values: Mapping[str, Value], remarks: Remarks = NONE) -> Lines:
    """Yield the weekdays of one week; equal neighbours become one range, `mon-fri`."""
    days = {
        path.rpartition(".")[2]: window(value) + remarks.get(path, "")
        for path, value in values.items()
    }
    for name, hours in runs((day, days[day]) for day in WEEKDAYS if day in days):
        yield f"{name}: {hours}"


def runs(days: Iterable[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """Yield ranges of neighbouring weekdays with equal hours; `days` are in weekday order."""
    for hours, run in groupby(days, key=lambda each: each[1]):
        yield from ((name, hours) for name in names_of(day for day, _ in run))


@dataclass(slots=True)
class FormattedKey:
    """One formatted key: the comment lines above it, its own lines, the comments below it."""

    path: str
    value: Node
    lead: list[str]
    body: list[str]
    trail: list[str] = field(default_factory=list)
    days: list[str] = field(default_factory=list)
    """The weekdays of a key that may be joined with a neighbour; empty if it may not."""


def in_order(entries: list[FormattedKey]) -> list[FormattedKey]:
    """Return entries in the field table's order.

    They stay unsorted if an alias would precede its anchor.
    """
    ordered = sorted(entries, key=lambda entry: rank(entry.path))
    places = {id(entry): place for place, entry in enumerate(ordered)}
    for earlier, entry in enumerate(entries):
        for later in entries[earlier + 1 :]:
            is_swapped = places[id(entry)] > places[id(later)]
            if is_swapped and _anchors(entry.value) & _aliases(later.value):
                return entries
    return ordered


def rank(path: str) -> int:
    """Return the sort position of a key: fields by the table, unknown keys after them."""
    if path.rpartition(".")[2] == "<<":
        return -3
    if path in AROUND:
        return AROUND[path]
    week, _, name = path.rpartition(".")
    if week in WEEKS and (days := days_of(name)):
        path = f"{week}.{days[0]}"
    below = (place for each, place in ORDER.items() if f"{each}.".startswith(f"{path}."))
    return min(below, default=len(ORDER))


def _anchors(node: Node) -> set[str]:
    return {each.anchor for each in walk(node) if each.anchor}


def _aliases(node: Node) -> set[str]:
    return {each.name for each in walk(node) if isinstance(each, AliasNode)}


def joined_lines(entries: list[FormattedKey]) -> Iterator[str]:
    """Yield the lines of the entries; join neighbouring weekdays that have the same hours."""
    place = 0
    while place < len(entries):
        run = entries[place]
        place += 1
        while place < len(entries) and _continues(run, entries[place]):
            run = _join(run, entries[place])
            place += 1
        yield from (*run.lead, *run.body, *run.trail)


def _continues(run: FormattedKey, entry: FormattedKey) -> bool:
    if not run.days or not entry.days or run.trail or entry.lead:
        return False
    follows = WEEKDAYS.index(entry.days[0]) == WEEKDAYS.index(run.days[-1]) + 1
    return follows and _hours(run) == _hours(entry)


def _hours(entry: FormattedKey) -> str:
    return entry.body[0].partition(":")[2]


def _join(run: FormattedKey, entry: FormattedKey) -> FormattedKey:
    days = [*run.days, *entry.days]
    margin = " " * margin_of(run.body[0])
    [name] = names_of(days)
    line = f"{margin}{name}:{_hours(run)}"
    return FormattedKey(run.path, run.value, run.lead, [line], entry.trail, days)


def margin_of(line: str) -> int:
    """Return the number of spaces at the start of a line."""
    return len(line) - len(line.lstrip(" "))
