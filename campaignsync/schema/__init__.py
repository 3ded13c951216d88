"""JSON Schemas (2020-12): of definitions from the field table, of outputs from their documents.

`definition` describes one campaign's YAML, `workspace` what `campaignsync.yaml` says for all of
them.
"""

from campaignsync.schema.definition import DIALECT, Schema, definition_schema
from campaignsync.schema.workspace import workspace_schema

__all__ = ["OUTPUTS", "schema"]

OUTPUTS = {
    "plan": "Plan",
    "plans": "Plans",
    "drift": "Drift",
    "apply": "Applied",
    "applies": "Applies",
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
