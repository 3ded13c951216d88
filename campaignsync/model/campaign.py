# ruff: noqa: E501 - each row of the table is one line, of any length
"""The table of a campaign's fields: type, path in the API, rules and help text of each field.

Validation, comparison, request body, export, JSON Schema and the help texts are derived from it. To
add a field or to make one immutable, change one row. The types are in `kinds`, `calendar` and `week`.
"""

from typing import Annotated, Any, ClassVar, Literal, get_args

from annotated_types import Ge, Le, MaxLen, MinLen
from pydantic import ConfigDict, Field, GetJsonSchemaHandler

from campaignsync.model.calendar import Date, Zone
from campaignsync.model.kind import LARGEST_INTEGER, InvalidValue, Kind
from campaignsync.model.kinds import (
    GROUP,
    INTEGER,
    SETTINGS,
    TEXT,
    ChoiceKind,
    Flag,
    Integer,
    IntegerKind,
    Labels,
    LongText,
    Mark,
    Text,
)
from campaignsync.model.metadata import (
    IMMUTABLE,
    READ_ONLY,
    Api,
    CampaignFields,
    Requirement,
)
from campaignsync.model.week import Week
from campaignsync.model.yaml_model import UNSET, Missing

PHONE = (Requirement("integration_type", "phone_call", "INVALID_REQUEST"),)
WHATSAPP = (Requirement("integration_type", "whatsapp", "INVALID_REQUEST"),)
CYCLES = (*PHONE, Requirement("cycles.enabled", True, "CYCLES_NOT_ENABLED"))
SCHEDULED = (*CYCLES, Requirement("cycles.mode", "scheduled", "SCHEDULED_MODE_ONLY"))

Channel = Literal["phone_call", "whatsapp"]
Mode = Literal["cooldown", "scheduled"]
Status = Literal["pending", "ready", "active", "inactive", "cooldown", "finished"]
CHANNELS, MODES, STATUSES = get_args(Channel), get_args(Mode), get_args(Status)


# fmt: off
class Cycles(CampaignFields):
    """Cycles: rounds in which contacts are called again."""

    prefix: ClassVar[str] = "cycles."

    enabled: Annotated[Flag, Api("cycle_enabled", "cycles.enabled", IMMUTABLE, PHONE, example=True)] = Field(default=UNSET, description="Whether contacts are called in cycles.")
    mode: Annotated[Mode, ChoiceKind(MODES), Api(None, "cycles.mode", IMMUTABLE, PHONE, example="scheduled")] = Field(default=UNSET, description="The start of the next cycle: after a cooldown, or scheduled.")
    max_iterations: Annotated[Integer, Api("cycle_max_iterations", "cycles.max_iterations", requires=CYCLES, example=7)] = Field(default=UNSET, description="The maximum number of cycles.")
    cooldown_minutes: Annotated[Integer, Api("cycle_cooldown_minutes", "cycles.cooldown_minutes", requires=CYCLES, example=720)] = Field(default=UNSET, description="Minutes between two cycles.")
    filter_statuses: Annotated[Labels, Api("cycle_filter_statuses", "cycles.filter_statuses", requires=CYCLES, example=["no-answer", "voicemail"])] = Field(default=UNSET, description="Call outcomes after which a contact is called again.")
    filter_tags: Annotated[Labels, Api("cycle_filter_tags", "cycles.filter_tags", requires=CYCLES, example=["retry"])] = Field(default=UNSET, description="Tags of contacts that are called again.")
    schedule: Annotated[Week, Api(None, "cycles.schedule", requires=SCHEDULED)] = Field(default=UNSET, description="The hours of a weekday in which a cycle runs.")
    schedule_start_date: Annotated[Date, Api(None, "cycles.schedule_start_date", requires=SCHEDULED, example="2026-01-05")] = Field(default=UNSET, description="The first day of the cycles.")
    schedule_end_date: Annotated[Date, Api(None, "cycles.schedule_end_date", requires=SCHEDULED, example="2026-03-31")] = Field(default=UNSET, description="The last day of the cycles.")


