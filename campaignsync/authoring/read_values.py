"""Read values: of a whole definition, and of nodes that can be rewritten without loss.

An edit is verified by its values: `require_values` compares those of the new text.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from campaignsync.authoring.style import ORDER
from campaignsync.errors import CampaignSyncError, DefinitionError
from campaignsync.load import ALONE, check_content
from campaignsync.model.definitions import Shared, SourcedValues
from campaignsync.model.fields import BY_PATH, MANAGEABLE, WEEKS, Typed
from campaignsync.model.kind import InvalidValue, Raw, Value
from campaignsync.model.kinds import TEXT
from campaignsync.model.week import Day, days_of
from campaignsync.yamltree.nodes import AliasNode, MappingNode, Node, ScalarNode, SequenceNode, walk

GROUPS = {field.path.rpartition(".")[0] for field in MANAGEABLE} - {""}
"""Paths that contain keys: `cycles`, and the weeks."""
HOURS = Typed(Day)


@dataclass(frozen=True, slots=True)
class DefinitionValues:
    """All values of one file: ids and overrides by environment, common values, labels."""

    ids: Mapping[str, int]
    values: Mapping[str, Value]
    overrides: Mapping[str, Mapping[str, Value]]
    labels: Mapping[str, str]


def read_definition(file: str, content: bytes, shared: Shared = ALONE) -> DefinitionValues:
    """Return all values of a definition, ids included; raises DefinitionError."""
    unresolved, problems = check_content(file, content, shared)
    if unresolved is None or any(problem.severity == "error" for problem in problems):
        raise DefinitionError(problems)
    return DefinitionValues(
        dict(unresolved.ids),
        _values_only(unresolved.values),
        {name: _values_only(sourced) for name, sourced in unresolved.overrides.items()},
        dict(unresolved.labels),
    )


def _values_only(sourced: SourcedValues) -> dict[str, Value]:
    return {path: value for path, (value, _) in sourced.items()}


def require_values(
    expected: DefinitionValues, file: str, content: bytes, shared: Shared = ALONE
) -> None:
    """Raise CampaignSyncError if the values of a definition's new content are not as expected.

    Its code is WOULD_BE_INVALID if the expected values are not valid together.
    """
    try:
        values = read_definition(file, content, shared)
    except DefinitionError as error:
        first = next(each for each in error.problems if each.severity == "error")
        raise CampaignSyncError(
            f"{file} was not changed: the result would not be valid: {first.message}",
            hint=first.hint,
            code="WOULD_BE_INVALID",
        ) from None
    if values != expected:
        raise CampaignSyncError(
            f"{file} was not changed: the result would have other values than intended",
            hint="please report this bug, with the file",
        )


class NotRewritable(ValueError):
    """The nodes hold more than values: a comment, an anchor, an alias, a tag, an unknown key."""


def values_of(text: str, node: Node, path: str) -> dict[str, Value]:
    """Return the values below a path, in the field table's order; raises NotRewritable."""
    if has_more(text, node):
        raise NotRewritable(path)
    values = dict(_values(node, path))
    return {each: values[each] for each in sorted(values, key=ORDER.__getitem__)}


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
        raise NotRewritable(path)
    values: dict[str, Value] = {}
    for key, value in node.entries:
        values |= _values(value, f"{path}.{key.text}" if path else key.text)
    return values


def _week(node: MappingNode, path: str) -> Mapping[str, Value]:
    hours: dict[str, Value] = {}
    for key, value in node.entries:
        if not (days := days_of(key.text)):
            raise NotRewritable(path)
        hours |= dict.fromkeys((f"{path}.{day}" for day in days), window_of(value))
    return hours


def value_of(node: Node, path: str) -> Value:
    """Return one field's value, with list items in their written order; raises NotRewritable."""
    field, written = BY_PATH[path], _raw(node)
    value = _parsed(field, written)
    return [TEXT.parse(item) for item in written] if isinstance(value, list) else value


def window_of(node: Node) -> Value:
    """Return one weekday's hours; raises NotRewritable."""
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
            raise NotRewritable("a value")


def _parsed(type_: Typed, written: Any) -> Value:
    try:
        return type_.parse(written)
    except InvalidValue:
        raise NotRewritable("a value") from None
