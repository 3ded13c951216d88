"""Build definitions from a run's journal that restore the values before the run.

They are planned and applied like all others. A field is restored only if it still has the value
that the run left. Every other field that differs from its value before the run is reported with the
reason why it is not restored.
"""

from collections.abc import Iterable, Iterator, Mapping

from campaignsync.apply.outcomes import ACCEPTED
from campaignsync.model.definitions import Definition, Desired, Live
from campaignsync.model.fields import BY_PATH, satisfies
from campaignsync.model.kind import Kind, Value
from campaignsync.model.kinds import IntegerKind, LabelsKind, LongTextKind
from campaignsync.model.plan import Change, Plan
from campaignsync.model.runs import Intent, Record
from campaignsync.model.week import NO_TIMES, WindowKind


def undo(record: Record, live: Live) -> tuple[Desired, tuple[str, ...]]:
    """Return definitions that restore what a run changed, and notes on the fields not restored."""
    definitions: list[Definition] = []
    notes: list[str] = []
    for intent in _writes(record):
        if (campaign := live.campaigns.get(intent.id)) is None:
            notes.append(f"campaign {intent.id} no longer exists")
            continue
        paths = set(_to_restore(record, intent, campaign.values))
        unrestored = _unrestored(record, intent, campaign.values)
        notes += [f"campaign {intent.id}: {note}" for note in unrestored]
        if paths:
            definitions.append(_definition(record, intent, paths))
        if paths and not paths & campaign.values.keys():
            notes.append(
                f"campaign {intent.id}: the API does not return {', '.join(sorted(paths))};"
                " pass --send-unreadable to restore it"
            )
    return _in_order(definitions), tuple(notes)


def left_by(record: Record) -> Desired:
    """Return the values that a run left as definitions, to read their fields from live."""
    definitions = []
    for intent in _writes(record):
        after = {path: after for path, (_, after) in _changed(record, intent).items()}
        definitions.append(intent.definition(after))
    return _in_order(definitions)


def undo_of(record: Record, plan: Plan) -> Desired:
    """Return the definitions from which a saved plan of an undo was made.

    A field is left out if the plan restores it from another value than the one that the run left.
    """
    planned = {campaign.id: campaign.changes for campaign in plan.campaigns}
    return _in_order(
        _definition(record, intent, set(_restored_by(planned[intent.id], record, intent)))
        for intent in _writes(record)
        if intent.id in planned
    )


def _writes(record: Record) -> Iterator[Intent]:
    """Yield the writes of a run, without those of which it is known that nothing was written.

    Someone else may have made the same change since, and undo must not revert it.
    """
    for id_, intent in record.intents.items():
        match record.outcomes.get(id_):
            case {"outcome": "unchanged" | "skipped"} | {"outcome": "failed", "recovered": True}:
                continue
            case {"outcome": "failed" | "stale", "code": str(code)} if code not in ACCEPTED:
                continue
        yield intent


def _restored_by(changes: Iterable[Change], record: Record, intent: Intent) -> Iterator[str]:
    changed, restorable = _changed(record, intent), _restorable(record, intent)
    for each in changes:
        if each.field in restorable and (
            not each.known or _has(each.field, {each.field: each.before}, changed[each.field][1])
        ):
            yield each.field


def _changed(record: Record, intent: Intent) -> Mapping[str, tuple[Value, Value]]:
    """Return what a write changed, (before, after) by path: sent fields and collateral changes."""
    sent = {path: (value, intent.after[path]) for path, value in intent.before.items()}
    return {**sent, **record.collateral.get(intent.id, {})}


def _restorable(record: Record, intent: Intent) -> set[str]:
    changed = _changed(record, intent)
    return {path for path, (before, _) in changed.items() if not _obstacle(path, before)}


def _to_restore(record: Record, intent: Intent, live: Mapping[str, Value]) -> Iterator[str]:
    """Yield the paths to restore: restorable, not changed since, and different from before."""
    restorable = _restorable(record, intent)
    for path, (before, after) in _changed(record, intent).items():
        can_be_restored = path in restorable and _has(path, live, after)
        if can_be_restored and not _has(path, live, _restored(path, before, after)):
            yield path


