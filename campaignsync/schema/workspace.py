"""`campaignsync.yaml` as JSON Schema."""

from collections.abc import Iterable
from typing import Any

from campaignsync.fields import BY_PATH, CHANNELS, MANAGEABLE, Field
from campaignsync.fields.calendar import SHORT, Day, Zone
from campaignsync.fields.kinds import Integer, Text
from campaignsync.schema.definition import DAYS, DIALECT, Schema, object_of, shared

TEXT = Text().schema()
FIELDS_AND_GROUPS = sorted({*BY_PATH, *(path.rpartition(".")[0] for path in BY_PATH)} - {""})


def _some(item: Schema) -> Schema:
    """Describe a list, for which one value may stand alone."""
    return {"anyOf": [item, {"type": "array", "items": item}]}


def _keys(properties: Schema, **more: Any) -> Schema:
    return {
        "type": ["object", "null"],
        "properties": properties,
        "additionalProperties": False,
        **more,
    }


def _guards() -> Schema:
    freeze = _keys(
        {
            "from": Day().schema(),
            "to": Day().schema(),
            "days": {**TEXT, "examples": ["fri-sun"]},
            "hours": {"type": "string", "examples": ["18:00-23:59"]},
            "zone": Zone().schema(),
            "reason": TEXT,
        },
        type="object",
        required=["zone"],
        examples=[{"from": "2026-12-20", "to": "2027-01-06", "zone": "America/Mexico_City"}],
    )
    guards = {
        "mass-change": _keys(
            {
                "percent": {**Integer(0, 100).schema(), "default": 30},
                "at_least": {**Integer(1).schema(), "default": 10},
            },
            description="The most campaigns that may change at once: a share of so many or more.",
        ),
        "risky-fields": {
            "description": "Fields, or groups of them, that change with intent only.",
            **_some({"enum": FIELDS_AND_GROUPS}),
        },
        "protected": {
            "description": "Campaigns, by id, that change with intent only.",
            **_some(Integer(1).schema()),
        },
        "freeze": {"description": "Times in which nothing changes.", **_some(freeze)},
        "calling-hours": {
            "description": "By weekday the hours that calls may be moved to; other days none.",
            "type": ["object", "null"],
            "patternProperties": {DAYS: {"type": "string", "pattern": SHORT}},
            "additionalProperties": False,
            "examples": [{"mon-fri": "08:00-21:00", "sat": "09:00-15:00"}],
        },
    }
    lifted = "What a plan may not do, unless `--allow NAME` is passed."
    return _keys(guards, description=lifted)


def workspace_schema() -> Schema:
    """Describe `campaignsync.yaml`."""
    environment = _keys(
        {
            "api": {
                "enum": ["altur", "sandbox"],
                "default": "altur",
                "description": "The vendor's API, or the imitation that is bundled.",
            },
            "api_key_env": {
                "type": "string",
                "pattern": "^ALTUR_API_KEY(_[A-Z0-9_]+)?$",
                "description": "The variable that holds the key; the key itself is never here.",
            },
            "seed": {**TEXT, "description": "What a new sandbox starts from."},
        }
    )
    return {
        "$schema": DIALECT,
        "title": "campaignsync workspace",
        "description": "Where the definitions are, which accounts there are, what they share.",
        "type": "object",
        "properties": {
            "version": {"const": 1, "description": "The form of this file."},
            "definitions": {
                "description": "Folders and files of definitions, inside the workspace.",
                "anyOf": [
                    TEXT,
                    {"type": "array", "items": TEXT, "minItems": 1},
                ],
            },
            "environments": {
                "description": "Accounts, by name.",
                "type": ["object", "null"],
                "patternProperties": {"^[A-Za-z0-9][A-Za-z0-9_.-]*$": environment},
                "additionalProperties": False,
                "examples": [{"production": {"api_key_env": "ALTUR_API_KEY"}}],
            },
            "default_environment": {
                **TEXT,
                "description": "The environment that is meant where no -e NAME is passed.",
            },
            "guards": _guards(),
            "schedules": {
                "type": ["object", "null"],
                "description": "Weeks by name, for `scheduling: NAME`.",
                "additionalProperties": {"$ref": "#/$defs/days"},
                "examples": [{"office-hours": {"mon-fri": "09:00-18:00", "sat-sun": "closed"}}],
            },
            "defaults": _defaults(),
        },
        "required": ["version"],
        "additionalProperties": False,
        "$defs": shared(),
    }


def _defaults() -> Schema:
    """Describe what holds for all definitions that do not say it themselves, and for a channel."""
    channels = {
        channel: _keys(_defaulted(_fields_of(channel)), description="Of this channel alone.")
        for channel in CHANNELS
    }
    what = "What holds for definitions that do not say it themselves."
    return _keys({**_defaulted(MANAGEABLE), **channels}, description=what)


def _fields_of(channel: str) -> Iterable[Field]:
    """Give the fields that a channel has, without the one that it is chosen by."""
    chooses = "integration_type"
    for field in MANAGEABLE:
        rules = (rule for rule in field.requires if rule.path == chooses)
        if field.path != chooses and all(rule.value == channel for rule in rules):
            yield field


def _defaulted(fields: Iterable[Field]) -> Schema:
    properties: Schema = object_of(fields)["properties"]
    return {key: found for key, found in properties.items() if key != "name"}
