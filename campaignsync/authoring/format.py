"""Format a definition in the standard style, and verify that its values stay the same.

Keys are sorted in the field table's order, with the comments above and behind them. `style` writes
the values. Mappings in braces stay in braces if they fit. Values that contain an anchor, an alias
or a comment, and block scalars, are moved and indented but not rewritten.
"""

import re
from bisect import bisect_right
from dataclasses import replace
from itertools import pairwise, takewhile

from campaignsync.authoring.read_values import (
    GROUPS,
    NotRewritable,
    has_more,
    read_definition,
    require_values,
    value_of,
    values_of,
    window_of,
)
from campaignsync.authoring.style import (
    FormattedKey,
    entry_lines,
    flow,
    in_order,
    joined_lines,
    level_lines,
    margin_of,
    window,
)
from campaignsync.load import ALONE
from campaignsync.model.definitions import Shared
from campaignsync.model.fields import BY_PATH, WEEKS
from campaignsync.model.week import WEEKDAYS, days_of
from campaignsync.yamltree.nodes import (
    BLOCK,
    AliasNode,
    MappingNode,
    Node,
    ScalarNode,
    SequenceNode,
    walk,
)
from campaignsync.yamltree.parse import editable_tree
from campaignsync.yamltree.scalars import WIDEST, write_scalar
from campaignsync.yamltree.text import decode, encode_like

HEAD = re.compile(r"\s*:[ \t]*(?P<anchor>&[^\s,\[\]{}]+)?[ \t]*(?P<comment>#.*)?\Z")
MARKER = re.compile(r"---|%|\s*# yaml-language-server:")
"""Lines above the first key that belong to the file, not to the key."""


def formatted(file: str, content: bytes, shared: Shared = ALONE) -> bytes:
    """Return a definition's bytes in the standard style; `file` is its name in messages.

    Raises DefinitionError for a definition with problems: its values are not known.
    """
    values = read_definition(file, content, shared)
    after = encode_like(format_text(decode(content)), content)
    if after != content:
        require_values(values, file, after, shared)
    return after


def format_text(text: str) -> str:
    """Return a valid definition's text in the standard style; lines end in line feeds."""
    root = editable_tree(text)
    return _Formatter(text, root).format()


