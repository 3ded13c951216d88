"""Single fields of a definition's text, changed with the smallest difference there is.

Every edit replaces the characters of one value, or adds lines for it; nothing else moves. A value
that is shared through an anchor is never changed for all who share it: the field that changes gets
a value of its own, and where the anchor itself stands in the way, so do those that refer to it.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from campaignsync.fields import BY_PATH, WEEKDAYS, WEEKS, Value
from campaignsync.load import days_of
from campaignsync.write.meaning import ORDER
from campaignsync.write.places import Place, aliases, find, line_end, line_start
from campaignsync.write.scalars import literal, requoted, written
from campaignsync.write.style import (
    entry_lines,
    flow,
    inline,
    level_lines,
    runs,
    week_parts,
    window,
)
from campaignsync.write.tree import BLOCK, Alias, Items, Pairs, Spot, Word, meant, tree, within


@dataclass(slots=True)
class Edited:
    """A text after its edits, and what to say about values that were shared."""

    text: str
    notes: list[str]


def edited(text: str, before: Mapping[str, Value], wanted: Mapping[str, Value]) -> Edited:
    """Give a definition's text with other values for some fields.

    `before` is what the text says, `wanted` the new values by path; both are canonical.
    """
    edit = _Edit(text, dict(before))
    for week in WEEKS:
        days = {path: wanted[path] for path in wanted if path.startswith(f"{week}.")}
        if days:
            edit.week(week, days)
    for path in (path for path in wanted if path.rpartition(".")[0] not in WEEKS):
        edit.field(path, wanted[path])
    return Edited(edit.text, edit.notes)


class _Edit:
    def __init__(self, text: str, values: dict[str, Value]) -> None:
        self.text = text
        self.notes: list[str] = []
        self._values = values

    def field(self, path: str, value: Value) -> None:
        """Give one field its own new value."""
        place = self._own(path)
        if place.value is None:
            self._insert(place, {path: value})
        else:
            self._put(place, path, value)
        self._values[path] = value

    def week(self, week: str, days: Mapping[str, Value]) -> None:
        """Give some weekdays their own new hours; a range parts only where it has to."""
        wanted = {path.rpartition(".")[2]: value for path, value in days.items()}
        place = self._own(week, wanted)
        if not isinstance(place.value, Pairs):
            self._insert(place, days)
        else:
            # From the last: what comes before an edit stays where it was.
            for key, value in reversed(place.value.pairs):
                if set(days_of(key.text)) & wanted.keys():
                    inside = Place(place.steps, place.value, key, value)
                    self._part(inside, week, wanted)
            said = {day for key, _ in place.value.pairs for day in days_of(key.text)}
            for path in sorted(days, key=ORDER.__getitem__):
                if path.rpartition(".")[2] not in said:
                    self._insert(find(tree(self.text), path), {path: days[path]})
        self._values |= days

    def _own(self, path: str, days: Collection[str] = ()) -> Place:
        """Find a field, or a week, once nothing on its way or in it is shared any more.

        Of a week, only its days that are to change must not be shared.
        """
        while True:
            root = tree(self.text)
            place = find(root, path)
            alias = next((step for step in place.steps if isinstance(step.value, Alias)), None)
            if alias:
                self._unshare(alias)
            elif merge := _merge_of(place, days):
                self._dissolve(merge)
            elif user := _user(root, place, days):
                self._unshare(user)
            else:
                return place

    def _unshare(self, place: Place) -> None:
        """Write what an alias stands for in its place."""
        assert isinstance(place.value, Alias)  # noqa: S101 - the caller found it to be one
        day = next((step for step in place.steps if _is_day(step)), None)
        if place.key.text == "<<" and not day:
            self._dissolve(place)
            return
        self._note(place, place.value)
        if day and day.value:
            week, _, name = day.path.rpartition(".")
            self._hours(day, window(self._values[f"{week}.{days_of(name)[0]}"]))
        elif place.listed:
            self._replace(place.value, written(_word_of(place.value), flow=True))
        elif place.path in BY_PATH:
            self._put(place, place.path, self._values[place.path])
        else:
            below = {path for path in self._values if path.startswith(f"{place.path}.")}
            self._spread(place, {path: self._values[path] for path in below})

    def _note(self, place: Place, alias: Alias) -> None:
        self.notes.append(f"`{place.path}` has a value of its own now, and not *{alias.name}")

    def _dissolve(self, merge: Place) -> None:
        """Write the weekdays that a merge brings as the week's own."""
        week = merge.prefix[:-1]
        others = {day for key, _ in merge.parent.pairs for day in days_of(key.text)}
        brought = {
            path: value
            for path, value in self._values.items()
            if path.startswith(merge.prefix) and path.rpartition(".")[2] not in others
        }
        self.notes.append(f"`{week}` has hours of its own now, and merges none")
        joint = ", " if merge.parent.flow else f"\n{' ' * self._column(merge.key)}"
        merged = merge.listed or merge.value
        assert merged is not None  # noqa: S101 - a merge has a value
        self._cut(merge.key.start, merged.end, joint.join(week_parts(brought)))

    def _put(self, place: Place, path: str, value: Value) -> None:
        """Write a value where another one, or an alias, stands."""
        old = place.value
        assert old is not None  # noqa: S101 - the caller found one
        if isinstance(old, Items) and isinstance(value, list):
            self._list(place, old, value)
            return
        if isinstance(old, Word) and self._block(old, value):
            return
        head = f"{self.text[place.key.start : place.key.end]}:"
        lines = entry_lines(path, head, value, self._column(place.key))
        if place.in_flow or len(lines) == 1:
            said = inline(path, value, flow=place.in_flow)
            if isinstance(old, Word) and isinstance(value, str):
                said = requoted(said, value, old.style)
            self._replace(old, said + self._comment_in(old))
            return
        # A comment goes behind the first line.
        end = line_end(self.text, old.end)
        comment = self._comment_in(old) or self.text[old.end : end].rstrip()
        self._cut(place.key.start, end, "\n".join([lines[0].lstrip(" ") + comment, *lines[1:]]))

    def _comment_in(self, old: Spot) -> str:
        """Give the comment behind the first line of a block of text."""
        if not (isinstance(old, Word) and old.style in BLOCK):
            return ""
        first = self.text[old.start : line_end(self.text, old.start)]
        return f"  #{first.partition('#')[2]}" if "#" in first else ""

    def _list(self, place: Place, old: Items, value: list[str]) -> None:
        """Change a list item by item: those that stay keep their order, spelling and line."""
        said = {id(item): _word_of(item) for item in old.items}
        kept = [item for item in old.items if said[id(item)] in value]
        new = [text for text in value if text not in said.values()]
        if old.flow or place.in_flow or not kept:
            parts = [self.text[item.start : item.end] for item in kept]
            line = f"[{', '.join([*parts, *(written(text, flow=True) for text in new)])}]"
            if old.flow:
                self._replace(old, line)
            else:
                rest = self.text[place.key.end + 1 : line_end(self.text, place.key.end)]
                self._cut(place.key.end, line_end(self.text, old.end), f": {line}{rest.rstrip()}")
            return
        dash = " " * self._column(old)
        end = line_end(self.text, old.end)
        self._cut(end, end, "".join(f"\n{dash}- {written(text)}" for text in new))
        for item in reversed(old.items):
            if item not in kept:
                start = line_start(self.text, item.start) - 1
                self._cut(start, line_end(self.text, item.end), "")

    def _block(self, old: Word, value: Value) -> bool:
        """Change the lines of a `|` block, and keep its first line and margin, where that can be."""
        first = line_end(self.text, old.start)
        plain = old.style == "|" and not re.search(r"\|[+-]?[0-9]", self.text[old.start : first])
        lines = literal(value) if plain and isinstance(value, str) else None
        body = [line for line in self.text[first : old.end].split("\n") if line.strip()]
        if not lines or not body:
            return False
        margin = " " * min(len(line) - len(line.lstrip(" ")) for line in body)
        said = "".join(f"\n{margin}{line}" if line else "\n" for line in lines)
        self._cut(first, old.end, said)
        return True

    def _part(self, place: Place, week: str, wanted: Mapping[str, Value]) -> None:
        """Change some days of one entry of a week, which parts where they are not all of it."""
        value = place.value
        assert value is not None  # noqa: S101 - an entry has one
        if isinstance(value, Alias):
            self._note(place, value)
        days = days_of(place.key.text)
        new = [wanted.get(day) for day in days]
        if all(each == new[0] for each in new):
            self._window(place, wanted[days[0]])
            return
        raw = self.text[value.start : value.end]
        can_stay = "\n" not in raw and not any(node.anchor for node in within(value))
        stays = raw if can_stay else window(self._values[f"{week}.{days[0]}"])
        said = (
            (day, window(wanted[day]) if day in wanted else stays)
            for day in WEEKDAYS
            if day in days
        )
        parts = [f"{name}: {text}" for name, text in runs(said)]
        if place.in_flow:
            self._cut(place.key.start, value.end, ", ".join(parts))
            return
        end = line_end(self.text, value.end)
        margin = " " * self._column(place.key)
        parts[0] += self.text[value.end : end]
        self._cut(place.key.start, end, f"\n{margin}".join(parts))

    def _window(self, place: Place, value: Value) -> None:
        """Change the hours of an entry, in the form in which they stand."""
        old = place.value
        if isinstance(old, Pairs) and {key.text for key, _ in old.pairs} == value.keys():
            for key, part in reversed(old.pairs):
                said = str(value[key.text]).lower()
                self._replace(part, said if key.text == "active" else f'"{said}"')
            return
        said = window(value)
        if isinstance(old, Word) and not said.startswith("{"):
            said = requoted(said, said, old.style)
        self._hours(place, said)

    def _hours(self, place: Place, said: str) -> None:
        """Write an entry's hours in short, on its key's line."""
        assert place.value is not None  # noqa: S101 - an entry has some
        if isinstance(place.value, Pairs) and not place.value.flow:
            self._cut(place.key.end, place.value.end, f": {said}")
        else:
            self._replace(place.value, said)

    def _insert(self, place: Place, values: Mapping[str, Value]) -> None:
        """Add what no key says yet, in the field table's order."""
        parent, prefix = place.parent, place.prefix
        values = {path: values[path] for path in sorted(values, key=ORDER.__getitem__)}
        rank = ORDER[next(iter(values))]
        before = [pair for pair in parent.pairs if _rank(prefix, pair[0].text) < rank]
        if place.in_flow:
            said = flow(values, prefix)[1:-1]
            if before:
                self._cut(before[-1][1].end, before[-1][1].end, f", {said}")
            else:
                start = parent.pairs[0][0].start if parent.pairs else parent.end - 1
                self._cut(start, start, f"{said}, " if parent.pairs else said)
            return
        indent = self._column(parent.pairs[0][0])
        lines = "\n".join(level_lines(values, prefix, indent))
        if before:
            end = line_end(self.text, before[-1][1].end)
            self._cut(end, end, f"\n{lines}")
        else:
            start = line_start(self.text, parent.pairs[0][0].start)
            self._cut(start, start, f"{lines}\n")

    def _spread(self, place: Place, values: Mapping[str, Value]) -> None:
        """Write a group of keys where an alias stands."""
        alias = place.value
        assert alias is not None  # noqa: S101 - the caller found one
        values = {path: values[path] for path in sorted(values, key=ORDER.__getitem__)}
        prefix = f"{place.path}."
        if place.in_flow:
            self._replace(alias, flow(values, prefix))
            return
        comment = self.text[alias.end : line_end(self.text, alias.end)]
        below = "".join(
            f"\n{line}" for line in level_lines(values, prefix, self._column(place.key) + 2)
        )
        self._cut(place.key.end, line_end(self.text, alias.end), f":{comment}{below}")

    def _replace(self, old: Spot, said: str) -> None:
        self._cut(old.start, old.end, said)

    def _cut(self, start: int, end: int, said: str) -> None:
        self.text = self.text[:start] + said + self.text[end:]

    def _column(self, node: Spot) -> int:
        return node.start - line_start(self.text, node.start)


