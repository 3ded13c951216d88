"""Parse YAML like an editor (YAML 1.2 core schema), to compare it with our own parser."""

import re
import warnings
from collections.abc import Iterator, Mapping
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import ReusedAnchorWarning, YAMLError
from ruamel.yaml.nodes import MappingNode, ScalarNode, SequenceNode

CORE: Mapping[str, Any] = {
    r"|~|null|Null|NULL": lambda _: None,
    r"true|True|TRUE": lambda _: True,
    r"false|False|FALSE": lambda _: False,
    r"[-+]?[0-9]+": int,
    r"0o[0-7]+": lambda text: int(text, 0),
    r"0x[0-9a-fA-F]+": lambda text: int(text, 0),
    r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?": float,
    r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)": lambda _: 0.5,  # a number, but not an integer
}
"""The core schema's implicit types of plain scalars; any other scalar is text."""


def read_as_an_editor(text: str) -> Any:
    """Return the JSON that an editor's validator sees; raises ValueError for invalid YAML."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ReusedAnchorWarning)
            root = YAML(typ="safe", pure=True).compose(text)
    except (YAMLError, ValueError, RecursionError) as error:
        raise ValueError(str(error)) from None
    return _value(root, ())


def _value(node: Any, above: tuple[int, ...]) -> Any:
    if id(node) in above:
        raise ValueError("an alias inside what it refers to")
    inside = (*above, id(node))
    match node:
        case None:
            return None
        case ScalarNode():
            return _scalar(node)
        case SequenceNode():
            return [_value(item, inside) for item in node.value]
        case MappingNode():
            return _mapping(node, inside)
    raise AssertionError(node)


def _scalar(node: ScalarNode) -> Any:
    if node.style is None:
        for pattern, make in CORE.items():
            if re.fullmatch(pattern, node.value):
                return make(node.value)
    return node.value


def _mapping(node: MappingNode, inside: tuple[int, ...]) -> dict[str, Any]:
    own: dict[str, Any] = {}
    merged: dict[str, Any] = {}
    for key, value in node.value:
        if not isinstance(key, ScalarNode):
            raise ValueError("a key that is not valid in JSON")  # noqa: TRY004 - as any other
        if key.value in own:
            raise ValueError(f"the key {key.value} twice")
        if key.value == "<<" and key.style is None:
            for part in _merged(value, inside):
                merged = {**part, **merged}
        else:
            own[key.value] = _value(value, inside)
    return {**merged, **own}


def _merged(node: Any, inside: tuple[int, ...]) -> Iterator[dict[str, Any]]:
    for part in node.value if isinstance(node, SequenceNode) else [node]:
        value = _value(part, inside)
        if not isinstance(value, dict):
            raise ValueError("a merge of a non-mapping")  # noqa: TRY004 - as any other
        yield value
