"""Run the program under strace: disturb a system call, and record the relevant calls."""

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from support.commandline import PROGRAM, Ran
from support.processes import World

RELEVANT = frozenset({"write", "fsync", "sendto"})
"""Calls that show the order of disk writes and network sends."""
CALL = re.compile(
    r"(?P<thread>\d+) +(?P<name>\w+)\((?P<about>.*)\) += (?P<result>-?\d+|\?)(?P<rest>.*)"
)
INTENT = re.compile(r'"kind\\":\\"intent\\",\\"id\\":(\d+)')
PATCH = re.compile(r'"PATCH \S*/campaigns/(\d+) ')


@dataclass(frozen=True, slots=True)
class Call:
    """One system call: its arguments in strace's notation (`about`), and its result."""

    thread: str
    name: str
    about: str
    opened: str
    done: bool
    injected: bool

    @property
    def file(self) -> str:
        """The path of the call's file descriptor."""
        return self.about.partition("<")[2].partition(">")[0]

    @property
    def is_journal(self) -> bool:
        return self.file.endswith(".jsonl")


def can_inject() -> bool:
    """Return whether strace is installed and permitted to trace."""
    if not shutil.which("strace"):
        return False
    tried = subprocess.run(
        ["strace", "-f", "--seccomp-bpf", "-qqq", "-o", os.devnull, "-e", "trace=write", "true"],
        check=False,
    )
    return tried.returncode == 0


def traced(
    world: World, words: Iterable[str], syscall: str, disturbance: str = ""
) -> tuple[Ran, tuple[Call, ...]]:
    """Run the program, with a fault injected at a system call; return its result and its calls.

    `disturbance` is in strace's syntax: `signal=KILL:when=3`, `error=EIO:when=3+`.
    """
    inject = ["-e", f"inject={syscall}:{disturbance}"] if disturbance else []
    # A filter in the kernel lets all other calls pass. It does not work with injected signals.
    filtered = [] if "signal=" in disturbance else ["--seccomp-bpf"]
    with tempfile.NamedTemporaryFile() as log:
        ran = subprocess.run(
            ["strace", "-f", *filtered, "-y", "-qqq", "-s", "96", "-o", log.name,
             "-e", f"trace={','.join(RELEVANT | {syscall})}", *inject, *PROGRAM, *words],
            cwd=world.folder,
            env=world.surroundings | {"PYTHONDONTWRITEBYTECODE": "1"},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )  # fmt: skip
        calls = tuple(_calls(Path(log.name).read_text(errors="replace")))
    return Ran(ran.returncode, ran.stdout, ran.stderr), calls


def _calls(log: str) -> Iterator[Call]:
    """Parse strace's log; join calls that are split because threads are interleaved."""
    begun: dict[str, str] = {}
    for line in log.splitlines():
        thread = line.partition(" ")[0]
        if line.endswith("<unfinished ...>"):
            begun[thread] = line.removesuffix("<unfinished ...>")
            continue
        _, resumed, rest = line.partition(" resumed>")
        if match := CALL.match(begun.pop(thread, "") + rest if resumed else line):
            yield Call(
                thread,
                match["name"],
                match["about"],
                match["rest"].partition("<")[2].partition(">")[0],
                done=match["result"].isdigit(),
                injected="(INJECTED)" in match["rest"],
            )


def line_at(calls: tuple[Call, ...], place: int) -> str:
    """Return the arguments of the last journal write up to the index `place`; else ""."""
    writes = (call.about for call in reversed(calls[: place + 1]) if _is_journal_write(call))
    return next(writes, "")


def _is_journal_write(call: Call) -> bool:
    return call.name == "write" and call.is_journal


def sent_unannounced(calls: Iterable[Call]) -> list[int]:
    """Return the ids of campaigns whose PATCH was sent before the fsync of its intent."""
    written: list[int] = []
    announced: set[int] = set()
    ids: list[int] = []
    for call in calls:
        if _is_journal_write(call) and (intent := INTENT.search(call.about)) and call.done:
            written.append(int(intent[1]))
        elif call.name == "fsync" and call.is_journal and call.done:
            announced.update(written)
        elif call.name == "sendto" and (patch := PATCH.search(call.about)):
            ids += {int(patch[1])} - announced
    return ids
