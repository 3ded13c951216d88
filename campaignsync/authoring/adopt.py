"""Write live values into the definitions that manage them, without changing other characters.

Every edit replaces the characters of one value, or adds lines for it; the rest of the text stays
the same. An edit never changes the other fields that share a value through an anchor. If the field
is an alias, it gets its own value. If it holds the anchor, its aliases get their own values.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from campaignsync.authoring.entries import Entry, find_entry, is_day, merge_of, user_of
from campaignsync.authoring.export import EMPTY, desired_of
from campaignsync.authoring.read_values import (
    DefinitionValues,
    read_definition,
    require_values,
)
from campaignsync.authoring.style import ORDER, runs, week_parts, window
from campaignsync.authoring.text_edits import TextEdits, line_end, word_of
from campaignsync.diff import diff
from campaignsync.load import ALONE
from campaignsync.model.campaign import EVERYWHERE
from campaignsync.model.definitions import Definition, LiveCampaign, Shared
from campaignsync.model.fields import BY_PATH, MANAGEABLE, WEEKS, groups_of, unmet
from campaignsync.model.kind import InvalidValue, Value
from campaignsync.model.plan import Change
from campaignsync.model.week import WEEKDAYS, days_of
from campaignsync.yamltree.nodes import (
    AliasNode,
    MappingNode,
    ScalarNode,
    walk,
)
from campaignsync.yamltree.parse import editable_tree
from campaignsync.yamltree.scalars import write_scalar
from campaignsync.yamltree.text import decode, encode_like


@dataclass(frozen=True, slots=True)
class Offer:
    """The changes that a definition can adopt, and why it cannot adopt other fields.

    `notes` explain which fields are left out; `refused` lists live values that are not valid in a
    definition.
    """

    changes: tuple[Change, ...]
    notes: tuple[str, ...]
    refused: tuple[str, ...] = ()


def offer(
    definition: Definition,
    live: LiveCampaign,
    fields: Collection[str] = (),
    *,
    also_new: bool = False,
) -> Offer:
    """Return the changes that make a definition match the live campaign.

    `fields` limits them to these paths or groups of paths. With `also_new`, paths in `fields` that
    are not managed yet are included. Values set for one environment only are left out with a note.
    """
    changes: list[Change] = []
    notes: list[str] = []
    refused: list[str] = []
    for path in _differing(definition, live, fields, also_new=also_new):
        if path not in live.values:
            notes.append(f"{path} is not readable")
            continue
        if path in definition.overridden:
            at = definition.source_of(path)
            notes.append(f"{path} is set for this environment only, at {at}: edit it there")
            continue
        try:
            after = desired_of(BY_PATH[path], live.values[path])
        except InvalidValue as invalid:
            is_empty = live.values[path] in EMPTY
            refused.append(f"{path}: the live value {'is empty' if is_empty else invalid.message}")
            continue
        changes.append(
            Change(
                field=path,
                before=definition.values.get(path),
                after=after,
                known=True,
                source=definition.source_of(path),
            )
        )
    return Offer(tuple(changes), tuple(notes), tuple(refused))


def _differing(
    definition: Definition, live: LiveCampaign, fields: Collection[str], *, also_new: bool
) -> Iterator[str]:
    """Yield the paths that differ and, with `also_new`, paths in `fields` not managed yet."""
    moved = {change.field for change in diff(definition, live)}
    for field in MANAGEABLE:
        named = any(name in fields for name in groups_of(field.path))
        has_value = live.values.get(field.path) not in EMPTY and not unmet(field, live.values)
        is_new = also_new and named and has_value and field.path not in definition.values
        if is_new or (field.path in moved and (named or not fields)):
            yield field.path


@dataclass(frozen=True, slots=True)
class Adopted:
    """A definition's new bytes, and notes on values that are no longer shared."""

    content: bytes
    notes: tuple[str, ...]


def adopted(
    file: str,
    content: bytes,
    changes: Sequence[Change],
    shared: Shared = ALONE,
    others: Collection[str] = (),
) -> Adopted:
    """Return a definition's bytes with the changes applied; `file` is its name in messages.

    Of the `others`, a note names the environments that the changes also concern.

    Raises DefinitionError for a definition with problems, and CampaignSyncError if the values of
    the new text differ from the requested ones.
    """
    before = read_definition(file, content, shared)
    wanted = {change.field: change.after for change in changes}
    text, notes = edited(decode(content), before.values, wanted)
    after = encode_like(text, content)
    expected = replace(before, values={**before.values, **wanted})
    require_values(expected, file, after, shared)
    unshared = (
        f"`{change.field}` is now set in the definition instead of {change.source}"
        for change in changes
        if change.source.file != file and change.field not in before.values
    )
    return Adopted(after, (*notes, *unshared, *_elsewhere(before, changes, others)))


def _elsewhere(
    before: DefinitionValues, changes: Sequence[Change], others: Collection[str]
) -> Iterator[str]:
    """Yield a note for each of the other environments that gets the new values, too."""
    for name in others:
        own = before.overrides.get(name, {})
        paths = [change.field for change in changes if change.field not in own]
        if paths and before.ids.keys() & {EVERYWHERE, name}:
            yield (
                f"{', '.join(paths)}: the new value is also that of {name};"
                f" to keep another value there, set it under `environments: {{{name}: …}}`"
            )


def edited(
    text: str, before: Mapping[str, Value], wanted: Mapping[str, Value]
) -> tuple[str, list[str]]:
    """Return a definition's text with new values, and notes on values that are no longer shared.

    `before` holds the values in the text, `wanted` the new values, both by path and canonical.
    """
    edit = _Edit(text, dict(before))
    for week in WEEKS:
        days = {path: wanted[path] for path in wanted if path.startswith(f"{week}.")}
        if days:
            edit.week(week, days)
    for path in (path for path in wanted if path.rpartition(".")[0] not in WEEKS):
        edit.field(path, wanted[path])
    return edit.text, edit.notes


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
            elif merge := merge_of(entry, days):
                self._dissolve(merge)
            elif user := user_of(root, entry, days):
                self._unshare(user)
            elif path in WEEKS and isinstance(entry.value, ScalarNode):
                self._leave_schedule(entry, entry.value)
            else:
                return entry

    def _unshare(self, entry: Entry) -> None:
        """Replace an alias with the value that it refers to."""
        assert isinstance(entry.value, AliasNode)  # noqa: S101 - the caller checked it
        day = next((step for step in entry.steps if is_day(step)), None)
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
        days = {f"{entry.path}.{day}" for day in WEEKDAYS}
        self.spread(entry, {path: self._values[path] for path in self._values if path in days})

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
        if entry.is_in_flow:
            self.cut(entry.key.start, value.end, ", ".join(parts))
            return
        end = line_end(self.text, value.end)
        margin = " " * self.column(entry.key)
        parts[0] += self.text[value.end : end]
        self.cut(entry.key.start, end, f"\n{margin}".join(parts))
