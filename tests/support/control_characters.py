"""Checks of output for terminal control characters and for commands of CI runners."""

import re

CONTROLS = (*map(chr, range(0x20)), *map(chr, range(0x7F, 0xA0)))
"""All 65 control characters."""

RAW = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]")


def runner_commands(output: str) -> list[str]:
    """Return the lines that a CI runner would execute as commands."""
    return [
        line
        for line in output.splitlines()
        if line.lstrip().startswith("::") or re.search(r"##\w*\[", line)
    ]


def assert_harmless(output: str) -> None:
    assert not RAW.findall(output)
    assert not runner_commands(output)