class Campaign(CampaignFields):
    """One campaign. A key that is left out is left alone."""

    name: Annotated[str, MinLen(1), MaxLen(255), TEXT, Api("name", "name", example="Q2 Reactivation - wave 2")] = Field(default=UNSET, description="The campaign's name.")
    description: Annotated[LongText, Api("description", "description", example="Customers who have not bought since spring.")] = Field(default=UNSET, description="The purpose of the campaign.")
    agent_id: Annotated[str, MinLen(1), TEXT, Api("agent.id", "agent.id", IMMUTABLE, example="agt_sofia")] = Field(default=UNSET, description="The agent that speaks.")
    integration_id: Annotated[str, MinLen(1), TEXT, Api(None, "integration.id", IMMUTABLE, example="int_42")] = Field(default=UNSET, description="The phone line or WhatsApp account.")
    integration_type: Annotated[Channel, ChoiceKind(CHANNELS), Api(None, "integration_type", IMMUTABLE, example="phone_call")] = Field(default=UNSET, description="The channel.")
    timezone: Annotated[Zone, Api("timezone", "timezone", example="America/Mexico_City")] = Field(default=UNSET, description="The IANA time zone of all times of the campaign.")
    retries: Annotated[int, Ge(0), Le(5), INTEGER, Api("retries", "retries", example=2)] = Field(default=UNSET, description="The number of retries for each contact.")
    message_limit: Annotated[int, Ge(1), Le(10000), INTEGER, Api(None, "message_limit", example=5000)] = Field(default=UNSET, description="The maximum number of messages that the campaign sends.")
    scheduling: Annotated[Week, Api("scheduling", "scheduling")] = Field(default=UNSET, description="The hours of a weekday in which contacts are called.")
    first_message: Annotated[LongText, Api("first_message", "first_message", requires=PHONE, example="Hola, ¿hablo con {{name}}?")] = Field(default=UNSET, description="The agent's first words.")
    template: Annotated[LongText, Api("template", "template", requires=WHATSAPP, example="cita_recordatorio_v1")] = Field(default=UNSET, description="The WhatsApp template.")
    template_alt: Annotated[LongText, Api(None, "template_alt", requires=WHATSAPP, example="cita_confirmar_v1")] = Field(default=UNSET, description="The second WhatsApp template.")
    cycles: Annotated[Cycles, GROUP] = Field(default=UNSET, description="Cycles: rounds in which contacts are called again.")
    status: Annotated[Status, ChoiceKind(STATUSES), Api("status", "status", READ_ONLY)] = Field(default=UNSET, description="The campaign's state in its lifecycle.")
    archived: Annotated[Mark, Api("archived", "archived", READ_ONLY)] = Field(default=UNSET, description="Whether the campaign is archived.")
    created_at: Annotated[Text, Api("created_at", "created_at", READ_ONLY)] = Field(default=UNSET, description="When the campaign was created.")
    analytics: Annotated[Text, Api(None, "analytics", READ_ONLY)] = Field(default=UNSET, description="The API's own figures.")
# fmt: on


EVERYWHERE = ""
"""The key, in place of an environment's name, of a number that is valid in all environments."""


class IdKind(IntegerKind):
    null_hint = "write the campaign's number: id: 1234"


NO_ID = Missing("MISSING_ID", "is missing", IdKind.null_hint)


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
Id = Annotated[int, Ge(1), Le(LARGEST_INTEGER), ID]
Ids = Annotated[dict[str, Id], IDS, Field(examples=[1234, {"production": 1234, "staging": 88}])]


class DefinitionFile(Campaign):
    """One campaign. A key that is left out is left alone."""

    model_config = ConfigDict(title="campaignsync definition")

    id: Annotated[Ids, NO_ID] = Field(
        description="The campaign's number in the account, or one for each environment."
    )
    labels: Annotated[
        dict[str, Text],
        SETTINGS,
        Field(examples=[{"team": "collections"}]),
    ] = Field(
        default=UNSET,
        description="Labels for `--select team=collections`. `name=…` selects by name.",
    )
    environments: Annotated[
        dict[str, Annotated[Campaign, SETTINGS]],
        SETTINGS,
        Field(examples=[{"staging": {"message_limit": 10}}]),
    ] = Field(default=UNSET, description="Values that differ in an environment, by its name.")
