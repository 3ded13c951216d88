"""A sheet, an environment and what is shared → one definition, and whether its parts go together.

What a definition says for the environment wins over what it says for all, and that over the
defaults: those of its channel first, then those of everybody. Each field is won by itself, a list
is taken whole. A default that the API ties to a condition, the other channel's texts or the fields
of cycles, is for the definitions that say that condition, and for no others.
"""

from collections.abc import Iterator, Mapping

from campaignsync.errors import Problem, Source
from campaignsync.load.sheet import Sheet
from campaignsync.model.fields import BY_PATH, FIELDS, REFUSALS, Field, Requirement, Value, unmet
from campaignsync.model.values import Definition, Shared


def resolve(sheet: Sheet, shared: Shared, environment: str | None) -> Definition | None:
    """Give the definition of an environment; None where the campaign is not in it."""
    if (id_ := sheet.id_in(environment)) is None:
        return None
    values, places = dict(sheet.values), dict(sheet.places)
    overrides, where = sheet.overrides.get(environment or "", ({}, {}))
    values |= overrides
    places |= where
    if shared.defaults or shared.channels:
        _fill(values, places, shared)
    ordered = {field.path: values[field.path] for field in FIELDS if field.path in values}
    own = frozenset(overrides)
    return Definition(id_, sheet.page.file, ordered, places, sheet.labels, own)


def _fill(values: dict[str, Value], places: dict[str, Source], shared: Shared) -> None:
    """Add the defaults of fields that are not set; the table has conditions before their fields."""
    for field in FIELDS:
        if field.path in values:
            continue
        channel = shared.channels.get(str(values.get("integration_type")), {})
        found = channel.get(field.path) or shared.defaults.get(field.path)
        if found and _holds(field, values):
            values[field.path], places[field.path] = found


def _holds(field: Field, facts: Mapping[str, Value]) -> bool:
    """Tell whether a field's condition is said; what it rests on must not be contradicted."""
    if not field.requires:
        return True
    nearest = field.requires[-1]
    return facts.get(nearest.path) == nearest.value and not unmet(field, facts)


def check_rules(definition: Definition, sheet: Sheet) -> None:
    """Hold a definition against the rules between fields, as far as it says the facts."""
    for problem in _broken(definition):
        sheet.page.note(problem)


def _broken(definition: Definition) -> Iterator[Problem]:
    values = definition.values
    for path in values:
        if requirement := unmet(BY_PATH[path], values):
            yield Problem(
                requirement.code,
                clash(path, requirement, values),
                _own(definition, path, requirement.path),
                REFUSALS[requirement.code].remedy,
            )
    first, last = (f"cycles.schedule_{end}_date" for end in ("start", "end"))
    if first in values and last in values and values[last] < values[first]:
        yield Problem(
            "DATES_REVERSED",
            f"`{last}` is before `{first}`",
            _own(definition, last, first),
            "swap them",
        )


def clash(path: str, requirement: Requirement, values: Mapping[str, Value]) -> str:
    """Say that a field and a value that contradicts it cannot stand together."""
    said = said_in_yaml(requirement.path, values[requirement.path])
    return f"`{path}` does not go with `{said}`: {REFUSALS[requirement.code].means}"


def _own(definition: Definition, path: str, other: str) -> Source:
    """Point at the field, or at the other one where only that is the definition's own."""
    sources = [definition.source_of(each) for each in (path, other)]
    return next((source for source in sources if source.file == definition.file), sources[0])


def said_in_yaml(path: str, value: Value) -> str:
    return f"{path}: {str(value).lower() if isinstance(value, bool) else value}"
