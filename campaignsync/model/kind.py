"""The base class of the kinds of value, and the error for an invalid value."""

import json
from collections.abc import Iterable, Mapping
from typing import Any, Self

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

Value = Any
"""A canonical JSON value: str, int, bool, list of str, a weekday's window, or None for empty."""
UNKNOWN_VALUE: Any = object()
"""The value of a key that a response omits: unknown, which is neither null nor empty."""
# The largest integer that JSON parsers of all languages read without loss.
LARGEST_INTEGER = 2**53 - 1
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
            return self.parse(value)
        except InvalidValue as error:
            error.kind = error.kind or self
            raise

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        return core_schema.no_info_before_validator_function(self.read, handler(source))

    def read_key(self, name: str) -> Any:
        """Return the value of a mapping's key; raises InvalidValue."""
        return self.read(Raw(name))

    def wrong_shape(self, value: Any) -> InvalidValue:
        """Return the error for a value of the wrong shape: scalar, list or mapping."""
        is_list, is_mapping = isinstance(value, list), isinstance(value, dict)
        shape = "a list" if is_list else "a mapping" if is_mapping else "a single value"
        return InvalidValue("WRONG_TYPE", f"must be {self.needs}, not {shape}", self.shape_hint)

    def parse(self, text: Raw) -> Value:
        """Return the value of a text; raises InvalidValue for text that is not of this kind."""
        raise NotImplementedError

    def canonical(self, returned: Any) -> Value:
        """Return a value of an API response in canonical form; an unexpected value is unchanged."""
        return returned

    def settle(self, desired: Value, _live: Value) -> Value:
        """Return the desired value; parts that the definition omits are taken from live."""
        return desired


def kind_of(metadata: Any) -> Kind | None:
    """Return the kind in a type's metadata; None if there is none."""
    return next((each for each in metadata if isinstance(each, Kind)), None)


def invalid_value(
    details: Mapping[str, Any], text: str | None = None, bounds: tuple[int, int] | None = None
) -> InvalidValue:
    """Convert a pydantic error about a value to an InvalidValue with our own message.

    `details` is an item of `ValidationError.errors()`, `text` the scalar as written, `bounds` the
    smallest and the largest number that its field allows.
    """
    context = details.get("ctx", {})
    if isinstance(error := context.get("error"), InvalidValue):
        return error
    match details["type"]:
        case "greater_than_equal" | "less_than_equal":
            message = f"is out of range: {clip(str(details['input']) if text is None else text)}"
            return InvalidValue("OUT_OF_RANGE", message, _range(*(bounds or (0, LARGEST_INTEGER))))
        case "string_too_short" | "too_short":
            return InvalidValue("TOO_SHORT", "is empty", "write some text")
        case "string_too_long":
            length, longest = len(details["input"]), context["max_length"]
            message = f"has {length} characters; at most {longest} are allowed"
            return InvalidValue("TOO_LONG", message, f"shorten it by {length - longest}")
        case _:
            return InvalidValue("INVALID_VALUE", f"is not valid: {details['msg']}")


def _range(least: int, most: int) -> str:
    if most == LARGEST_INTEGER:
        return f"write a number of {least} or more, in at most 15 digits"
    return f"write a number from {least} to {most}"


def clip(text: str, longest: int = 60) -> str:
    """Return a scalar in quotes for a message, truncated to `longest` characters."""
    return json.dumps(
        text if len(text) <= longest else text[: longest - 1] + "…", ensure_ascii=False
    )
