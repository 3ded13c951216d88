"""Applies that die or fail at a chosen system call, by strace, and what must hold after each.

A sweep takes a command through its system calls of one kind, the first in one run, the second in
the next, until a run is not disturbed any more. After each the world must come to what it would
have come to anyway. `test_sweeps` takes a few steps of them, `long/deaths` takes them all.
"""

import os
import shutil
import subprocess
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from commandline import PROGRAM, ROOT, Ran
from processes import World, define, seed

from campaignsync import report
from campaignsync.plan import read_plan
from campaignsync.sandbox import Bends, Fault, Sandbox

APPLY = ("apply", "--auto-approve")
DEADLY = ("write", "fsync", "sendto", "rename", "ftruncate", "unlink")
"""System calls at which a process is killed: what it puts on disk, on the wire, and away."""
FAILING = ("write", "fsync", "rename", "ftruncate")
ERRORS = ("ENOSPC", "EIO", "EROFS", "EDQUOT")
MOST = 200
"""Steps of one sweep: a run that is still disturbed then would go on for ever."""


def can_inject() -> bool:
    """Tell whether strace is here, and may do its work."""
    if not shutil.which("strace"):
        return False
    tried = subprocess.run(["strace", "-qq", "-e", "trace=none", "true"], check=False)
    return tried.returncode == 0


@dataclass(frozen=True, slots=True)
class Scene:
    """What is run, in which world: so many campaigns, and the command's words.

    `before` is run first, each with the retries that the definitions then ask for; `killed_before`
    is an apply that dies at a step of a system call.
    """

    name: str
    count: int
    words: tuple[str, ...] = APPLY
    before: tuple[tuple[int, tuple[str, ...]], ...] = ()
    loses: frozenset[int] = frozenset()
    killed_before: tuple[str, int] | None = None


PLANNED = ((2, ("plan", "--out=plan.json")),)
DONE = ((2, APPLY), (3, APPLY), (3, ("undo", "last", "--out=undo.json")))
SCENES = (
    Scene("an apply", 3),
    Scene("a larger apply", 7),
    Scene("an apply that loses an answer", 3, loses=frozenset({2})),
    Scene("the apply of a plan", 3, ("apply", "plan.json", *APPLY[1:]), PLANNED),
    Scene("an apply after one that was killed", 3, killed_before=("sendto", 5)),
    Scene("an undo", 3, ("apply", "undo.json", *APPLY[1:]), DONE),
)


@contextmanager
def world_of(scene: Scene) -> Iterator[World]:
    with tempfile.TemporaryDirectory() as name, Sandbox(seed(scene.count), rate=None) as server:
        world = World(server, Path(name), scene.count)
        for retries, words in scene.before:
            define(world.folder, scene.count, retries=retries)
            assert world.run(*words).code == 0
        define(world.folder, scene.count)
        if scene.killed_before:
            syscall, step = scene.killed_before
            injected(world, APPLY, syscall, f"signal=KILL:when={step}")
        lost = Fault(scene.loses, "drop-after", frozenset({"PATCH"}))
        server.bends = Bends(faults=(lost,)) if scene.loses else Bends()
        yield world


def injected(world: World, words: tuple[str, ...], syscall: str, what: str) -> Ran:
    """Run the program with something done to it at a system call."""
    ran = subprocess.run(
        ["strace", "-f", "-qqq", "-o", os.devnull, "-e", f"trace={syscall}",
         "-e", f"inject={syscall}:{what}", *PROGRAM, *words],
        cwd=world.folder,
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT),
            "PYTHONDONTWRITEBYTECODE": "1",
            **world.environment,
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )  # fmt: skip
    return Ran(ran.returncode, ran.stdout, ran.stderr)


def kills(scene: Scene, syscall: str, *, steps: range = range(1, MOST)) -> int:
    """Kill a scene's command at each step; gives how often it died. Raises AssertionError."""
    died = 0
    for step in steps:
        with world_of(scene) as world:
            before = len(world.written)
            ran = injected(world, scene.words, syscall, f"signal=KILL:when={step}")
            if ran.code == 0:
                break
            assert ran.code in (-9, 137), (scene.name, syscall, step, ran)
            died += 1
            converges(world, before, f"{scene.name}: killed at {syscall} {step}")
    return died


def failures(scene: Scene, syscall: str, error: str, *, steps: range = range(1, MOST)) -> int:
    """Let a system call fail at each step, once and for good; gives how often it did."""
    failed = 0
    for step in steps:
        harmless = True
        for often in ("", "+"):
            where = f"{scene.name}: {error} at {syscall} {step}{often}"
            with world_of(scene) as world:
                before = len(world.written)
                ran = injected(world, scene.words, syscall, f"error={error}:when={step}{often}")
                assert "Traceback" not in ran.err, (where, ran.err)
                told = {id_ for record in world.records for id_ in record.intents}
                assert set(world.written[before:]) <= told, where
                if ran.code == 0:
                    assert world.is_as_desired, where
                    assert not any(record.unfinished for record in world.records), where
                else:
                    harmless = False
                    failed += 1
                    if syscall != "write":  # else it may be stderr that fails
                        assert_doubts_are_told(world, ran, where)
                    converges(world, before, where)
        if harmless:
            break
    return failed


def assert_doubts_are_told(world: World, ran: Ran, where: str) -> None:
    """Find on stderr what was written and could not be put on disk."""
    for record in world.records:
        for intent in record.unresolved:
            if intent.id in world.written:
                assert f'"id":{intent.id}' in ran.err.replace(" ", ""), (where, ran.err)


def converges(world: World, before: int, where: str) -> None:
    """Apply again: that ends as if nothing had happened, and the next one has nothing to do."""
    world.server.bends = Bends()
    again = world.run(*APPLY)
    assert again.code == 0, (where, again)
    assert world.is_as_desired, where
    assert max(Counter(world.written[before:]).values(), default=0) <= 2, where
    # A run that was killed before its first line has announced nothing, and is left as it is.
    assert not any(record.unfinished for record in world.records if record.header), where
    assert report.history(world.records, "text"), where
    done = len(world.written)
    assert world.run(*APPLY).code == 0, where
    assert len(world.written) == done, where


def saved_plans(syscall: str, error: str, *, steps: range = range(1, MOST)) -> int:
    """Let saving a plan fail, or kill it there, over an older plan; gives how often it did."""
    failed = 0
    what = "signal=KILL" if error == "KILL" else f"error={error}"
    for step in steps:
        with world_of(Scene("a plan", 3)) as world:
            file = world.folder / "plan.json"
            file.write_text("the older plan")
            ran = injected(world, ("plan", "--out=plan.json"), syscall, f"{what}:when={step}")
            where = f"a plan: {error} at {syscall} {step}"
            assert "Traceback" not in ran.err, (where, ran.err)
            assert world.written == [], where
            if file.read_text() != "the older plan":
                assert read_plan(file.read_bytes()).summary.update == 3, where
            else:
                assert ran.code != 0, where
            if error != "KILL":
                left = {path.name for path in world.folder.iterdir()}
                assert left == {"campaigns", "plan.json"}, (where, left)
            if ran.code == 0:
                break
            failed += 1
    return failed
