"""Nodes → values, by the field table: the keys of a definition, or of a workspace's defaults."""

from collections.abc import Iterable

from campaignsync.errors import Source
from campaignsync.fields import (
    FIELDS,
    MANAGEABLE,
    WEEKS,
    WINDOW_PARTS,
    Field,
    Kind,
    Labels,
    Misfit,
    Mutability,
    Value,
    Window,
)
from campaignsync.fields.calendar import SPAN, days_of
from campaignsync.fields.kinds import HIDDEN, Text
from campaignsync.load.hints import days_meant, key_meant, nearest
from campaignsync.load.nodes import Document, named
from campaignsync.load.slips import value_meant
from campaignsync.load.texts import Texts
from campaignsync.model.values import Shared
from campaignsync.yamltree.nodes import MappingNode, Node, ScalarNode, SequenceNode, is_null
from campaignsync.yamltree.text import Unreadable

Tree = dict[str, "Field | Tree"]

READ_ONLY = {
    **{field.path: "remove it" for field in FIELDS if field.mutability is Mutability.READ_ONLY},
    "agent": "remove it; the agent is checked as `agent_id`",
    "integration": "remove it; the integration is checked as `integration_id`",
}
"""Keys that the API alone decides, and what to do with them."""


def _tree() -> Tree:
    """Arrange the table's rows as a definition nests them."""
    tree: Tree = {}
    for field in MANAGEABLE:
        *parents, name = field.path.split(".")
        place = tree
        for parent in parents:
            inner = place.setdefault(parent, {})
            assert isinstance(inner, dict)  # noqa: S101 - a path is no prefix of another
            place = inner
        place[name] = field
    return tree


TREE = _tree()


