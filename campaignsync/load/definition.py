"""Nodes → one definition, by the field table."""

from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from zoneinfo import available_timezones

from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from campaignsync.errors import Problem
from campaignsync.fields import (
    BY_PATH,
    FIELDS,
    MANAGEABLE,
    REFUSALS,
    WEEKDAYS,
    WEEKS,
    WINDOW_PARTS,
    Field,
    Kind,
    Labels,
    Misfit,
    Mutability,
    Value,
    Window,
    unmet,
)
from campaignsync.fields.kinds import HIDDEN, Integer
from campaignsync.load.nodes import Document, is_null, is_plain
from campaignsync.model.values import Definition

Tree = dict[str, "Field | Tree"]

ID = Integer(least=1)
READ_ONLY = {field.path for field in FIELDS if field.mutability is Mutability.READ_ONLY} | {
    "agent",
    "integration",
}


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


def read_definition(document: Document, problems: list[Problem]) -> Definition | None:
    """Make a definition of a document; None, and problems, where it has no usable id."""
    reader = _Reader(document)
    reader.read()
    if reader.id is None:
        return None
    values = {
        field.path: reader.values[field.path] for field in FIELDS if field.path in reader.values
    }
    places = {path: _place(reader.nodes[path]) for path in ("id", *values)}
    if not values and not problems:
        document.problem(
            "NOTHING_MANAGED",
            "the definition manages nothing but its id",
            reader.nodes["id"],
            "write the fields that it is to keep, or remove the file",
            severity="warning",
        )
    return Definition(reader.id, document.file, values, places)


def _place(node: Node) -> tuple[int, int]:
    return node.start_mark.line + 1, node.start_mark.column + 1


