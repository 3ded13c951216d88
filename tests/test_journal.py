"""The journal records each write before it is sent, and its outcome, despite disk errors."""

import json
import os
import shutil
import stat
import subprocess
import threading
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import jsonschema
import pytest
from support.commandline import PROGRAM, Command, Ran, run_command
from support.faults import Sandbox
from support.plans import patch
from support.processes import World, define
from support.servers import seed
from support.small_disk import no_file_grows_past
from support.strace import can_inject, traced

from campaignsync.apply.journal import Journal, make_writable, name_run, read_journal
from campaignsync.errors import (
    ConfigurationError,
    JournalDamaged,
    JournalUnwritable,
    LockHeld,
    Source,
)
from campaignsync.model.kind import Value
from campaignsync.model.runs import Intent
from campaignsync.schema import schema

APPLY = ("apply", "--auto-approve")
HEADER = {"environment": "e", "base_url": "b", "started": "2026-01-01T00:00:00Z"}
INTENT = Intent(
    7,
    "Ñandú \x1b[1m",
    patch(7, {"retries": 2}),
    {"retries": 1},
    {"retries": 2},
    Source("c.yaml", 1),
)


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    """Return an unfinished journal with one write."""
    journal = Journal.begin(tmp_path / "journal", "run", HEADER)
    journal.record_intent(INTENT)
    journal.record_collateral(7, {"timezone": ("UTC", "Europe/Madrid")})
    journal.record_outcome(7, "failed", code="CHANGED_UNASKED")
    return journal


class TestReading:
    def test_what_is_written_is_read(self, journal: Journal) -> None:
        """A journal returns what was written to it."""
        assert read_journal(journal.path).exit_code is None
        journal.end(8)

        record = read_journal(journal.path)

        assert (record.run, record.exit_code) == ("run", 8)
        assert record.started == "2026-01-01T00:00:00Z"
        [intent] = record.intents.values()
        assert (intent.name, intent.requests) == (INTENT.name, INTENT.requests)
        assert (intent.before, intent.after) == (INTENT.before, INTENT.after)
        assert record.outcomes[7]["code"] == "CHANGED_UNASKED"
        assert record.collateral == {7: {"timezone": ("UTC", "Europe/Madrid")}}
        assert not record.is_unfinished

    @pytest.mark.slow
    @pytest.mark.fault("F7")
    @pytest.mark.parametrize("mask", [0x01, 0x20, 0x80])
    def test_every_flipped_byte_is_detected(self, journal: Journal, mask: int) -> None:
        """A changed byte in any line is refused with the number of the line."""
        journal.end(0)
        content = journal.path.read_bytes()
        for offset in range(len(content) - 1):
            damaged = bytearray(content)
            damaged[offset] ^= mask
            journal.path.write_bytes(bytes(damaged))
            line = content[:offset].count(b"\n") + 1
            with pytest.raises(JournalDamaged, match=rf"run\.jsonl:{line}: "):
                read_journal(journal.path)

    @pytest.mark.slow
    @pytest.mark.fault("F7")
    def test_a_journal_that_was_cut_goes_on(self, journal: Journal) -> None:
        """After a power loss within the last line, the rest can be used."""
        journal.close()
        content = journal.path.read_bytes()
        whole = [content[:end] for end in range(len(content) + 1) if content[:end].endswith(b"\n")]
        for length in range(len(content) + 1):
            journal.path.write_bytes(content[:length])
            record = read_journal(journal.path)
            assert record.is_unfinished

            resumed = Journal.resume(record)
            resumed.record_outcome(7, "updated", recovered=True)
            resumed.end(0)

            assert read_journal(journal.path).exit_code == 0
            kept = max((text for text in whole if len(text) <= length), key=len, default=b"")
            assert journal.path.read_bytes().startswith(kept)

    @pytest.mark.fault("F7")
    @pytest.mark.parametrize(
        "line", [b"{}\n", b"[]\n", b"\n", b"null\n", b"[" * 100_000 + b"\n", b"\xff\n"]
    )
    def test_a_line_that_is_not_ours_is_refused(self, journal: Journal, line: bytes) -> None:
        """Any text between the lines of a journal is damage."""
        first, *rest = journal.path.read_bytes().splitlines(keepends=True)
        journal.path.write_bytes(first + line + b"".join(rest))

        with pytest.raises(JournalDamaged, match=r"run\.jsonl:2: "):
            read_journal(journal.path)

    @pytest.mark.fault("F7")
    @pytest.mark.parametrize("of", ["another run", "lines in another order"])
    def test_lines_in_the_wrong_place_are_damage(self, journal: Journal, of: str) -> None:
        """Whole lines that were moved, or copied from elsewhere, are refused."""
        lines = journal.path.read_bytes().splitlines(keepends=True)
        lines = lines[:1] + lines[2:] if of == "another run" else [lines[0], *lines[:0:-1]]
        journal.path.write_bytes(b"".join(lines))

        with pytest.raises(JournalDamaged):
            read_journal(journal.path)

    @pytest.mark.fault("F7")
    @pytest.mark.parametrize("kind", ["folder", "pipe", "link"])
    def test_a_special_file_as_journal_is_refused(
        self, cs: Command, world: World, kind: str, tmp_path: Path
    ) -> None:
        """Any other kind of file in place of a journal is refused, without waiting."""
        world.journals.mkdir(parents=True)
        place = world.journals / "run.jsonl"
        if kind == "folder":
            place.mkdir()
        elif kind == "pipe":
            os.mkfifo(place)
        else:
            (tmp_path / "other").write_text("mine")
            place.symlink_to(tmp_path / "other")

        for command in (("history",), ("history", "run"), APPLY, ("undo", "run")):
            ran = cs(*command)
            assert (ran.code, ran.out) == (3, "")
            assert "run.jsonl" in ran.err
        assert world.server.log == ()

    @pytest.mark.fault("F7")
    def test_damage_stops_an_apply_and_stays(self, cs: Command, world: World) -> None:
        """A damaged journal is named with its line, and neither repaired nor deleted."""
        cs(*APPLY)
        [file] = world.journals.iterdir()
        damaged = file.read_bytes().replace(b'"description":"v2"', b'"description":"v3"', 1)
        file.write_bytes(damaged)
        log = len(world.server.log)

        ran = cs(*APPLY)

        assert ran.code == 3
        assert f"{file.name}:2: the journal is corrupt" in ran.err
        assert file.read_bytes() == damaged
        assert len(world.server.log) == log


