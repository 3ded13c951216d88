"""Kinds of value of a campaign's fields; the kinds for dates and hours are in `calendar`.

A kind is metadata of a pydantic type. It parses the text of a YAML scalar, and it normalizes a
value of an API response for comparison. Values are plain JSON (str, int, bool, list, dict) in
canonical form, so that equal values are equal with `==` and survive a round trip.
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Self

from annotated_types import Ge, Le, MinLen
from pydantic import AfterValidator, BeforeValidator, GetJsonSchemaHandler

Value = Any
"""A canonical JSON value: str, int, bool, list of str, a weekday's window, or None for empty."""

UNKNOWN_VALUE: Any = object()
"""The value of a key that a response omits: unknown, which is neither null nor empty."""

# The largest integer that JSON parsers of all languages read without loss.
LARGEST_INTEGER = 2**53 - 1
# Line breaks and tabs are text; other control characters can corrupt terminals and logs.
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\u2028\u2029]")
TAG = r"[\U000e0020-\U000e007f]"
NOT_OF_A_FLAG = "".join(rf"(?<!\U0001f3f4{TAG}{{{count}}})" for count in range(7))
# Characters that are invisible or change the text direction. Two uses in emoji are excluded: a
# joiner after a pictograph, and up to seven tags after a flag.
HIDDEN = re.compile(
    r"[\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u200c\u200e\u200f\u202a-\u202e"
    r"\u2060-\u206f\u3164\ufe00-\ufe0d\ufeff\uffa0\ufff0-\ufffb"
    r"\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e001f\U000e0080-\U000e0fff]"
    r"|(?<![\u2190-\u2bff\ufe0f\U0001f000-\U0001faff])\u200d"
    rf"|{NOT_OF_A_FLAG}{TAG}"
)
INTEGER = re.compile(r"-?(0|[1-9][0-9]*)\Z", re.ASCII)
LEAVE = "remove the key to leave the field alone"


