"""JSON Schemas (2020-12): of definitions from the field table, of outputs from their documents."""

from collections.abc import Iterable, Mapping
from typing import Any

from campaignsync.fields import (
    CHANNELS,
    FIELDS,
    MANAGEABLE,
    REFUSALS,
    WEEKDAYS,
    WEEKS,
    Field,
    Mutability,
    Requirement,
    Window,
)
from campaignsync.fields.kinds import LARGEST_INTEGER, Text

DIALECT = "https://json-schema.org/draft/2020-12/schema"

Schema = dict[str, Any]

OUTPUTS = {
    "plan": "Plan",
    "drift": "Drift",
    "apply": "Applied",
    "validate": "Validated",
    "error": "Error",
    "history": "History",
    "run": "Run",
    "export": "Exported",
    "list": "Listing",
    "render": "Rendered",
    "explain": "Explained",
}
"""The outputs, and the class in `campaignsync.model.documents` that each is."""


def schema(kind: str) -> Schema:
    """Give one JSON Schema: "definition", "workspace", or a key of OUTPUTS."""
    if kind == "definition":
        return definition_schema()
    if kind == "workspace":
        return workspace_schema()
    from campaignsync.model import documents  # noqa: PLC0415 - the only kinds that need pydantic

    document = getattr(documents, OUTPUTS[kind])
    return {"$schema": DIALECT, **document.model_json_schema(mode="serialization")}


def definition_schema() -> Schema:
    """Describe one campaign's YAML, key by key; only `id` is required."""
    identity = {
        "type": "integer",
        "minimum": 1,
        "maximum": LARGEST_INTEGER,
        "description": "The campaign's number in the account.",
    }
    body = _object(MANAGEABLE, "")
    by_environment = {
        "description": "The campaign's number in each environment; without one it is not there.",
        "type": "object",
        "additionalProperties": identity,
        "minProperties": 1,
    }
    return {
        "$schema": DIALECT,
        "title": "campaignsync definition",
        "description": "One campaign. A key that is left out is left alone.",
        **body,
        "properties": {
            "id": {"oneOf": [identity, by_environment]},
            "labels": {
                "description": "For choosing: `--select team=collections`.",
                "type": "object",
                "additionalProperties": {"type": ["string", "number", "boolean"]},
                "examples": [{"team": "collections"}],
            },
            **body["properties"],
            **_read_only(),
            "environments": {
                "description": "Values that differ in an environment, by its name.",
                "type": "object",
                "additionalProperties": {
                    "type": "object",
                    "properties": body["properties"],
                    "additionalProperties": False,
                },
            },
        },
        "required": ["id"],
        "$defs": {"window": Window().schema()},
    }


def _read_only() -> Schema:
    """Mark what the API alone decides: an editor explains it, and does not take it."""
    described = (field for field in FIELDS if field.mutability is Mutability.READ_ONLY)
    return {
        field.path: {
            "description": f"{field.help} Decided by the API alone: remove it.",
            "readOnly": True,
            "not": {},
        }
        for field in described
    }


def _object(fields: Iterable[Field], prefix: str) -> Schema:
    """Describe the keys below a dotted prefix, with the rules between them."""
    fields = [field for field in fields if field.path.startswith(prefix)]
    properties: Schema = {}
    for field in fields:
        key, _, deeper = field.path.removeprefix(prefix).partition(".")
        path = prefix + key
        if path in WEEKS:
            properties[key] = _week(field)
        elif deeper:
            properties.setdefault(key, {})
        else:
            properties[key] = {
                "title": key.replace("_", " ").capitalize(),
                **_value(field),
                "description": _describe(field),
                "examples": [field.example],
            }
    for key in (key for key, found in properties.items() if not found):
        properties[key] = _object(fields, f"{prefix}{key}.")
    found: Schema = {"type": "object", "properties": properties, "additionalProperties": False}
    if rules := list(_rules(fields, prefix)):
        found["allOf"] = rules
    return found


def _value(field: Field) -> Schema:
    """Describe a value; a text without a limit may stand in a file of its own."""
    if not (isinstance(field.kind, Text) and not field.kind.shortest):
        return field.kind.schema()
    file = {
        "type": "object",
        "properties": {"file": {"type": "string", "description": "A file of the workspace."}},
        "required": ["file"],
        "additionalProperties": False,
    }
    return {"oneOf": [field.kind.schema(), file]}


def _week(day: Field) -> Schema:
    """Describe weekdays: each alone, or several at once as `mon-fri`; or the name of a schedule."""
    name = {"type": "string", "description": "A schedule of campaignsync.yaml."}
    return {"description": _describe(day), "oneOf": [_days(), name]}