class TestPlace:
    @pytest.mark.fault("F5")
    def test_it_is_private(self, tmp_path: Path) -> None:
        """Only the owner can read journals, whatever the umask."""
        before = os.umask(0)
        try:
            journal = Journal.begin(tmp_path / "a" / "b", "run", HEADER)
        finally:
            os.umask(before)

        assert stat.S_IMODE(journal.path.stat().st_mode) == 0o600
        assert stat.S_IMODE((tmp_path / "a" / "b").stat().st_mode) == 0o700
        assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o700

    @pytest.mark.fault("F5")
    @pytest.mark.parametrize("place", ["file", "link", "below a file", "link to nowhere"])
    def test_an_unusable_journal_folder_is_refused_before_any_request(
        self, cs: Command, world: World, place: str
    ) -> None:
        """If no journal can be written, no request is made."""
        (world.folder / "other").mkdir()
        (world.folder / "file").write_text("")
        (world.folder / "link").symlink_to("other")
        (world.folder / "link to nowhere").symlink_to("nowhere")
        folder = {"below a file": "file/journal"}.get(place, place)

        ran = cs(*APPLY, "--journal", folder)

        assert ran.code == 3
        assert len(ran.err.splitlines()) <= 2
        assert world.server.log == ()
        assert list((world.folder / "other").iterdir()) == []

    def test_another_place_is_used(self, cs: Command, world: World) -> None:
        """`--journal DIR` keeps the journals in a folder that outlives the runner."""
        elsewhere = world.folder / "lasting" / "journal"

        assert cs(*APPLY, "--journal", elsewhere).code == 0

        assert not world.journals.exists()
        assert "3 writes (3 updated), exit 0." in cs("history", "--journal", elsewhere).out
        assert cs("history").out == "0 runs.\n"

    def test_an_existing_journal_is_not_overwritten(self, tmp_path: Path) -> None:
        """An existing journal is not overwritten."""
        Journal.begin(tmp_path, "run", HEADER).end(0)

        with pytest.raises(ConfigurationError, match="File exists"):
            Journal.begin(tmp_path, "run", HEADER)


