"""What differs between a definition and its live campaign, field by field."""

import sys
from collections.abc import Mapping
from functools import cache
from typing import Any

from campaignsync.fields import Value
from campaignsync.model.plan import Change
from campaignsync.model.values import Definition, LiveCampaign


def diff(definition: Definition, live: LiveCampaign) -> tuple[Change, ...]:
    """Give the changes that would make live satisfy the definition, in the field table's order.

    Only managed fields are compared. A field that live does not say is neither equal nor different:
    it comes out as a change that is not `known`.
    """
    desired = definition.settled(live.values)
    moved = differing(live.values, desired)
    return tuple(
        Change(
            field=path,
            before=live.values.get(path),
            after=value,
            known=path in live.values,
            source=definition.source_of(path),
        )
        for path, value in desired.items()
        if path in moved or path not in live.values
    )


def differing(before: Mapping[str, Value], after: Mapping[str, Value]) -> set[str]:
    """Name the paths that both sides hold, in canonical form, and whose values differ."""
    # A thousand times cheaper than DeepDiff, and exact: canonical values never mix True, 1 and 1.0.
    moved = [path for path, value in after.items() if path in before and before[path] != value]
    if not moved:
        return set()
    found = _deepdiff()(
        {path: before[path] for path in moved},
        {path: after[path] for path in moved},
        # By default DeepDiff calls a whole object changed when few of its keys stayed the same,
        threshold_to_diff_deeper=0,
        # and takes 1, 1.0 and True for each other when it pairs the items of a list.
        zip_ordered_iterables=True,
    )
    return set(found.affected_root_keys)


@cache
def _deepdiff() -> Any:
    """Import DeepDiff where something differs; a plan without changes does without.

    DeepDiff compares pydantic's models, too, and imports pydantic for that: most of an eighth of a
    second, for a kind of value that no campaign has. Told that there is none, it does without.
    """
    absent = {} if "pydantic" in sys.modules else {"pydantic": None}
    sys.modules.update(absent)  # type: ignore[arg-type] # None means: not to be had
    try:
        from deepdiff import DeepDiff  # noqa: PLC0415 - see above
    finally:
        for name in absent:
            del sys.modules[name]
    return DeepDiff
