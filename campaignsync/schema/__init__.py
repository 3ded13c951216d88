"""JSON Schemas (2020-12): of definitions from the field table, of outputs from their documents.

`definition` describes one campaign's YAML, `workspace` what `campaignsync.yaml` says for all of
them.
"""

from importlib import import_module

from campaignsync.model.campaign import DefinitionFile
from campaignsync.model.strict import json_schema
from campaignsync.schema.workspace import DIALECT, Schema, workspace_schema

__all__ = ["OUTPUTS", "schema"]

OUTPUTS = {
    "plan": "plans.Plan",
    "plans": "plans.Plans",
    "drift": "drifts.Drift",
    "drifts": "drifts.Drifts",
    "apply": "applies.Applied",
    "applies": "applies.Applies",
    "validate": "notices.Validated",
    "error": "notices.Error",
    "history": "runs.History",
    "run": "runs.Run",
    "export": "lists.Exported",
    "list": "lists.Listing",
    "render": "lists.Rendered",
    "explain": "notices.Explained",
}
"""The outputs, and the class of `campaignsync.model` that each is."""


def schema(kind: str) -> Schema:
    """Give one JSON Schema: "definition", "workspace", or a key of OUTPUTS."""
    if kind == "definition":
        return {"$schema": DIALECT, **DefinitionFile.model_json_schema()}
    if kind == "workspace":
        return workspace_schema()
    module, _, name = OUTPUTS[kind].partition(".")
    document = getattr(import_module(f"campaignsync.model.{module}"), name)
    return {"$schema": DIALECT, **json_schema(document)}