def mounts() -> bool:
    """Return whether this process can mount a file system of its own."""
    if not shutil.which("unshare"):
        return False
    trial = ["unshare", "-rm", "mount", "-t", "tmpfs", "none", "/mnt"]
    return subprocess.run(trial, capture_output=True, check=False).returncode == 0


def on_a_disk(world: World, options: str, before: str = "") -> Ran:
    """Apply with the journal on a separate file system; `before` is shell to run on it."""
    (world.folder / "disk").mkdir(exist_ok=True)
    line = (
        f"mount -t tmpfs -o {options} none disk && {before or 'true'}"
        f" && {' '.join((*PROGRAM, *APPLY))} --journal disk/journal"
    )
    shell = ("unshare", "-rm", "bash", "-c", line)
    return run_command(*shell, folder=world.folder, **world.environment)


def limited(world: World, size: int, *arguments: str) -> Ran:
    """Apply with a limit on file size: bytes beyond it cannot be written."""
    with no_file_grows_past(size):
        return world.run_in_process(*APPLY, *arguments)


@pytest.fixture(scope="module")
def ends(tmp_path_factory: pytest.TempPathFactory) -> list[int]:
    """Return the offsets at which the lines of an apply's journal end."""
    folder = tmp_path_factory.mktemp("undisturbed")
    define(folder, 3)
    with Sandbox(seed(3), rate=None) as server:
        world = World(server, folder, 3)
        assert world.run_in_process(*APPLY).code == 0
        [file] = world.journals.iterdir()
        content = file.read_bytes()
    return [offset + 1 for offset, byte in enumerate(content) if byte == ord("\n")]


class TestFullDisk:
    @pytest.mark.slow
    @pytest.mark.fault("F1")
    @pytest.mark.parametrize("writes", [0, 1])
    @pytest.mark.parametrize("room", [0, 40])
    def test_without_its_intent_nothing_is_sent(
        self, cs: Command, world: World, ends: list[int], writes: int, room: int
    ) -> None:
        """If the disk is full before a write, neither that write nor any other is sent."""
        before = ends[2 * writes]  # the header, then an intent and an outcome for each write
        ran = limited(world, before + room)

        assert ran.code == (8 if writes else 1)
        assert len(world.written) == writes
        assert "cannot write the journal" in ran.err
        assert "Traceback" not in ran.err
        assert ran.out.splitlines()[-1].startswith("Applied: ")
        [record] = world.records
        assert record.unresolved == ()
        self.goes_on(cs, world)

    @pytest.mark.slow
    @pytest.mark.fault("F2")
    @pytest.mark.parametrize("room", [0, 40])
    def test_an_unrecorded_outcome_is_printed(
        self, cs: Command, world: World, ends: list[int], room: int
    ) -> None:
        """If the disk is full after a write, the run stops; the missing line is on stderr."""
        ran = limited(world, ends[1] + room)

        assert ran.code == 8
        [id_] = world.written
        lines = [line for line in ran.err.splitlines() if line.startswith("not recorded on disk: ")]
        outcome, end = (json.loads(line.removeprefix("not recorded on disk: ")) for line in lines)
        assert (outcome["kind"], outcome["id"], outcome["outcome"]) == ("outcome", id_, "updated")
        assert (end["kind"], end["exit_code"]) == ("end", 8)
        assert "1 updated" in ran.out
        [record] = world.records
        assert [intent.id for intent in record.unresolved] == [id_]
        assert f"campaign {id_}: its write was applied" in self.goes_on(cs, world).err

    @pytest.mark.slow
    @pytest.mark.fault("F2")
    def test_an_unrecorded_end_is_reported(
        self, cs: Command, world: World, ends: list[int]
    ) -> None:
        """If only the last line cannot be written, the report is still made."""
        ran = limited(world, ends[-2])

        assert ran.code == 8
        assert "3 updated" in ran.out
        assert '"kind":"end"' in ran.err
        assert world.is_as_desired
        self.goes_on(cs, world)

    @pytest.mark.slow
    @pytest.mark.fault("F1")
    def test_a_full_disk_is_detected_before_any_request(self, world: World) -> None:
        """A full disk is detected before any request."""
        ran = limited(world, 0)

        assert ran.code == 3
        assert "Traceback" not in ran.err
        assert world.server.log == ()

    @pytest.mark.slow
    @pytest.mark.fault("F5")
    @pytest.mark.skipif(not mounts(), reason="cannot mount a file system")
    @pytest.mark.parametrize(
        ("options", "before"),
        [("ro", ""), ("size=64k", "(cat /dev/zero > disk/full 2>/dev/null || true)")],
        ids=["read-only", "full"],
    )
    def test_an_unwritable_disk_is_refused(self, world: World, options: str, before: str) -> None:
        """A read-only disk, and a full one, are reported before the first request."""
        ran = on_a_disk(world, options, before)

        assert ran.code == 3
        assert "cannot write the journal disk/journal" in ran.err
        assert world.server.log == ()

    @pytest.mark.slow
    @pytest.mark.fault("F1", "F2")
    @pytest.mark.skipif(not mounts(), reason="cannot mount a file system")
    @pytest.mark.parametrize("pages", [1, 2])
    def test_a_disk_that_fills_up_stops_the_run(self, world: World, pages: int) -> None:
        """At whichever line the disk is full, every sent write was recorded before."""
        define(world.folder, 3)
        for file in (world.folder / "campaigns").iterdir():
            file.write_text(file.read_text() + f"name: {'x' * 250}\n")
        kept = world.folder / "kept"
        # Room for the folder, the trial and a page or two of the journal.
        fill = (
            "mkdir -m 700 disk/journal && trap 'cp disk/journal/*.jsonl kept' EXIT"
            f" && head -c {(15 - pages) * 4096} /dev/zero > disk/filling"
        )

        ran = on_a_disk(world, "size=64k", fill)

        record = read_journal(kept)
        assert ran.code in (0, 1, 8)
        assert set(world.written) <= set(record.intents)
        assert (ran.code == 0) == (record.exit_code == 0)

    def goes_on(self, cs: Command, world: World) -> Ran:
        """Once there is room, the next apply completes the work."""
        ran = cs(*APPLY)
        assert ran.code == 0
        assert world.is_as_desired
        assert sorted(world.written) == [1, 2, 3]
        assert not any(record.is_unfinished for record in world.records)
        return ran


