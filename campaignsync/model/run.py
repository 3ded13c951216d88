"""A run of apply as its journal records it: the writes that it began, and their outcomes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Any

from campaignsync.errors import Source
from campaignsync.model.fields import Value
from campaignsync.model.plan import Request


@dataclass(frozen=True, slots=True)
class Intent:
    """A write that is about to be sent: its requests, and its fields before and after.

    `before` lacks the fields that could not be read.
    """

    id: int
    name: str
    requests: tuple[Request, ...]
    before: Mapping[str, Value]
    after: Mapping[str, Value]
    source: Source


@dataclass(frozen=True, slots=True)
class Record:
    """One run, read from its journal: its intents, outcomes, and exit code if it finished.

    `collateral` holds fields that a PATCH changed without sending them, in a block that it sent:
    (before, after) by path. An intent without an outcome is a write whose outcome is unknown.
    `torn` is true if the last line is incomplete, as after a power failure; if that line is an
    intent, its PATCH was not sent.
    """

    run: str
    path: PurePath
    header: Mapping[str, Any]
    intents: Mapping[int, Intent] = field(default_factory=dict)
    outcomes: Mapping[int, Mapping[str, Any]] = field(default_factory=dict)
    collateral: Mapping[int, Mapping[str, tuple[Value, Value]]] = field(default_factory=dict)
    exit_code: int | None = None
    torn: bool = False

    @property
    def unfinished(self) -> bool:
        """Return whether the run was cut off, or has a write with an unknown outcome."""
        return self.exit_code is None or bool(self.unresolved)

    @property
    def unresolved(self) -> tuple[Intent, ...]:
        """Return the writes whose outcome is unknown."""
        known = {id_ for id_, line in self.outcomes.items() if line["outcome"] != "unknown"}
        return tuple(intent for id_, intent in self.intents.items() if id_ not in known)