class InvalidValue(ValueError):
    """A value that does not fit its field: a code, what is wrong, and what to write instead.

    The message follows the name of the field, as in "`percent` is out of range". For suggestions,
    `kind` is the expected kind of value and `known` holds the names that are valid.
    """

    kind: "Kind | None" = None

    def __init__(
        self, code: str, message: str, hint: str = "", *, known: Iterable[str] = ()
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = hint
        self.known = tuple(known)


class Raw(str):
    """The text of a YAML scalar; `plain` is False for quoted and block scalars."""

    __slots__ = ("plain",)
    plain: bool

    def __new__(cls, text: str, *, plain: bool = True) -> Self:
        raw = super().__new__(cls, text)
        raw.plain = plain
        return raw


class Kind:
    """The base class of all kinds."""

    needs = "a single value"
    null_hint = LEAVE
    shape_hint = "write it without brackets and braces"
    is_short_form = False
    """Whether text is a short form of a value of another type; if so, any str is parsed."""

    def read(self, value: Any) -> Any:
        """Return the value for pydantic to validate; raises InvalidValue for an invalid scalar.

        YAML scalars are Raw text and null is None. Any other value is returned unchanged.
        """
        if value is None:
            raise InvalidValue("NULL_VALUE", "has no value", self.null_hint)
        if isinstance(value, dict | list):
            raise self.wrong_shape(value)
        if type(value) is str and self.is_short_form:
            value = Raw(value)
        if type(value) is not Raw:
            return value
        try:
            return self.parse(value, plain=value.plain)
        except InvalidValue as error:
            error.kind = error.kind or self
            raise

    def read_key(self, name: str) -> Any:
        """Return the value of a mapping's key; raises InvalidValue."""
        return self.read(Raw(name))

    def wrong_shape(self, value: Any) -> InvalidValue:
        """Return the error for a value of the wrong shape: scalar, list or mapping."""
        is_list, is_mapping = isinstance(value, list), isinstance(value, dict)
        shape = "a list" if is_list else "a mapping" if is_mapping else "a single value"
        return InvalidValue("WRONG_TYPE", f"must be {self.needs}, not {shape}", self.shape_hint)

    def parse(self, text: str, *, plain: bool) -> Value:
        """Return the value of a scalar's text; `plain` is False for quoted and block scalars.

        Raises InvalidValue for text that is not a value of this kind.
        """
        raise NotImplementedError

    def canonical(self, answered: Any) -> Value:
        """Return a value of an API response in canonical form; an unexpected value is unchanged."""
        return answered

    def settle(self, desired: Value, _live: Value) -> Value:
        """Return the desired value; parts that the definition omits are taken from live."""
        return desired


class TextKind(Kind):
    """Text; its length is counted in code points, and trailing line breaks are not significant.

    Lines end with a line feed. A server may return CR LF, which a definition cannot contain, so
    the carriage return is removed before comparison.
    """

    null_hint = f'{LEAVE}, or write "" to empty it'
    shape_hint = "put text that starts with a brace or a bracket in quotes"

    def parse(self, text: str, *, plain: bool) -> Value:
        del plain  # `no`, `2024` and `+52…` are text, quoted or not
        if control := CONTROL.search(text):
            character = f"U+{ord(control.group()):04X}"
            message = f"contains the control character {character}"
            raise InvalidValue("CONTROL_CHARACTER", message, "remove it")
        return str(text).rstrip("\n")

    def canonical(self, answered: Any) -> Value:
        if answered is None:
            return ""
        if not isinstance(answered, str):
            return answered
        return answered.replace("\r\n", "\n").rstrip("\n")

    def __get_pydantic_json_schema__(
        self, schema: Any, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        # The value is text, but an editor reads an unquoted 2024 as a number.
        return {**handler(schema), "type": ["string", "number", "boolean"]}


class LongTextKind(TextKind):
    """Text without a length limit; it may be in a separate file."""

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
    def parse(self, text: str, *, plain: bool) -> Value:
        if not INTEGER.match(text):
            message = f"is not a whole number: {clip(text)}"
            raise InvalidValue("NOT_AN_INTEGER", message, "write it in digits")
        if not plain:
            message = "must be a number, but is in quotes"
            raise InvalidValue("QUOTED_NUMBER", message, f"remove the quotes: {text}")
        # int() raises ValueError for thousands of digits.
        return int(text) if len(text) <= len(str(LARGEST_INTEGER)) else BEYOND[text[0] == "-"]

    def canonical(self, answered: Any) -> Value:
        # True == 1 in Python; as JSON text it cannot be equal to the number.
        if isinstance(answered, bool):
            return json.dumps(answered)
        if isinstance(answered, float) and answered.is_integer():
            return int(answered)
        return answered


BEYOND = (LARGEST_INTEGER + 1, -LARGEST_INTEGER - 1)


class FlagKind(Kind):
    def parse(self, text: str, *, plain: bool) -> Value:
        if plain and text.lower() in ("true", "false"):
            return text.lower() == "true"
        message = f"is not true or false: {clip(text)}"
        raise InvalidValue("NOT_A_BOOLEAN", message, "write true or false")

    def canonical(self, answered: Any) -> Value:
        if answered is None:
            return False
        return answered if isinstance(answered, bool) else json.dumps(answered)


class MarkKind(FlagKind):
    """A boolean that only the API returns; read from any common spelling."""

    SPELLINGS: ClassVar[Mapping[str, bool]] = {"0": False, "1": True, "false": False, "true": True}

    def canonical(self, answered: Any) -> Value:
        spelled = answered if isinstance(answered, str) else json.dumps(answered)
        return self.SPELLINGS.get(spelled.lower(), super().canonical(answered))


@dataclass(frozen=True, slots=True)
class ChoiceKind(Kind):
    options: tuple[str, ...]

    def parse(self, text: str, *, plain: bool) -> Value:
        del plain
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

    def canonical(self, answered: Any) -> Value:
        if answered is None:
            return []
        if isinstance(answered, list) and all(isinstance(item, str) for item in answered):
            return sorted(set(answered))
        return answered


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
        found = handler(schema)
        if "patternProperties" in found:
            found["additionalProperties"] = False
        if not self._may_be_empty:
            return found
        if "$ref" in found:
            return {"anyOf": [found, {"type": "null"}]}
        return {**found, "type": ["object", "null"]}


TEXT, LONG_TEXT, WORD = TextKind(), LongTextKind(), WordKind()
INTEGER_KIND, FLAG, MARK, LABELS = IntegerKind(), FlagKind(), MarkKind(), LabelsKind()
GROUP, SETTINGS = MappingKind(), MappingKind(may_be_empty=True)

Text = Annotated[str, TEXT]
LongText = Annotated[str, LONG_TEXT]
"""Text that may also be in a separate file."""
Integer = Annotated[int, Ge(0), Le(LARGEST_INTEGER), INTEGER_KIND]
Flag = Annotated[bool, FLAG]
Mark = Annotated[bool, MARK]
Word = Annotated[str, MinLen(1), WORD, BeforeValidator(WORD.read)]
Labels = Annotated[list[Word], LABELS, AfterValidator(LABELS.canonical)]


def kind_of(metadata: Any) -> Kind | None:
    """Return the kind in a type's metadata; None if there is none."""
    return next((each for each in metadata if isinstance(each, Kind)), None)


def invalid_value(
    found: Mapping[str, Any], text: str | None = None, bounds: tuple[int, int] | None = None
) -> InvalidValue:
    """Convert a pydantic error about a value to an InvalidValue with our own message.

    `found` is an item of `ValidationError.errors()`, `text` the scalar as written, `bounds` the
    smallest and the largest number that its field allows.
    """
    context = found.get("ctx", {})
    if isinstance(error := context.get("error"), InvalidValue):
        return error
    match found["type"]:
        case "greater_than_equal" | "less_than_equal":
            message = f"is out of range: {clip(str(found['input']) if text is None else text)}"
            return InvalidValue("OUT_OF_RANGE", message, _range(*(bounds or (0, LARGEST_INTEGER))))
        case "string_too_short" | "too_short":
            return InvalidValue("TOO_SHORT", "is empty", "write some text")
        case "string_too_long":
            length, longest = len(found["input"]), context["max_length"]
            message = f"has {length} characters; at most {longest} are allowed"
            return InvalidValue("TOO_LONG", message, f"shorten it by {length - longest}")
        case _:
            return InvalidValue("INVALID_VALUE", f"is not valid: {found['msg']}")


def _range(least: int, most: int) -> str:
    if most == LARGEST_INTEGER:
        return f"write a number of {least} or more, in at most 15 digits"
    return f"write a number from {least} to {most}"


def clip(text: str, longest: int = 60) -> str:
    """Return a scalar in quotes for a message, truncated to `longest` characters."""
    return json.dumps(
        text if len(text) <= longest else text[: longest - 1] + "…", ensure_ascii=False
    )
