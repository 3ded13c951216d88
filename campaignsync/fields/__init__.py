# ruff: noqa: E501 - a row of the table is a line, however long
"""The rules of the API as one table: a row a field (API.md, "A campaign's fields").

Validation, comparison, patch, the JSON Schema and the help texts are read off these rows; adding a
field, or making one immutable, is one row. `kinds` and `calendar` hold what a value can be.
"""

from collections.abc import Iterable, Iterator, Mapping
from enum import Enum
from functools import cache
from typing import Any, NamedTuple

from campaignsync.fields.calendar import NO_TIMES, WEEKDAYS, WINDOW_PARTS, Day, Window, Zone
from campaignsync.fields.kinds import (
    UNSAID,
    Choice,
    Flag,
    Integer,
    Kind,
    Labels,
    Mark,
    Misfit,
    Text,
    Value,
)

__all__ = [
    "BY_PATH",
    "CHANNELS",
    "FIELDS",
    "MANAGEABLE",
    "NO_TIMES",
    "REFUSALS",
    "STATUSES",
    "UNSAID",
    "WEEKDAYS",
    "WEEKS",
    "WINDOW_PARTS",
    "Field",
    "Kind",
    "Labels",
    "Misfit",
    "Mutability",
    "Refusal",
    "Requirement",
    "Value",
    "Window",
    "readings",
    "unmet",
    "whole_of",
]


class Mutability(Enum):
    """What may become of a field after its campaign was created."""

    PATCH = "changed by PATCH"
    IMMUTABLE = "checked against live, never sent"
    READ_ONLY = "decided by the API, not for definitions"


class Requirement(NamedTuple):
    """A PATCH may hold the field only where the campaign's `path` is `value`; else `code`."""

    path: str
    value: Value
    code: str


class Field(NamedTuple):
    """One row: the unit in which values are compared, changed and sent.

    `listed` and `detailed` are the dotted places where the list and the detail say the value; None
    where that reading never does. A row marked [A] in API.md names a place that may stay silent. `example` is
    a value as a definition would have it.
    """

    path: str
    kind: Kind
    help: str
    listed: str | None = None
    detailed: str | None = None
    mutability: Mutability = Mutability.PATCH
    requires: tuple[Requirement, ...] = ()
    example: Value = None

    @property
    def sendable(self) -> bool:
        return self.mutability is Mutability.PATCH


def _week(path: str, help_: str, *, listed: bool, requires: tuple[Requirement, ...]) -> list[Field]:
    """Make a row of each weekday: a changed weekday is sent whole, and alone."""
    return [
        Field(
            f"{path}.{day}",
            Window(),
            help_,
            f"{path}.{day}" if listed else None,
            f"{path}.{day}",
            requires=requires,
        )
        for day in WEEKDAYS
    ]


CHANNELS = ("phone_call", "whatsapp")
STATUSES = ("pending", "ready", "active", "inactive", "cooldown", "finished")
PHONE = (Requirement("integration_type", "phone_call", "INVALID_REQUEST"),)
WHATSAPP = (Requirement("integration_type", "whatsapp", "INVALID_REQUEST"),)
CYCLES = (*PHONE, Requirement("cycles.enabled", True, "CYCLES_NOT_ENABLED"))
SCHEDULED = (*CYCLES, Requirement("cycles.mode", "scheduled", "SCHEDULED_MODE_ONLY"))

_NEVER_SENT = Mutability.IMMUTABLE
_READ_ONLY = Mutability.READ_ONLY