def _merge_of(place: Place, days: Collection[str]) -> Place | None:
    """Give the merge of a week that brings one of these days."""
    if not isinstance(place.value, Pairs):
        return None
    own = {day for key, _ in place.value.pairs for day in days_of(key.text)}
    for key, value in place.value.pairs:
        if key.text == "<<" and not key.style and not own.issuperset(days):
            return Place(place.steps, place.value, key, value, f"{place.path}.")
    return None


def _user(root: Pairs, place: Place, days: Collection[str]) -> Place | None:
    """Find an alias of anything that is about to change, or of what that stands in."""
    changing = [step.value for step in place.steps if step.value]
    if isinstance(place.value, Pairs):
        entries = (value for key, value in place.value.pairs if {*days_of(key.text)} & {*days})
        changing += [node for value in entries for node in within(value)]
    elif place.value:
        changing += within(place.value)
    for user in aliases(root):
        target = meant(user.value) if user.value else None
        if any(target is node for node in changing):
            return user
    return None


def _is_day(step: Place) -> bool:
    return step.prefix[:-1] in WEEKS and bool(days_of(step.key.text))


def _word_of(item: Spot) -> str:
    word = meant(item)
    assert isinstance(word, Word)  # noqa: S101 - a valid list holds words
    return word.text


def _rank(prefix: str, key: str) -> int:
    path = prefix + key
    if prefix[:-1] in WEEKS and (days := days_of(key)):
        path = prefix + days[0]
    below = [place for each, place in ORDER.items() if f"{each}.".startswith(f"{path}.")]
    return min(below, default=-1)