@pytest.mark.fault("F7", "R8")
def test_a_run_that_has_not_ended_is_not_settled(world: World, cs: Command, tmp_path: Path) -> None:
    """Of two workspaces with one folder of journals, neither writes to the other's open journal."""
    header = {**HEADER, "environment": "default", "base_url": world.server.url}
    journal = Journal.begin(tmp_path / "shared", "run", header)
    journal.record_intent(replace(INTENT, id=1))
    content = journal.path.read_bytes()

    ran = cs(*APPLY, "--journal", "shared")

    assert (ran.code, world.server.writes) == (10, ())
    assert "run run has not ended" in ran.err
    assert journal.path.read_bytes() == content
    threading.Timer(0.3, journal.close).start()
    assert cs(*APPLY, "--journal", "shared", "--lock-timeout", "30").code == 0


@pytest.mark.fault("F1", "F7")
def test_a_journal_that_cannot_be_begun_is_not_locked(tmp_path: Path) -> None:
    """A journal whose first line cannot be written, or that is locked, leaves no open file."""
    open_files = len(list(Path("/dev/fd").iterdir()))
    with no_file_grows_past(0), pytest.raises(ConfigurationError, match="File too large"):
        Journal.begin(tmp_path, "run", HEADER)
    record = read_journal(tmp_path / "run.jsonl")

    with closing(Journal.resume(record)), pytest.raises(LockHeld):
        Journal.resume(record)

    assert len(list(Path("/dev/fd").iterdir())) == open_files


@pytest.mark.fault("F1", "F7")
@pytest.mark.parametrize("room", [0, 1, 40])
def test_a_failed_journal_accepts_no_more_lines(tmp_path: Path, room: int) -> None:
    """If the disk has room again after half a line, the journal stays readable."""
    journal = Journal.begin(tmp_path, "run", HEADER)
    whole = journal.path.read_bytes()
    with no_file_grows_past(len(whole) + room), pytest.raises(JournalUnwritable):
        journal.record_intent(INTENT)
    torn = journal.path.read_bytes()
    assert len(torn) == len(whole) + room

    for _ in range(2):
        with pytest.raises(JournalUnwritable, match="File too large") as failure:
            journal.record_outcome(7, "updated")
        assert json.loads(failure.value.line)["id"] == 7

    assert journal.path.read_bytes() == torn
    record = read_journal(journal.path)
    assert (record.intents, record.outcomes) == ({}, {})
    journal.close()
    resumed = Journal.resume(record)
    resumed.end(8)
    assert read_journal(journal.path).exit_code == 8


