"""Generated campaigns: definitions and the live campaigns beside them, for property tests."""

from typing import Any

from hypothesis import strategies as st

from campaignsync.errors import Source
from campaignsync.model.calendar import DateKind, WindowKind, ZoneKind
from campaignsync.model.fields import MANAGEABLE, Field, Value
from campaignsync.model.kinds import ChoiceKind, FlagKind, IntegerKind, LabelsKind, TextKind
from campaignsync.model.values import Definition, LiveCampaign

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


def values_of(field: Field) -> st.SearchStrategy[Value]:  # noqa: PLR0911 - one a kind
    """Give canonical values of a field's kind."""
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


# Built once: making a strategy costs more than drawing from it.
VALUES = {field.path: values_of(field) for field in MANAGEABLE}
some_values = st.fixed_dictionaries({}, optional=VALUES)


@st.composite
def pairs(draw: st.DrawFn) -> tuple[Definition, LiveCampaign]:
    """Draw a definition and its live campaign: alike, different and unknown, field by field."""
    desired: dict[str, Any] = draw(some_values)
    live: dict[str, Any] = draw(some_values)
    alike = draw(st.sets(st.sampled_from(list(desired)))) if desired else set()
    live |= {path: desired[path] for path in alike}
    paths = enumerate(("id", *desired), start=1)
    places = {path: Source("c.yaml", line) for line, path in paths}
    return Definition(7, "c.yaml", desired, places), LiveCampaign(7, live)
