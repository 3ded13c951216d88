"""One campaign's YAML as JSON Schema, read off the field table."""

from collections.abc import Iterable
from typing import Any

from campaignsync.fields import (
    BY_PATH,
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
READ_ONLY = tuple(field.path for field in FIELDS if field.mutability is Mutability.READ_ONLY)

_DAY = rf"\s*({'|'.join(WEEKDAYS)})\s*"
_SPAN = f"{_DAY}(-{_DAY})?"
DAYS = f"^{_SPAN}(,{_SPAN})*$"
"""Weekdays as a key names them: `mon`, `mon-fri`, `mon,wed`."""

Schema = dict[str, Any]


def definition_schema() -> Schema:
    """Describe one campaign's YAML, key by key; only `id` is required."""
    body = object_of(MANAGEABLE)
    return {
        "$schema": DIALECT,
        "title": "campaignsync definition",
        "description": "One campaign. A key that is left out is left alone.",
        **body,
        "properties": {
            "id": _identity(),
            "labels": {
                "title": "Labels",
                "description": "For choosing: `--select team=collections`; `name=…` is the name.",
                "type": ["object", "null"],
                "additionalProperties": {"type": ["string", "number", "boolean"]},
                "examples": [{"team": "collections"}],
            },
            **body["properties"],
            "environments": {
                "title": "Environments",
                "description": "Values that differ in an environment, by its name.",
                "type": ["object", "null"],
                "additionalProperties": {
                    "type": ["object", "null"],
                    "properties": body["properties"],
                    "additionalProperties": False,
                },
                "examples": [{"staging": {"message_limit": 10}}],
            },
            **{path: _decided_by_the_api(BY_PATH[path]) for path in READ_ONLY},
        },
        "required": ["id"],
        "$defs": shared(),
    }


def _identity() -> Schema:
    number = {"type": "integer", "minimum": 1, "maximum": LARGEST_INTEGER}
    numbers = {"type": "object", "additionalProperties": number, "minProperties": 1}
    return {
        "title": "Id",
        "description": "The campaign's number in the account, or one for each environment.",
        "anyOf": [number, numbers],
        "examples": [1234, {"production": 1234, "staging": 88}],
    }


def _decided_by_the_api(field: Field) -> Schema:
    """Describe a key that people look for, and that no definition may hold."""
    return {
        "title": _title(field.path),
        "description": f"{field.help} The API alone decides it: remove it.",
        "readOnly": True,
        "doNotSuggest": True,
        "not": {},
    }


def object_of(fields: Iterable[Field], prefix: str = "") -> Schema:
    """Describe the keys below a dotted prefix, with the rules between them."""
    fields = [field for field in fields if field.path.startswith(prefix)]
    properties: Schema = {}
    for field in fields:
        key, _, deeper = field.path.removeprefix(prefix).partition(".")
        path = prefix + key
        if path in WEEKS:
            properties[key] = {
                "title": _title(path),
                "description": _describe(field),
                "$ref": "#/$defs/week",
            }
        elif deeper:
            properties.setdefault(key, {})
        else:
            properties[key] = _property(field)
    for key in (key for key, found in properties.items() if not found):
        properties[key] = {"title": _title(key), **object_of(fields, f"{prefix}{key}.")}
    found: Schema = {"type": "object", "properties": properties, "additionalProperties": False}
    if rules := list(_rules(fields, prefix)):
        found["allOf"] = rules
    return found


def _property(field: Field) -> Schema:
    """Describe a field; what is immutable is read only to whoever edits a definition."""
    read_only = {"readOnly": True} if field.mutability is Mutability.IMMUTABLE else {}
    examples = {"examples": [field.example]}
    head = {"title": _title(field.path), "description": _describe(field), **read_only}
    if isinstance(field.kind, Text) and not field.kind.shortest:
        # A text without a limit may stand in a file of its own.
        return {**head, "anyOf": [field.kind.schema(), {"$ref": "#/$defs/file"}], **examples}
    return {**head, **field.kind.schema(), **examples}


def _title(path: str) -> str:
    return path.rpartition(".")[2].replace("_", " ").capitalize()


def shared() -> Schema:
    """Describe what several keys take."""
    schedule = {"type": "string", "description": "A schedule of campaignsync.yaml."}
    return {
        "window": {"description": "A weekday's hours.", **Window().schema()},
        "days": _days(),
        "week": {
            "anyOf": [{"$ref": "#/$defs/days"}, schedule],
            "examples": [{"mon-fri": "09:00-18:00", "sat": "closed"}],
        },
        "file": {
            "type": "object",
            "properties": {
                "file": {"type": "string", "description": "A text file of the workspace."}
            },
            "required": ["file"],
            "additionalProperties": False,
        },
    }


def _days() -> Schema:
    window = {"$ref": "#/$defs/window"}
    return {
        "description": "Hours by weekday; several at once as `mon-fri` or `mon,wed`.",
        "type": "object",
        "properties": dict.fromkeys(WEEKDAYS, window),
        "patternProperties": {DAYS: window},
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
