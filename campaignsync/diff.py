"""Compare a definition with its live campaign, field by field."""

import json
from collections.abc import Mapping

from deepdiff import DeepDiff

from campaignsync.model.definitions import Definition, LiveCampaign
from campaignsync.model.kind import Value
from campaignsync.model.plan import Change


def diff(definition: Definition, live: LiveCampaign) -> tuple[Change, ...]:
    """Return the changes needed for live to satisfy the definition, in the field table's order.

    Only managed fields are compared. A field that live does not have becomes a change that is not
    `known`.
    """
    desired = definition.settled(live.values)
    known = {path: value for path, value in desired.items() if path in live.values}
    changed = differing({path: live.values[path] for path in known}, known)
    return tuple(
        Change(
            field=path,
            before=live.values.get(path),
            after=value,
            known=path in live.values,
            source=definition.source_of(path),
        )
        for path, value in desired.items()
        if path in changed or path not in live.values
    )


def differing(before: Mapping[str, Value], after: Mapping[str, Value]) -> set[str]:
    """Return the paths whose canonical values differ, according to DeepDiff."""
    # Most campaigns are unchanged, and `==` is a thousand times faster.
    if before == after:
        return set()
    differences = DeepDiff(
        _on_one_line(before),
        _on_one_line(after),
        # By default DeepDiff reports a whole object as changed if few of its keys are the same,
        threshold_to_diff_deeper=0,
        # and treats 1, 1.0 and True as equal when it pairs the items of a list.
        zip_ordered_iterables=True,
    )
    return set(differences.affected_root_keys)


def _on_one_line(value: Value) -> Value:
    """Return a value with each text as JSON text, which has no line breaks.

    DeepDiff compares the lines of texts that have some: for long texts this takes minutes.
    """
    match value:
        case str():
            return json.dumps(value)
        case list():
            return [_on_one_line(item) for item in value]
        case Mapping():
            return {key: _on_one_line(item) for key, item in value.items()}
        case _:
            return value
