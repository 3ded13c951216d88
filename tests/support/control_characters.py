"""What an output must not hold: characters that act on a terminal, lines that act on a CI job."""

import re

CONTROLS = (*map(chr, range(0x20)), *map(chr, range(0x7F, 0xA0)))
"""All 65 control characters."""

RAW = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]")


def obeyed(output: str) -> list[str]:
    """Give the lines that a runner of CI jobs would obey, read as the runners do."""
    return [
        line
        for line in output.splitlines()
        if line.lstrip().startswith("::") or re.search(r"##\w*\[", line)
    ]


def assert_harmless(output: str) -> None:
    assert not RAW.findall(output)
    assert not obeyed(output)
