"""JSON Schemas (2020-12): of definitions, of the workspace, and of every published document."""

from campaignsync.model.results import KINDS
from campaignsync.schema.definition import DIALECT, Schema, definition_schema
from campaignsync.schema.workspace import workspace_schema

__all__ = ["SCHEMAS", "schema"]

SCHEMAS = ("definition", "workspace", *KINDS)
"""What has a schema: one campaign's YAML, `campaignsync.yaml`, and each kind of document."""


def schema(kind: str) -> Schema:
    """Return one JSON Schema, by its name in SCHEMAS."""
    if kind == "definition":
        return definition_schema()
    if kind == "workspace":
        return workspace_schema()
    return {"$schema": DIALECT, **KINDS[kind].json_schema()}
