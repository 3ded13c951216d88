"""Kinds of value of a campaign's fields; those for dates and hours are in `calendar`, `week`.

A kind is metadata of a pydantic type. It parses the text of a YAML scalar, and it normalizes a
value of an API response for comparison. Values are plain JSON (str, int, bool, list, dict) in
canonical form, so that equal values are equal with `==` and survive a round trip.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from annotated_types import Ge, Le, MinLen
from pydantic import AfterValidator, GetJsonSchemaHandler

from campaignsync.characters import CONTROL
from campaignsync.model.kind import LARGEST_INTEGER, LEAVE, InvalidValue, Kind, Raw, Value, clip

NUMERAL = re.compile(r"-?(0|[1-9][0-9]*)\Z", re.ASCII)


class TextKind(Kind):
    """Text; its length is counted in code points, and trailing line breaks are not significant.

    Lines end with a line feed. A server may return CR LF, which a definition cannot contain, so
    the carriage return is removed before comparison.
    """

    null_hint = f'{LEAVE}, or write "" to empty it'
    shape_hint = "put text that starts with a brace or a bracket in quotes"

    def parse(self, text: Raw) -> Value:
        # `no`, `2024` and `+52…` are text, quoted or not.
        if control := CONTROL.search(text):
            character = f"U+{ord(control.group()):04X}"
            message = f"contains the control character {character}"
            raise InvalidValue("CONTROL_CHARACTER", message, "remove it")
        return str(text).rstrip("\n")

    def canonical(self, returned: Any) -> Value:
        if returned is None:
            return ""
        if not isinstance(returned, str):
            return returned
        return returned.replace("\r\n", "\n").rstrip("\n")

    def __get_pydantic_json_schema__(
        self, schema: Any, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        # The value is text, but an editor reads an unquoted 2024 as a number.
        return {**handler(schema), "type": ["string", "number", "boolean"]}


class LongTextKind(TextKind):
    """Text without a length limit; it may be in a separate file."""

    shape_hint = f"{TextKind.shape_hint}, or write {{file: PATH}} for a text in a file"

    def __get_pydantic_json_schema__(
        self, schema: Any, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        text = super().__get_pydantic_json_schema__(schema, handler)
        file = {
            "type": "object",
            "properties": {
                "file": {"type": "string", "description": "A text file of the workspace."}
            },
            "required": ["file"],
            "additionalProperties": False,
        }
        return {"anyOf": [text, file]}


class IntegerKind(Kind):
    def parse(self, text: Raw) -> Value:
        if not NUMERAL.match(text):
            message = f"is not a whole number: {clip(text)}"
            raise InvalidValue("NOT_AN_INTEGER", message, "write it in digits")
        if not text.plain:
            message = "must be a number, but is in quotes"
            raise InvalidValue("QUOTED_NUMBER", message, f"remove the quotes: {text}")
        # int() raises ValueError for thousands of digits.
        return int(text) if len(text) <= len(str(LARGEST_INTEGER)) else BEYOND[text[0] == "-"]

    def canonical(self, returned: Any) -> Value:
        # True == 1 in Python; as JSON text it cannot be equal to the number.
        if isinstance(returned, bool):
            return json.dumps(returned)
        if isinstance(returned, float) and returned.is_integer():
            return int(returned)
        return returned


BEYOND = (LARGEST_INTEGER + 1, -LARGEST_INTEGER - 1)


class FlagKind(Kind):
    def parse(self, text: Raw) -> Value:
        if text.plain and text.lower() in ("true", "false"):
            return text.lower() == "true"
        message = f"is not true or false: {clip(text)}"
        raise InvalidValue("NOT_A_BOOLEAN", message, "write true or false")

    def canonical(self, returned: Any) -> Value:
        if returned is None:
            return False
        return returned if isinstance(returned, bool) else json.dumps(returned)


class MarkKind(FlagKind):
    """A boolean that only the API returns; read from any common spelling."""

    SPELLINGS: ClassVar[Mapping[str, bool]] = {"0": False, "1": True, "false": False, "true": True}

    def canonical(self, returned: Any) -> Value:
        spelled = returned if isinstance(returned, str) else json.dumps(returned)
        return self.SPELLINGS.get(spelled.lower(), super().canonical(returned))


@dataclass(frozen=True, slots=True)
class ChoiceKind(Kind):
    options: tuple[str, ...]

    def parse(self, text: Raw) -> Value:
        if text not in self.options:
            message, hint = (
                f"is not a valid value: {clip(text)}",
                f"write {' or '.join(self.options)}",
            )
            raise InvalidValue("NOT_A_CHOICE", message, hint)
        return str(text)


class WordKind(TextKind):
    """One item of a list."""

    null_hint = "remove the item"


class LabelsKind(Kind):
    """A list of words, sorted and without duplicates; the order is assumed not to matter."""

    needs = "a list, such as [busy, no-answer]"
    null_hint = f"{LEAVE}, or write [] to empty it"
    shape_hint = "put the items in brackets, separated by commas"

    def read(self, value: Any) -> Any:
        if not isinstance(value, list):
            if value is None:
                return super().read(value)
            error = self.wrong_shape(value)
            error.hint = "" if isinstance(value, dict) else error.hint
            raise error
        return value

    def canonical(self, returned: Any) -> Value:
        if returned is None:
            return []
        if isinstance(returned, list) and all(isinstance(item, str) for item in returned):
            return sorted(set(returned))
        return returned


class MappingKind(Kind):
    """Keys and values; with `may_be_empty`, null is an empty mapping."""

    needs = "a mapping"
    shape_hint = "write key: value on lines of their own, indented"

    def __init__(self, *, may_be_empty: bool = False) -> None:
        self._may_be_empty = may_be_empty

    def read(self, value: Any) -> Any:
        if value is None and self._may_be_empty:
            return {}
        if isinstance(value, str | list):
            raise self.wrong_shape(value)
        return super().read(value) if value is None else value

    def __get_pydantic_json_schema__(
        self, schema: Any, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        described = handler(schema)
        if "patternProperties" in described:
            described["additionalProperties"] = False
        if not self._may_be_empty:
            return described
        if "$ref" in described:
            return {"anyOf": [described, {"type": "null"}]}
        return {**described, "type": ["object", "null"]}


TEXT, LONG_TEXT, WORD = TextKind(), LongTextKind(), WordKind()
INTEGER, FLAG, MARK, LABELS = IntegerKind(), FlagKind(), MarkKind(), LabelsKind()
GROUP, SETTINGS = MappingKind(), MappingKind(may_be_empty=True)

Text = Annotated[str, TEXT]
LongText = Annotated[str, LONG_TEXT]
"""Text that may also be in a separate file."""
Integer = Annotated[int, Ge(0), Le(LARGEST_INTEGER), INTEGER]
Flag = Annotated[bool, FLAG]
Mark = Annotated[bool, MARK]
Word = Annotated[str, MinLen(1), WORD]
Labels = Annotated[list[Word], LABELS, AfterValidator(LABELS.canonical)]
