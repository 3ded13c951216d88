"""The campaign table as rows: one row per value that is compared, changed and sent as a unit.

Each weekday has its own row: `scheduling.mon`. The rows are derived from `campaign`.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Annotated, Any

from annotated_types import Ge, Le
from pydantic import TypeAdapter, ValidationError

from campaignsync.model.campaign import Campaign
from campaignsync.model.kind import (
    LARGEST_INTEGER,
    UNKNOWN_VALUE,
    Kind,
    Raw,
    Value,
    invalid_value,
    kind_of,
)
from campaignsync.model.metadata import (
    PATCH,
    READ_ONLY,
    Api,
    CampaignFields,
    Requirement,
    api_of,
)
from campaignsync.model.week import NO_TIMES, WEEK, WEEKDAYS, WINDOW, Day


@dataclass(frozen=True)
class Typed:
    """A type with its kind and constraints."""

    annotation: Any

    @cached_property
    def kind(self) -> Kind:
        kind = kind_of(self.annotation.__metadata__)
        assert kind  # noqa: S101 - every type of the table has a kind
        return kind

    @cached_property
    def bounds(self) -> tuple[int, int]:
        """Return the smallest and the largest number that the type allows."""
        least, most = 0, LARGEST_INTEGER
        for limit in self.annotation.__metadata__:
            if isinstance(limit, Ge):
                least = int(str(limit.ge))
            elif isinstance(limit, Le):
                most = int(str(limit.le))
        return least, most

    @cached_property
    def _adapter(self) -> TypeAdapter[Any]:
        return TypeAdapter(self.annotation)

    def parse(self, written: Any) -> Value:
        """Return the value of a parsed YAML node: Raw text, or a list or mapping of Raw texts.

        Raises InvalidValue.
        """
        try:
            return self._adapter.validate_python(written)
        except ValidationError as error:
            details = error.errors(include_url=False)[0]
        text = written if isinstance(written, Raw) else None
        raise invalid_value(details, text, self.bounds)

    def schema(self) -> dict[str, Any]:
        """Return the JSON Schema of the values that a file may contain."""
        return TypeAdapter(self.annotation).json_schema()


@dataclass(frozen=True)
class Field(Typed):
    """One row: its type, its dotted path in a definition, and the API's metadata."""

    path: str
    api: Api

    @property
    def is_sendable(self) -> bool:
        return self.api.mutability is PATCH


def _rows(model: type[CampaignFields]) -> Iterator[Field]:
    for name, info in model.model_fields.items():
        path = model.prefix + name
        if (api := api_of(info)) is None:
            assert isinstance(info.annotation, type)  # noqa: S101 - a group of fields
            yield from _rows(info.annotation)
            continue
        if WEEK in info.metadata:
            yield from (_weekday(path, day, api) for day in WEEKDAYS)
        else:
            yield Field(Annotated[info.annotation, *info.metadata], path, api)


def _weekday(week: str, day: str, api: Api) -> Field:
    """Return the row of one weekday: a changed weekday is sent as a unit and alone."""
    listed, detailed = (f"{place}.{day}" if place else None for place in (api.listed, api.detailed))
    of_day = Api(listed, detailed, api.mutability, api.requires)
    return Field(Day, f"{week}.{day}", of_day)


FIELDS = tuple(_rows(Campaign))
BY_PATH: Mapping[str, Field] = {field.path: field for field in FIELDS}
MANAGEABLE = tuple(field for field in FIELDS if field.api.mutability is not READ_ONLY)
WEEKS = tuple(
    dict.fromkeys(field.path.rpartition(".")[0] for field in FIELDS if field.kind is WINDOW)
)


def shared_path(path: str) -> str:
    """Return the week of a weekday, since schedules are shared as a unit; else the path itself."""
    week = path.rpartition(".")[0]
    return week if week in WEEKS else path


def groups_of(path: str) -> Iterator[str]:
    """Yield a field's path and every group that contains it, such as `cycles.schedule`."""
    yield path
    while "." in path:
        path = path.rpartition(".")[0]
        yield path


def values_of(fields: CampaignFields) -> Iterator[tuple[str, Value]]:
    """Yield the path and the value of each row that is set, in the table's order."""
    given = fields.model_fields_set
    for name in _names(fields.prefix):
        if name in given:
            path, value = fields.prefix + name, getattr(fields, name)
            if isinstance(value, CampaignFields):
                yield from values_of(value)
            elif path in WEEKS:
                yield from ((f"{path}.{day}", value[day]) for day in WEEKDAYS if day in value)
            else:
                yield path, value


@cache
def _names(prefix: str) -> tuple[str, ...]:
    """Return the keys below a prefix, in the table's order."""
    paths = (field.path for field in FIELDS if field.path.startswith(prefix))
    return tuple(dict.fromkeys(path.removeprefix(prefix).partition(".")[0] for path in paths))


def satisfies(path: str, live: Value, desired: Value) -> bool:
    """Return whether a live value satisfies the desired one; a closed day may have any times.

    None stands for a weekday that is missing from its week: it is closed.
    """
    is_closed = live is None and desired == NO_TIMES
    return is_closed or bool(live == BY_PATH[path].kind.settle(desired, live))


def response_values(response: Mapping[str, Any], reading: str) -> Iterator[tuple[str, Value]]:
    """Yield (path, canonical value) for each field that a response contains.

    `reading` is "listed" or "detailed".
    """
    for field, keys in _places(reading):
        if (returned := _dig(response, keys)) is UNKNOWN_VALUE:
            continue
        if (value := field.kind.canonical(returned)) is not UNKNOWN_VALUE:
            yield field.path, value


@cache
def _places(reading: str) -> tuple[tuple[Field, tuple[str, ...]], ...]:
    """Return the fields that a reading contains, each with the keys of its path."""
    places = ((field, getattr(field.api, reading)) for field in FIELDS)
    return tuple((field, tuple(place.split("."))) for field, place in places if place)


def _dig(value: Any, keys: Iterable[str]) -> Any:
    """Return the value at a path of keys; UNKNOWN_VALUE if a key is missing, None below a null.

    An empty week is the same as null: no day has hours.
    """
    for key in keys:
        if value is None or (value == {} and key in WEEKDAYS):
            return None
        if not isinstance(value, dict) or key not in value:
            return UNKNOWN_VALUE
        value = value[key]
    return value


def unmet(field: Field, facts: Mapping[str, Value]) -> Requirement | None:
    """Return the first requirement that the facts contradict; an unknown fact contradicts none."""
    for requirement in field.api.requires:
        if facts.get(requirement.path, requirement.value) != requirement.value:
            return requirement
    return None