class _Reader:
    """Walks one document once; what it makes of it is in `id`, `values` and `nodes`."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._problem = document.problem
        self.id: int | None = None
        self.values: dict[str, Value] = {}
        self.nodes: dict[str, Node] = {}

    def read(self) -> None:
        root = self._document.root
        items = list(self._document.items(root))
        for name, key, value in items:
            if name == "id":
                self.nodes["id"] = value
                self.id = self._scalar("id", ID, value)
            else:
                self._entry("", TREE, name, key, value)
        if "id" not in self.nodes:
            self._problem(
                "MISSING_ID", "`id` is missing", root, "write the campaign's number: id: 1234"
            )
        self._check_rules()

    def _group(self, path: str, tree: Tree, node: Node) -> None:
        if not isinstance(node, MappingNode):
            self._wrong_type(path, "keys and values, indented below it,", node)
            return
        if path in WEEKS:
            self._week(path, node)
            return
        for name, key, value in self._document.items(node):
            self._entry(f"{path}.", tree, name, key, value)

    def _entry(self, prefix: str, tree: Tree, name: str, key: Node, value: Node) -> None:
        path = prefix + name
        row = tree.get(name)
        if row is None:
            self._unknown(path, name, tree, key)
        elif isinstance(row, dict):
            self._group(path, row, value)
        elif isinstance(row.kind, Labels):
            self._keep(path, value, self._labels(path, row.kind, value))
        else:
            self._keep(path, value, self._scalar(path, row.kind, value))

    def _keep(self, path: str, node: Node, value: Value | None) -> None:
        if value is not None:
            self.values[path] = value
            self.nodes[path] = node

    def _scalar(self, path: str, kind: Kind, node: Node) -> Value | None:
        """Make a value of a scalar; None, and a problem, where it is none of its kind."""
        if is_null(node):
            empty = "[]" if isinstance(kind, Labels) else '""'
            self._problem(
                "NULL_VALUE",
                f"`{path}` has no value",
                node,
                f"remove the key to leave the field alone, or write {empty} to empty it",
            )
            return None
        if not isinstance(node, ScalarNode):
            self._wrong_type(path, "one value", node)
            return None
        try:
            value = kind.parse(node.value, plain=is_plain(node))
        except Misfit as misfit:
            self._misfit(path, misfit, node)
            return None
        if hidden := HIDDEN.search(node.value):
            self._problem(
                "HIDDEN_CHARACTER",
                f"`{path}` holds U+{ord(hidden.group()):04X}, which does not show",
                node,
                "remove it unless the text needs it",
                severity="warning",
            )
        return value

    def _labels(self, path: str, kind: Labels, node: Node) -> Value | None:
        if not isinstance(node, SequenceNode):
            if is_null(node):
                return self._scalar(path, kind, node)
            self._wrong_type(path, "a list, such as [busy, no-answer],", node)
            return None
        items = [self._scalar(path, kind.item, item) for item in self._document.sequence(node)]
        return None if None in items else kind.canonical(items)

    def _week(self, path: str, node: MappingNode) -> None:
        days: dict[str, Node] = {}
        for name, key, value in self._document.items(node):
            named = list(days_of(name))
            if not named:
                self._unknown(f"{path}.{name}", name, WEEKDAYS, key)
                continue
            window = self._window(f"{path}.{name}", value)
            for day in named:
                if day in days:
                    first = days[day].start_mark.line + 1
                    self._problem(
                        "DUPLICATE_DAY",
                        f"`{path}.{day}` is set twice: first on line {first}",
                        key,
                        "split the range, so that each day stands once",
                    )
                days[day] = key
                self._keep(f"{path}.{day}", value, window)

    def _window(self, path: str, node: Node) -> Value | None:
        if not isinstance(node, MappingNode):
            return self._scalar(path, Window(), node)
        parts: dict[str, Value] = {}
        sound = True
        for name, key, value in self._document.items(node):
            if name not in WINDOW_PARTS:
                self._unknown(f"{path}.{name}", name, WINDOW_PARTS, key)
                sound = False
            elif (part := self._scalar(f"{path}.{name}", WINDOW_PARTS[name], value)) is None:
                sound = False
            else:
                parts[name] = part
        if not sound:
            return None
        try:
            return Window().compose(parts)
        except Misfit as misfit:
            self._misfit(path, misfit, node)
            return None

    def _check_rules(self) -> None:
        """Hold the definition against the rules between fields, as far as it says the facts."""
        for path in self.values:
            if requirement := unmet(BY_PATH[path], self.values):
                refusal = REFUSALS[requirement.code]
                self._problem(
                    requirement.code,
                    f"`{path}` does not go with `{requirement.path}:"
                    f" {_written(self.values[requirement.path])}`: {refusal.means}",
                    self.nodes[path],
                    refusal.remedy,
                )
        first, last = (f"cycles.schedule_{end}_date" for end in ("start", "end"))
        if first in self.values and self.values.get(last, "9999") < self.values[first]:
            self._problem(
                "DATES_REVERSED", f"`{last}` is before `{first}`", self.nodes[last], "swap them"
            )

    def _misfit(self, path: str, misfit: Misfit, node: Node) -> None:
        hint = misfit.hint
        if misfit.code == "NOT_A_TIME_ZONE" and (near := _zones_like(node.value)):
            hint = f"did you mean {near}?"
        self._problem(misfit.code, f"`{path}` {misfit.message}", node, hint)

    def _wrong_type(self, path: str, needed: str, node: Node) -> None:
        if is_null(node):
            self._problem(
                "NULL_VALUE",
                f"`{path}` has no value",
                node,
                "remove the key to leave the field alone",
            )
            return
        found = (
            "one value"
            if isinstance(node, ScalarNode)
            else ("a list" if isinstance(node, SequenceNode) else "a mapping")
        )
        self._problem("WRONG_TYPE", f"`{path}` needs {needed} and is {found}", node)

    def _unknown(self, path: str, name: str, known: Iterable[str], key: Node) -> None:
        if path in READ_ONLY or path.partition(".")[0] in READ_ONLY:
            self._problem(
                "READ_ONLY_KEY", f"`{path}` is decided by the API alone", key, "remove it"
            )
            return
        self._problem("UNKNOWN_KEY", f"`{path}` is not known", key, _suggest(path, name, known))


def days_of(name: str) -> Iterator[str]:
    """Write out `mon`, `mon-fri` and `mon,wed`; nothing for what is no such thing."""
    named: list[str] = []
    for part in name.split(","):
        first, dash, last = (word.strip() for word in part.partition("-"))
        if first not in WEEKDAYS or (dash and last not in WEEKDAYS):
            return
        start = WEEKDAYS.index(first)
        length = (WEEKDAYS.index(last) - start) % len(WEEKDAYS) if dash else 0
        named += (WEEKDAYS[(start + step) % len(WEEKDAYS)] for step in range(length + 1))
    yield from named


def _suggest(path: str, name: str, known: Iterable[str]) -> str:
    """Name what was probably meant: a key that belongs elsewhere, or the nearest one here."""
    if path in BY_PATH:
        return f"nest it: {path.replace('.', ': {', 1)}: …}}"
    for field in MANAGEABLE:
        if field.path.rpartition(".")[2] == name and name not in WEEKDAYS:
            return f"did you mean `{field.path}`?"
    if near := get_close_matches(name.lower(), [*known], n=1, cutoff=0.5):
        return f"did you mean `{near[0]}`?"
    return f"known here: {', '.join(known)}"


def _zones_like(text: str) -> str | None:
    zones = sorted(zone for zone in available_timezones() if "/" in zone)
    city = text.rpartition("/")[2].replace(" ", "_").lower()
    same_city = [zone for zone in zones if zone.lower().endswith(f"/{city}")]
    near = same_city or get_close_matches(text, zones, n=1)
    return near[0] if near else None


def _written(value: Value) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
