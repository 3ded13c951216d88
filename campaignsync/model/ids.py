"""A campaign's number: one for all environments, or one for each."""

from typing import Annotated, Any

from annotated_types import Ge, Le
from pydantic import BeforeValidator, Field, GetJsonSchemaHandler

from campaignsync.model.kinds import LARGEST_INTEGER, IntegerKind, InvalidValue, Kind

EVERYWHERE = ""
"""Stands for the environment's name where one number holds for all of them."""


class IdKind(IntegerKind):
    null_hint = "write the campaign's number: id: 1234"


class IdsKind(Kind):
    """A number, or numbers by environment."""

    null_hint = IdKind.null_hint

    def read(self, value: Any) -> Any:
        if isinstance(value, dict):
            if not value:
                hint = "write the campaign's number in each: id: {production: 1234}"
                raise InvalidValue("MISSING_ID", "names no environment", hint)
            return value
        return {EVERYWHERE: ID.read(value)}

    def __get_pydantic_json_schema__(
        self, schema: Any, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        numbers = handler(schema)
        return {"anyOf": [numbers["additionalProperties"], {**numbers, "minProperties": 1}]}


ID, IDS = IdKind(), IdsKind()
Id = Annotated[int, Ge(1), Le(LARGEST_INTEGER), ID, BeforeValidator(ID.read)]
Ids = Annotated[dict[str, Id], IDS, Field(examples=[1234, {"production": 1234, "staging": 88}])]
