"""One text, and how a value in it is replaced, added and taken away, character by character."""

import re
from collections.abc import Mapping

from campaignsync.authoring.meaning import ORDER
from campaignsync.authoring.style import entry_lines, flow, inline, level_lines, window
from campaignsync.load import days_of
from campaignsync.model.fields import WEEKS, Value
from campaignsync.yamltree.locate import Place, line_end, line_start
from campaignsync.yamltree.nodes import BLOCK, MappingNode, Node, ScalarNode, SequenceNode, resolve
from campaignsync.yamltree.scalars import literal, requoted, written


class Sheet:
    """A text that is edited; places hold for the text as it was when they were found."""

    def __init__(self, text: str) -> None:
        self.text = text

    def put(self, place: Place, path: str, value: Value) -> None:
        """Write a value where another one, or an alias, stands."""
        old = place.value
        assert old is not None  # noqa: S101 - the caller found one
        if isinstance(old, SequenceNode) and isinstance(value, list):
            self._list(place, old, value)
            return
        if isinstance(old, ScalarNode) and self._block(old, value):
            return
        head = f"{self.text[place.key.start : place.key.end]}:"
        lines = entry_lines(path, head, value, self.column(place.key))
        if place.in_flow or len(lines) == 1:
            said = inline(path, value, flow=place.in_flow)
            if isinstance(old, ScalarNode) and isinstance(value, str):
                said = requoted(said, value, old.style)
            self.replace(old, said + self._comment_in(old))
            return
        # A comment goes behind the first line.
        end = line_end(self.text, old.end)
        comment = self._comment_in(old) or self.text[old.end : end].rstrip()
        self.cut(place.key.start, end, "\n".join([lines[0].lstrip(" ") + comment, *lines[1:]]))

    def _comment_in(self, old: Node) -> str:
        """Give the comment behind the first line of a block of text."""
        if not (isinstance(old, ScalarNode) and old.style in BLOCK):
            return ""
        first = self.text[old.start : line_end(self.text, old.start)]
        return f"  #{first.partition('#')[2]}" if "#" in first else ""

    def _list(self, place: Place, old: SequenceNode, value: list[str]) -> None:
        """Change a list item by item: those that stay keep their order, spelling and line."""
        said = {id(item): word_of(item) for item in old.items}
        kept = [item for item in old.items if said[id(item)] in value]
        new = [text for text in value if text not in said.values()]
        if old.flow or place.in_flow or not kept:
            parts = [self.text[item.start : item.end] for item in kept]
            line = f"[{', '.join([*parts, *(written(text, flow=True) for text in new)])}]"
            if old.flow:
                self.replace(old, line)
            else:
                rest = self.text[place.key.end + 1 : line_end(self.text, place.key.end)]
                self.cut(place.key.end, line_end(self.text, old.end), f": {line}{rest.rstrip()}")
            return
        dash = " " * self.column(old)
        end = line_end(self.text, old.end)
        self.cut(end, end, "".join(f"\n{dash}- {written(text)}" for text in new))
        for item in reversed(old.items):
            if item not in kept:
                start = line_start(self.text, item.start) - 1
                self.cut(start, line_end(self.text, item.end), "")

    def _block(self, old: ScalarNode, value: Value) -> bool:
        """Change the lines of a `|` block, whose first line and margin stay, where that can be."""
        first = line_end(self.text, old.start)
        plain = old.style == "|" and not re.search(r"\|[+-]?[0-9]", self.text[old.start : first])
        lines = literal(value) if plain and isinstance(value, str) else None
        body = [line for line in self.text[first : old.end].split("\n") if line.strip()]
        if not lines or not body:
            return False
        margin = " " * min(len(line) - len(line.lstrip(" ")) for line in body)
        said = "".join(f"\n{margin}{line}" if line else "\n" for line in lines)
        self.cut(first, old.end, said)
        return True

    def window(self, place: Place, value: Value) -> None:
        """Change the hours of an entry, in the form in which they stand."""
        old = place.value
        if isinstance(old, MappingNode) and {key.text for key, _ in old.entries} == value.keys():
            for key, part in reversed(old.entries):
                said = str(value[key.text]).lower()
                self.replace(part, said if key.text == "active" else f'"{said}"')
            return
        said = window(value)
        if isinstance(old, ScalarNode) and not said.startswith("{"):
            said = requoted(said, said, old.style)
        self.hours(place, said)

    def hours(self, place: Place, said: str) -> None:
        """Write an entry's hours in short, on its key's line."""
        assert place.value is not None  # noqa: S101 - an entry has some
        if isinstance(place.value, MappingNode) and not place.value.flow:
            self.cut(place.key.end, place.value.end, f": {said}")
        else:
            self.replace(place.value, said)

    def insert(self, place: Place, values: Mapping[str, Value]) -> None:
        """Add what no key says yet, in the field table's order."""
        parent, prefix = place.parent, place.prefix
        values = {path: values[path] for path in sorted(values, key=ORDER.__getitem__)}
        rank = ORDER[next(iter(values))]
        before = [pair for pair in parent.entries if _rank(prefix, pair[0].text) < rank]
        if place.in_flow:
            said = flow(values, prefix)[1:-1]
            if before:
                self.cut(before[-1][1].end, before[-1][1].end, f", {said}")
            else:
                start = parent.entries[0][0].start if parent.entries else parent.end - 1
                self.cut(start, start, f"{said}, " if parent.entries else said)
            return
        indent = self.column(parent.entries[0][0])
        lines = "\n".join(level_lines(values, prefix, indent))
        if before:
            end = line_end(self.text, before[-1][1].end)
            self.cut(end, end, f"\n{lines}")
        else:
            start = line_start(self.text, parent.entries[0][0].start)
            self.cut(start, start, f"{lines}\n")

    def spread(self, place: Place, values: Mapping[str, Value]) -> None:
        """Write a group of keys where an alias stands, or a name."""
        alias = place.value
        assert alias is not None  # noqa: S101 - the caller found one
        values = {path: values[path] for path in sorted(values, key=ORDER.__getitem__)}
        prefix = f"{place.path}."
        if place.in_flow:
            self.replace(alias, flow(values, prefix))
            return
        comment = self.text[alias.end : line_end(self.text, alias.end)]
        below = "".join(
            f"\n{line}" for line in level_lines(values, prefix, self.column(place.key) + 2)
        )
        self.cut(place.key.end, line_end(self.text, alias.end), f":{comment}{below}")

    def replace(self, old: Node, said: str) -> None:
        """Write something in a node's place, its anchor included."""
        self.cut(old.start, old.end, said)

    def cut(self, start: int, end: int, said: str) -> None:
        """Write something in place of the characters from `start` to before `end`."""
        self.text = self.text[:start] + said + self.text[end:]

    def column(self, node: Node) -> int:
        """Give the column, from 0, in which a node begins."""
        return node.start - line_start(self.text, node.start)


def word_of(item: Node) -> str:
    """Give the text of a list's item, or of what it refers to."""
    word = resolve(item)
    assert isinstance(word, ScalarNode)  # noqa: S101 - a valid list holds words
    return word.text


def _rank(prefix: str, key: str) -> int:
    path = prefix + key
    if prefix[:-1] in WEEKS and (days := days_of(key)):
        path = prefix + days[0]
    below = [place for each, place in ORDER.items() if f"{each}.".startswith(f"{path}.")]
    # What is no field stands at the top, but for the environments, which stand at the end.
    return min(below, default=len(ORDER) if path == "environments" else -1)
