"""Kill a command, or let it fail, at a chosen system call with strace, and check the result.

A sweep disturbs the n-th system call of one kind in the n-th run, until a run is not disturbed any
more. After each run, another apply must lead to the same state as an undisturbed apply.
`test_sweeps` runs a few steps of each sweep, `long/deaths` runs all of them.
"""

import re
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from campaignsync.apply.saved_plan import read_plan
from support.commandline import Ran
from support.faults import Fault, Quirks, Sandbox
from support.processes import World, define
from support.servers import seed
from support.strace import Call, line_at, sent_unannounced, traced

APPLY = ("apply", "--auto-approve")
DEADLY = ("write", "fsync", "sendto", "rename", "ftruncate", "unlink", "mkdir")
"""System calls at which a process is killed: disk writes, network sends, and deletions."""
FAILING = ("write", "fsync", "ftruncate", "unlink", "mkdir", "openat")
SAVING = ("write", "fsync", "rename", "openat")
ERRORS = ("ENOSPC", "EIO", "EROFS", "EDQUOT")
STEPS = range(1, 200)
"""Steps of one sweep; the upper limit prevents an endless sweep."""
STREAMS = {"1<": "stdout", "2<": "stderr"}
WANTED = {"description": "v2", "first_message": "as desired"}


@dataclass(frozen=True, slots=True)
class Scene:
    """A command (`words`), and the world in which it runs: `count` campaigns.

    `before` holds commands to run first, each with the description in the definitions at that time;
    `killed_before` is the system call and the step at which an earlier apply is killed.
    """

    name: str
    count: int
    words: tuple[str, ...] = APPLY
    before: tuple[tuple[str, tuple[str, ...]], ...] = ()
    loses: frozenset[int] = frozenset()
    killed_before: tuple[str, int] | None = None


PLANNED = (("v2", ("plan", "--out=plan.json")),)
DONE = (("v2", APPLY), ("v3", APPLY), ("v3", ("undo", "last", "--out=undo.json")))
SCENES = (
    Scene("an apply", 3),
    Scene("a larger apply", 9),
    Scene("an apply that loses an answer", 3, loses=frozenset({2})),
    Scene("the apply of a plan", 9, ("apply", "plan.json", *APPLY[1:]), PLANNED),
    Scene("an apply after one that was killed", 3, killed_before=("sendto", 7)),
    Scene("an apply after one that could not say how it went", 3, killed_before=("write", 6)),
    Scene("an undo", 3, ("apply", "undo.json", *APPLY[1:]), DONE),
)
SAVES = (
    (Scene("a plan", 3, ("plan", "--out=kept")), ""),
    (Scene("a plan's report", 3, ("plan", "--output=kept")), "Plan: 3 to update"),
    (Scene("an apply's report", 3, (*APPLY, "--output=kept")), "Applied: 3 updated, 0 failed."),
)
"""Scenes that write the file `kept`, and the start of its last line; "" for a plan."""


@contextmanager
def world_of(scene: Scene) -> Iterator[World]:
    with tempfile.TemporaryDirectory() as name, Sandbox(seed(scene.count), rate=None) as server:
        world = World(server, Path(name), scene.count)
        for description, words in scene.before:
            define(world.folder, scene.count, description)
            assert world.run_in_process(*words).code == 0
        define(world.folder, scene.count)
        if scene.killed_before:
            syscall, step = scene.killed_before
            traced(world, APPLY, syscall, f"signal=KILL:when={step}")
            assert any(record.unresolved for record in world.records)
        lost = Fault(scene.loses, "drop-after", frozenset({"PATCH"}))
        server.quirks = Quirks(faults=(lost,)) if scene.loses else Quirks()
        yield world


def kill_at_each_step(scene: Scene, syscall: str, steps: Iterable[int] = STEPS) -> int:
    """Kill a scene's command at each step; return how often it was killed."""
    died = 0
    for step in steps:
        with world_of(scene) as world:
            before = len(world.written)
            ran, calls = traced(world, scene.words, syscall, f"signal=KILL:when={step}")
            if ran.code == 0:
                break
            where = f"{scene.name}: killed at {syscall} {step}"
            assert ran.code in (-9, 137), (where, ran)
            assert sent_unannounced(calls) == [], where
            died += 1
            assert_converges(world, before, where)
    return died


def fail_at_each_step(
    scene: Scene,
    syscall: str,
    error: str,
    steps: Iterable[int] = STEPS,
    often: tuple[str, ...] = ("", "+"),
) -> int:
    """Let a system call fail at each step, once and permanently; return the number of failures."""
    failed = 0
    if syscall == "openat":  # hundreds of these calls are imports
        steps, often = steps_at(scene, syscall, "/campaigns", "/.campaignsync"), ("",)
    for step in steps:
        whens = [f"{step}{every}" for every in often]
        count = sum(_fails_at(scene, syscall, error, when) for when in whens)
        failed += count
        if not count:
            break
    return failed


