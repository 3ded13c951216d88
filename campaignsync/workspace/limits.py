"""The guards of a workspace, read from YAML, and two sets of them made one."""

from collections.abc import Mapping
from typing import Annotated, Any

from annotated_types import Ge, Le

from campaignsync.load import Document, days_of, nearest, value_meant
from campaignsync.load.hints import days_meant, key_meant
from campaignsync.load.nodes import named
from campaignsync.model.calendar import TIME_KIND, Date, Day, Zone
from campaignsync.model.campaign import Id
from campaignsync.model.fields import BY_PATH, MANAGEABLE, InvalidValue, Value
from campaignsync.model.kinds import Integer, Raw, Text
from campaignsync.model.typed import Typed
from campaignsync.model.values import CallingHours, Freeze, Guards, MassChange

PERCENT = Typed(Annotated[Integer, Ge(0), Le(100)])
TEXT, ID = Typed(Text), Typed(Id)
FREEZE = {
    "from": Typed(Date), "to": Typed(Date), "zone": Typed(Zone), "reason": TEXT, "days": TEXT,
    "hours": TEXT,
}  # fmt: skip
NAMES = ("mass-change", "risky-fields", "protected", "freeze", "calling-hours")
TOP = tuple(dict.fromkeys(field.path.partition(".")[0] for field in MANAGEABLE))
"""Fields and groups of them, as a definition has them at its top."""


def read_guards(document: Document, node: Any) -> Guards:
    """Read the guards; what is wrong with them goes to the document's problems."""
    found: dict[str, Any] = {}
    for name, (key, value) in document.mapping(node, "`guards`").items():
        if name == "mass-change":
            found["mass_change"] = _mass_change(document, value)
        elif name == "risky-fields":
            found["risky_fields"] = frozenset(_fields(document, value))
        elif name == "protected":
            ids = (_value(document, part, ID, name) for part in document.parts(value))
            found["protected"] = frozenset(id_ for id_ in ids if id_ is not None)
        elif name == "freeze":
            found["freeze"] = tuple(_freeze(document, part) for part in document.parts(value))
        elif name == "calling-hours":
            found["calling_hours"] = (_calling_hours(document, value),)
        else:
            _unknown(document, name, key, NAMES)
    return Guards(**found)


def _mass_change(document: Document, node: Any) -> MassChange:
    types = {"percent": PERCENT, "at_least": ID}
    return MassChange(**_values(document, node, types, "`mass-change`"))


def _fields(document: Document, node: Any) -> list[str]:
    found = []
    for part in document.parts(node):
        name = document.scalar(part, "`risky-fields`")
        if name is not None and any(_belongs(path, name) for path in BY_PATH):
            found.append(name)
        elif name is not None:
            hint = key_meant("", name, TOP)
            document.problem("UNKNOWN_FIELD", f"`{named(name)}` is no field", part, hint)
    return found


def _freeze(document: Document, node: Any) -> Freeze:
    given = _values(document, node, FREEZE, "a freeze")
    if "zone" not in given:
        document.problem("MISSING_ZONE", "a freeze needs a `zone`", node, "zone: America/Bogota")
    days = frozenset(days_of(given.get("days", "")))
    start, _, stop = given.get("hours", "00:00-23:59").partition("-")
    try:
        hours = tuple(TIME_KIND.parse(part.strip(), plain=True) for part in (start, stop))
    except InvalidValue as invalid:
        document.problem(invalid.code, f"`hours` {invalid.message}", node, "write 18:00-23:59")
        hours = ("00:00", "23:59")
    if given.get("days") and not days:
        document.problem("NOT_DAYS", f"`days` are no weekdays: {given['days']}", node, "fri-sun")
    if not given.keys() & {"from", "to", "days", "hours"}:
        document.problem("EMPTY_FREEZE", "a freeze says no time", node, "from: 2026-12-20")
    return Freeze(
        zone=given.get("zone", "UTC"),
        reason=given.get("reason", ""),
        first=given.get("from", "0000"),
        last=given.get("to", "9999"),
        days=days,
        hours=(hours[0], hours[1]),
    )


def _calling_hours(document: Document, node: Any) -> CallingHours:
    hours: dict[str, tuple[str, str]] = {}
    for name, (key, value) in document.mapping(node, "`calling-hours`").items():
        days = days_of(name)
        if not days:
            document.problem("NOT_DAYS", f"`{named(name)}` is no weekday", key, days_meant(name))
        window = _value(document, value, Typed(Day), name)
        if window and window["active"]:
            hours |= dict.fromkeys(days, (window["startTime"], window["stopTime"]))
        elif window:
            hours = {day: span for day, span in hours.items() if day not in days}
    return hours


def _values(
    document: Document, node: Any, types: Mapping[str, Typed], what: str
) -> dict[str, Value]:
    found = {}
    for name, (key, value) in document.mapping(node, what).items():
        if name not in types:
            _unknown(document, name, key, tuple(types))
        elif (read := _value(document, value, types[name], name)) is not None:
            found[name] = read
    return found


def _value(document: Document, node: Any, type_: Typed, name: str) -> Value | None:
    text = document.scalar(node, f"`{name}`")
    if text is None:
        return None
    try:
        return type_.parse(Raw(text))
    except InvalidValue as invalid:
        hint = value_meant(type_.kind, text, type_.parse) or invalid.hint
        document.problem(invalid.code, f"`{name}` {invalid.message}", node, hint)
        return None


def _unknown(document: Document, name: str, key: Any, known: tuple[str, ...]) -> None:
    document.problem("UNKNOWN_KEY", f"`{named(name)}` is not known", key, nearest(name, known))


def _belongs(path: str, name: str) -> bool:
    return path == name or path.startswith(f"{name}.")


def tightened(guards: Guards, ceiling: Guards) -> Guards:
    """Give guards as strict as the stricter of two, one by one."""
    return Guards(
        mass_change=MassChange(
            min(guards.mass_change.percent, ceiling.mass_change.percent),
            min(guards.mass_change.at_least, ceiling.mass_change.at_least),
        ),
        risky_fields=guards.risky_fields | ceiling.risky_fields,
        protected=guards.protected | ceiling.protected,
        freeze=guards.freeze + ceiling.freeze,
        calling_hours=guards.calling_hours + ceiling.calling_hours,
    )
