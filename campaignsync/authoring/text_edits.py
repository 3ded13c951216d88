"""Replace, add and remove single values in a text, by the positions of its nodes."""

import re
from collections.abc import Mapping

from campaignsync.authoring.entries import Entry
from campaignsync.authoring.style import (
    ORDER,
    entry_lines,
    flow,
    inline,
    level_lines,
    rank,
    window,
)
from campaignsync.model.kind import Value
from campaignsync.yamltree.nodes import (
    BLOCK,
    MappingNode,
    Node,
    ScalarNode,
    SequenceNode,
    resolve,
)
from campaignsync.yamltree.scalars import literal, requoted, write_scalar


class TextEdits:
    """A text that is edited; an entry is valid only until the next edit before it."""

    def __init__(self, text: str) -> None:
        self.text = text

    def put(self, entry: Entry, path: str, value: Value) -> None:
        """Replace a value or an alias with a new value."""
        old = entry.value
        assert old is not None  # noqa: S101 - the caller checked it
        if isinstance(old, SequenceNode) and isinstance(value, list):
            self._list(entry, old, value)
            return
        if isinstance(old, ScalarNode) and self._block(old, value):
            return
        head = f"{self.text[entry.key.start : entry.key.end]}:"
        lines = entry_lines(path, head, value, self.column(entry.key))
        if entry.is_in_flow or len(lines) == 1:
            new_text = inline(path, value, flow=entry.is_in_flow)
            if isinstance(old, ScalarNode) and isinstance(value, str):
                new_text = requoted(new_text, value, old.style)
            self.replace(old, new_text + self._comment_in(old))
            return
        # A comment goes behind the first line.
        end = line_end(self.text, old.end)
        comment = self._comment_in(old) or self.text[old.end : end].rstrip()
        self.cut(entry.key.start, end, "\n".join([lines[0].lstrip(" ") + comment, *lines[1:]]))

    def _comment_in(self, old: Node) -> str:
        """Return the comment behind the first line of a block scalar, or ""."""
        if not (isinstance(old, ScalarNode) and old.style in BLOCK):
            return ""
        first = self.text[old.start : line_end(self.text, old.start)]
        return f"  #{first.partition('#')[2]}" if "#" in first else ""

    def _list(self, entry: Entry, old: SequenceNode, value: list[str]) -> None:
        """Change a list item by item; unchanged items keep their order, spelling and line."""
        words = {id(item): word_of(item) for item in old.items}
        kept = [item for item in old.items if words[id(item)] in value]
        new = [text for text in value if text not in words.values()]
        if old.flow or entry.is_in_flow or not kept:
            parts = [self.text[item.start : item.end] for item in kept]
            line = f"[{', '.join([*parts, *(write_scalar(text, flow=True) for text in new)])}]"
            if old.flow:
                self.replace(old, line)
            else:
                rest = self.text[entry.key.end + 1 : line_end(self.text, entry.key.end)]
                self.cut(entry.key.end, line_end(self.text, old.end), f": {line}{rest.rstrip()}")
            return
        dash = " " * self.column(old)
        end = line_end(self.text, old.end)
        self.cut(end, end, "".join(f"\n{dash}- {write_scalar(text)}" for text in new))
        for item in reversed(old.items):
            if item not in kept:
                start = line_start(self.text, item.start) - 1
                self.cut(start, line_end(self.text, item.end), "")

    def _block(self, old: ScalarNode, value: Value) -> bool:
        """Replace the lines of a `|` block and return whether that was possible.

        Its first line and indentation stay the same.
        """
        first = line_end(self.text, old.start)
        plain = old.style == "|" and not re.search(r"\|[+-]?[0-9]", self.text[old.start : first])
        lines = literal(value) if plain and isinstance(value, str) else None
        body = [line for line in self.text[first : old.end].split("\n") if line.strip()]
        if not lines or not body:
            return False
        margin = " " * min(len(line) - len(line.lstrip(" ")) for line in body)
        new_text = "".join(f"\n{margin}{line}" if line else "\n" for line in lines)
        self.cut(first, old.end, new_text)
        return True

    def window(self, entry: Entry, value: Value) -> None:
        """Change the hours of an entry; keep their form, short or mapping."""
        old = entry.value
        if isinstance(old, MappingNode) and {key.text for key, _ in old.entries} == value.keys():
            for key, part in reversed(old.entries):
                new_text = str(value[key.text]).lower()
                self.replace(part, new_text if key.text == "active" else f'"{new_text}"')
            return
        new_text = window(value)
        if isinstance(old, ScalarNode) and not new_text.startswith("{"):
            new_text = requoted(new_text, new_text, old.style)
        self.hours(entry, new_text)

    def hours(self, entry: Entry, new_text: str) -> None:
        """Replace an entry's hours with their text on the key's line."""
        assert entry.value is not None  # noqa: S101 - an entry has some
        if isinstance(entry.value, MappingNode) and not entry.value.flow:
            self.cut(entry.key.end, entry.value.end, f": {new_text}")
        else:
            self.replace(entry.value, new_text)

    def insert(self, entry: Entry, values: Mapping[str, Value]) -> None:
        """Add keys that are not in the text yet, in the field table's order."""
        parent, prefix = entry.parent, entry.prefix
        values = {path: values[path] for path in sorted(values, key=ORDER.__getitem__)}
        place = ORDER[next(iter(values))]
        before = [pair for pair in parent.entries if rank(prefix + pair[0].text) < place]
        if entry.is_in_flow:
            new_text = flow(values, prefix)[1:-1]
            if before:
                self.cut(before[-1][1].end, before[-1][1].end, f", {new_text}")
            else:
                start = parent.entries[0][0].start if parent.entries else parent.end - 1
                self.cut(start, start, f"{new_text}, " if parent.entries else new_text)
            return
        indent = self.column(parent.entries[0][0])
        lines = "\n".join(level_lines(values, prefix, indent))
        if before:
            end = line_end(self.text, before[-1][1].end)
            self.cut(end, end, f"\n{lines}")
        else:
            start = line_start(self.text, parent.entries[0][0].start)
            self.cut(start, start, f"{lines}\n")

    def spread(self, entry: Entry, values: Mapping[str, Value]) -> None:
        """Replace an alias or a schedule name with a group of keys."""
        alias = entry.value
        assert alias is not None  # noqa: S101 - the caller checked it
        values = {path: values[path] for path in sorted(values, key=ORDER.__getitem__)}
        prefix = f"{entry.path}."
        if entry.is_in_flow:
            self.replace(alias, flow(values, prefix))
            return
        comment = self.text[alias.end : line_end(self.text, alias.end)]
        below = "".join(
            f"\n{line}" for line in level_lines(values, prefix, self.column(entry.key) + 2)
        )
        self.cut(entry.key.end, line_end(self.text, alias.end), f":{comment}{below}")

    def replace(self, old: Node, new_text: str) -> None:
        """Replace a node's text, its anchor included."""
        self.cut(old.start, old.end, new_text)

    def cut(self, start: int, end: int, new_text: str) -> None:
        """Replace the characters from `start` to before `end`."""
        self.text = self.text[:start] + new_text + self.text[end:]

    def column(self, node: Node) -> int:
        """Return the column, from 0, at which a node begins."""
        return node.start - line_start(self.text, node.start)


def word_of(item: Node) -> str:
    """Return the text of a list item, or of the target if it is an alias."""
    word = resolve(item)
    assert isinstance(word, ScalarNode)  # noqa: S101 - a valid list holds scalars
    return word.text


def line_start(text: str, offset: int) -> int:
    return text.rfind("\n", 0, offset) + 1


def line_end(text: str, offset: int) -> int:
    end = text.find("\n", offset)
    return len(text) if end < 0 else end
