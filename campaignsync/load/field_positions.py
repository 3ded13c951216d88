"""Collect the fields that one mapping of a file sets, with the position of each value.

A field may refer to a text in a separate file or to a named schedule of the workspace. These are
read before the fields are validated.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from campaignsync.errors import Source
from campaignsync.load.document import Document, named
from campaignsync.load.raw import RawMapping
from campaignsync.load.texts import Texts
from campaignsync.model.calendar import SPAN, days_of
from campaignsync.model.campaign import Campaign
from campaignsync.model.fields import MANAGEABLE, WEEKS, Value, values_of
from campaignsync.model.kinds import HIDDEN, LongTextKind, Raw
from campaignsync.model.values import Placed, Shared
from campaignsync.suggest import suggestion
from campaignsync.yamltree.nodes import Node, ScalarNode, SequenceNode
from campaignsync.yamltree.text import Unreadable

LONG_TEXTS = tuple(field.path for field in MANAGEABLE if isinstance(field.kind, LongTextKind))
ValuesAndPlaces = tuple[Mapping[str, Value], Mapping[str, Source]]
"""Values by path, and their positions by path."""


@dataclass(frozen=True, slots=True)
class Fields:
    """Raw values of a mapping, and the values it refers to: named schedules and texts in files.

    `weeks` holds the windows of named schedules with their positions, by path; `texts` holds the
    positions of the texts, by path.
    """

    document: Document
    raw: RawMapping
    weeks: dict[str, tuple[Value, Source]] = field(default_factory=dict)
    texts: dict[str, Source] = field(default_factory=dict)

    def values_and_places(self, campaign: Campaign) -> ValuesAndPlaces:
        """Return the values of a validated campaign, and their positions."""
        values = dict(values_of(campaign)) | {
            path: value for path, (value, _) in self.weeks.items()
        }
        places = dict(_places(self.document, self.raw, ""))
        places |= self.texts | {path: source for path, (_, source) in self.weeks.items()}
        return values, {path: places[path] for path in values}

    def placed(self, campaign: Campaign) -> Placed:
        """Return each value of a validated campaign with its position, by path."""
        values, places = self.values_and_places(campaign)
        return {path: (value, places[path]) for path, value in values.items()}

    def note_hidden(self) -> None:
        """Warn of invisible characters in the values, except in texts from files."""
        if self.document.source_file.text.isascii() and "\\" not in self.document.source_file.text:
            return
        seen = set()
        for path, node in _nodes(self.raw, ""):
            if path not in self.texts and id(node) not in seen:
                seen.add(id(node))
                _note_hidden(self.document, path, node)


def fields_of(document: Document, raw: RawMapping, shared: Shared, texts: Texts) -> Fields:
    """Return the fields of a mapping, and resolve its named schedules and texts in files.

    These are moved out of `raw`, or replaced in it. Problems are noted on the document.
    """
    fields = Fields(document, raw)
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
        inner = raw.get(parent)
        raw = inner if isinstance(inner, RawMapping) else RawMapping({})
    return raw, key


def _add_week(fields: Fields, path: str, name: str, node: Node, shared: Shared) -> None:
    """Add the days of a named schedule, with their positions, to `fields`; note an unknown name."""
    if name in shared.schedules:
        days = shared.schedules[name].days
        fields.weeks.update({f"{path}.{day}": placed for day, placed in days.items()})
        return
    hint = suggestion(name, shared.schedules)
    if SPAN.match(name):
        hint = f"write the days: {path.rpartition('.')[2]}: {{mon-fri: {name}}}"
    fields.document.problem("UNKNOWN_SCHEDULE", f"unknown schedule `{named(name)}`", node, hint)


def _text(document: Document, path: str, name: Node, texts: Texts) -> tuple[Raw, Source] | None:
    """Return the text of `first_message: {file: messages/hello.txt}` and its position.

    If the file cannot be used, note the problem and return None.
    """
    if (file := document.scalar(name, f"`{path}.file`")) is None:
        return None
    try:
        source_file = texts.file(file)
    except Unreadable as found:
        document.problem(found.code, f"`{path}`: {found}", name, found.hint)
        return None
    for problem in source_file.problems:
        document.source_file.note(problem)
    return Raw(source_file.text, plain=False), Source(source_file.file, 1)


def _places(document: Document, raw: RawMapping, prefix: str) -> Iterator[tuple[str, Source]]:
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
        elif path in LONG_TEXTS or path in ("labels", "environments", "id"):
            continue
        else:
            yield from _nodes(value, f"{path}.")


def _note_hidden(document: Document, path: str, node: Node) -> None:
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
