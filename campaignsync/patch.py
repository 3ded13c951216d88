"""Build the smallest PATCH body that makes the changes, without fields that cannot be sent."""

from collections.abc import Iterable
from typing import Any

from campaignsync.model.fields import BY_PATH
from campaignsync.model.plan import Change


def patch(changes: Iterable[Change], *, send_unreadable: bool = False) -> dict[str, Any]:
    """Return the nested body that the API merges into the campaign.

    Immutable fields are left out. Fields whose live value is unknown are sent together with a known
    change to the same campaign, or alone if `send_unreadable` is set.
    """
    sendable = [change for change in changes if BY_PATH[change.field].is_sendable]
    if not (send_unreadable or any(change.known for change in sendable)):
        return {}
    body: dict[str, Any] = {}
    for change in sendable:
        *parents, key = change.field.split(".")
        place = body
        for parent in parents:
            place = place.setdefault(parent, {})
        place[key] = change.after
    return body
