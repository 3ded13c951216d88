"""What `validate` found, what `explain` knows, and why a command stops."""

from dataclasses import dataclass
from typing import Literal

from campaignsync.errors import Problem
from campaignsync.model.documents import Document


@dataclass(frozen=True, slots=True, kw_only=True)
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Explained(Document):
    """Codes, each explained."""

    version: Literal[1] = 1
    kind: Literal["explain"] = "explain"
    codes: tuple[ExplainedCode, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Validated(Document):
    """What `validate` found; `definitions` counts the files that were read."""

    version: Literal[1] = 1
    kind: Literal["validate"] = "validate"
    definitions: int
    problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Error(Document):
    """An error that stopped a command."""

    version: Literal[1] = 1
    kind: Literal["error"] = "error"
    exit_code: int
    code: str
    message: str
    hint: str = ""
    problems: tuple[Problem, ...] = ()
