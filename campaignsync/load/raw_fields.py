"""Convert mappings of a file into the raw data that pydantic validates; keep each value's position.

A field may refer to a text in a separate file or to a named schedule of the workspace. These are
read before the fields are validated.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from campaignsync.characters import HIDDEN
from campaignsync.errors import Source
from campaignsync.load.texts import Texts
from campaignsync.load.yaml_document import YamlDocument, truncated
from campaignsync.model.campaign import Campaign
from campaignsync.model.definitions import Shared, SourcedValues
from campaignsync.model.fields import MANAGEABLE, WEEKS, values_of
from campaignsync.model.kind import Raw, Value
from campaignsync.model.kinds import LongTextKind, TextKind
from campaignsync.model.week import SPAN, days_of
from campaignsync.suggest import suggestion
from campaignsync.yamltree.nodes import MappingNode, Node, ScalarNode, SequenceNode, is_null
from campaignsync.yamltree.text import Unreadable

Location = tuple[int | str, ...]
"""The location of a pydantic error: keys and list indexes."""
KEY = "[key]"
"""The last part of a location if the key itself is invalid."""
TEXTS = {field.path for field in MANAGEABLE if isinstance(field.kind, TextKind)}
NAMED = ("environments", "id", "labels")
"""Keys whose mappings have user-defined keys: an environment may be named like a field."""
LONG_TEXTS = tuple(field.path for field in MANAGEABLE if isinstance(field.kind, LongTextKind))


class RawMapping(dict[str, Any]):
    """A mapping of raw values by key; `nodes` holds the key node and the value node of each key."""

    __slots__ = ("nodes",)

    def __init__(self, nodes: dict[str, tuple[Node, Node]]) -> None:
        super().__init__()
        self.nodes = nodes

    def mapping(self, key: str) -> "RawMapping":
        """Return the mapping of a key; an empty one if the value is missing or not a mapping."""
        value = self.get(key)
        return value if isinstance(value, RawMapping) else RawMapping({})


def raw_value(document: YamlDocument, node: Node, *, has_fields: bool = True) -> Any:
    """Return the value of a node: a mapping, a list, a Raw text, or None for null.

    Duplicate keys are reported. `has_fields` is False if the keys of the mapping are user-defined
    names, not fields.
    """
    if isinstance(node, ScalarNode):
        return None if is_null(node) else Raw(node.text, plain=node.is_plain)
    if isinstance(node, SequenceNode):
        return [raw_value(document, item) for item in node.items]
    return raw_mapping(document, node, has_fields=has_fields)


def raw_mapping(document: YamlDocument, node: Node, *, has_fields: bool = True) -> RawMapping:
    """Return the raw values of a mapping node by key; return an empty mapping for other nodes."""
    items = document.items(node) if isinstance(node, MappingNode) else ()
    mapping = RawMapping({name: (key, value) for name, key, value in items})
    for name, (_, value) in mapping.nodes.items():
        if has_fields and name in TEXTS and isinstance(value, MappingNode):
            mapping[name] = _braced(value)
        else:
            is_named = has_fields and name in NAMED
            mapping[name] = raw_value(document, value, has_fields=not is_named)
    return mapping


def _braced(node: MappingNode) -> RawMapping:
    """Return the keys of a mapping in place of a text, with empty values; report no problem.

    YAML reads `first_message: {{name}}` as a mapping, but the author left out the quotes of a
    text.
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


@dataclass(frozen=True, slots=True)
class RawFields:
    """Raw values of a mapping, and the values it refers to: named schedules and texts in files.

    `weeks` holds the windows of named schedules with their positions, by path; `texts` holds the
    positions of the texts, by path.
    """

    document: YamlDocument
    raw: RawMapping
    weeks: dict[str, tuple[Value, Source]] = field(default_factory=dict)
    texts: dict[str, Source] = field(default_factory=dict)

    def sourced_values(self, campaign: Campaign) -> SourcedValues:
        """Return each value of a validated campaign with its position, by path."""
        places = {**dict(_places(self.document, self.raw, "")), **self.texts}
        return {path: (value, places[path]) for path, value in values_of(campaign)} | self.weeks

    def note_hidden(self) -> None:
        """Warn of invisible characters in the values, except in texts from files."""
        if self.document.source_file.text.isascii() and "\\" not in self.document.source_file.text:
            return
        seen = set()
        for path, node in _nodes(self.raw, ""):
            if path not in self.texts and id(node) not in seen:
                seen.add(id(node))
                _note_hidden(self.document, path, node)


