"""A part of a YAML file as a pydantic model: what all parts share, and the types of their values.

The loader hands over scalars as `Raw` text, never as YAML's guess at a type. A wrong value raises
PydanticCustomError: its type is one of our codes, its context holds what a message needs.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import NoneType
from typing import Any, ClassVar, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    ModelWrapValidatorHandler,
    ValidationError,
    model_validator,
)
from pydantic_core import (
    CoreSchema,
    ErrorDetails,
    InitErrorDetails,
    PydanticCustomError,
    core_schema,
)

from campaignsync.fields import Kind, Misfit


class Raw(str):
    """A scalar's text; `plain` is False for quoted and block scalars."""

    plain: bool
    __slots__ = ("plain",)

    def __new__(cls, text: str, *, plain: bool = True) -> Self:
        raw = super().__new__(cls, text)
        raw.plain = plain
        return raw


@dataclass(frozen=True, slots=True)
class Missing:
    """The problem to report where a required key, or every item of a list, is missing."""

    code: str
    message: str
    hint: str


class Section(BaseModel):
    """Keys and values of a YAML file; unknown keys are errors, an empty mapping may be null."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, use_attribute_docstrings=True, populate_by_name=True
    )

    forbidden: ClassVar[re.Pattern[str] | None] = None
    """Unknown keys that belong into the environment of a job, not into a file."""

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        found = handler.resolve_ref_schema(handler(schema))
        if not found.get("required"):
            found["type"] = ["object", "null"]
        for key in found["properties"].values():
            # Other defaults are values that the file would spell differently.
            if not isinstance(key.get("default"), str | int):
                key.pop("default", None)
        return found

    @model_validator(mode="wrap")
    @classmethod
    def _in_own_words(cls, value: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        """Validate keys and values; report unknown and missing keys in our own words."""
        if not isinstance(value, dict | NoneType | cls):
            raise not_a_mapping()
        try:
            return handler({} if value is None else value)
        except ValidationError as error:
            details = [cls._detail(found) for found in error.errors(include_url=False)]
            raise ValidationError.from_exception_data(error.title, details) from None

    @classmethod
    def _detail(cls, found: ErrorDetails) -> InitErrorDetails:
        *parents, key = found["loc"] or ("",)
        if found["type"] == "extra_forbidden" and not parents:
            error = cls._unknown(str(key))
        elif found["type"] == "missing" and not parents:
            error = cls._missing(str(key))
        else:
            error = PydanticCustomError(found["type"], "{message}", found["ctx"])
        return InitErrorDetails(type=error, loc=found["loc"], input=found["input"])

    @classmethod
    def _unknown(cls, key: str) -> PydanticCustomError:
        if cls.forbidden and cls.forbidden.search(key):
            why = "cannot be set here: a pull request could change it"
            return invalid("FORBIDDEN_KEY", why, "set it as an environment variable of the job")
        known = [field.alias or name for name, field in cls.model_fields.items()]
        return invalid("UNKNOWN_KEY", "is not a known key", text=key, known=known)

    @classmethod
    def _missing(cls, key: str) -> PydanticCustomError:
        names = {field.alias or name: field for name, field in cls.model_fields.items()}
        missing = next(one for one in names[key].metadata if isinstance(one, Missing))
        return invalid(missing.code, missing.message, missing.hint)


@dataclass(frozen=True, slots=True)
class Entries:
    """Keys and values whose keys are free; an empty mapping may be null."""

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        return core_schema.no_info_before_validator_function(_mapping, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        found = handler(schema)
        if "patternProperties" in found:
            found["additionalProperties"] = False
        return {**found, "type": ["object", "null"]}


def _mapping(value: Any) -> Any:
    if not isinstance(value, Mapping | NoneType):
        raise not_a_mapping()
    return value or {}


@dataclass(frozen=True, slots=True)
class Scalar:
    """Read a value as a kind of the field table does."""

    kind: Kind

    def __get_pydantic_core_schema__(self, _: Any, __: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(self._validate)

    def __get_pydantic_json_schema__(self, _: Any, __: GetJsonSchemaHandler) -> dict[str, Any]:
        return self.kind.schema()

    def _validate(self, value: Any) -> Any:
        text = one_value(value)
        try:
            return self.kind.parse(text, plain=text.plain)
        except Misfit as misfit:
            raise invalid(
                misfit.code, misfit.message, misfit.hint, text=text, kind=self.kind
            ) from None


def one_value(value: Any) -> Raw:
    """Return a scalar's text; raises PydanticCustomError for null, a list and a mapping."""
    if isinstance(value, str | int):
        return value if isinstance(value, Raw) else Raw(str(value))
    raise wrong_type("one value", "write one value on the line of its key")


@dataclass(frozen=True, slots=True)
class OneOrMore:
    """Accept a single value in place of a list; an `empty` list is a problem."""

    empty: Missing | None = None

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        return core_schema.no_info_before_validator_function(self._list, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        found = handler(schema)
        found.pop("uniqueItems", None)
        if self.empty:
            found["minItems"] = 1
        return {"anyOf": [found["items"], found]}

    def _list(self, value: Any) -> Any:
        if not isinstance(value, list | tuple | frozenset):
            return [value]
        if self.empty and not value:
            raise invalid(self.empty.code, self.empty.message, self.empty.hint)
        return value


def invalid(code: str, message: str, hint: str = "", **context: Any) -> PydanticCustomError:
    """Return the error of a value: `message` follows its name, as in "`percent` is out of range".

    The context helps to suggest what was meant: the `text`, its `kind`, the names that are `known`.
    """
    return PydanticCustomError(code, "{message}", {"message": message, "hint": hint, **context})


def wrong_type(needed: str, hint: str) -> PydanticCustomError:
    return invalid("WRONG_TYPE", f"needs {needed}", hint)


def not_a_mapping() -> PydanticCustomError:
    return wrong_type("keys and values", "write key: value on lines of their own, indented")
