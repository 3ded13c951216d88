"""Changes → the body of one PATCH: the smallest that makes them, nothing that must not be sent."""

from collections.abc import Iterable
from typing import Any

from campaignsync.model.fields import BY_PATH
from campaignsync.model.plan import Change


def patch(changes: Iterable[Change], *, send_unreadable: bool = False) -> dict[str, Any]:
    """Return the nested body that the API merges into the campaign.

    Fields that the API calls immutable are left out. Fields whose live value is unknown go along
    with a known change to the same campaign, or alone where `send_unreadable` says so.
    """
    sendable = [change for change in changes if BY_PATH[change.field].sendable]
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
