"""One text as YAML: plain where every reader agrees on what it is, else quoted or as a block."""

import json
import re
from collections.abc import Iterator
from functools import cache

from ruamel.yaml.nodes import ScalarNode
from ruamel.yaml.resolver import VersionedResolver

from campaignsync.model.kinds import CONTROL, HIDDEN

WIDEST = 100
"""Columns of a line, with its key, before its text becomes a block."""
FOLDED = 88
"""Columns to which a long line is folded."""

STRING = "tag:yaml.org,2002:str"
INDICATORS = "-?:,[]{}#&*!|>'\"%@`"
NOT_PLAIN = re.compile(r"[\n\t]|:(?:\s|\Z)|\s#|\A\s|\s\Z|\A(?:---|\.\.\.)")
NOT_PLAIN_IN_FLOW = re.compile(r"[,\[\]{}?:]")
TO_ESCAPE = re.compile(
    rf"{CONTROL.pattern}|{HIDDEN.pattern}|[\t\ue000\ufdd0-\ufdef]|[^\x00-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]"
)
"""What an editor would not show, or a parser would not take, as it is."""
WORD_BREAK = re.compile(r"(?<=[^ \n]) (?=[^ \n])")


def written(text: str, *, flow: bool = False) -> str:
    """Write a text on one line; `flow` where it stands between brackets or braces."""
    if _is_plain(text, flow=flow):
        return text
    if "\n" in text or TO_ESCAPE.search(text) or "'" in text:
        return _double_quoted(text)
    # Backslashes mean something between double quotes.
    return f"'{text}'" if "\\" in text or '"' in text else f'"{text}"'


def comment(text: str) -> str:
    """Put any text on one line, and only what shows: a comment must never end early."""
    return "".join(sign if sign.isprintable() else f"\\u{ord(sign):04x}" for sign in text)


def block(text: str, head: str, indent: int) -> list[str] | None:
    """Write a long text below its head, `key:`; None where it fits behind it.

    Gives the lines, the head's first. None comes back, too, for what no block can show.
    """
    inner = " " * (indent + 2)
    is_long = indent + len(head) + 1 + len(text) > WIDEST
    if TO_ESCAPE.search(text) or not text.strip() or text.endswith("\n"):
        return None
    if "\n" in text:
        # Where the text itself is indented, a reader could not tell how far the block is.
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
    """Give a text as the lines of a `|` block that stands already; None where it is none."""
    if TO_ESCAPE.search(text) or not text.strip() or text[0] in " \n" or text.endswith("\n"):
        return None
    return text.split("\n")


def requoted(said: str, text: str, style: str) -> str:
    """Put a text into the quotes that another one had, where those can hold it."""
    if said != text or not style:
        return said
    if style == "'" and "'" not in text:
        return f"'{text}'"
    return _double_quoted(text) if style == '"' else said


def _folded(text: str, width: int) -> Iterator[str]:
    """Break a line at single spaces, which a reader puts back."""
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
    # YAML 1.1 takes `no`, `10:00` and `1_000` for something else than text, and 1.2 `0o17`.
    return VersionedResolver(version=(1, 1)), VersionedResolver(version=(1, 2))


def _double_quoted(text: str) -> str:
    quoted = json.dumps(text, ensure_ascii=False)
    return TO_ESCAPE.sub(_escape, quoted)


def _escape(found: re.Match[str]) -> str:
    return "".join(
        f"\\u{ord(sign):04x}" if ord(sign) < 0x10000 else f"\\U{ord(sign):08x}"  # noqa: PLR2004 - the first plane's end
        for sign in found.group()
    )
