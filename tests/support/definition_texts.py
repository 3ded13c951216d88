"""Generated YAML of definitions: the same values in many styles."""

import json
import random
from collections.abc import Iterator, Mapping

from hypothesis import strategies as st

from campaignsync.model.fields import BY_PATH, WEEKS, unmet
from campaignsync.model.kind import Value
from campaignsync.model.week import WEEKDAYS, WindowKind
from support.strategies import VALUES

TEXTS = ("name", "description", "first_message", "template", "template_alt")

Tree = dict[str, "Value | Tree"]


def text_of(values: Mapping[str, Value], chance: random.Random) -> str:
    """Return YAML with random order, quotes, comments, indentation and anchors."""
    lines = list(_Writer(chance).level(nested(values), "", 0))
    if chance.random() < 0.3:
        lines.insert(0, "---")
    if chance.random() < 0.5:
        lines.insert(0, "# yaml-language-server: $schema=x.json")
    return "\n".join(lines) + chance.choice(["\n", "", "\n\n", "\n# the end\n"])


def nested(values: Mapping[str, Value]) -> Tree:
    tree: Tree = {}
    for path, value in values.items():
        *parents, name = path.split(".")
        place = tree
        for parent in parents:
            place = place.setdefault(parent, {})
        place[name] = value
    return tree


class _Writer:
    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._step = chance.choice([2, 2, 4])
        self._windows: dict[str, str] = {}
        self._weeks: dict[str, str] = {}
        self._numbers: dict[int, str] = {}

    def level(self, tree: Tree, prefix: str, indent: int) -> Iterator[str]:
        keys = list(tree)
        if self._chance.random() < 0.6:
            self._chance.shuffle(keys)
        for key in keys:
            yield from self._above(indent)
            path = prefix + key
            margin = " " * indent
            if path in WEEKS:
                yield from self._week(key, tree[key], indent)
            elif path in BY_PATH or path == "id":
                yield from self._field(path, key, tree[key], indent)
            else:
                yield f"{margin}{key}:{self._comment()}"
                yield from self.level(tree[key], f"{path}.", indent + self._step)
                yield from self._above(indent + self._step)

    def _above(self, indent: int) -> Iterator[str]:
        if self._chance.random() < 0.15:
            yield ""
        if self._chance.random() < 0.2:
            yield f'{" " * indent}# it\'s: "so" [1, {{'

    def _comment(self) -> str:
        return self._chance.choice(["", "", "", " # why", "      # it's so: yes"])

    def _field(self, path: str, key: str, value: Value, indent: int) -> Iterator[str]:
        margin, inner = " " * indent, " " * (indent + self._step)
        if isinstance(value, list) and self._chance.random() < 0.5:
            yield f"{margin}{key}:{' []' if not value else ''}{self._comment()}"
            for item in value:
                yield f"{inner}- {self._quoted(item)}{self._comment()}"
        elif isinstance(value, list):
            inside = ", ".join(map(self._quoted, value))
            yield f"{margin}{key}: [{inside}]{self._comment()}"
        elif type(value) is int and path != "id":
            yield f"{margin}{key}: {self._number(value)}{self._comment()}"
        elif not isinstance(value, str):
            yield f"{margin}{key} :   {json.dumps(value)}{self._comment()}"
        elif path in TEXTS and value.strip() and value[0] != " " and self._chance.random() < 0.3:
            yield f"{margin}{key}: |{self._comment()}"
            yield from (inner + line if line else "" for line in value.split("\n"))
        else:
            yield f"{margin}{key}: {self._quoted(value)}{self._comment()}"

    def _number(self, value: int) -> str:
        if (name := self._numbers.get(value)) and self._chance.random() < 0.7:
            return f"*{name}"
        if not name and self._chance.random() < 0.3:
            self._numbers[value] = f"n{value}"
            return f"&n{value} {value}"
        return str(value)

    def _quoted(self, text: str) -> str:
        if "'" not in text and text.isprintable() and self._chance.random() < 0.5:
            return f"'{text}'"
        # JSON escapes characters above U+FFFF as surrogate pairs, which YAML does not support.
        is_short = all(ord(sign) < 0x10000 for sign in text)
        return json.dumps(text, ensure_ascii=is_short and self._chance.random() < 0.2)

    def _week(self, key: str, days: Tree, indent: int) -> Iterator[str]:
        margin, inner = " " * indent, " " * (indent + self._step)
        if self._chance.random() < 0.3:
            parts = ", ".join(
                f"{day}: {self._window(value, anchors=False)}" for day, value in days.items()
            )
            yield f"{margin}{key}: {{{parts}}}{self._comment()}"
            return
        written = json.dumps(days, sort_keys=True)
        if (name := self._weeks.get(written)) and self._chance.random() < 0.7:
            merged = [f"{margin}{key}:{self._comment()}", f"{inner}<<: *{name}{self._comment()}"]
            yield from self._chance.choice([merged, [f"{margin}{key}: *{name}{self._comment()}"]])
            return
        anchor = ""
        if not name and self._chance.random() < 0.5:
            self._weeks[written] = name = f"week{len(self._weeks)}"
            anchor = f" &{name}"
        yield f"{margin}{key}:{anchor}{self._comment()}"
        for names, value in self._ranges(days):
            yield from self._above(indent + self._step)
            yield f"{inner}{names}: {self._window(value, anchors=True)}{self._comment()}"

    def _ranges(self, days: Tree) -> Iterator[tuple[str, Value]]:
        left = [day for day in WEEKDAYS if day in days]
        while left:
            size = 1
            while size < len(left) and days[left[size]] == days[left[0]]:
                if WEEKDAYS.index(left[size]) != WEEKDAYS.index(left[0]) + size:
                    break
                if self._chance.random() < 0.2:
                    break
                size += 1
            names = left[0] if size == 1 else f"{left[0]}-{left[size - 1]}"
            yield names, days[left[0]]
            left = left[size:]

    def _window(self, value: Value, *, anchors: bool) -> str:
        known = self._windows.get(json.dumps(value))
        if anchors and known and self._chance.random() < 0.5:
            return f"*{known}"
        if value == {"active": False}:
            text = self._chance.choice(["closed", "{active: false}"])
        elif value["active"] and self._chance.random() < 0.7:
            text = f"{value['startTime']}{self._chance.choice(['-', ' - '])}{value['stopTime']}"
        else:
            text = json.dumps(value)
        if anchors and not known and self._chance.random() < 0.4:
            name = f"w{len(self._windows)}"
            self._windows[json.dumps(value)] = name
            return f"&{name} {text}"
        return text


