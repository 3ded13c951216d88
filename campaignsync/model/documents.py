"""The JSON that others build on (DESIGN, section 6), one class a shape.

Here is what all shapes share. Documents are plain values, so that who makes and shows them does
without pydantic; `strict` reads them again, and describes them.
"""

import json
from collections.abc import Iterable
from typing import Any, ClassVar


class Document:
    """A shape of JSON: its fields are the keys, a string below a field describes its key."""

    __slots__ = ()
    __dataclass_fields__: ClassVar[dict[str, Any]]


def members(document: Any) -> dict[str, Any]:
    """Give a document's keys and values, or those of another dataclass, one level deep."""
    return {name: getattr(document, name) for name in document.__dataclass_fields__}


def json_of(document: Any, **options: Any) -> str:
    """Write documents, alone or in mappings and lists, as JSON; `options` are json.dumps's own."""
    return json.dumps(document, default=members, **options)


def added(summaries: Iterable[Document]) -> dict[str, int]:
    """Add up summaries, word by word."""
    total: dict[str, int] = {}
    for summary in summaries:
        for word, count in members(summary).items():
            total[word] = total.get(word, 0) + count
    return total
