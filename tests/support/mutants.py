"""Definitions with random mistakes in bytes, lines, indentation, quotes or anchors; seeded."""

import random
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from time import process_time

from campaignsync.load import check
from campaignsync.report.format import format_named
from support.commandline import EXAMPLE

EXAMPLES = sorted((EXAMPLE / "campaigns").glob("*.yaml"))

Change = Callable[[random.Random, bytes], bytes]
"""Returns the content with one mistake."""

SCRAPS = (
    b"&a ", b"*a", b"<<: *a\n", b"!!int ", b"!x ", b"!!python/name:os.system ", b"? ", b"- ", b": ",
    b"#", b" #", b"---\n", b"...\n", b"%YAML 1.1\n", b"|\n", b">-\n", b"{", b"}", b"[", b"]", b",",
    b"'", b'"', b"\\", b"\t", b"\r", b"\x00", b"\x1b", b"\xff", b"\xc3", b"\xef\xbb\xbf",
    b"\xed\xa0\x80", b"\xe2\x80\xa8", b"\xe2\x80\xae", b"null", b"~", b"no", b"1e999", b"09:60",
    b"0x1F", b"99999999999999999999", b"a: &b [*b]\n", b"mon-fri: 9-18\n", b"id: 1\n", b"\n", b"{{",
)  # fmt: skip


def _flip(chance: random.Random, content: bytes) -> bytes:
    place = chance.randrange(len(content))
    return content[:place] + bytes([chance.randrange(256)]) + content[place + 1 :]


def _drop(chance: random.Random, content: bytes) -> bytes:
    start = chance.randrange(len(content))
    return content[:start] + content[start + chance.randint(1, 12) :]


def _insert(chance: random.Random, content: bytes) -> bytes:
    place = chance.randrange(len(content) + 1)
    return content[:place] + chance.choice(SCRAPS) * chance.randint(1, 3) + content[place:]


def _cut(chance: random.Random, content: bytes) -> bytes:
    return content[: chance.randrange(len(content))]


def _of_lines(change: Callable[[random.Random, list[bytes], int], None]) -> Change:
    def changed(chance: random.Random, content: bytes) -> bytes:
        lines = content.split(b"\n")
        change(chance, lines, chance.randrange(len(lines)))
        return b"\n".join(lines)

    return changed


def _repeat(chance: random.Random, lines: list[bytes], at: int) -> None:
    lines.insert(chance.randrange(len(lines) + 1), lines[at])


def _remove(_: random.Random, lines: list[bytes], at: int) -> None:
    del lines[at]


def _swap(chance: random.Random, lines: list[bytes], at: int) -> None:
    other = chance.randrange(len(lines))
    lines[at], lines[other] = lines[other], lines[at]


def _indent(chance: random.Random, lines: list[bytes], at: int) -> None:
    indent = chance.choice((b" ", b"  ", b"\t", b" " * 40))
    for line in range(at, min(at + chance.randint(1, 4), len(lines))):
        lines[line] = indent + lines[line]


def _outdent(_: random.Random, lines: list[bytes], at: int) -> None:
    lines[at] = lines[at].lstrip()


def _quote(chance: random.Random, lines: list[bytes], at: int) -> None:
    key, colon, value = lines[at].partition(b": ")
    mark = chance.choice((b'"', b"'"))
    lines[at] = key + colon + mark + value + chance.choice((mark, b""))


def _unquote(_: random.Random, lines: list[bytes], at: int) -> None:
    lines[at] = lines[at].replace(b'"', b"").replace(b"'", b"")


def _anchor(chance: random.Random, lines: list[bytes], at: int) -> None:
    key, colon, value = lines[at].partition(b":")
    lines[at] = key + colon + b" &a" + value
    use = chance.choice((b"<<: *a", b"x: *a", b"- *a"))
    lines.insert(chance.randrange(at, len(lines)) + 1, use)


def _retype(chance: random.Random, lines: list[bytes], at: int) -> None:
    key, colon, _ = lines[at].partition(b": ")
    lines[at] = key + colon + chance.choice(SCRAPS)


LINES = (_repeat, _remove, _swap, _indent, _outdent, _quote, _unquote, _anchor, _retype)
CHANGES: Sequence[Change] = (_flip, _drop, _insert, _cut, *map(_of_lines, LINES))


def mutants(count: int, seed: int) -> Iterator[bytes]:
    """Yield `count` definitions of the example with one to three mistakes each."""
    chance = random.Random(seed)  # noqa: S311 - reproducible mistakes
    originals = [path.read_bytes() for path in EXAMPLES]
    for _ in range(count):
        content = chance.choice(originals)
        for _ in range(chance.randint(1, 3)):
            content = chance.choice(CHANGES)(chance, content or b"\n")
        yield content


def examine(file: Path, content: bytes) -> float:
    """Check a definition and format its problems; return the CPU time of the check in seconds.

    Asserts that there is a definition or an error, and that problems are in the file and printable.
    """
    file.write_bytes(content)
    started = process_time()
    (desired,), problems = check([file])
    seconds = process_time() - started
    wrong = [problem for problem in problems if problem.severity == "error"]
    assert wrong or len(desired.definitions) == 1, content
    lines = content.decode(errors="replace").count("\n") + 1
    assert all(1 <= problem.source.line <= lines + 1 for problem in problems), content
    format_named("text").problems(["c.yaml"], problems).encode()
    return seconds
