"""Convert nodes into the plain data that pydantic validates, and keep the nodes for errors."""

from typing import Any

from campaignsync.load.document import Document
from campaignsync.model.fields import MANAGEABLE
from campaignsync.model.kinds import Raw, TextKind
from campaignsync.yamltree.nodes import MappingNode, Node, ScalarNode, SequenceNode, is_null

Location = tuple[int | str, ...]
"""The location of a pydantic error: keys and list indexes."""
KEY = "[key]"
"""The last part of a location if the key itself is invalid."""
TEXTS = {field.path for field in MANAGEABLE if isinstance(field.kind, TextKind)}
NAMED = ("environments", "id", "labels")
"""Keys whose mappings have user-defined keys: an environment may be named like a field."""


class RawMapping(dict[str, Any]):
    """A mapping of raw values by key; `nodes` holds the key node and the value node of each key."""

    __slots__ = ("nodes",)

    def __init__(self, nodes: dict[str, tuple[Node, Node]]) -> None:
        super().__init__()
        self.nodes = nodes


def raw(document: Document, node: Node, *, has_fields: bool = True) -> Any:
    """Return the value of a node: a mapping, a list, a Raw text, or None for null.

    Duplicate keys are reported. `has_fields` is False if the keys of the mapping are user-defined
    names, not fields.
    """
    if isinstance(node, ScalarNode):
        return None if is_null(node) else Raw(node.text, plain=node.plain)
    if isinstance(node, SequenceNode):
        return [raw(document, item) for item in node.items]
    return raw_mapping(document, node, has_fields=has_fields)


def raw_mapping(document: Document, node: Node, *, has_fields: bool = True) -> RawMapping:
    """Return the raw values of a mapping node by key; return an empty mapping for other nodes."""
    items = document.items(node) if isinstance(node, MappingNode) else ()
    mapping = RawMapping({name: (key, value) for name, key, value in items})
    for name, (_, value) in mapping.nodes.items():
        if has_fields and name in TEXTS and isinstance(value, MappingNode):
            mapping[name] = _braced(value)
        else:
            is_named = has_fields and name in NAMED
            mapping[name] = raw(document, value, has_fields=not is_named)
    return mapping


def _braced(node: MappingNode) -> RawMapping:
    """Return the keys of a mapping in place of a text, with empty values; report no problem.

    YAML reads `first_message: {{name}}` as a mapping, but the author meant a text and forgot the
    quotes.
    """
    keys = {key.text: (key, value) for key, value in node.pairs if isinstance(key, ScalarNode)}
    mapping = RawMapping(dict(keys))
    mapping.update((name, Raw("")) for name in keys)
    return mapping


def node_at(node: Node, value: Any, location: Location) -> tuple[Node, Node, Any]:
    """Return the key node, the value node and the raw value at a location.

    If a key is missing, return those of the mapping that lacks it.
    """
    key = node
    for part in location:
        if isinstance(value, RawMapping) and part in value.nodes:
            key, node = value.nodes[str(part)]
            value = value.get(str(part))
        elif isinstance(value, list) and isinstance(node, SequenceNode) and isinstance(part, int):
            key = node = node.items[part]
            value = value[part]
        elif part == KEY and isinstance(key, ScalarNode):
            node, value = key, Raw(key.text)
    return key, node, value


def remove(value: Any, location: Location) -> bool:
    """Remove the innermost value that a location reaches by keys; return whether one was found."""
    holder: dict[str, Any] | None = None
    at = ""
    for part in location:
        if not (isinstance(value, dict) and part in value):
            break
        holder, at = value, str(part)
        value = value[at]
    if holder is None:
        return False
    del holder[at]
    return True