def _unrestored(record: Record, intent: Intent, live: Mapping[str, Value]) -> Iterator[str]:
    """Yield a note for each field that keeps a value other than the one before the run."""
    for path, (before, after) in _changed(record, intent).items():
        if not _has(path, live, after):
            if path not in live:
                yield f"the API no longer returns {path}; it stays as it is"
            elif not _has(path, live, before):
                yield f"{path} was changed by someone else since; it stays as it is"
        elif obstacle := _obstacle(path, before):
            yield f"{path} stays as it is: {obstacle}"
        elif isinstance(BY_PATH[path].kind, WindowKind) and (
            kept := _times(_restored(path, before, after), after) - _times(before)
        ):
            yield (
                f"{path} keeps {' and '.join(sorted(kept))}: the day was closed without"
                f" {'them' if len(kept) > 1 else 'it'} before the run, and a PATCH cannot remove"
                " a time"
            )
    for path in intent.after.keys() - intent.before.keys():
        yield f"{path} was not readable before the run; it stays as it is"


def _times(window: Value, otherwise: Value = None) -> set[str]:
    """Return a window's times as text, such as `startTime 09:00`.

    `otherwise` is the live window: a closed day without times keeps the times of that window.
    """
    parts = {**_filled(otherwise), **_filled(window)}
    return {f"{key} {time}" for key, time in parts.items() if key != "active"}


def _filled(window: Value) -> dict[str, Value]:
    """Return the parts of a window that are not null; empty if the value is not a window."""
    if not isinstance(window, dict):
        return {}
    return {key: part for key, part in window.items() if part is not None}


def _obstacle(path: str, before: Value) -> str:
    """Return the reason why a value cannot be restored; empty if it can."""
    field = BY_PATH[path]
    if not field.is_sendable:
        return "a PATCH cannot change it"
    if _is_valid(field.kind, before):
        return ""
    if isinstance(field.kind, WindowKind):
        return "its time window was incomplete before the run"
    if before in (None, ""):
        return "it was empty before the run, and the API accepts no empty value for it"
    return "its value before the run was not valid"


def _is_valid(kind: Kind, value: Value) -> bool:
    """Return whether a live value can be sent: its type is right, and it may be empty."""
    match kind:
        case WindowKind():
            return _is_window(value)
        case LabelsKind():
            return isinstance(value, list)
        case IntegerKind():
            return isinstance(value, int)
        case LongTextKind():
            return isinstance(value, str)
        case _:
            return isinstance(value, str) and value != ""


def _is_window(value: Value) -> bool:
    match value:
        case {"startTime": str(), "stopTime": str(), "active": True}:
            return True
        case {"active": False, **times}:
            return all(time is None or isinstance(time, str) for time in times.values())
        case _:
            return False


def _restored(path: str, before: Value, after: Value) -> Value:
    """Return the value to send to restore a field.

    A day is sent whole, so a closed day that lacked one time before the run takes it from `after`.
    """
    is_day = isinstance(BY_PATH[path].kind, WindowKind)
    if not is_day or before == NO_TIMES or before["active"]:
        return before
    window = {**_filled(after), **_filled(before)}
    start, stop = window.get("startTime"), window.get("stopTime")
    if start and stop and (start < stop or None not in before.values()):
        return window
    return NO_TIMES


def _has(path: str, live: Mapping[str, Value], value: Value) -> bool:
    """Return whether a live field has a value; None means a weekday missing from its week."""
    if value is None and isinstance(BY_PATH[path].kind, WindowKind):
        return live.get(path) in (None, NO_TIMES)
    if value == NO_TIMES:
        return satisfies(path, live.get(path), value)
    return path in live and satisfies(path, live[path], value)


def _definition(record: Record, intent: Intent, paths: Iterable[str]) -> Definition:
    changed = _changed(record, intent)
    return intent.definition(
        {path: _restored(path, *changed[path]) for path in BY_PATH if path in paths}
    )


def _in_order(definitions: Iterable[Definition]) -> Desired:
    return Desired(tuple(sorted(definitions, key=lambda definition: definition.id)))