class _Formatter:
    """One text and the positions of its lines."""

    def __init__(self, text: str, root: MappingNode) -> None:
        self._text = text
        self._root = root
        self._lines = text.split("\n")
        self._starts = [0]
        for line in self._lines:
            self._starts.append(self._starts[-1] + len(line) + 1)
        anchors = [node.anchor for node in walk(root) if node.anchor]
        self._may_sort = len(anchors) == len(set(anchors))
        self._placed = 0
        """The first line below the comments that already belong to a key."""

    def format(self) -> str:
        root = self._root
        first, last = self._row(root.start), self._row(root.end - 1)
        if root.flow:
            body = self._unfolded(first, last)
            header, trail = self._lines[:first], self._lines[last + 1 :]
        else:
            entries = self._entries(root, "", 0, 0)
            header = self._header(entries)
            below = self._lines[max(last + 1, self._placed) :]
            entries[-1].trail, trail = self._split(below, 0, 0)
            body = list(joined_lines(self._in_order(entries)))
        lines = [*map(str.rstrip, header), *body, *map(str.rstrip, trail)]
        return "\n".join(lines).rstrip("\n") + "\n"

    def _unfolded(self, first: int, last: int) -> list[str]:
        """Return the lines of a definition in braces: in block style if nothing is lost."""
        before = self._text[: self._root.start].rpartition("\n")[2].strip()
        after = self._text[self._root.end :].partition("\n")[0].strip()
        unchanged = self._lines[first : last + 1]
        if before or after:
            return unchanged
        pairs = [pair for pair in self._root.entries if pair[0].text != "id"]
        ids = [value for key, value in self._root.entries if key.text == "id"]
        rest = replace(self._root, pairs=[*pairs])
        try:
            values = values_of(self._text, rest, "")
        except NotRewritable:
            return unchanged
        if len(ids) != 1 or not isinstance(ids[0], ScalarNode) or ids[0].anchor or ids[0].tag:
            return unchanged
        return [f"id: {ids[0].text}", *level_lines(values, "", 0)]

    def _header(self, entries: list[FormattedKey]) -> list[str]:
        """Remove the file's header from the first key's lead lines and return it.

        Comments directly above the first key move with it if it is not first any more.
        """
        lead = entries[0].lead
        if self._in_order(entries)[0] is entries[0]:
            entries[0].lead = []
            return lead
        start = len(lead)
        while start and lead[start - 1].strip() and not MARKER.match(lead[start - 1]):
            start -= 1
        entries[0].lead = lead[start:]
        return lead[:start]

    def _entries(self, node: MappingNode, prefix: str, indent: int, at: int) -> list[FormattedKey]:
        """Return entries for a block's keys; `at` is the first line above the first key."""
        column = self._column(node.entries[0][0].start)
        entries: list[FormattedKey] = []
        for key, value in node.entries:
            first = self._row(key.start)
            last = max(self._row(key.start), self._row(max(value.end - 1, key.end)))
            lead = self._lines[at:first]
            if entries:
                entries[-1].trail, lead = self._split(lead, column, indent)
            entry = self._entry(prefix + key.text, key, value, indent)
            entry.lead = [f"{' ' * indent}{line.strip()}" if line.strip() else "" for line in lead]
            entries.append(entry)
            at = max(last + 1, self._placed)
        if indent:
            entries[-1].trail, _ = self._split(self._gap(at), column, indent)
            self._placed = at + len(entries[-1].trail)
        return entries

    def _gap(self, row: int) -> list[str]:
        """Return the comments and blank lines from a line to the next key."""
        return list(takewhile(lambda line: line.lstrip()[:1] in {"", "#"}, self._lines[row:]))

    def _split(self, gap: list[str], column: int, indent: int) -> tuple[list[str], list[str]]:
        """Split the lines between two keys into those of the first and those of the second.

        Comments indented deeper than the keys belong to the first one.
        """
        deeper = [
            place
            for place, line in enumerate(gap)
            if line.lstrip().startswith("#") and margin_of(line) > column
        ]
        cut = deeper[-1] + 1 if deeper else 0
        margin = " " * (indent + 2)
        return [margin + line.strip() if line.strip() else "" for line in gap[:cut]], gap[cut:]

    def _entry(self, path: str, key: ScalarNode, value: Node, indent: int) -> FormattedKey:
        entry = FormattedKey(path, value, [], [])
        try:
            self._write(entry, key, value, indent)
        except NotRewritable:
            entry.body = self._unchanged_lines(key, value, indent)
        return entry

    def _write(self, entry: FormattedKey, key: ScalarNode, value: Node, indent: int) -> None:
        """Write an entry in the standard style; raises NotRewritable if it would lose text."""
        path = entry.path
        line = self._lines[self._row(key.start)]
        if line[: self._column(key.start)].strip() or value.tag or key.anchor or key.tag:
            raise NotRewritable(path)
        head = f"{write_scalar(key.text) if key.style else key.text}:" + (
            f" &{value.anchor}" if value.anchor else ""
        )
        if isinstance(value, MappingNode) and not value.flow and path in GROUPS:
            entry.body = self._group(path, head, key, value, indent)
            return
        comment, column = self._comment(key, value)
        entry.body = self._value(entry, head, value, indent)
        entry.body[0] = _commented(entry.body[0], comment, column)
        if comment or value.anchor:
            entry.days = []

    def _group(
        self, path: str, head: str, key: ScalarNode, value: MappingNode, indent: int
    ) -> list[str]:
        """Return the lines of a block of keys, each key formatted."""
        row = self._row(key.start)
        match = HEAD.match(self._lines[row][self._column(key.end) :])
        if not match or (value.anchor and not match["anchor"]):
            raise NotRewritable(path)
        comment = match["comment"]
        at = self._lines[row].rfind(comment) if comment else 0
        entries = self._entries(value, f"{path}.", indent + 2, row + 1)
        lines = joined_lines(self._in_order(entries))
        return [_commented(f"{' ' * indent}{head}", comment, at), *lines]

    def _value(self, entry: FormattedKey, head: str, value: Node, indent: int) -> list[str]:
        """Return the lines of one key and its value; raises NotRewritable."""
        path, margin = entry.path, " " * indent
        week, _, name = path.rpartition(".")
        if isinstance(value, AliasNode):
            return [f"{margin}{head} *{value.name}"]
        if isinstance(value, ScalarNode) and (value.anchor or path == "id"):
            # Keep the spelling: an alias may depend on its type, as a number or in quotes.
            raw = self._text[value.start : value.end]
            if "\n" in raw:
                raise NotRewritable(path)
            return [f"{margin}{head.partition(' ')[0]} {raw}"]
        if week in WEEKS:
            return self._day(entry, head, value, indent, name)
        if path in GROUPS:
            values = values_of(self._text, value, path)
            line = f"{margin}{head} {flow(values, f'{path}.')}"
            if len(line) <= WIDEST:
                return [line]
            return [f"{margin}{head}", *level_lines(values, f"{path}.", indent + 2)]
        if path not in BY_PATH:
            raise NotRewritable(path)
        if isinstance(value, SequenceNode):
            values_of(self._text, value, path)
        return entry_lines(path, head, value_of(value, path), indent)

    def _day(
        self, entry: FormattedKey, head: str, value: Node, indent: int, name: str
    ) -> list[str]:
        days = days_of(name)
        if not days or (isinstance(value, MappingNode) and has_more(self._text, value)):
            raise NotRewritable(entry.path)
        following = [WEEKDAYS.index(day) for day in days]
        if all(later == earlier + 1 for earlier, later in pairwise(following)):
            entry.days = [*days]
        return [f"{' ' * indent}{head} {window(window_of(value))}"]

    def _comment(self, key: ScalarNode, value: Node) -> tuple[str | None, int]:
        """Return the comment behind a value, and its column.

        Raises NotRewritable for a comment in another place, and for a block scalar.
        """
        between = self._text[key.end : value.start]
        if not re.fullmatch(r"\s*:\s*", between):
            raise NotRewritable("a comment")
        if isinstance(value, ScalarNode) and value.style in BLOCK:
            raise NotRewritable("a block scalar: its line breaks are kept")
        row = self._row(value.end - 1 if value.end > value.start else value.end)
        if _is_block_list(value) and self._split(self._gap(row + 1), self._column(key.start), 0)[0]:
            raise NotRewritable("a comment below the items")
        comment = self._lines[row][value.end - self._starts[row] :].strip() or None
        if comment and not comment.startswith("#"):
            raise NotRewritable("a comment")
        return comment, self._lines[row].rfind(comment) if comment else 0

    def _unchanged_lines(self, key: ScalarNode, value: Node, indent: int) -> list[str]:
        """Return an entry's lines with a new indentation and no other change."""
        first = self._row(key.start)
        last = max(first, self._row(max(value.end - 1, key.end)))
        shift = indent - margin_of(self._lines[first])
        # The items of a list may be in the column of its key.
        below = shift + 2 * (
            _is_block_list(value) and self._column(value.start) <= self._column(key.start)
        )
        return [
            " " * (max(margin_of(line) + below, indent + 1) if place else indent) + line.lstrip(" ")
            if line.strip()
            else line
            for place, line in enumerate(self._lines[first : last + 1])
        ]

    def _in_order(self, entries: list[FormattedKey]) -> list[FormattedKey]:
        """Return sorted entries; unsorted if the text defines an anchor more than once."""
        return in_order(entries) if self._may_sort else entries

    def _row(self, place: int) -> int:
        return bisect_right(self._starts, place) - 1

    def _column(self, place: int) -> int:
        return place - self._starts[self._row(place)]


def _commented(line: str, comment: str | None, column: int) -> str:
    return f"{line}{' ' * max(2, column - len(line))}{comment}" if comment else line


def _is_block_list(node: Node) -> bool:
    return isinstance(node, SequenceNode) and not node.flow
