"""Write live values into the definitions that manage them, without changing other characters."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace

from campaignsync.authoring.edit import edited
from campaignsync.authoring.export import EMPTY, desired_of
from campaignsync.authoring.read_values import read_definition, require_values
from campaignsync.diff import diff
from campaignsync.load import ALONE
from campaignsync.model.fields import BY_PATH, MANAGEABLE, InvalidValue, unmet
from campaignsync.model.plan import Change
from campaignsync.model.values import Definition, LiveCampaign, Shared
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
        named = any(belongs(field.path, name) for name in fields)
        has_value = live.values.get(field.path) not in EMPTY and not unmet(field, live.values)
        is_new = also_new and named and has_value and field.path not in definition.values
        if is_new or (field.path in moved and (named or not fields)):
            yield field.path


def belongs(path: str, name: str) -> bool:
    """Return whether `name` is `path` or the path of a group that contains it."""
    return path == name or path.startswith(f"{name}.")


@dataclass(frozen=True, slots=True)
class Adopted:
    """A definition's new bytes, and notes on values that are no longer shared."""

    content: bytes
    notes: tuple[str, ...]


def adopted(
    file: str, content: bytes, changes: Sequence[Change], shared: Shared = ALONE
) -> Adopted:
    """Return a definition's bytes with the changes applied; `file` is its name in messages.

    Raises DefinitionError for a definition with problems, and CampaignSyncError if the values of
    the new text differ from the requested ones.
    """
    before = read_definition(file, content, shared)
    wanted = {change.field: change.after for change in changes}
    edit = edited(decode(content), dict(before.values), wanted)
    after = encode_like(edit.text, content)
    expected = replace(before, values={**before.values, **wanted})
    require_values(expected, file, after, shared)
    unshared = (
        f"`{change.field}` is now set in the definition instead of {change.source}"
        for change in changes
        if change.source.file != file and change.field not in before.values
    )
    return Adopted(after, (*edit.notes, *unshared))