@pytest.mark.fault("F7")
@pytest.mark.parametrize(
    ("before", "after", "siblings"),
    [
        ({}, {"retries": 2, "../retries": 1}, {}),
        ({"unknown": 1}, {"unknown": 2}, {}),
        ({"retries": 1}, {"message_limit": 2}, {}),
        ({}, {"retries": 2}, {"unknown": 1}),
        ({}, {"retries": 2}, ["name"]),
    ],
)
def test_an_intent_about_other_fields_is_damage(
    tmp_path: Path, before: dict[str, int], after: dict[str, int], siblings: Value
) -> None:
    """An intent with unknown fields, or with other fields before and after, is refused."""
    journal = Journal.begin(tmp_path, "run", HEADER)
    about = {"before": {}, "after": {"retries": 1}, "siblings": {}}
    journal.append("intent", id=6, name="A", requests=[], **about)
    assert read_journal(journal.path).intents.keys() == {6}
    given = {"before": before, "after": after, "siblings": siblings}
    journal.append("intent", id=7, name="A", requests=[], **given)
    journal.close()

    with pytest.raises(JournalDamaged, match=r"run\.jsonl:3: "):
        read_journal(journal.path)


@pytest.mark.fault("F7")
@pytest.mark.parametrize("request_", [{}, {"method": "GET", "path": "/", "body": {}}, 1])
def test_an_intent_of_another_request_is_damage(tmp_path: Path, request_: Value) -> None:
    """An intent whose requests are not those of an apply is refused."""
    journal = Journal.begin(tmp_path, "run", HEADER)
    nothing: dict[str, Value] = {"before": {}, "after": {}, "siblings": {}}
    journal.append("intent", id=7, name="A", requests=[request_], **nothing)
    journal.close()

    with pytest.raises(JournalDamaged, match=r"run\.jsonl:2: "):
        read_journal(journal.path)


@pytest.mark.fault("F7")
@pytest.mark.parametrize("fields", [{"../retries": [1, 2]}, {"retries": 1}, {"retries": [1, 2, 3]}])
def test_collateral_of_other_fields_is_damage(tmp_path: Path, fields: dict[str, Value]) -> None:
    """Collateral of an unknown field, or without both values, is refused."""
    journal = Journal.begin(tmp_path, "run", HEADER)
    journal.record_collateral(7, {"retries": (1, 2)})
    journal.append("collateral", id=7, fields=fields)
    journal.close()

    with pytest.raises(JournalDamaged, match=r"run\.jsonl:3: "):
        read_journal(journal.path)


@pytest.mark.slow
@pytest.mark.fault("F1", "P1")
@pytest.mark.skipif(not can_inject(), reason="strace is not installed or not permitted")
def test_a_new_journal_is_in_its_folder_before_anything_is_sent(world: World) -> None:
    """The journal's folder is on disk (fsync) before the first PATCH, or a file may be lost."""
    ran, calls = traced(world, APPLY, "fsync")

    assert ran.code == 0
    synced = [call.file for call in calls if call.name == "fsync"]
    folder, (journal,) = str(world.journals), map(str, world.journals.iterdir())
    assert folder in synced
    # The run's first line, then the folder's own entry; an intent comes after both.
    assert synced.index(folder) == synced.index(journal) + 1
    sent = next(place for place, call in enumerate(calls) if "PATCH" in call.about)
    assert folder in [call.file for call in calls[:sent] if call.name == "fsync"]


