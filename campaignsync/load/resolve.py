"""Combine a sheet, an environment and the shared defaults into a definition, and check its rules.

The value of each field comes from the first of these that sets it: the definition's section for the
environment, the definition itself, the defaults of its channel, the general defaults. Fields are
resolved one by one; lists are not merged. Some fields are valid in the API only under a condition,
such as a channel's texts or the fields of cycles. A default for them applies only to definitions
that meet the condition explicitly.
"""

from collections.abc import Iterator, Mapping

from campaignsync.errors import Problem, Source
from campaignsync.load.sheet import Sheet
from campaignsync.model.fields import BY_PATH, FIELDS, REFUSALS, Field, Requirement, Value, unmet
from campaignsync.model.values import Definition, Shared


def resolve(sheet: Sheet, shared: Shared, environment: str | None) -> Definition | None:
    """Return the definition for an environment; None if the campaign has no id there."""
    if (id_ := sheet.id_in(environment)) is None:
        return None
    values, places = dict(sheet.values), dict(sheet.places)
    overrides, where = sheet.overrides.get(environment or "", ({}, {}))
    values |= overrides
    places |= where
    if shared.defaults or shared.channels:
        _add_defaults(values, places, shared)
    ordered = {field.path: values[field.path] for field in FIELDS if field.path in values}
    own = frozenset(overrides)
    return Definition(id_, sheet.page.file, ordered, places, sheet.labels, own)


def _add_defaults(values: dict[str, Value], places: dict[str, Source], shared: Shared) -> None:
    """Add the defaults of unset fields.

    FIELDS lists a condition before the fields that require it, so one pass is enough.
    """
    for field in FIELDS:
        if field.path in values:
            continue
        channel = shared.channels.get(str(values.get("integration_type")), {})
        found = channel.get(field.path) or shared.defaults.get(field.path)
        if found and _is_condition_met(field, values):
            values[field.path], places[field.path] = found


def _is_condition_met(field: Field, facts: Mapping[str, Value]) -> bool:
    """Return whether a field's nearest condition is set, and no other one is contradicted."""
    if not field.requires:
        return True
    nearest = field.requires[-1]
    return facts.get(nearest.path) == nearest.value and not unmet(field, facts)


def check_rules(definition: Definition, sheet: Sheet) -> None:
    """Note each violated rule between fields; a field that is not set violates no rule."""
    for problem in _violations(definition):
        sheet.page.note(problem)


def _violations(definition: Definition) -> Iterator[Problem]:
    values = definition.values
    for path in values:
        if requirement := unmet(BY_PATH[path], values):
            yield Problem(
                requirement.code,
                clash(path, requirement, values),
                _source_in_file(definition, path, requirement.path),
                REFUSALS[requirement.code].remedy,
            )
    first, last = (f"cycles.schedule_{end}_date" for end in ("start", "end"))
    if first in values and last in values and values[last] < values[first]:
        yield Problem(
            "DATES_REVERSED",
            f"`{last}` is before `{first}`",
            _source_in_file(definition, last, first),
            "swap them",
        )


def clash(path: str, requirement: Requirement, values: Mapping[str, Value]) -> str:
    """Return the message for a field that cannot be combined with the value of another field."""
    said = said_in_yaml(requirement.path, values[requirement.path])
    return f"`{path}` conflicts with `{said}`: {REFUSALS[requirement.code].means}"


def _source_in_file(definition: Definition, path: str, other: str) -> Source:
    """Return the source of the field, or of the other one if only that is in the definition."""
    sources = [definition.source_of(each) for each in (path, other)]
    return next((source for source in sources if source.file == definition.file), sources[0])


def said_in_yaml(path: str, value: Value) -> str:
    return f"{path}: {str(value).lower() if isinstance(value, bool) else value}"
