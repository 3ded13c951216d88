"""Metadata of a row of the campaign table: the API's rules on the field."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, ClassVar, NoReturn

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.fields import FieldInfo
from pydantic_core import CoreSchema, core_schema

from campaignsync.model.kind import InvalidValue, Value
from campaignsync.model.yaml_model import YamlModel

Schema = dict[str, Any]


class Mutability(Enum):
    """Whether a definition may contain a field, and whether a PATCH may change it."""

    PATCH = "changed by PATCH"
    IMMUTABLE = "checked against live, never sent"
    READ_ONLY = "read-only: set by the API"


PATCH, IMMUTABLE, READ_ONLY = Mutability


@dataclass(frozen=True, slots=True)
class Requirement:
    """A PATCH may contain the field only if the campaign's `path` is `value`.

    Otherwise the API refuses the PATCH with `code`.
    """

    path: str
    value: Value
    code: str


@dataclass(frozen=True, slots=True)
class Api:
    """A field's metadata in the API.

    `listed` and `detailed` are the dotted paths of the value in the list and in the detail; None
    if that response never contains it. `example` is a value in the form of a definition.
    """

    listed: str | None = None
    detailed: str | None = None
    mutability: Mutability = PATCH
    requires: tuple[Requirement, ...] = ()
    example: Value = None

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        schema = handler(source)
        if self.mutability is READ_ONLY:
            return core_schema.no_info_before_validator_function(_refuse, schema)
        return schema


def _refuse(_value: object) -> NoReturn:
    raise InvalidValue("READ_ONLY_KEY", "is read-only: the API sets it", "remove it")


@dataclass(frozen=True, slots=True)
class Refusal:
    """The meaning of an error code, and how to fix the error."""

    means: str
    remedy: str


REFUSALS: Mapping[str, Refusal] = {
    "IMMUTABLE_FIELD": Refusal(
        "it cannot be changed once the campaign exists",
        "write the live value into the definition, or create a new campaign",
    ),
    "CYCLES_NOT_ENABLED": Refusal(
        "the campaign was created without cycles, and they cannot be enabled",
        "remove the cycle fields from the definition",
    ),
    "SCHEDULED_MODE_ONLY": Refusal(
        "it requires cycles in mode scheduled, and the mode cannot be changed",
        "remove it from the definition",
    ),
    "INVALID_REQUEST": Refusal(
        "it belongs to the other channel",
        "remove it from the definition",
    ),
    "CAMPAIGN_FINISHED": Refusal(
        "the campaign is finished and read-only",
        "remove the definition, or leave it as a record",
    ),
    "ARCHIVED": Refusal(
        "the campaign is archived",
        "remove the definition, or restore the campaign in the dashboard first",
    ),
    "NOT_FOUND": Refusal(
        "the account has no campaign with this id",
        "correct the id, or check that the key belongs to the right account",
    ),
}


class CampaignFields(YamlModel):
    """Fields of a campaign; the API's rules are added to the JSON Schema of the types."""

    prefix: ClassVar[str] = ""
    """The prefix of the keys in a dotted path."""

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: Any, handler: GetJsonSchemaHandler) -> Schema:
        described_model = handler(schema)
        keys = handler.resolve_ref_schema(described_model)
        for name, info in cls.model_fields.items():
            described = keys["properties"][name]
            described.pop("default", None)
            if api := api_of(info):
                keys["properties"][name] = _described(described, api)
        if rules := list(_rules(cls)):
            keys["allOf"] = rules
        return described_model


def api_of(info: FieldInfo) -> Api | None:
    return next((each for each in info.metadata if isinstance(each, Api)), None)


def _described(schema: Schema, api: Api) -> Schema:
    """Return the JSON Schema of a field; `readOnly` if a definition cannot change it."""
    head = {"title": schema["title"], "description": schema["description"]}
    if api.mutability is READ_ONLY:
        only = f"{schema['description']} Read-only: remove it."
        return {**head, "description": only, "readOnly": True, "doNotSuggest": True, "not": {}}
    if api.mutability is IMMUTABLE:
        only = f"{schema['description']} Immutable: checked against live, never sent."
        schema = {**schema, "description": only, "readOnly": True}
    return {**schema, "examples": [api.example]} if api.example else schema


def _rules(model: type[CampaignFields]) -> Iterator[Schema]:
    """Yield a JSON Schema rule for each requirement whose `path` is a key of the model.

    If the definition contradicts the requirement, the rule forbids the keys that depend on it, on
    the same level or below.
    """
    level = {model.prefix + name: name for name in model.model_fields}
    by_requirement: dict[Requirement, list[str]] = {}
    for name, requirement in _requirements(model):
        if requirement.path in level:
            by_requirement.setdefault(requirement, []).append(name)
    for requirement, keys in by_requirement.items():
        fact = level[requirement.path]
        yield {
            "if": {"properties": {fact: {"not": {"const": requirement.value}}}, "required": [fact]},
            "then": {"properties": dict.fromkeys(sorted({*keys}), False)},
            "$comment": f"{requirement.code}: {REFUSALS[requirement.code].means}",
        }


def _requirements(model: type[CampaignFields]) -> Iterator[tuple[str, Requirement]]:
    """Yield (key, requirement) for the keys of a level, including the keys nested below them."""
    for name, info in model.model_fields.items():
        if api := api_of(info):
            yield from ((name, requirement) for requirement in api.requires)
        elif isinstance(info.annotation, type) and issubclass(info.annotation, CampaignFields):
            yield from ((name, requirement) for _, requirement in _requirements(info.annotation))
