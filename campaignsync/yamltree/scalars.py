"""Write a text as a YAML scalar: plain if every parser reads it as text, else quoted or a block."""

import json
import re
from collections.abc import Iterator
from functools import cache

from ruamel.yaml.nodes import ScalarNode
from ruamel.yaml.resolver import VersionedResolver

from campaignsync.characters import CONTROL, HIDDEN

WIDEST = 100
"""Maximum columns of a line, key included; a longer text is written as a block."""
FOLDED = 88
"""Maximum columns of each line of a folded block."""

STRING = "tag:yaml.org,2002:str"
INDICATORS = "-?:,[]{}#&*!|>'\"%@`"
NOT_PLAIN = re.compile(r"[\n\t]|:(?:\s|\Z)|\s#|\A\s|\s\Z|\A(?:---|\.\.\.)")
NOT_PLAIN_IN_FLOW = re.compile(r"[,\[\]{}?:]")
TO_ESCAPE = re.compile(
    rf"{CONTROL.pattern}|{HIDDEN.pattern}|[\t\ue000\ufdd0-\ufdef]|[^\x00-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]"
)
"""Characters that an editor does not show or a parser rejects, so they are written escaped."""
WORD_BREAK = re.compile(r"(?<=[^ \n]) (?=[^ \n])")


def write_scalar(text: str, *, flow: bool = False) -> str:
    """Return a text as a scalar on one line; pass `flow` for a text inside brackets or braces."""
    if _is_plain(text, flow=flow):
        return text
    if "\n" in text or TO_ESCAPE.search(text) or "'" in text:
        return _double_quoted(text)
    # In double quotes, a backslash starts an escape sequence.
    return f"'{text}'" if "\\" in text or '"' in text else f'"{text}"'


def comment(text: str) -> str:
    """Return a text for a comment: one line, with unprintable characters escaped.

    An unescaped line break would end the comment.
    """
    return "".join(char if char.isprintable() else f"\\u{ord(char):04x}" for char in text)


def block(text: str, head: str, indent: int) -> list[str] | None:
    """Return the lines of a block scalar, the first being its `head` (`key:`).

    `indent` is the indentation of the head in columns. Returns None for a text that fits on the
    line of its head, and for a text that a block cannot hold.
    """
    inner = " " * (indent + 2)
    is_long = indent + len(head) + 1 + len(text) > WIDEST
    if TO_ESCAPE.search(text) or not text.strip() or text.endswith("\n"):
        return None
    if "\n" in text:
        # If the text starts with a space or a line break, a parser cannot detect the indentation.
        style = "|2-" if text[0] in " \n" else "|-"
        lines = text.split("\n")
    elif is_long and text == text.strip():
        style = ">-"
        lines = list(_folded(text, FOLDED - len(inner)))
    else:
        return None
    if len(lines) == 1:
        return None
    return [f"{' ' * indent}{head} {style}", *(inner + line if line else "" for line in lines)]


def literal(text: str) -> list[str] | None:
    """Return a text as the lines of an existing `|` block; None if that block cannot hold it."""
    if TO_ESCAPE.search(text) or not text.strip() or text[0] in " \n" or text.endswith("\n"):
        return None
    return text.split("\n")


def requoted(scalar: str, text: str, style: str) -> str:
    """Return a text in quotes of a given style, if it needs no quotes and the style can hold it.

    `scalar` is the text as `write_scalar` returns it; it is returned unchanged in all other cases.
    """
    if scalar != text or not style:
        return scalar
    if style == "'" and "'" not in text:
        return f"'{text}'"
    return _double_quoted(text) if style == '"' else scalar


def _folded(text: str, width: int) -> Iterator[str]:
    """Yield the parts of a line, broken at single spaces; a parser joins them with spaces again."""
    line = ""
    for word in WORD_BREAK.split(text):
        if line and len(line) + 1 + len(word) > width:
            yield line
            line = word
        else:
            line = f"{line} {word}" if line else word
    yield line


def _is_plain(text: str, *, flow: bool) -> bool:
    if not text or TO_ESCAPE.search(text) or NOT_PLAIN.search(text):
        return False
    if text[0] in INDICATORS and not re.match(r"[-?:][^\s,\[\]{}]", text):
        return False
    if flow and NOT_PLAIN_IN_FLOW.search(text):
        return False
    return all(
        resolver.resolve(ScalarNode, text, (True, False)) == STRING for resolver in _resolvers()
    )


@cache
def _resolvers() -> tuple[VersionedResolver, ...]:
    # YAML 1.1 reads `no`, `10:00` and `1_000` as other types than text, YAML 1.2 `0o17`.
    return VersionedResolver(version=(1, 1)), VersionedResolver(version=(1, 2))


def _double_quoted(text: str) -> str:
    quoted = json.dumps(text, ensure_ascii=False)
    return TO_ESCAPE.sub(_escape, quoted)


def _escape(match: re.Match[str]) -> str:
    return "".join(
        f"\\u{ord(char):04x}" if ord(char) < 0x10000 else f"\\U{ord(char):08x}"  # noqa: PLR2004 - end of plane 0
        for char in match.group()
    )