def _fails_at(scene: Scene, syscall: str, error: str, when: str) -> bool:
    with world_of(scene) as world:
        before = len(world.written)
        ran, calls = traced(world, scene.words, syscall, f"error={error}:when={when}")
        where = f"{scene.name}: {error} at {syscall} {when}"
        assert "Traceback" not in ran.err, (where, ran.err)
        assert sent_unannounced(calls) == [], where
        targets = [target_of(calls, place) for place, call in enumerate(calls) if call.injected]
        if targets:
            assert_reported(world, ran, targets, before, where)
            assert_converges(world, before, where)
        return bool(targets)


def target_of(calls: tuple[Call, ...], place: int) -> str:
    """Return the target of a call: a stream, a kind of journal line, or "a file"."""
    call = calls[place]
    if call.is_journal and (kind := re.search(r'"kind\\":\\"(\w+)', line_at(calls, place))):
        return kind[1]
    return STREAMS.get(call.about[:2], "a file")


def assert_reported(world: World, ran: Ran, targets: list[str], before: int, where: str) -> None:
    """Check the exit code and stderr of a run against the targets of the failed calls."""
    where = f"{where} ({' '.join(targets)}): {ran}"
    written = world.written[before:]
    vital = [name for name in targets if name not in STREAMS.values()]
    if not vital:
        assert (ran.code != 0) == ("stdout" in targets), where
    elif len(vital) < len(targets):  # the error could not be reported
        assert ran.code != 0, where
    elif vital[0] in {"outcome", "collateral", "end"} and written:
        assert ran.code == 8, where
        assert 'not recorded on disk: {"n":' in ran.err, where
    elif vital[0] == "intent":
        assert ran.code == (8 if written else 1), where
    elif ran.code:
        assert ran.code in (1, 3), where
        assert written == [], where
    if ran.code == 0 or not vital:
        assert world.is_as_desired, where
        assert not any(record.is_unfinished for record in world.records), where


def assert_converges(world: World, before: int, where: str) -> None:
    """Check that another apply leads to the desired state, and a third apply has no changes."""
    unresolved = {intent.id for record in world.records for intent in record.unresolved}
    world.server.quirks = Quirks()
    again = world.run_in_process(*APPLY)
    assert again.code == 0, (where, again)
    assert world.is_as_desired, where
    sent = Counter(world.written[before:])
    assert all(times <= 1 + (id_ in unresolved) for id_, times in sent.items()), (where, sent)
    for write in world.server.writes[before:]:
        assert write.body.items() <= WANTED.items(), (where, write)
    # A run that was killed before its first line has no writes, so its journal is not changed.
    assert not any(record.is_unfinished for record in world.records if record.environment), where
    assert world.run_in_process("history").code == 0, where
    done = len(world.written)
    assert world.run_in_process(*APPLY).code == 0, where
    assert len(world.written) == done, where


def steps_at(scene: Scene, syscall: str, *parts: str) -> list[int]:
    """Return the steps of a system call whose file has one of `parts` in its path."""
    with world_of(scene) as world:
        _, calls = traced(world, scene.words, syscall)
        main = [call for call in calls if call.name == syscall and call.thread == calls[0].thread]
        names = [f"{world.folder}{part}" for part in parts]
        return [
            step
            for step, call in enumerate(main, start=1)
            if any(name in (call.opened or call.about) for name in names)
        ]


def disturb_each_save(scene: Scene, ending: str, syscall: str, disturbance: str) -> int:
    """Disturb a command while it replaces a file; return how often it was disturbed."""
    steps = steps_at(scene, syscall, "/.kept", "/kept")
    applies = scene.words[0] == "apply"
    for step in steps:
        with world_of(scene) as world:
            file = world.folder / "kept"
            file.write_text("the older one")
            ran, _ = traced(world, scene.words, syscall, f"{disturbance}:when={step}")
            where = f"{scene.name}: {disturbance} at {syscall} {step}: {ran}"
            assert "Traceback" not in ran.err, where
            failed = 8 if applies else 1
            assert ran.code == (-9 if "KILL" in disturbance else failed), where
            assert is_whole(file, ending) or file.read_text() == "the older one", where
            if ran.code == failed:
                assert "cannot write kept: " in ran.err, where
                left = {path.name for path in world.folder.iterdir()} - {".campaignsync"}
                assert left == {"campaigns", "kept"}, (where, left)
            assert len(world.written) == (world.count if applies else 0), where
            assert not any(record.is_unfinished for record in world.records), where
    return len(steps)


def is_whole(file: Path, ending: str) -> bool:
    """Return whether a file is a complete plan, or a report with the last line `ending`."""
    content = file.read_bytes()
    if ending:
        return content.decode().split("\n")[-2:][0].startswith(ending)
    return content.startswith(b"{") and read_plan(content).summary.update == 3