class TestNames:
    """Runs are sorted by name: `undo last` and `drift` rely on it."""

    NOW = datetime(2026, 1, 5, 12, 0, 0, 123_456, tzinfo=UTC)

    def test_a_run_is_named_after_its_start(self, tmp_path: Path) -> None:
        """A run's name begins with its start in UTC, to the millisecond."""
        assert name_run(tmp_path / "none", self.NOW, "abc") == "20260105T120000.123Z-abc"

    @pytest.mark.parametrize("stray", ["run.jsonl", "20269999T000000.000Z-x.jsonl", "zz.jsonl"])
    def test_files_of_other_names_do_not_matter(self, tmp_path: Path, stray: str) -> None:
        """A journal whose name has no time does not change the names of others."""
        (tmp_path / stray).touch()

        assert name_run(tmp_path, self.NOW, "abc") == "20260105T120000.123Z-abc"

    @pytest.mark.parametrize(
        ("earlier", "name"),
        [
            ("20260105T120000.122Z-zzz", "20260105T120000.123Z-abc"),
            ("20260105T120000.123Z-zzz", "20260105T120000.124Z-abc"),
            ("20270105T235959.999Z-zzz", "20270106T000000.000Z-abc"),
        ],
    )
    def test_a_run_is_later_than_all_earlier_ones(
        self, tmp_path: Path, earlier: str, name: str
    ) -> None:
        """Names sort by age, even after a clock was ahead, or within one millisecond."""
        (tmp_path / f"{earlier}.jsonl").touch()

        assert name_run(tmp_path, self.NOW, "abc") == name

    @pytest.mark.slow
    @pytest.mark.fault("N13")
    def test_last_is_the_last_run_after_a_clock_that_was_ahead(
        self, cs: Command, world: World
    ) -> None:
        """`undo last` undoes the newest run, even if an older one is dated next year."""
        cs(*APPLY)
        [file] = world.journals.iterdir()
        file.rename(file.with_name("29990101T000000.000Z-abcdef.jsonl"))
        define(world.folder, 3, "v4")
        cs(*APPLY)

        undo = cs("undo", "last", "--format", "json").json

        assert undo["summary"]["update"] == 3
        assert {change["after"] for change in undo["campaigns"][0]["changes"]} == {"v2"}
        assert cs("history", "--format", "json").json["runs"][-1]["started"] < "2999"


def test_checking_for_a_writable_journal_changes_nothing(tmp_path: Path) -> None:
    """Checking whether a journal can be written changes nothing."""
    make_writable(tmp_path / "journal")

    assert list((tmp_path / "journal").iterdir()) == []


class TestHistory:
    @pytest.mark.slow
    def test_runs_are_listed_in_their_order(self, cs: Command, world: World) -> None:
        """The newest run is the last one, even if runs follow each other quickly."""
        for description in ("v3", "v4", "v5", "v2"):
            define(world.folder, 3, description)
            assert cs(*APPLY).code == 0
        runs = cs("history", "--format", "json").json

        jsonschema.validate(runs, schema("history"))
        last = cs("history", "last", "--format", "json").json
        assert [run["writes"] for run in runs["runs"]] == [3, 3, 3, 3]
        assert last["run"] == runs["runs"][-1]["run"]
        assert {write["after"]["description"] for write in last["details"]} == {"v2"}
        assert cs("history").out.splitlines()[-1] == "4 runs."

    def test_a_prefix_selects_a_run(self, cs: Command, world: World) -> None:
        """The first characters of a run's name select it, if they are unique."""
        for description in ("v3", "v2"):
            define(world.folder, 3, description)
            cs(*APPLY)
        name = world.records[0].run

        assert cs("history", name, "--format", "json").json["run"] == name
        assert "more than one run starts with `20`" in cs("history", "20").err
        assert "no run starts with `19`" in cs("history", "19").err
        assert cs("history", "20").code == cs("history", "19").code == 3

    @pytest.mark.fault("F7")
    def test_a_run_that_was_cut_off_is_shown(self, cs: Command, world: World) -> None:
        """Unfinished runs, unknown outcomes and empty files are all listed."""
        cs(*APPLY)
        [file] = world.journals.iterdir()
        lines = file.read_bytes().splitlines(keepends=True)
        file.write_bytes(b"".join(lines[:2]) + lines[2][:20])
        (world.journals / "0.jsonl").write_bytes(b"")

        runs = cs("history", "--format", "json").json
        run = cs("history", "last", "--format", "json").json

        jsonschema.validate(runs, schema("history"))
        jsonschema.validate(run, schema("run"))
        assert [run_shown["exit_code"] for run_shown in runs["runs"]] == [None, None]
        assert runs["runs"][1]["outcomes"] == {"unknown": 1}
        assert [write["outcome"] for write in run["details"]] == [None]
        assert "outcome unknown" in cs("history", "last").out
        assert cs("history").code == 0

    def test_each_write_is_shown_with_both_values(self, cs: Command, world: World) -> None:
        """One run shows each field of each write: the value before, and the value sent."""
        cs(*APPLY)

        text = cs("history", "last").out
        assert "description  v1 → v2" in text
        assert "3 writes (3 updated), exit 0." in text
        assert cs("history", "last", "--format", "markdown").code == 0
        assert world.is_as_desired