def _days() -> Schema:
    window = {"$ref": "#/$defs/window"}
    name = f"({'|'.join(WEEKDAYS)})"
    return {
        "type": "object",
        "properties": dict.fromkeys(WEEKDAYS, window),
        "patternProperties": {f"^{name}([-,] ?{name})+$": window},
        "additionalProperties": False,
    }


def _describe(field: Field) -> str:
    immutable = field.mutability is Mutability.IMMUTABLE
    return f"{field.help} Immutable: checked against live, never sent." if immutable else field.help


def _rules(fields: Iterable[Field], prefix: str) -> Iterable[Schema]:
    """Forbid what a requirement rules out, where the definition itself says the fact.

    A rule is stated at the level of its fact: keys of that level and below.
    """
    by_requirement: dict[Requirement, set[str]] = {}
    for field in fields:
        for requirement in field.requires:
            if _is_key(requirement.path, prefix):
                key = field.path.removeprefix(prefix).partition(".")[0]
                by_requirement.setdefault(requirement, set()).add(key)
    for requirement, keys in by_requirement.items():
        fact = requirement.path.removeprefix(prefix)
        yield {
            "if": {"properties": {fact: {"not": {"const": requirement.value}}}, "required": [fact]},
            "then": {"properties": dict.fromkeys(sorted(keys), False)},
            "$comment": f"{requirement.code}: {REFUSALS[requirement.code].means}",
        }


def _is_key(path: str, prefix: str) -> bool:
    return path.startswith(prefix) and "." not in path.removeprefix(prefix)


def _guards() -> Schema:
    text = {"type": "string"}
    freeze = {
        "type": "object",
        "properties": {
            "from": {"type": "string", "format": "date"},
            "to": {"type": "string", "format": "date"},
            "days": {**text, "description": "Weekdays, such as fri-sun."},
            "hours": {**text, "description": "Hours of these days, such as 18:00-23:59."},
            "zone": text,
            "reason": text,
        },
        "required": ["zone"],
        "additionalProperties": False,
    }
    return {
        "type": "object",
        "description": "What a plan may not do, unless `--allow NAME` is passed.",
        "properties": {
            "mass-change": {
                "type": "object",
                "properties": {
                    "percent": {"type": "integer", "minimum": 0, "maximum": 100, "default": 30},
                    "at_least": {"type": "integer", "minimum": 1, "default": 10},
                },
                "additionalProperties": False,
            },
            "risky-fields": {"type": "array", "items": text},
            "protected": {"type": "array", "items": {"type": "integer", "minimum": 1}},
            "freeze": {"type": "array", "items": freeze},
            "calling-hours": {
                "type": "object",
                "description": "By weekday the hours that calls may be moved to; other days none.",
                "additionalProperties": {"type": "string"},
                "examples": [{"mon-fri": "08:00-21:00", "sat": "09:00-15:00"}],
            },
        },
        "additionalProperties": False,
    }


def workspace_schema() -> Schema:
    """Describe `campaignsync.yaml`."""
    environment: Mapping[str, Any] = {
        "type": ["object", "null"],
        "properties": {
            "api": {"enum": ["altur", "sandbox"], "default": "altur"},
            "api_key_env": {
                "type": "string",
                "pattern": "^ALTUR_API_KEY(_[A-Z0-9_]+)?$",
                "description": "The variable that holds the key; the key itself is never here.",
            },
            "seed": {"type": "string", "description": "What a new sandbox starts from."},
        },
        "additionalProperties": False,
    }
    return {
        "$schema": DIALECT,
        "title": "campaignsync workspace",
        "type": "object",
        "properties": {
            "version": {"const": 1},
            "definitions": {
                "anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}],
                "description": "Folders and files of definitions, inside the workspace.",
            },
            "environments": {"type": "object", "additionalProperties": environment},
            "default_environment": {"type": "string"},
            "guards": _guards(),
            "schedules": {
                "type": "object",
                "description": "Weeks by name, for `scheduling: NAME`.",
                "additionalProperties": _days(),
                "examples": [{"office-hours": {"mon-fri": "09:00-18:00", "sat-sun": "closed"}}],
            },
            "defaults": _defaults(),
        },
        "required": ["version"],
        "additionalProperties": False,
        "$defs": {"window": Window().schema()},
    }


def _defaults() -> Schema:
    """Describe what holds for all definitions that do not say it themselves, and for a channel."""
    fields = {
        key: found for key, found in _object(MANAGEABLE, "")["properties"].items() if key != "name"
    }
    of_channel = {"type": "object", "properties": fields, "additionalProperties": False}
    channels = dict.fromkeys(CHANNELS, of_channel)
    return {**of_channel, "properties": {**fields, **channels}}
