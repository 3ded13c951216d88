"""A run's journal → definitions of what was before: planned and applied like any other."""

from collections.abc import Iterable, Iterator, Mapping

from campaignsync.journal import Intent, Record
from campaignsync.model.calendar import WindowKind
from campaignsync.model.fields import BY_PATH, Value
from campaignsync.model.kinds import LabelsKind, TextKind
from campaignsync.model.plans import Plan
from campaignsync.model.values import Definition, Desired, Live

EMPTIABLE = (TextKind, LabelsKind, WindowKind)
"""Kinds that have an empty value; of the others an empty one can be read, and never sent."""


def undo(record: Record, live: Live) -> tuple[Desired, tuple[str, ...]]:
    """Give what would put a run back, and say what is left alone and why.

    Only what that run changed, and only where live still is as the run left it.
    """
    definitions: list[Definition] = []
    left: list[str] = []
    for intent in record.intents.values():
        if campaign := live.campaigns.get(intent.id):
            changed = _changed(record, intent)
            moved = {
                path for path, (_, after) in changed.items() if _is(path, campaign.values, after)
            }
            left += _left_alone(intent, changed, campaign.values, moved)
            if paths := moved & _restorable(changed):
                definitions.append(_definition(record, intent, paths))
        else:
            left.append(f"campaign {intent.id} does not exist any more")
    return _in_order(definitions), tuple(left)


def left_by(record: Record) -> Desired:
    """Give what a run left behind, as definitions to read live by."""
    definitions = []
    for intent in record.intents.values():
        after = {path: after for path, (_, after) in _changed(record, intent).items()}
        places = dict.fromkeys(("id", *after), intent.source)
        definitions.append(Definition(intent.id, intent.source.file, after, places))
    return _in_order(definitions)


def undo_of(record: Record, plan: Plan) -> Desired:
    """Give the definitions that a saved plan of an undo was made from."""
    paths = {
        campaign.id: {change.field for change in campaign.changes} for campaign in plan.campaigns
    }
    return _in_order(
        _definition(record, intent, paths[id_] & _restorable(_changed(record, intent)))
        for id_, intent in record.intents.items()
        if id_ in paths
    )


def _changed(record: Record, intent: Intent) -> Mapping[str, tuple[Value, Value]]:
    """Give what a write changed, before and after: what it named, and what it did not."""
    named = {path: (value, intent.after[path]) for path, value in intent.before.items()}
    return {**named, **record.collateral.get(intent.id, {})}


def _restorable(changed: Mapping[str, tuple[Value, Value]]) -> set[str]:
    return {
        path
        for path, (before, _) in changed.items()
        if BY_PATH[path].sendable
        and (before is not None or isinstance(BY_PATH[path].kind, EMPTIABLE))
    }


def _is(path: str, live: Mapping[str, Value], value: Value) -> bool:
    if value is None:  # a weekday that was gone from its week
        return live.get(path) in (None, {"active": False})
    return path in live and live[path] == BY_PATH[path].kind.settle(value, live[path])


def _left_alone(
    intent: Intent,
    changed: Mapping[str, tuple[Value, Value]],
    live: Mapping[str, Value],
    moved: Iterable[str],
) -> Iterator[str]:
    where = f"campaign {intent.id}: "
    for path, (before, _) in changed.items():
        if path not in moved and not _is(path, live, before):
            yield f"{where}{path} has moved since, and is left alone"
        elif path in moved and path not in _restorable(changed):
            yield f"{where}{path} was empty, and cannot be emptied"
    for path in intent.after.keys() - changed.keys():
        yield f"{where}{path} could not be read before the run, and is left alone"


def _definition(record: Record, intent: Intent, paths: Iterable[str]) -> Definition:
    changed = _changed(record, intent)
    values = {path: changed[path][0] for path in BY_PATH if path in paths}
    places = dict.fromkeys(("id", *values), intent.source)
    return Definition(intent.id, intent.source.file, values, places)


def _in_order(definitions: Iterable[Definition]) -> Desired:
    return Desired(tuple(sorted(definitions, key=lambda definition: definition.id)))
