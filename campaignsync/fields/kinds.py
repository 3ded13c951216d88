"""The kinds of value a campaign's field can hold; `calendar` has those of days and hours.

Each kind knows four things: how a scalar of YAML becomes a value (`parse`), what a value that the
API answered is worth (`canonical`), what the two must look like to be compared (`settle`), and
its JSON Schema (`schema`). Values are plain JSON (str, int, bool, list, dict), always in
canonical form, so that equal values are equal with `==` and survive a round trip.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

Value = Any
"""A canonical JSON value: str, int, bool, list of str, a weekday's window, or None for empty."""

UNSAID: Any = object()
"""Where an answer leaves a key out: unknown, which is neither null nor empty."""

# What JSON can hold in every language without loss.
LARGEST_INTEGER = 2**53 - 1
# A line break and a tab are text; every other control character is a trap for terminals and logs.
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\u2028\u2029]")
TAG = r"[\U000e0020-\U000e007f]"
NOT_OF_A_FLAG = "".join(rf"(?<!\U0001f3f4{TAG}{{{count}}})" for count in range(7))
# What shows as nothing or turns the text round, but for what holds an emoji together: a joiner
# behind a picture, and the at most seven tags behind a flag.
HIDDEN = re.compile(
    r"[\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u200c\u200e\u200f\u202a-\u202e"
    r"\u2060-\u206f\u3164\ufe00-\ufe0d\ufeff\uffa0\ufff0-\ufffb"
    r"\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e001f\U000e0080-\U000e0fff]"
    r"|(?<![\u2190-\u2bff\ufe0f\U0001f000-\U0001faff])\u200d"
    rf"|{NOT_OF_A_FLAG}{TAG}"
)
INTEGER = re.compile(r"-?(0|[1-9][0-9]*)\Z", re.ASCII)


class Misfit(ValueError):
    """A scalar that is no value of its kind: a code, what is wrong, and what to write instead."""

    def __init__(self, code: str, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = hint


class Kind:
    """What all kinds share; a kind overrides what differs."""

    def parse(self, text: str, *, plain: bool) -> Value:
        """Make a value of a scalar's text; `plain` is False for quoted and block scalars.

        Raises Misfit for what is no value of this kind.
        """
        raise NotImplementedError

    def canonical(self, answered: Any) -> Value:
        """Give what the API answered its one spelling; what is no such value stays as it is."""
        return answered

    def settle(self, desired: Value, _live: Value) -> Value:
        """Complete what the definition leaves open with what is live."""
        return desired

    def schema(self) -> dict[str, Any]:
        """Describe the value in a definition as JSON Schema 2020-12."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class Text(Kind):
    """Characters, counted as code points; trailing line breaks carry no meaning.

    A line ends with a line feed: a definition cannot hold the carriage return before it that a
    server may add.
    """

    shortest: int = 0
    longest: int | None = None

    def parse(self, text: str, *, plain: bool) -> Value:
        del plain  # `no`, `2024` and `+52…` are the text that stands there, quoted or not
        if control := CONTROL.search(text):
            character = f"U+{ord(control.group()):04X}"
            raise Misfit(
                "CONTROL_CHARACTER", f"holds the control character {character}", "remove it"
            )
        text = text.rstrip("\n")
        if len(text) < self.shortest:
            raise Misfit("TOO_SHORT", "is empty", "write some text")
        if self.longest is not None and len(text) > self.longest:
            raise Misfit(
                "TOO_LONG",
                f"has {len(text)} characters; at most {self.longest} are allowed",
                f"shorten it by {len(text) - self.longest}",
            )
        return text

    def canonical(self, answered: Any) -> Value:
        if answered is None:
            return ""
        if not isinstance(answered, str):
            return answered
        return answered.replace("\r\n", "\n").rstrip("\n")

    def schema(self) -> dict[str, Any]:
        bounds: dict[str, Any] = {}
        if self.shortest:
            bounds["minLength"] = self.shortest
        if self.longest is not None:
            bounds["maxLength"] = self.longest
        # What stands there is the text, even where an editor reads a number.
        return {"type": ["string", "number", "boolean"], **bounds}


@dataclass(frozen=True, slots=True)
class Integer(Kind):
    least: int = 0
    most: int = LARGEST_INTEGER

    def parse(self, text: str, *, plain: bool) -> Value:
        if not INTEGER.match(text):
            raise Misfit(
                "NOT_AN_INTEGER", f"is not a whole number: {clip(text)}", "write it in digits"
            )
        if not plain:
            raise Misfit(
                "QUOTED_NUMBER", "is text, and a number is needed", f"lose the quotes: {text}"
            )
        # The length first: Python refuses to read thousands of digits at all.
        if len(text) > len(str(LARGEST_INTEGER)) or not self.least <= int(text) <= self.most:
            raise Misfit("OUT_OF_RANGE", f"is out of range: {clip(text)}", self._range())
        return int(text)

    def canonical(self, answered: Any) -> Value:
        # True == 1 in Python: spelled as JSON it can never pass for the number.
        if isinstance(answered, bool):
            return json.dumps(answered)
        if isinstance(answered, float) and answered.is_integer():
            return int(answered)
        return answered

    def schema(self) -> dict[str, Any]:
        return {"type": "integer", "minimum": self.least, "maximum": self.most}

    def _range(self) -> str:
        if self.most == LARGEST_INTEGER:
            return f"write a number of {self.least} or more, in at most 15 digits"
        return f"write a number from {self.least} to {self.most}"


class Flag(Kind):
    def parse(self, text: str, *, plain: bool) -> Value:
        if plain and text.lower() in ("true", "false"):
            return text.lower() == "true"
        raise Misfit("NOT_A_BOOLEAN", f"is not true or false: {clip(text)}", "write true or false")

    def canonical(self, answered: Any) -> Value:
        if answered is None:
            return False
        return answered if isinstance(answered, bool) else json.dumps(answered)

    def schema(self) -> dict[str, Any]:
        return {"type": "boolean"}


class Mark(Flag):
    """A boolean that no definition holds: read from any usual spelling."""

    SPELLINGS: ClassVar[Mapping[str, bool]] = {"0": False, "1": True, "false": False, "true": True}

    def canonical(self, answered: Any) -> Value:
        spelled = answered if isinstance(answered, str) else json.dumps(answered)
        return self.SPELLINGS.get(spelled.lower(), super().canonical(answered))


@dataclass(frozen=True, slots=True)
class Choice(Kind):
    options: tuple[str, ...]

    def parse(self, text: str, *, plain: bool) -> Value:
        del plain
        if text not in self.options:
            raise Misfit(
                "NOT_A_CHOICE", f"is not known: {clip(text)}", f"write {' or '.join(self.options)}"
            )
        return text

    def schema(self) -> dict[str, Any]:
        return {"type": "string", "enum": list(self.options)}


@dataclass(frozen=True, slots=True)
class Labels(Kind):
    """A list of words whose order carries no meaning [A]: sorted, and each word once."""

    item: Text = Text(shortest=1)

    def canonical(self, answered: Any) -> Value:
        if answered is None:
            return []
        if isinstance(answered, list) and all(isinstance(item, str) for item in answered):
            return sorted(set(answered))
        return answered

    def schema(self) -> dict[str, Any]:
        return {"type": "array", "items": self.item.schema()}


def clip(text: str, longest: int = 60) -> str:
    """Quote a scalar for a message, cut where it is long."""
    return json.dumps(
        text if len(text) <= longest else text[: longest - 1] + "…", ensure_ascii=False
    )