def read_fields(document: YamlDocument, raw: RawMapping, shared: Shared, texts: Texts) -> RawFields:
    """Return the fields of a mapping, and resolve its named schedules and texts in files.

    These are moved out of `raw`, or replaced in it. Problems are noted on the document.
    """
    fields = RawFields(document, raw)
    for path in WEEKS:
        holder, key = _holder(raw, path)
        if isinstance(name := holder.get(key), Raw):
            del holder[key]
            _add_week(fields, path, name, holder.nodes[key][1], shared)
    for path in LONG_TEXTS:
        holder, key = _holder(raw, path)
        if isinstance(file := holder.get(key), RawMapping) and [*file] == ["file"]:
            text = _text(document, path, file.nodes["file"][1], texts)
            if text is None:
                del holder[key]
            else:
                holder[key], fields.texts[path] = text
    return fields


def _holder(raw: RawMapping, path: str) -> tuple[RawMapping, str]:
    """Return the mapping that holds the last key of a path (empty if missing), and that key."""
    *parents, key = path.split(".")
    for parent in parents:
        raw = raw.mapping(parent)
    return raw, key


def _add_week(fields: RawFields, path: str, name: str, node: Node, shared: Shared) -> None:
    """Add the days of a named schedule, with their positions, to `fields`; note an unknown name."""
    if name in shared.schedules:
        days = shared.schedules[name].days
        fields.weeks.update({f"{path}.{day}": sourced for day, sourced in days.items()})
        return
    key = path.rpartition(".")[2]
    if name == "closed":
        hint = f"write the days: {key}: {{mon-sun: closed}}"
    elif SPAN.match(name):
        hint = f"write the days: {key}: {{mon-fri: {name}}}"
    elif shared.schedules:
        hint = suggestion(name, shared.schedules)
    else:
        hint = (
            "define it under `schedules` in campaignsync.yaml,"
            f" or write the days: {key}: {{mon-fri: 09:00-18:00}}"
        )
    fields.document.problem("UNKNOWN_SCHEDULE", f"unknown schedule `{truncated(name)}`", node, hint)


def _text(document: YamlDocument, path: str, name: Node, texts: Texts) -> tuple[Raw, Source] | None:
    """Return the text of `first_message: {file: messages/hello.txt}` and its position.

    If the file cannot be used, note the problem and return None.
    """
    if (file := document.scalar(name, f"`{path}.file`")) is None:
        return None
    try:
        source_file = texts.read(file)
    except Unreadable as error:
        document.problem(error.code, f"`{path}`: {error}", name, error.hint)
        return None
    for problem in source_file.problems:
        document.source_file.note(problem)
    return Raw(source_file.text, plain=False), Source(source_file.name, 1)


def _places(document: YamlDocument, raw: RawMapping, prefix: str) -> Iterator[tuple[str, Source]]:
    source, last = None, None
    for path, node in _nodes(raw, prefix):
        if source is None or node is not last:  # the days of a range share a node
            source, last = document.source(node), node
        yield path, source


def _nodes(raw: RawMapping, prefix: str) -> Iterator[tuple[str, Node]]:
    """Yield the path and the value node of each field; for a week, of each day."""
    for name, value in raw.items():
        path, node = prefix + name, raw.nodes[name][1]
        if not isinstance(value, RawMapping):
            yield path, node
        elif path in WEEKS:
            for key, (_, window) in value.nodes.items():
                yield from ((f"{path}.{day}", window) for day in days_of(key))
        elif path in LONG_TEXTS or path in NAMED:
            continue
        else:
            yield from _nodes(value, f"{path}.")


def _note_hidden(document: YamlDocument, path: str, node: Node) -> None:
    for item in node.items if isinstance(node, SequenceNode) else [node]:
        if not isinstance(item, ScalarNode) or item.text.isascii():
            continue
        if hidden := dict.fromkeys(HIDDEN.findall(item.text)):
            codes = ", ".join(f"U+{ord(character):04X}" for character in hidden)
            document.problem(
                "HIDDEN_CHARACTER",
                f"`{path}` contains invisible characters: {codes}",
                item,
                "remove them unless the text needs them",
                severity="warning",
            )
