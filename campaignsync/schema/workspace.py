"""`campaignsync.yaml` as JSON Schema."""

from typing import Annotated, Any

from annotated_types import Ge, Le

from campaignsync.model.calendar import DAYS, SHORT, Date, Windows, Zone
from campaignsync.model.campaign import Campaign, Id
from campaignsync.model.fields import BY_PATH, CHANNELS, MANAGEABLE
from campaignsync.model.kinds import Integer, Text
from campaignsync.model.typed import Typed

DIALECT = "https://json-schema.org/draft/2020-12/schema"
Schema = dict[str, Any]

TEXT = Typed(Text).schema()
NUMBER = Typed(Id).schema()
PERCENT = Typed(Annotated[Integer, Ge(0), Le(100)]).schema()
CHOOSES = "integration_type"
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
            "from": Typed(Date).schema(),
            "to": Typed(Date).schema(),
            "days": {**TEXT, "examples": ["fri-sun"]},
            "hours": {"type": "string", "examples": ["18:00-23:59"]},
            "zone": Typed(Zone).schema(),
            "reason": TEXT,
        },
        type="object",
        required=["zone"],
        examples=[{"from": "2026-12-20", "to": "2027-01-06", "zone": "America/Mexico_City"}],
    )
    guards = {
        "mass-change": _keys(
            {
                "percent": {**PERCENT, "default": 30},
                "at_least": {**NUMBER, "default": 10},
            },
            description="The most campaigns that may change at once: a share of so many or more.",
        ),
        "risky-fields": {
            "description": "Fields, or groups of them, that change with intent only.",
            **_some({"enum": FIELDS_AND_GROUPS}),
        },
        "protected": {
            "description": "Campaigns, by id, that change with intent only.",
            **_some(NUMBER),
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
                "additionalProperties": {"$ref": "#/$defs/Days"},
                "examples": [{"office-hours": {"mon-fri": "09:00-18:00", "sat-sun": "closed"}}],
            },
            "defaults": _defaults(),
        },
        "required": ["version"],
        "additionalProperties": False,
        "$defs": {**_definitions(), "Days": _days()},
    }


def _days() -> Schema:
    days = Typed(Windows).schema()
    del days["$defs"]
    return days


def _definitions() -> Schema:
    definitions: Schema = Campaign.model_json_schema()["$defs"]
    return definitions


def _defaults() -> Schema:
    """Describe what holds for all definitions that do not say it themselves, and for a channel."""
    fields = Campaign.model_json_schema()["properties"]
    general = [key for key in _top() if key != "name"]
    channels = {
        channel: _keys(
            {key: fields[key] for key in general if key in _top(channel)},
            description="Of this channel alone.",
        )
        for channel in CHANNELS
    }
    what = "What holds for definitions that do not say it themselves."
    return _keys({**{key: fields[key] for key in general}, **channels}, description=what)


def _top(channel: str | None = None) -> list[str]:
    """Return the keys of the top level, or those that a channel has, without the channel's own."""
    found: dict[str, None] = {}
    for field in MANAGEABLE:
        rules = [rule.value for rule in field.requires if rule.path == CHOOSES]
        is_chosen = field.path != CHOOSES and all(value == channel for value in rules)
        if channel is None or is_chosen:
            found[field.path.partition(".")[0]] = None
    return [*found]
