"""Read the values of nodes, if writing these values anew would lose nothing."""

from collections.abc import Mapping
from typing import Any

from campaignsync.model.calendar import Day, days_of
from campaignsync.model.fields import BY_PATH, MANAGEABLE, WEEKS, InvalidValue, Typed, Value
from campaignsync.model.kinds import TEXT, Raw
from campaignsync.yamltree.nodes import AliasNode, MappingNode, Node, ScalarNode, SequenceNode, walk

GROUPS = {field.path.rpartition(".")[0] for field in MANAGEABLE} - {""}
"""Paths that contain keys: `cycles`, and the weeks."""
ORDER = {field.path: place for place, field in enumerate(MANAGEABLE)}
HOURS = Typed(Day)


class Involved(ValueError):
    """The nodes hold more than values: a comment, an anchor, an alias, a tag, an unknown key."""


def values_of(text: str, node: Node, path: str) -> dict[str, Value]:
    """Return the values below a path, in the field table's order; raises Involved."""
    if has_more(text, node):
        raise Involved(path)
    found = dict(_values(node, path))
    return {each: found[each] for each in sorted(found, key=lambda each: ORDER[each])}


def has_more(text: str, node: Node) -> bool:
    """Return whether a node holds aliases, anchors, tags or comments; its own anchor is ignored."""
    inner = [each for each in walk(node) if each is not node]
    if any(isinstance(each, AliasNode) or each.anchor or each.tag for each in inner) or node.tag:
        return True
    return "#" in _between(text, node)


def _between(text: str, node: Node) -> str:
    """Return the text between a node's scalars: punctuation and comments."""
    at, gaps = node.start, []
    for word in (each for each in walk(node) if isinstance(each, ScalarNode)):
        gaps.append(text[at : word.start])
        at = word.end
    return " ".join([*gaps, text[at : node.end]])


def _values(node: Node, path: str) -> Mapping[str, Value]:
    if path in WEEKS and isinstance(node, MappingNode):
        return _week(node, path)
    if path in BY_PATH:
        return {path: value_of(node, path)}
    if not isinstance(node, MappingNode) or (path and path not in GROUPS):
        raise Involved(path)
    found: dict[str, Value] = {}
    for key, value in node.entries:
        found |= _values(value, f"{path}.{key.text}" if path else key.text)
    return found


def _week(node: MappingNode, path: str) -> Mapping[str, Value]:
    found: dict[str, Value] = {}
    for key, value in node.entries:
        if not (days := days_of(key.text)):
            raise Involved(path)
        found |= dict.fromkeys((f"{path}.{day}" for day in days), window_of(value))
    return found


def value_of(node: Node, path: str) -> Value:
    """Return the value of one field, with list items in their written order; raises Involved."""
    field, written = BY_PATH[path], _raw(node)
    value = _parsed(field, written)
    return [TEXT.parse(item, plain=False) for item in written] if isinstance(value, list) else value


def window_of(node: Node) -> Value:
    """Return one weekday's hours; raises Involved."""
    return _parsed(HOURS, _raw(node))


def _raw(node: Node) -> Any:
    """Return the text of a scalar, or the texts of a list's items or of a mapping's values."""
    match node:
        case SequenceNode():
            return [_raw(item) for item in node.items]
        case MappingNode():
            return {key.text: _raw(value) for key, value in node.entries}
        case ScalarNode():
            return Raw(node.text, plain=not node.style)
        case _:
            raise Involved("a value")


def _parsed(type_: Typed, written: Any) -> Value:
    try:
        return type_.parse(written)
    except InvalidValue:
        raise Involved("a value") from None
