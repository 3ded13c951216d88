"""`campaignsync.yaml` as JSON Schema: its model, and what definitions take from it."""

from collections.abc import Iterable
from typing import Any

from campaignsync.fields import CHANNELS, MANAGEABLE, Field
from campaignsync.guards import GuardedFile
from campaignsync.schema.definition import DIALECT, Schema, object_of, shared


def workspace_schema() -> Schema:
    """Describe `campaignsync.yaml`."""
    described = GuardedFile.model_json_schema()
    properties = described["properties"]
    properties["schedules"] |= {
        "type": ["object", "null"],
        "additionalProperties": {"$ref": "#/$defs/days"},
        "examples": [{"office-hours": {"mon-fri": "09:00-18:00", "sat-sun": "closed"}}],
    }
    properties["defaults"] |= _defaults()
    return {"$schema": DIALECT, **described, "$defs": {**described["$defs"], **shared()}}


def _defaults() -> Schema:
    channels = {
        channel: _mapping(_defaulted(_fields_of(channel)), description="For this channel only.")
        for channel in CHANNELS
    }
    return _mapping({**_defaulted(MANAGEABLE), **channels})


def _mapping(properties: Schema, **more: Any) -> Schema:
    return {
        "type": ["object", "null"],
        "properties": properties,
        "additionalProperties": False,
        **more,
    }


def _fields_of(channel: str) -> Iterable[Field]:
    """Yield the fields that a channel has, without the one that chooses it."""
    chooses = "integration_type"
    for field in MANAGEABLE:
        rules = (rule for rule in field.requires if rule.path == chooses)
        if field.path != chooses and all(rule.value == channel for rule in rules):
            yield field


def _defaulted(fields: Iterable[Field]) -> Schema:
    properties: Schema = object_of(fields)["properties"]
    return {key: found for key, found in properties.items() if key != "name"}
