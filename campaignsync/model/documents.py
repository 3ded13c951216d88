"""The JSON that others build on (DESIGN, section 6), one class a shape.

Reading is strict: an unknown key, a missing one or a value of another type is refused, so that a
saved plan is either what this program wrote or nothing. Here is what all shapes share, and those
of `validate`, `explain` and errors; `plans`, `applies`, `drifts`, `runs` and `lists` hold the rest.
"""

from collections.abc import Iterable
from typing import Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    ValidationError,
    with_config,
)

from campaignsync.errors import Problem, Source

SHAPE = ConfigDict(
    frozen=True,
    extra="forbid",
    strict=True,
    defer_build=True,
    # What we write has all its keys: who reads it may rely on each of them.
    json_schema_serialization_defaults_required=True,
)


for part in (Source, Problem):
    with_config(SHAPE)(part)


class Document(BaseModel):
    model_config = SHAPE

    @classmethod
    def parse(cls, text: str | bytes) -> Self:
        """Read JSON; raises ValueError with the first thing that does not fit, and where."""
        try:
            return cls.model_validate_json(text)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            place = ".".join(str(part) for part in first["loc"])
            raise ValueError(f"{place}: {first['msg']}" if place else first["msg"]) from None


def added(summaries: Iterable[Document]) -> dict[str, int]:
    """Add up summaries, word by word."""
    total: dict[str, int] = {}
    for summary in summaries:
        for word, count in summary:
            total[word] = total.get(word, 0) + count
    return total


class ExplainedCode(Document):
    """What a code means, why there is such a rule, and what to do.

    `before` and `after` are an example without and with the fix, or empty: a definition, files
    under their names, or commands.
    """

    code: str
    meaning: str
    why: str
    fix: str
    before: str
    after: str


class Explained(Document):
    """Codes, each explained."""

    version: Literal[1] = 1
    kind: Literal["explain"] = "explain"
    codes: tuple[ExplainedCode, ...]


class Validated(Document):
    """What `validate` found; `definitions` counts the files that were read."""

    version: Literal[1] = 1
    kind: Literal["validate"] = "validate"
    definitions: int
    problems: tuple[Problem, ...]


class Error(Document):
    """An error that stopped a command."""

    version: Literal[1] = 1
    kind: Literal["error"] = "error"
    exit_code: int
    code: str
    message: str
    hint: str = ""
    problems: tuple[Problem, ...] = ()
