"""Generated definitions and matching live campaigns, for property tests."""

import json
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from campaignsync.errors import Source
from campaignsync.model.calendar import DateKind, ZoneKind
from campaignsync.model.definitions import Definition, LiveCampaign
from campaignsync.model.fields import MANAGEABLE, Field
from campaignsync.model.kind import Value
from campaignsync.model.kinds import ChoiceKind, FlagKind, IntegerKind, LabelsKind, TextKind
from campaignsync.model.week import WindowKind

ZONES = ("America/Mexico_City", "America/Lima", "Europe/Madrid", "UTC")

times = st.builds("{:02}:{:02}".format, st.integers(0, 23), st.integers(0, 59))
words = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Zl", "Zp"]), max_size=20)


def windows() -> st.SearchStrategy[Value]:
    spans = st.lists(times, min_size=2, max_size=2, unique=True).map(sorted)
    whole = st.builds(
        lambda span, active: {"startTime": span[0], "stopTime": span[1], "active": active},
        spans,
        st.booleans(),
    )
    return whole | st.just({"active": False})


def values_of(field: Field) -> st.SearchStrategy[Value]:  # noqa: PLR0911 - one return per kind
    """Return a strategy for canonical values of a field's kind."""
    match field.kind:
        case TextKind():
            shortest = field.schema().get("minLength", 0)
            return words.map(lambda text: text or "x" * shortest)
        case IntegerKind():
            least, most = field.bounds
            return st.integers(least, min(most, 9999))
        case FlagKind():
            return st.booleans()
        case ChoiceKind(options=options):
            return st.sampled_from(options)
        case ZoneKind():
            return st.sampled_from(ZONES)
        case DateKind():
            return st.dates().map(lambda day: day.isoformat())
        case LabelsKind():
            return st.lists(words.filter(bool), unique=True, max_size=4).map(sorted)
        case WindowKind():
            return windows()
    raise AssertionError(field.kind)


# Built once: building a strategy is slower than drawing from it.
VALUES = {field.path: values_of(field) for field in MANAGEABLE}
some_values = st.fixed_dictionaries({}, optional=VALUES)


@st.composite
def pairs(draw: st.DrawFn) -> tuple[Definition, LiveCampaign]:
    """Draw a definition and its live campaign; each field is equal, different or unknown."""
    desired: dict[str, Any] = draw(some_values)
    live: dict[str, Any] = draw(some_values)
    alike = draw(st.sets(st.sampled_from(list(desired)))) if desired else set()
    live |= {path: desired[path] for path in alike}
    paths = enumerate(("id", *desired), start=1)
    places = {path: Source("c.yaml", line) for line, path in paths}
    return Definition(7, "c.yaml", desired, places), LiveCampaign(7, live)


@dataclass(frozen=True)
class Case:
    """A definition, its live campaign, and the paths of different and unknown fields."""

    definition: Definition
    live: LiveCampaign
    different: frozenset[str]
    unknown: frozenset[str]


PATHS = st.lists(st.sampled_from(list(VALUES)), unique=True, min_size=1, max_size=8)
STATES = st.sampled_from(["alike", "different", "different", "unknown", "not managed"])
TIMES = st.sampled_from([{}, {"startTime": "09:00", "stopTime": "10:00"}])


def differ(live: Value, desired: Value) -> bool:
    """Return whether two canonical values differ, by comparing their JSON."""
    if desired == {"active": False}:  # a closed day's times may be any
        return json.dumps(live["active"]) == "true"
    return json.dumps(live, sort_keys=True) != json.dumps(desired, sort_keys=True)


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Draw a case; each field is equal, different, unknown, or not managed."""
    desired: dict[str, Value] = {}
    live: dict[str, Value] = {}
    different, unknown = set(), set()
    for path in draw(PATHS):
        value = draw(VALUES[path])
        match draw(STATES):
            case "alike":
                is_closed = value == {"active": False}
                live[path] = {**draw(TIMES), "active": False} if is_closed else value
            case "different":
                live[path] = draw(VALUES[path])
                if differ(live[path], value):
                    different.add(path)
            case "unknown":
                unknown.add(path)
            case "not managed":
                live[path] = value
                continue
        desired[path] = value
    ordered = {path: desired[path] for path in VALUES if path in desired}
    places = dict.fromkeys(("id", *ordered), Source("c.yaml", 1))
    definition = Definition(7, "c.yaml", ordered, places)
    return Case(definition, LiveCampaign(7, live), frozenset(different), frozenset(unknown))
