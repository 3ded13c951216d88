"""A campaign's values as YAML in the house style: the field table's order, shorthands, blocks."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import groupby

from campaignsync.fields import BY_PATH, WEEKDAYS, WEEKS, Labels, Value, Window
from campaignsync.write.scalars import WIDEST, block, written

Lines = Iterator[str]


def definition_lines(id_: int, values: Mapping[str, Value]) -> Lines:
    """Write one campaign: its id, then its values, which come in the field table's order."""
    yield f"id: {id_}"
    yield from _level(values, "", 0)


def _level(values: Mapping[str, Value], prefix: str, indent: int) -> Lines:
    """Write the keys below a prefix; a group of keys stands where its first one does."""
    for key, group in groupby(values, lambda path: path.removeprefix(prefix).partition(".")[0]):
        path = prefix + key
        inner = {full: values[full] for full in group}
        if path in WEEKS:
            yield f"{' ' * indent}{key}:"
            yield from week_lines(
                {full.rpartition(".")[2]: value for full, value in inner.items()}, indent + 2
            )
        elif path in BY_PATH:
            yield from entry_lines(path, key, values[path], indent)
        else:
            yield f"{' ' * indent}{key}:"
            yield from _level(inner, f"{path}.", indent + 2)


def entry_lines(path: str, key: str, value: Value, indent: int) -> list[str]:
    """Write one field below its siblings, on as many lines as it takes."""
    if isinstance(BY_PATH[path].kind, Labels):
        return _list_lines(key, value, indent)
    if isinstance(value, str) and (lines := block(value, key, indent)):
        return lines
    return [f"{' ' * indent}{key}: {inline(path, value)}"]


def _list_lines(key: str, items: list[str], indent: int) -> list[str]:
    margin = " " * indent
    line = f"{margin}{key}: [{', '.join(written(item, flow=True) for item in items)}]"
    if len(line) <= WIDEST:
        return [line]
    return [f"{margin}{key}:", *(f"{margin}  - {written(item)}" for item in items)]


def inline(path: str, value: Value, *, flow: bool = False) -> str:
    """Write a value on one line; `flow` where it stands between brackets or braces."""
    kind = BY_PATH[path].kind
    if isinstance(value, list):
        return f"[{', '.join(written(item, flow=True) for item in value)}]"
    if isinstance(kind, Window):
        return window(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    # A date stays plain: every reader takes it for that day.
    return written(value, flow=flow) if _is_text(path, value) else str(value)


def _is_text(path: str, value: Value) -> bool:
    return isinstance(value, str) and BY_PATH[path].kind.schema().get("format") != "date"


def window(value: Value) -> str:
    """Write one weekday's hours: in short where the short form says all of it."""
    if value == {"active": False}:
        return "closed"
    if value["active"]:
        return f"{value['startTime']}-{value['stopTime']}"
    return f'{{startTime: "{value["startTime"]}", stopTime: "{value["stopTime"]}", active: false}}'


def week_lines(
    days: Mapping[str, Value], indent: int, write: Callable[[Value], str] = window
) -> Lines:
    """Write weekdays; neighbours with the same hours are one line, `mon-fri`."""
    for run in runs((day, write(days[day])) for day in WEEKDAYS if day in days):
        yield f"{' ' * indent}{run[0]}: {run[1]}"


def runs(days: Iterable[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """Fold weekdays, in their order, with what they say: neighbours that say the same are one."""
    run: list[str] = []
    said = ""
    for day, says in days:
        if run and (says != said or WEEKDAYS.index(day) != WEEKDAYS.index(run[-1]) + 1):
            yield ranged(run), said
            run = []
        run.append(day)
        said = says
    if run:
        yield ranged(run), said


def ranged(days: list[str]) -> str:
    """Name neighbouring weekdays: `mon`, `mon-fri`."""
    return days[0] if len(days) == 1 else f"{days[0]}-{days[-1]}"
