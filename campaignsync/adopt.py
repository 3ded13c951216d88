"""Live values → the definitions that manage them, with every other character left alone."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace

from campaignsync.diff import diff
from campaignsync.export import EMPTY, desired_of
from campaignsync.load import ALONE
from campaignsync.model.fields import BY_PATH, MANAGEABLE, InvalidValue, unmet
from campaignsync.model.plans import Change
from campaignsync.model.values import Definition, LiveCampaign, Shared
from campaignsync.write.edits import edited
from campaignsync.write.formatted import meaning, same
from campaignsync.write.paper import closed, opened


@dataclass(frozen=True, slots=True)
class Offer:
    """What a definition could take over: changes to it, and why other fields cannot be taken."""

    changes: tuple[Change, ...]
    notes: tuple[str, ...]


def offer(
    definition: Definition,
    live: LiveCampaign,
    fields: Collection[str] = (),
    *,
    also_new: bool = False,
) -> Offer:
    """Compare a definition with live; a change here leads from the definition to what is live.

    `fields` keeps to some, or to groups of them; with `also_new`, those of them that are not
    managed yet are offered too. A value that is not readable, or that no definition can say, is
    noted instead; so is one that the definition says for one environment alone.
    """
    changes: list[Change] = []
    notes: list[str] = []
    for path in _differing(definition, live, fields, also_new=also_new):
        if path not in live.values:
            notes.append(f"{path} is not readable")
            continue
        if path in definition.overridden:
            at = definition.source_of(path)
            notes.append(f"{path} is set for this environment alone, at {at}: change it there")
            continue
        try:
            after = desired_of(BY_PATH[path], live.values[path])
        except InvalidValue as invalid:
            notes.append(f"{path} stays as it is: the live value {invalid.message}")
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
    return Offer(tuple(changes), tuple(notes))


def _differing(
    definition: Definition, live: LiveCampaign, fields: Collection[str], *, also_new: bool
) -> Iterator[str]:
    """Name the fields that differ, and those that are asked for and not managed yet."""
    moved = {change.field for change in diff(definition, live)}
    for field in MANAGEABLE:
        named = any(belongs(field.path, name) for name in fields)
        says = live.values.get(field.path) not in EMPTY and not unmet(field, live.values)
        is_new = also_new and named and says and field.path not in definition.values
        if is_new or (field.path in moved and (named or not fields)):
            yield field.path


def belongs(path: str, name: str) -> bool:
    """Tell whether a name means a field: its path, or that of a group it is in."""
    return path == name or path.startswith(f"{name}.")


@dataclass(frozen=True, slots=True)
class Adopted:
    """A definition's new bytes, and what became of values that were shared."""

    content: bytes
    notes: tuple[str, ...]


def adopted(
    file: str, content: bytes, changes: Sequence[Change], shared: Shared = ALONE
) -> Adopted:
    """Give a definition's bytes with the changes made; `file` is its name in messages.

    Raises DefinitionError for a definition with problems, CampaignSyncError where the outcome would
    say anything else than what was asked for.
    """
    before = meaning(file, content, shared)
    wanted = {change.field: change.after for change in changes}
    edit = edited(opened(content), dict(before.values), wanted)
    after = replace(before, values={**before.values, **wanted})
    shares = (
        f"`{change.field}` is the campaign's own now, and not that of {change.source}"
        for change in changes
        if change.source.file != file and change.field not in before.values
    )
    notes = (*edit.notes, *shares)
    return Adopted(same(file, after, closed(edit.text, content), shared), notes)