# fmt: off
FIELDS: tuple[Field, ...] = (
    Field("name", Text(1, 255), "The campaign's name.", "name", "name", example="Q2 Reactivation - wave 2"),
    Field("description", Text(), "What the campaign is for.", "description", "description", example="Customers who have not bought since spring."),
    Field("agent_id", Text(1), "The agent that speaks.", "agent.id", "agent.id", _NEVER_SENT, example="agt_sofia"),
    Field("integration_id", Text(1), "The phone line or WhatsApp account.", None, "integration.id", _NEVER_SENT, example="int_42"),
    Field("integration_type", Choice(CHANNELS), "The channel.", None, "integration_type", _NEVER_SENT, example="phone_call"),
    Field("timezone", Zone(), "The IANA zone in which all times are meant.", "timezone", "timezone", example="America/Mexico_City"),
    Field("retries", Integer(0, 5), "How often a contact is tried again.", "retries", "retries", example=2),
    Field("message_limit", Integer(1, 10000), "The most messages the campaign sends.", None, "message_limit", example=5000),
    *_week("scheduling", "The hours of a weekday in which contacts are called.", listed=True, requires=()),
    Field("first_message", Text(), "The agent's first words.", "first_message", "first_message", requires=PHONE, example="Hola, ¿hablo con {{name}}?"),
    Field("template", Text(), "The WhatsApp template.", "template", "template", requires=WHATSAPP, example="cita_recordatorio_v1"),
    Field("template_alt", Text(), "The second WhatsApp template.", None, "template_alt", requires=WHATSAPP, example="cita_confirmar_v1"),
    Field("cycles.enabled", Flag(), "Whether contacts are called in cycles.", "cycle_enabled", "cycles.enabled", _NEVER_SENT, PHONE, example=True),
    Field("cycles.mode", Choice(("cooldown", "scheduled")), "What starts the next cycle.", None, "cycles.mode", _NEVER_SENT, PHONE, example="scheduled"),
    Field("cycles.max_iterations", Integer(), "The most cycles.", "cycle_max_iterations", "cycles.max_iterations", requires=CYCLES, example=7),
    Field("cycles.cooldown_minutes", Integer(), "Minutes between two cycles.", "cycle_cooldown_minutes", "cycles.cooldown_minutes", requires=CYCLES, example=720),
    Field("cycles.filter_statuses", Labels(), "The call outcomes that are called again.", "cycle_filter_statuses", "cycles.filter_statuses", requires=CYCLES, example=["no-answer", "voicemail"]),
    Field("cycles.filter_tags", Labels(), "The tags that are called again.", "cycle_filter_tags", "cycles.filter_tags", requires=CYCLES, example=["retry"]),
    *_week("cycles.schedule", "The hours of a weekday in which a cycle runs.", listed=False, requires=SCHEDULED),
    Field("cycles.schedule_start_date", Day(), "The first day of the cycles.", None, "cycles.schedule_start_date", requires=SCHEDULED, example="2026-01-05"),
    Field("cycles.schedule_end_date", Day(), "The last day of the cycles.", None, "cycles.schedule_end_date", requires=SCHEDULED, example="2026-03-31"),
    Field("status", Choice(STATUSES), "Where the campaign stands.", "status", "status", _READ_ONLY),
    Field("archived", Mark(), "Whether the campaign is put away.", "archived", "archived", _READ_ONLY),
    Field("created_at", Text(), "When the campaign was created.", "created_at", "created_at", _READ_ONLY),
    Field("analytics", Text(), "The API's own figures.", None, "analytics", _READ_ONLY),
)
# fmt: on

BY_PATH: Mapping[str, Field] = {field.path: field for field in FIELDS}
MANAGEABLE = tuple(field for field in FIELDS if field.mutability is not Mutability.READ_ONLY)
WEEKS = ("scheduling", "cycles.schedule")


def whole_of(path: str) -> str:
    """Give the week of a weekday, for a schedule is shared as a whole; any other path as it is."""
    week = path.rpartition(".")[0]
    return week if week in WEEKS else path


class Refusal(NamedTuple):
    """What a code means, and the way out."""

    means: str
    remedy: str


REFUSALS: Mapping[str, Refusal] = {
    "IMMUTABLE_FIELD": Refusal(
        "it cannot be changed once the campaign exists",
        "write the live value into the definition, or create a new campaign",
    ),
    "CYCLES_NOT_ENABLED": Refusal(
        "the campaign was created without cycles, and they cannot be switched on",
        "remove the cycle fields from the definition",
    ),
    "SCHEDULED_MODE_ONLY": Refusal(
        "it belongs to cycles of mode scheduled, and a campaign's mode cannot be changed",
        "remove it from the definition",
    ),
    "INVALID_REQUEST": Refusal(
        "it belongs to the other channel",
        "remove it from the definition",
    ),
    "CAMPAIGN_FINISHED": Refusal(
        "the campaign is finished, and so read-only",
        "remove the definition, or leave it as a record",
    ),
    "ARCHIVED": Refusal(
        "the campaign is archived",
        "remove the definition, or bring the campaign back first",
    ),
    "NOT_FOUND": Refusal(
        "the account has no such campaign",
        "correct the id, or check that the key is of the right account",
    ),
}


def readings(answer: Mapping[str, Any], reading: str) -> Iterator[tuple[str, Value]]:
    """Give each field that an answer says, canonical; `reading` is "listed" or "detailed"."""
    for field, keys in _places(reading):
        if (found := _dig(answer, keys)) is UNSAID:
            continue
        if (value := field.kind.canonical(found)) is not UNSAID:
            yield field.path, value


@cache
def _places(reading: str) -> tuple[tuple[Field, tuple[str, ...]], ...]:
    """Give the fields that a reading says, and the keys that lead to each."""
    places = ((field, getattr(field, reading)) for field in FIELDS)
    return tuple((field, tuple(place.split("."))) for field, place in places if place)


def _dig(answer: Any, keys: Iterable[str]) -> Any:
    """Follow keys, or give UNSAID; a null on the way down makes everything below it null."""
    for key in keys:
        if answer is None:
            return None
        if not isinstance(answer, dict) or key not in answer:
            return UNSAID
        answer = answer[key]
    return answer


def unmet(field: Field, facts: Mapping[str, Value]) -> Requirement | None:
    """Give the first requirement that the facts contradict; a fact that is unknown contradicts none."""
    for requirement in field.requires:
        if facts.get(requirement.path, requirement.value) != requirement.value:
            return requirement
    return None