@st.composite
def valid_values(draw: st.DrawFn) -> dict[str, Value]:
    """Draw a definition's values, including the id, that satisfy the API's rules."""
    drawn = draw(st.fixed_dictionaries({}, optional=VALUES))
    for window in [path for path in drawn if isinstance(BY_PATH[path].kind, WindowKind)]:
        drawn[window] = draw(st.sampled_from([drawn[window], {"active": False}, HOURS, HOURS]))
    if draw(st.booleans()):
        # Two equal weeks, which the YAML may share through an anchor.
        for day in WEEKDAYS:
            drawn.pop(f"cycles.schedule.{day}", None)
            if f"scheduling.{day}" in drawn:
                drawn[f"cycles.schedule.{day}"] = drawn[f"scheduling.{day}"]
    if "retries" in drawn and "cycles.max_iterations" in drawn:
        drawn["cycles.max_iterations"] = drawn["retries"]
    values = {path: value for path, value in drawn.items() if not unmet(BY_PATH[path], drawn)}
    first, last = (f"cycles.schedule_{end}_date" for end in ("start", "end"))
    if first in values and last in values and values[last] < values[first]:
        del values[last]
    return {"id": draw(st.integers(1, 9999)), **values}


HOURS = {"startTime": "09:00", "stopTime": "18:00", "active": True}

contents = st.builds(
    lambda values, chance, breaks, mark: (
        values,
        (mark + text_of(values, chance)).replace("\n", breaks).encode(),
    ),
    valid_values(),
    st.randoms(use_true_random=False),
    st.sampled_from(["\n", "\n", "\r\n"]),
    st.sampled_from(["", "", "\ufeff"]),
)
"""A definition's values, and the bytes of its YAML file."""
