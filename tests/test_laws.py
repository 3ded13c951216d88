"""The four laws of a patch, over generated campaigns with known differences."""

from collections.abc import Iterator
from typing import Any

from hypothesis import given, settings
from support.strategies import Case, cases

from campaignsync.diff import diff
from campaignsync.model.definitions import LiveCampaign
from campaignsync.model.fields import BY_PATH
from campaignsync.model.kind import Value
from campaignsync.patch import patch

SENDABLE = {path for path, field in BY_PATH.items() if field.is_sendable}
laws = settings(deadline=None)


def units(body: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Value]]:
    """Split a body into the units that are sent whole."""
    for key, value in body.items():
        if prefix + key in BY_PATH:
            yield prefix + key, value
        else:
            yield from units(value, f"{prefix}{key}.")


def sent_for(case: Case, *, send_unreadable: bool = False) -> dict[str, Value]:
    changes = diff(case.definition, case.live)
    return dict(units(patch(changes, send_unreadable=send_unreadable)))


def merged(live: LiveCampaign, sent: dict[str, Value]) -> LiveCampaign:
    return LiveCampaign(live.id, {**live.values, **sent})


def known(case: Case, live: LiveCampaign) -> set[str]:
    """Return the fields that differ from live, as our diff finds them."""
    return {change.field for change in diff(case.definition, live) if change.known}


@laws
@given(cases())
def test_the_diff_has_exactly_the_differing_fields(case: Case) -> None:
    """Each field that differs is a change from live to desired; no other field is."""
    changes = {change.field: change for change in diff(case.definition, case.live)}

    assert {path for path, change in changes.items() if change.known} == case.different
    assert {path for path, change in changes.items() if not change.known} == case.unknown
    for path in case.different:
        desired = case.definition.values[path]
        assert changes[path].before == case.live.values[path]
        if desired == {"active": False}:  # a closed day keeps its times
            assert changes[path].after["active"] is False
        else:
            assert changes[path].after == desired


@laws
@given(cases())
def test_it_converges(case: Case) -> None:
    """After merging its patch, live satisfies the definition, except for unsendable fields."""
    after = merged(case.live, sent_for(case))

    assert known(case, after) == case.different - SENDABLE
    for path in case.different & SENDABLE:
        desired = case.definition.values[path]
        is_closed = desired == {"active": False}
        assert after.values[path]["active"] is False if is_closed else after.values[path] == desired


@laws
@given(cases())
def test_it_is_quiet(case: Case) -> None:
    """A live campaign that satisfies its definition is sent nothing."""
    alike = {path: case.definition.values[path] for path in (*case.different, *case.unknown)}

    satisfied = merged(case.live, alike)

    assert diff(case.definition, satisfied) == ()


@laws
@given(cases())
def test_it_is_idempotent(case: Case) -> None:
    """A second patch after the first is empty."""
    sent = sent_for(case)

    again = diff(case.definition, merged(case.live, sent))

    assert not {change.field for change in again} & sent.keys()


@laws
@given(cases())
def test_it_is_minimal(case: Case) -> None:
    """A patch contains what differs, and otherwise only unreadable fields."""
    sent = sent_for(case)
    differs = case.different & SENDABLE

    assert sent.keys() == (differs | (case.unknown & SENDABLE) if differs else set())
    for path in differs:
        rest = {other: value for other, value in sent.items() if other != path}
        assert path in known(case, merged(case.live, rest))


@laws
@given(cases())
def test_no_patch_contains_a_field_that_cannot_be_sent(case: Case) -> None:
    """No patch contains a field that is immutable, read-only or not managed."""
    sent = sent_for(case, send_unreadable=True)

    assert sent.keys() == (case.different | case.unknown) & SENDABLE
    assert sent.keys() <= case.definition.values.keys()


@laws
@given(cases())
def test_every_sent_value_is_shown(case: Case) -> None:
    """Every value in the body is the `after` of a change that the report prints."""
    changes = diff(case.definition, case.live)

    shown = {change.field: change.after for change in changes}

    for path, value in units(patch(changes, send_unreadable=True)):
        assert value == shown[path]
