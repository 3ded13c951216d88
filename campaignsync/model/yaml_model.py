"""Base classes of the models of YAML files: campaigns, `campaignsync.yaml`, guard settings.

The loader passes scalars as `Raw` text, without YAML's implicit typing. A field's kind reads them.
"""

import re
from dataclasses import dataclass
from typing import Any, ClassVar

from pydantic import (
    BaseModel,
    ConfigDict,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    model_validator,
)
from pydantic_core import CoreSchema, core_schema

from campaignsync.model.kind import InvalidValue
from campaignsync.model.kinds import SETTINGS

UNSET: Any = None
"""The default of an optional key. A key that is not set is neither managed nor compared."""


@dataclass(frozen=True, slots=True)
class Missing:
    """The problem to report if a required key is missing or a required list is empty."""

    code: str
    message: str
    hint: str


class YamlModel(BaseModel):
    """Keys and values of a YAML file; unknown keys are errors."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        # The loader uses few of the models by themselves: pydantic builds each at its first use.
        defer_build=True,
        field_title_generator=lambda name, _: name.replace("_", " ").capitalize(),
    )

    @classmethod
    def unknown_key(cls, _key: str) -> InvalidValue:
        """Return the error for a key that the model does not have."""
        return InvalidValue("UNKNOWN_KEY", "is not a known key")


class Section(YamlModel):
    """A part of `campaignsync.yaml`; a mapping without keys may be null."""

    model_config = ConfigDict(populate_by_name=True)

    forbidden: ClassVar[re.Pattern[str] | None] = None
    """Matches unknown keys that must be environment variables of the job, not keys of a file."""

    @model_validator(mode="before")
    @classmethod
    def _read_mapping(cls, value: Any) -> Any:
        return SETTINGS.read(value)

    @classmethod
    def unknown_key(cls, key: str) -> InvalidValue:
        if cls.forbidden and cls.forbidden.search(key):
            why = "cannot be set here: a pull request could change it"
            return InvalidValue(
                "FORBIDDEN_KEY", why, "set it as an environment variable of the job"
            )
        return super().unknown_key(key)

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        described = handler.resolve_ref_schema(handler(schema))
        if not described.get("required"):
            described["type"] = ["object", "null"]
        for key in described["properties"].values():
            # Other defaults are not in the form that the file uses.
            if not isinstance(key.get("default"), str | int):
                key.pop("default", None)
        return described


@dataclass(frozen=True, slots=True)
class OneOrMore:
    """Accept a single value in place of a list; if `empty` is set, report it for an empty list."""

    empty: Missing | None = None

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        return core_schema.no_info_before_validator_function(self._list, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        described = handler(schema)
        described.pop("uniqueItems", None)
        if self.empty:
            described["minItems"] = 1
        return {"anyOf": [described["items"], described]}

    def _list(self, value: Any) -> Any:
        if not isinstance(value, list | tuple | frozenset):
            return [value]
        if self.empty and not value:
            raise InvalidValue(self.empty.code, self.empty.message, self.empty.hint)
        return value
