"""Convert a file to text and back, and keep its line endings and byte order mark."""

from difflib import SequenceMatcher

BOM = "\ufeff"


def opened(content: bytes) -> str:
    r"""Return the text of a definition without byte order mark, with \n line endings.

    The content must be UTF-8: `campaignsync.load` has already decoded it.
    """
    return content.decode().removeprefix(BOM).replace("\r\n", "\n")


def closed(text: str, before: bytes) -> bytes:
    """Return an edited text as bytes, with the byte order mark and line endings of `before`.

    An unchanged line keeps its line ending. A new line gets the most frequent one of the file.
    """
    original = before.decode()
    mark = BOM if original.startswith(BOM) else ""
    if "\r\n" in original:
        text = "\n".join(_ended_as(original.removeprefix(BOM), text))
    return (mark + text).encode()


def _ended_as(before: str, text: str) -> list[str]:
    r"""Return the lines of an edited text; append \r to those that had it, or as most lines do."""
    usual = "\r" if 2 * before.count("\r\n") >= before.count("\n") else ""
    old, new = before.split("\n"), text.split("\n")
    bare = [line.removesuffix("\r") for line in old]
    ends = [usual] * len(new)
    # The last line has no line ending to copy.
    matcher = SequenceMatcher(None, bare[:-1], new, autojunk=False)
    for start, new_start, size in matcher.get_matching_blocks():
        for step in range(size):
            ends[new_start + step] = old[start + step][len(bare[start + step]) :]
    return [line + end for line, end in zip(new, [*ends[:-1], ""], strict=True)]
