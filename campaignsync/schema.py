"""JSON Schemas (2020-12): of definitions, of the workspace, and of every published document."""

from typing import Any

from campaignsync.guards import GuardedFile
from campaignsync.model.campaign import CHANNELS, Campaign, DefinitionFile
from campaignsync.model.fields import MANAGEABLE, Typed
from campaignsync.model.results import KINDS
from campaignsync.model.week import Windows

DIALECT = "https://json-schema.org/draft/2020-12/schema"
Schema = dict[str, Any]

SCHEMAS = ("definition", "workspace", *KINDS)
"""Kinds with a JSON Schema: definitions, `campaignsync.yaml`, and each kind of document."""
CHANNEL = "integration_type"


def schema(kind: str) -> Schema:
    """Return one JSON Schema, by its name in SCHEMAS."""
    if kind == "definition":
        described = DefinitionFile.model_json_schema()
    elif kind == "workspace":
        described = _workspace()
    else:
        described = KINDS[kind].model_json_schema(mode="serialization")
    return {"$schema": DIALECT, **described}


def _workspace() -> Schema:
    """Describe `campaignsync.yaml`: its model, and what definitions take from it."""
    described: Schema = GuardedFile.model_json_schema()
    campaign = Campaign.model_json_schema()
    days = Typed(Windows).schema()
    properties = described["properties"]
    properties["schedules"] |= {
        "type": ["object", "null"],
        "additionalProperties": {"$ref": "#/$defs/Days"},
        "examples": [{"office-hours": {"mon-fri": "09:00-18:00", "sat-sun": "closed"}}],
    }
    properties["defaults"] |= _defaults(campaign["properties"])
    shared = {**campaign["$defs"], **days.pop("$defs"), "Days": days}
    return {**described, "$defs": {**described["$defs"], **shared}}


def _defaults(fields: Schema) -> Schema:
    general = [key for key in _top() if key != "name"]
    channels = {
        channel: _mapping(
            {key: fields[key] for key in general if key in _top(channel)},
            description="For this channel only.",
        )
        for channel in CHANNELS
    }
    return _mapping({**{key: fields[key] for key in general}, **channels})


def _mapping(properties: Schema, **more: Any) -> Schema:
    return {
        "type": ["object", "null"],
        "properties": properties,
        "additionalProperties": False,
        **more,
    }


def _top(channel: str | None = None) -> list[str]:
    """Return the keys of the top level, or those that a channel has, without the channel's own."""
    keys: dict[str, None] = {}
    for field in MANAGEABLE:
        rules = [rule.value for rule in field.api.requires if rule.path == CHANNEL]
        is_chosen = field.path != CHANNEL and all(value == channel for value in rules)
        if channel is None or is_chosen:
            keys[field.path.partition(".")[0]] = None
    return [*keys]
