"""Nodes → the values that they mean, where nothing would be lost by writing these anew."""

from collections.abc import Mapping
from typing import Any

from campaignsync.load import days_of
from campaignsync.model.calendar import Day
from campaignsync.model.fields import BY_PATH, MANAGEABLE, WEEKS, InvalidValue, Value
from campaignsync.model.kinds import TEXT, Raw
from campaignsync.model.typed import Typed
from campaignsync.write.tree import Alias, Items, Pairs, Spot, Word, within

GROUPS = {field.path.rpartition(".")[0] for field in MANAGEABLE} - {""}
"""What takes keys of its own: `cycles`, and the weeks."""
HOURS = Typed(Day)
ORDER = {field.path: place for place, field in enumerate(MANAGEABLE)}


class Involved(ValueError):
    """The nodes hold more than values: a comment, an anchor, an alias, a tag, an unknown key."""


def values_of(text: str, node: Spot, path: str) -> dict[str, Value]:
    """Give the values below a path, in the field table's order; raises Involved."""
    if has_more(text, node):
        raise Involved(path)
    found = dict(_values(node, path))
    return {each: found[each] for each in sorted(found, key=lambda each: ORDER[each])}


def has_more(text: str, node: Spot) -> bool:
    """Tell whether anything below a node is more than values; its own anchor does not count."""
    inner = [each for each in within(node) if each is not node]
    if any(isinstance(each, Alias) or each.anchor or each.tag for each in inner) or node.tag:
        return True
    return "#" in _between(text, node)


def _between(text: str, node: Spot) -> str:
    """Give what stands between a node's words: punctuation, and comments."""
    at, gaps = node.start, []
    for word in (each for each in within(node) if isinstance(each, Word)):
        gaps.append(text[at : word.start])
        at = word.end
    return " ".join([*gaps, text[at : node.end]])


def _values(node: Spot, path: str) -> Mapping[str, Value]:
    if path in WEEKS and isinstance(node, Pairs):
        return _week(node, path)
    if path in BY_PATH:
        return {path: value_of(node, path)}
    if not isinstance(node, Pairs) or (path and path not in GROUPS):
        raise Involved(path)
    found: dict[str, Value] = {}
    for key, value in node.pairs:
        found |= _values(value, f"{path}.{key.text}" if path else key.text)
    return found


def _week(node: Pairs, path: str) -> Mapping[str, Value]:
    found: dict[str, Value] = {}
    for key, value in node.pairs:
        if not (days := days_of(key.text)):
            raise Involved(path)
        found |= dict.fromkeys((f"{path}.{day}" for day in days), window_of(value))
    return found


def value_of(node: Spot, path: str) -> Value:
    """Return the value of one field, in the order in which a list has it; raises Involved."""
    field, written = BY_PATH[path], _raw(node)
    value = _parsed(field, written)
    return [TEXT.parse(item, plain=False) for item in written] if isinstance(value, list) else value


def window_of(node: Spot) -> Value:
    """Return one weekday's hours; raises Involved."""
    return _parsed(HOURS, _raw(node))


def _raw(node: Spot) -> Any:
    """Return the text of a word, or the texts of a list's items or of a mapping's values."""
    if isinstance(node, Items):
        return [_raw(item) for item in node.items]
    if isinstance(node, Pairs):
        return {key.text: _raw(value) for key, value in node.pairs}
    if not isinstance(node, Word):
        raise Involved("a value")
    return Raw(node.text, plain=not node.style)


def _parsed(type_: Typed, written: Any) -> Value:
    try:
        return type_.parse(written)
    except InvalidValue:
        raise Involved("a value") from None
