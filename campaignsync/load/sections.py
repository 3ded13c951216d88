"""A node of a file → a `Section`; what pydantic refuses → problems at their places.

A section raises PydanticCustomError: its type is the code, and its context holds the message, a
hint, and what a better suggestion needs (see `model.section.invalid`).
"""

from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from campaignsync.fields import MANAGEABLE
from campaignsync.load.hints import days_meant, key_meant, nearest
from campaignsync.load.nodes import Document, named
from campaignsync.load.slips import value_meant
from campaignsync.model.section import Raw
from campaignsync.yamltree.nodes import MappingNode, Node, ScalarNode, SequenceNode, is_null

Model = TypeVar("Model", bound=BaseModel)
Location = tuple[int | str, ...]

TOP = tuple(dict.fromkeys(field.path.partition(".")[0] for field in MANAGEABLE))
"""Fields and groups of them, as a definition has them at its top."""

KEY = "[key]"
"""What ends pydantic's location of a key that is itself wrong."""
OF_KEYS = ("UNKNOWN_KEY", "FORBIDDEN_KEY")
"""Codes that are about a key, whatever its value."""


def read_model(document: Document, node: Node, model: type[Model]) -> Model | None:
    """Return the model of a node; None, with every problem noted, where it is not valid."""
    try:
        return model.model_validate(raw(document, node))
    except ValidationError as error:
        note(document, node, error)
        return None


def note(document: Document, node: Node, error: ValidationError) -> None:
    """Note every problem of a validation of a node, in the order of the file."""
    found = []
    for each in error.errors():
        location = (*each["loc"], KEY) if each["type"] in OF_KEYS else each["loc"]
        found.append((node_at(document, node, location), each))
    for place, each in sorted(found, key=lambda pair: pair[0].position):
        context = each["ctx"]
        path = ".".join(part for part in each["loc"] if isinstance(part, str) and part != KEY)
        message = f"`{named(path)}` {context['message']}" if path else context["message"]
        document.problem(each["type"], message, place, suggestion(each["type"], context))


def raw(document: Document, node: Node) -> Any:
    """Return a node as plain data for a model: scalars as Raw text, null as None."""
    match node:
        case MappingNode():
            return {name: raw(document, value) for name, _, value in document.items(node)}
        case SequenceNode():
            return [raw(document, item) for item in node.items]
        case ScalarNode() if not is_null(node):
            return Raw(node.text, plain=node.plain)
        case _:
            return None


def node_at(document: Document, node: Node, location: Location) -> Node:
    """Return the node that a location names; of an unknown or missing key the nearest one.

    A location may hold an index where a single value stands for a list.
    """
    key = node
    for part in location:
        if part == KEY:
            return key
        if isinstance(node, MappingNode) and isinstance(part, str):
            found = {name: (key, value) for name, key, value in document.items(node)}
            if part not in found:
                return node
            key, node = found[part]
        elif isinstance(node, SequenceNode) and isinstance(part, int):
            key = node = node.items[part]
    return node


def suggestion(code: str, context: dict[str, Any]) -> str:
    """Return the hint of a problem, with what was probably meant where that is known."""
    text, kind = str(context.get("text", "")), context.get("kind")
    if "known" in context:
        return nearest(text, context["known"])
    if code == "NOT_DAYS":
        return days_meant(text)
    if code == "UNKNOWN_FIELD":
        return key_meant("", text, TOP)
    return (value_meant(kind, text) if kind else "") or str(context["hint"])
