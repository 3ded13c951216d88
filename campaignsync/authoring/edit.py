"""Change single fields of a definition's text with a minimal diff.

Every edit replaces the characters of one value, or adds lines for it; the rest of the text stays
the same. An edit never changes the other fields that share a value through an anchor. If the field
is an alias, it gets its own value. If it holds the anchor, its aliases get their own values.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from campaignsync.authoring.style import ORDER, runs, week_parts, window
from campaignsync.authoring.text_edits import TextEdits, word_of
from campaignsync.model.fields import BY_PATH, WEEKDAYS, WEEKS, Value
from campaignsync.model.week import days_of
from campaignsync.yamltree.nodes import (
    AliasNode,
    Entry,
    MappingNode,
    ScalarNode,
    alias_entries,
    find_entry,
    line_end,
    resolve,
    walk,
)
from campaignsync.yamltree.parse import editable_tree
from campaignsync.yamltree.scalars import write_scalar


@dataclass(slots=True)
class Edited:
    """A text after its edits, and notes on values that are no longer shared."""

    text: str
    notes: list[str]


def edited(text: str, before: Mapping[str, Value], wanted: Mapping[str, Value]) -> Edited:
    """Return a definition's text with new values for some fields.

    `before` holds the values in the text, `wanted` the new values, both by path and canonical.
    """
    edit = _Edit(text, dict(before))
    for week in WEEKS:
        days = {path: wanted[path] for path in wanted if path.startswith(f"{week}.")}
        if days:
            edit.week(week, days)
    for path in (path for path in wanted if path.rpartition(".")[0] not in WEEKS):
        edit.field(path, wanted[path])
    return Edited(edit.text, edit.notes)


class _Edit(TextEdits):
    def __init__(self, text: str, values: dict[str, Value]) -> None:
        super().__init__(text)
        self.notes: list[str] = []
        self._values = values

    def field(self, path: str, value: Value) -> None:
        """Set one field to a new value that it does not share."""
        entry = self._own(path)
        if entry.value is None:
            self.insert(entry, {path: value})
        else:
            self.put(entry, path, value)
        self._values[path] = value

    def week(self, week: str, days: Mapping[str, Value]) -> None:
        """Set new hours for some weekdays; split a range of days only where needed."""
        wanted = {path.rpartition(".")[2]: value for path, value in days.items()}
        entry = self._own(week, [day for day in wanted if f"{week}.{day}" in self._values])
        if not isinstance(entry.value, MappingNode):
            self.insert(entry, days)
        else:
            # In reverse order: an edit does not move the positions before it.
            for key, value in reversed(entry.value.entries):
                if set(days_of(key.text)) & wanted.keys():
                    inside = Entry(entry.steps, entry.value, key, value, f"{week}.")
                    self._part(inside, week, wanted)
            present = {day for key, _ in entry.value.entries for day in days_of(key.text)}
            for path in sorted(days, key=ORDER.__getitem__):
                if path.rpartition(".")[2] not in present:
                    self.insert(find_entry(editable_tree(self.text), path), {path: days[path]})
        self._values |= days

    def _own(self, path: str, days: Collection[str] = ()) -> Entry:
        """Return the entry of a field or week, after removing the sharing that affects it.

        Removes aliases, merges and schedule names on the path and in the value. In a week, only
        the `days` that change must not be shared.
        """
        while True:
            root = editable_tree(self.text)
            entry = find_entry(root, path)
            alias = next((step for step in entry.steps if isinstance(step.value, AliasNode)), None)
            if alias:
                self._unshare(alias)
            elif merge := _merge_of(entry, days):
                self._dissolve(merge)
            elif user := _user(root, entry, days):
                self._unshare(user)
            elif path in WEEKS and isinstance(entry.value, ScalarNode):
                self._leave_schedule(entry, entry.value)
            else:
                return entry

    def _unshare(self, entry: Entry) -> None:
        """Replace an alias with the value that it refers to."""
        assert isinstance(entry.value, AliasNode)  # noqa: S101 - the caller checked it
        day = next((step for step in entry.steps if _is_day(step)), None)
        if entry.key.text == "<<" and not day:
            self._dissolve(entry)
            return
        self._note(entry, entry.value)
        if day and day.value:
            week, _, name = day.path.rpartition(".")
            self.hours(day, window(self._values[f"{week}.{days_of(name)[0]}"]))
        elif entry.listed:
            self.replace(entry.value, write_scalar(word_of(entry.value), flow=True))
        elif entry.path in BY_PATH:
            self.put(entry, entry.path, self._values[entry.path])
        else:
            below = {path for path in self._values if path.startswith(f"{entry.path}.")}
            self.spread(entry, {path: self._values[path] for path in below})

    def _leave_schedule(self, entry: Entry, name: ScalarNode) -> None:
        """Replace the name of a schedule with the days of that schedule."""
        self.notes.append(f"`{entry.path}` now has its own hours instead of {name.text}")
        days = {path: value for path, value in self._values.items() if path in _days(entry.path)}
        self.spread(entry, days)

    def _note(self, entry: Entry, alias: AliasNode) -> None:
        self.notes.append(f"`{entry.path}` now has its own value instead of *{alias.name}")

    def _dissolve(self, merge: Entry) -> None:
        """Replace a merge with the weekdays that it adds to the week."""
        week = merge.prefix[:-1]
        others = {day for key, _ in merge.parent.entries for day in days_of(key.text)}
        merged_days = {
            path: value
            for path, value in self._values.items()
            if path.startswith(merge.prefix) and path.rpartition(".")[2] not in others
        }
        self.notes.append(f"`{week}` now has its own hours instead of merged ones")
        joint = ", " if merge.parent.flow else f"\n{' ' * self.column(merge.key)}"
        merged = merge.listed or merge.value
        assert merged is not None  # noqa: S101 - a merge has a value
        self.cut(merge.key.start, merged.end, joint.join(week_parts(merged_days)))

    def _part(self, entry: Entry, week: str, wanted: Mapping[str, Value]) -> None:
        """Change some days of one entry of a week; split the entry if its days then differ."""
        value = entry.value
        assert value is not None  # noqa: S101 - an entry has one
        if isinstance(value, AliasNode):
            self._note(entry, value)
        days = days_of(entry.key.text)
        new = [wanted.get(day) for day in days]
        if all(each == new[0] for each in new):
            self.window(entry, wanted[days[0]])
            return
        raw = self.text[value.start : value.end]
        can_stay = "\n" not in raw and not any(node.anchor for node in walk(value))
        stays = raw if can_stay else window(self._values[f"{week}.{days[0]}"])
        hours = (
            (day, window(wanted[day]) if day in wanted else stays)
            for day in WEEKDAYS
            if day in days
        )
        parts = [f"{name}: {text}" for name, text in runs(hours)]
        if entry.in_flow:
            self.cut(entry.key.start, value.end, ", ".join(parts))
            return
        end = line_end(self.text, value.end)
        margin = " " * self.column(entry.key)
        parts[0] += self.text[value.end : end]
        self.cut(entry.key.start, end, f"\n{margin}".join(parts))


def _merge_of(entry: Entry, days: Collection[str]) -> Entry | None:
    """Return the merge key of a week if one of `days` may come from it, else None."""
    if not isinstance(entry.value, MappingNode):
        return None
    own = {day for key, _ in entry.value.entries for day in days_of(key.text)}
    for key, value in entry.value.entries:
        if key.text == "<<" and not key.style and not own.issuperset(days):
            return Entry(entry.steps, entry.value, key, value, f"{entry.path}.")
    return None


def _user(root: MappingNode, entry: Entry, days: Collection[str]) -> Entry | None:
    """Return an alias of a node that is about to change or contains the change, else None."""
    changing = [step.value for step in entry.steps if step.value]
    if isinstance(entry.value, MappingNode):
        entries = (value for key, value in entry.value.entries if {*days_of(key.text)} & {*days})
        changing += [node for value in entries for node in walk(value)]
    elif entry.value:
        changing += walk(entry.value)
    for user in alias_entries(root):
        target = resolve(user.value) if user.value else None
        if any(target is node for node in changing):
            return user
    return None


def _days(week: str) -> Collection[str]:
    return {f"{week}.{day}" for day in WEEKDAYS}


def _is_day(step: Entry) -> bool:
    return step.prefix[:-1] in WEEKS and bool(days_of(step.key.text))
