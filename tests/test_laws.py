"""The four laws of a patch, over generated campaigns."""

from collections.abc import Iterator
from typing import Any

from campaigns import pairs
from hypothesis import given

from campaignsync.diff import diff
from campaignsync.model.fields import BY_PATH, Value
from campaignsync.model.values import Definition, LiveCampaign
from campaignsync.patch import patch

Pair = tuple[Definition, LiveCampaign]


def units(body: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Value]]:
    """Take a body apart into the units that are sent whole."""
    for key, value in body.items():
        if prefix + key in BY_PATH:
            yield prefix + key, value
        else:
            yield from units(value, f"{prefix}{key}.")


def merged(live: LiveCampaign, sent: dict[str, Value]) -> LiveCampaign:
    return LiveCampaign(live.id, {**live.values, **sent})


def outstanding(definition: Definition, live: LiveCampaign) -> list[str]:
    """Name the fields that a PATCH could still bring nearer to the definition."""
    changes = diff(definition, live)
    return [change.field for change in changes if change.known and BY_PATH[change.field].sendable]


@given(pairs())
def test_it_converges(pair: Pair) -> None:
    """Once its patch is merged, live satisfies the definition, but for what cannot be sent."""
    definition, live = pair

    after = merged(live, dict(units(patch(diff(definition, live)))))

    assert outstanding(definition, after) == []


@given(pairs())
def test_it_is_quiet(pair: Pair) -> None:
    """A live campaign that satisfies its definition is sent nothing."""
    definition, live = pair

    satisfied = merged(live, definition.settled(live.values))

    assert diff(definition, satisfied) == ()
    assert patch(diff(definition, satisfied)) == {}


@given(pairs())
def test_it_is_idempotent(pair: Pair) -> None:
    """What was sent once is not sent again."""
    definition, live = pair
    body = patch(diff(definition, live))

    after = merged(live, dict(units(body)))
    again = diff(definition, after)

    assert not {change.field for change in again} & dict(units(body)).keys()


@given(pairs())
def test_it_is_minimal(pair: Pair) -> None:
    """Leave any known change out of the patch, and live no longer satisfies the definition."""
    definition, live = pair
    sent = dict(units(patch(diff(definition, live))))

    for unit in (path for path in sent if path in live.values):
        rest = {path: value for path, value in sent.items() if path != unit}
        assert outstanding(definition, merged(live, rest)) == [unit]


@given(pairs())
def test_nothing_is_sent_that_must_not_be(pair: Pair) -> None:
    """No patch holds a field that is immutable, read-only or not managed."""
    definition, live = pair

    sent = dict(units(patch(diff(definition, live), send_unreadable=True)))

    assert sent.keys() <= definition.values.keys()
    assert all(BY_PATH[path].sendable for path in sent)


@given(pairs())
def test_what_is_shown_is_what_is_sent(pair: Pair) -> None:
    """Every value in the body is the `after` of a change that the report prints."""
    definition, live = pair
    changes = diff(definition, live)

    shown = {change.field: change.after for change in changes}

    for path, value in units(patch(changes, send_unreadable=True)):
        assert value == shown[path]
