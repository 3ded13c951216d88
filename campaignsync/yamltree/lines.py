"""Bytes of a file → text and back: line ends and a byte order mark stay what they were."""

from difflib import SequenceMatcher

BOM = "\ufeff"


def opened(content: bytes) -> str:
    """Give the text of a definition that `load` has read, each line ending in a line feed alone."""
    return content.decode().removeprefix(BOM).replace("\r\n", "\n")


def closed(text: str, before: bytes) -> bytes:
    """Give an edited text as bytes: lines that stayed end as they did, new ones as most do."""
    original = before.decode()
    mark = BOM if original.startswith(BOM) else ""
    if "\r\n" in original:
        text = "\n".join(_ended_as(original.removeprefix(BOM), text))
    return (mark + text).encode()


def _ended_as(before: str, text: str) -> list[str]:
    r"""Give an edited text's lines, each with the \r that it had, or else as most lines end."""
    usual = "\r" if 2 * before.count("\r\n") >= before.count("\n") else ""
    old, new = before.split("\n"), text.split("\n")
    bare = [line.removesuffix("\r") for line in old]
    ends = [usual] * len(new)
    # Its last line has no end, and is no example for one.
    matcher = SequenceMatcher(None, bare[:-1], new, autojunk=False)
    for start, new_start, size in matcher.get_matching_blocks():
        for step in range(size):
            ends[new_start + step] = old[start + step][len(bare[start + step]) :]
    return [line + end for line, end in zip(new, [*ends[:-1], ""], strict=True)]
