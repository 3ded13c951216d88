"""Write values as YAML in the standard style: the field table's order, short forms, blocks."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby

from campaignsync.model.calendar import DateKind
from campaignsync.model.fields import BY_PATH, MANAGEABLE, WEEKDAYS, WEEKS, Value
from campaignsync.model.values import Definition
from campaignsync.model.week import WindowKind
from campaignsync.yamltree.scalars import WIDEST, block, comment, write_scalar

Lines = Iterator[str]
ORDER = {field.path: place for place, field in enumerate(MANAGEABLE)}
"""The position of each field in a definition."""

Remarks = Mapping[str, str]
"""Comments by path, as `  # text`, to append to the first line of the field."""
NONE: Remarks = {}


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
    return write_scalar(value, flow=flow) if _is_text(path, value) else str(value)


def _is_text(path: str, value: Value) -> bool:
    return isinstance(value, str) and not isinstance(BY_PATH[path].kind, DateKind)


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
    run: list[str] = []
    run_hours = ""
    for day, hours in days:
        if run and (hours != run_hours or WEEKDAYS.index(day) != WEEKDAYS.index(run[-1]) + 1):
            yield ranged(run), run_hours
            run = []
        run.append(day)
        run_hours = hours
    if run:
        yield ranged(run), run_hours


def ranged(days: list[str]) -> str:
    """Return the name of neighbouring weekdays: `mon`, `mon-fri`."""
    return days[0] if len(days) == 1 else f"{days[0]}-{days[-1]}"