class Entries:
    """Reads keys and values of a document; what it makes of them is in `values` and `places`.

    `beside` are keys of the top that are read elsewhere, and may be what a mistyped one means.
    """

    def __init__(
        self, document: Document, shared: Shared, texts: Texts, beside: tuple[str, ...] = ()
    ) -> None:
        self._document = document
        self._problem = document.problem
        self._shared = shared
        self._texts = texts
        self._beside = beside
        self.values: dict[str, Value] = {}
        self.places: dict[str, Source] = {}

    def read(self, name: str, key: Node, value: Node) -> None:
        """Read one key of the top."""
        self._entry("", TREE, name, key, value)

    def _entry(self, prefix: str, tree: Tree, name: str, key: Node, value: Node) -> None:
        path = prefix + name
        row = tree.get(name)
        if row is None:
            self._unknown(path, name, tree if prefix else (*self._beside, *tree), key)
        elif isinstance(row, dict):
            self._group(path, row, value)
        elif (
            isinstance(value, MappingNode) and isinstance(row.kind, Text) and not row.kind.shortest
        ):
            self._text_of_file(path, row.kind, value)
        elif isinstance(row.kind, Labels):
            self._keep(path, value, self._labels(path, row.kind, value))
        else:
            self._keep(path, value, self.scalar(path, row.kind, value))

    def _keep(self, path: str, node: Node, value: Value | None) -> None:
        if value is not None:
            self.values[path] = value
            self.places[path] = self._document.source(node)

    def _group(self, path: str, tree: Tree, node: Node) -> None:
        if path in WEEKS and isinstance(node, ScalarNode) and not is_null(node):
            self._named_week(path, node)
        elif not isinstance(node, MappingNode):
            self._wrong_type(path, "keys and values, indented below it", node)
        elif path in WEEKS:
            self.week(path, node)
        else:
            for name, key, value in self._document.items(node):
                self._entry(f"{path}.", tree, name, key, value)

    def scalar(self, path: str, kind: Kind, node: Node) -> Value | None:
        """Make a value of a scalar; None, and a problem, where it is none of its kind."""
        if not isinstance(node, ScalarNode) or is_null(node):
            self._wrong_type(path, "one value", node, kind)
            return None
        try:
            value = kind.parse(node.text, plain=node.plain)
        except Misfit as misfit:
            self._misfit(path, misfit, node, value_meant(kind, node.text))
            return None
        if not node.text.isascii():
            self._note_hidden(path, node)
        return value

    def _labels(self, path: str, kind: Labels, node: Node) -> Value | None:
        if not isinstance(node, SequenceNode):
            self._wrong_type(path, "a list, such as [busy, no-answer]", node, kind)
            return None
        items = [self.scalar(f"{path}[]", kind.item, item) for item in node.items]
        return None if None in items else kind.canonical(items)

    def week(self, path: str, node: MappingNode) -> None:
        keys: dict[str, Node] = {}
        for name, key, value in self._document.items(node):
            days = days_of(name)
            if not days:
                self._problem(
                    "UNKNOWN_KEY", f"`{path}.{named(name)}` is no weekday", key, days_meant(name)
                )
                continue
            self._note_twice(path, days, key, keys)
            keys |= dict.fromkeys(days, key)
            window = self._window(f"{path}.{name}", value)
            for day in days:
                self._keep(f"{path}.{day}", value, window)

    def _named_week(self, path: str, node: ScalarNode) -> None:
        """Take the days of a schedule that the workspace names, and where they stand there."""
        schedules = self._shared.schedules
        if node.text not in schedules:
            hint = nearest(node.text, schedules)
            if SPAN.match(node.text):
                hint = f"write the days: {path.rpartition('.')[2]}: {{mon-fri: {node.text}}}"
            self._problem("UNKNOWN_SCHEDULE", f"no schedule `{named(node.text)}`", node, hint)
            return
        for day, (window, source) in schedules[node.text].days.items():
            self.values[f"{path}.{day}"] = window
            self.places[f"{path}.{day}"] = source

    def _text_of_file(self, path: str, kind: Text, node: MappingNode) -> None:
        """Take a text from a file of the workspace: `first_message: {file: messages/hello.txt}`."""
        keys = [key.text if isinstance(key, ScalarNode) else None for key, _ in node.pairs]
        if keys != ["file"]:
            self._wrong_type(path, "one value", node, kind)
            return
        name = node.pairs[0][1]
        if (file := self._document.scalar(name, f"`{path}.file`")) is None:
            return
        try:
            page = self._texts.page(file)
            value = kind.parse(page.text, plain=False)
        except Unreadable as found:
            self._problem(found.code, f"`{path}`: {found}", name, found.hint)
        except Misfit as misfit:
            self._misfit(path, misfit, name)
        else:
            for problem in page.problems:
                self._document.page.note(problem)
            self.values[path] = value
            self.places[path] = Source(page.file, 1)

    def _note_twice(self, path: str, days: list[str], key: Node, before: dict[str, Node]) -> None:
        """Refuse a day that has two windows: which of them is meant, nobody can tell."""
        for day in dict.fromkeys(days):
            if first := before.get(day) or (key if days.count(day) > 1 else None):
                one, two = self._document.source(first), self._document.source(key)
                self._problem(
                    "DUPLICATE_DAY",
                    f"`{path}.{day}` is set twice: at {one.line}:{one.column},"
                    f" and again at {two.line}:{two.column}",
                    key,
                    "split the range, so that each day stands once: mon-tue, wed, thu-fri",
                )

    def _window(self, path: str, node: Node) -> Value | None:
        if isinstance(node, SequenceNode):
            self._wrong_type(path, "hours such as 09:00-18:00, or closed", node)
            return None
        if not isinstance(node, MappingNode):
            return self.scalar(path, Window(), node)
        parts: dict[str, Value | None] = {}
        for name, key, value in self._document.items(node):
            if name in WINDOW_PARTS:
                parts[name] = self.scalar(f"{path}.{name}", WINDOW_PARTS[name], value)
            else:
                parts[name] = None
                self._unknown(f"{path}.{name}", name, WINDOW_PARTS, key)
        if None in parts.values():
            return None
        try:
            return Window().compose(parts)
        except Misfit as misfit:
            self._misfit(path, misfit, node)
            return None

    def _misfit(self, path: str, misfit: Misfit, node: Node, meant: str = "") -> None:
        hint = meant or misfit.hint
        self._problem(misfit.code, f"`{named(path)}` {misfit.message}", node, hint)

    def _note_hidden(self, path: str, node: ScalarNode) -> None:
        if hidden := dict.fromkeys(HIDDEN.findall(node.text)):
            codes = ", ".join(f"U+{ord(character):04X}" for character in hidden)
            self._problem(
                "HIDDEN_CHARACTER",
                f"`{path}` holds characters that do not show: {codes}",
                node,
                "remove them unless the text needs them",
                severity="warning",
            )

    def _wrong_type(self, path: str, needed: str, node: Node, kind: Kind | None = None) -> None:
        if is_null(node):
            self._problem("NULL_VALUE", f"`{path}` has no value", node, _way_out(path, kind))
            return
        found = {ScalarNode: "one value", SequenceNode: "a list", MappingNode: "a mapping"}[
            type(node)
        ]
        hint = _right_type(path, kind, node)
        self._problem("WRONG_TYPE", f"`{named(path)}` needs {needed}, and is {found}", node, hint)

    def _unknown(self, path: str, name: str, known: Iterable[str], key: Node) -> None:
        if hint := READ_ONLY.get(path) or READ_ONLY.get(path.partition(".")[0]):
            self._problem("READ_ONLY_KEY", f"`{path}` is decided by the API alone", key, hint)
        else:
            hint = key_meant(path, name, known)
            self._problem("UNKNOWN_KEY", f"`{named(path)}` is not known", key, hint)


def _right_type(path: str, kind: Kind | None, node: Node) -> str:
    """Say how a value of the shape that is needed is written."""
    if path in WEEKS:
        return "write days below it: mon-fri: 09:00-18:00"
    if isinstance(kind, Labels):
        return "put it in brackets, commas between" if isinstance(node, ScalarNode) else ""
    if isinstance(kind, Text):
        return "put text that starts with a brace or a bracket in quotes"
    if kind:
        return "write it without brackets and braces"
    return "" if "." in path else "write its keys below it, a line each"


def _way_out(path: str, kind: Kind | None) -> str:
    """Say what to write where nothing stands: a null empties nothing, and clears nothing."""
    if path == "id":
        return "write the campaign's number: id: 1234"
    if path.endswith("[]"):
        return "remove the item"
    leave = "remove the key to leave the field alone"
    if isinstance(kind, Labels):
        return f"{leave}, or write [] to empty it"
    if isinstance(kind, Window):
        return f"{leave}, or write closed"
    if isinstance(kind, Text) and not kind.shortest:
        return f'{leave}, or write "" to empty it'
    return leave
