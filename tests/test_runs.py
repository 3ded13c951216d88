"""An apply: guarded, locked, journalled, stopped, killed, and undone."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import jsonschema
import pytest
from support.commandline import EXAMPLE, Command
from support.faults import Quirks, Sandbox
from support.preloaded import Running, preloaded
from support.processes import wait_for

from campaignsync.apply.journal import Journal, read_journal
from campaignsync.apply.lock import locked
from campaignsync.errors import JournalDamaged, LockHeld
from campaignsync.schema import schema

Start = Callable[..., Running]


@pytest.fixture
def start(server: Sandbox, folder: Path) -> Start:
    """Return a function that starts the program in a separate process."""

    def starting(*arguments: str) -> Running:
        account = {"ALTUR_BASE_URL": server.url, "ALTUR_API_KEY": server.key}
        return preloaded().start(*arguments, folder=folder, **account)

    return starting


def journal_of(folder: Path) -> Path:
    [journal] = (folder / ".campaignsync" / "journal").iterdir()
    return journal


class TestGuards:
    def write(self, folder: Path, guards: str) -> None:
        """Write a workspace with these guards and all nine definitions of the example."""
        shutil.copytree(EXAMPLE / "campaigns", folder / "campaigns", dirs_exist_ok=True)
        (folder / "campaignsync.yaml").write_text(
            f"version: 1\ndefinitions: campaigns\nguards: {guards}\n"
        )

    @pytest.mark.slow
    @pytest.mark.fault("R9")
    @pytest.mark.parametrize(("percent", "code"), [(32, 6), (33, 6), (34, 0)])
    def test_too_many_at_once_are_refused(
        self, cs: Command, server: Sandbox, folder: Path, percent: int, code: int
    ) -> None:
        """Three of nine campaigns are more than 33 %, and not more than 34 %."""
        self.write(folder, f"{{mass-change: {{percent: {percent}, at_least: 9}}}}")

        assert cs("plan").code == code
        assert cs("apply", "--auto-approve").code == code
        assert len(server.writes) == (0 if code else 3)

    @pytest.mark.usefixtures("server")
    @pytest.mark.fault("R9")
    def test_mass_change_requires_ten_campaigns(self, cs: Command, folder: Path) -> None:
        """The guard `mass-change` requires ten campaigns by default."""
        self.write(folder, "{mass-change: {percent: 10}}")

        assert cs("plan").code == 0

    @pytest.mark.slow
    @pytest.mark.fault("R9")
    @pytest.mark.parametrize(
        ("name", "setting"),
        [
            ("mass-change", "{mass-change: {percent: 0, at_least: 1}}"),
            ("risky-fields", "{risky-fields: [template, scheduling, cycles]}"),
            ("protected", "{protected: [1235, 1236, 1238]}"),
            ("freeze", "{freeze: [{from: 2000-01-01, zone: UTC, reason: for ever}]}"),
        ],
    )
    def test_each_guard_is_lifted_by_its_own_name(
        self, cs: Command, server: Sandbox, folder: Path, name: str, setting: str
    ) -> None:
        """A guard is shown with its reason, enforced, and disabled only by its name."""
        self.write(folder, setting)
        plan = cs("plan")

        assert plan.code == 6
        assert f"GUARD_{name.replace('-', '_').upper()}" in plan.out
        assert cs("apply", "--auto-approve").code == 6
        assert server.writes == ()
        assert cs("plan", "--allow", name).code == 0
        others = {"risky-fields", "protected", "freeze", "calling-hours"} - {name}
        assert {cs("plan", "--allow", other).code for other in others} == {3}

    @pytest.mark.slow
    @pytest.mark.fault("D15")
    @pytest.mark.parametrize(
        ("hours", "refused"),
        [
            ("{mon-sun: 09:00-17:30}", False),
            ("{mon-sun: 09:01-17:30}", True),
            ("{mon-sun: 09:00-17:29}", True),
            ("{mon-thu: 09:00-17:30}", True),
            ("{mon-fri: 09:00-17:30, fri: closed}", True),
            ("{mon-fri: 00:00-23:59}", False),
        ],
    )
    def test_calls_are_not_moved_out_of_the_allowed_hours(
        self, cs: Command, server: Sandbox, folder: Path, hours: str, *, refused: bool
    ) -> None:
        """A window of 09:00-17:30 on weekdays is blocked if the workspace allows less."""
        self.write(folder, f"{{calling-hours: {hours}}}")
        ran = cs("plan")

        assert ran.code == (6 if refused else 0)
        assert ("GUARD_CALLING_HOURS" in ran.out) == refused
        assert cs("plan", "--allow", "calling-hours").code == 0
        cs("apply", "--auto-approve")
        moved = any(write.path.endswith("/1235") for write in server.writes)
        assert moved != refused

    @pytest.mark.fault("C3")
    @pytest.mark.usefixtures("server")
    def test_hours_of_the_guards_file_apply_beside_the_workspace(
        self, cs: Command, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A pull request cannot allow hours that CAMPAIGNSYNC_GUARDS_FILE forbids."""
        self.write(folder, "{calling-hours: {mon-sun: 00:00-23:59}}")
        (folder / "ceiling.yaml").write_text("calling-hours: {mon-sun: 10:00-17:00}\n")
        monkeypatch.setenv("CAMPAIGNSYNC_GUARDS_FILE", str(folder / "ceiling.yaml"))

        assert cs("plan").code == 6

    @pytest.mark.parametrize(
        ("hours", "message"),
        [
            ("{monn: 09:00-10:00}", "did you mean `mon`?"),
            ("{mon: 9 to 5}", "`guards.calling-hours.mon` is"),
            ("{mon: 10:00-09:00}", "must end after it starts"),
            ("[mon]", "`guards.calling-hours` must be a mapping"),
        ],
    )
    def test_invalid_hours_are_an_error(
        self, cs: Command, folder: Path, hours: str, message: str
    ) -> None:
        """An invalid guard is an error, not an inactive guard."""
        self.write(folder, f"{{calling-hours: {hours}}}")
        ran = cs("plan", "--sandbox")

        assert ran.code == 3
        assert message in ran.err


@pytest.mark.usefixtures("folder")
class TestLock:
    @pytest.mark.slow
    @pytest.mark.fault("R8")
    def test_a_second_apply_waits_or_names_the_first(
        self, cs: Command, server: Sandbox, start: Start
    ) -> None:
        """Two applies on one machine do not run at once; a killed one releases the lock."""
        server.quirks = Quirks(latency=2.0)
        first = start("apply", "--auto-approve")
        wait_for(lambda: server.log)

        second = cs("apply", "--auto-approve")
        first.kill()
        first.communicate()
        server.quirks = Quirks()

        assert second.code == 10
        assert f"process {first.pid}" in second.err
        assert cs("apply", "--auto-approve").code == 0

    @pytest.mark.parametrize("owner", ["", "{}", "[]", "{", '{"pid": 1}'])
    def test_an_owner_that_cannot_be_read_is_not_named(self, owner: str, tmp_path: Path) -> None:
        """The lock holds without the file that names its holder."""
        with locked(tmp_path, "e", timeout=0, started="now"):
            (tmp_path / "e.json").write_text(owner)
            with (
                pytest.raises(LockHeld, match=r"^another apply of e is running$"),
                locked(tmp_path, "e", timeout=0, started="now"),
            ):
                pass

    @pytest.mark.fault("F2")
    def test_a_failed_removal_of_the_lock_owner_is_harmless(self, tmp_path: Path) -> None:
        """If a disk fails after the last write, the run still ends normally."""
        for _ in range(2):
            with locked(tmp_path, "e", timeout=0, started="now"):
                owner = tmp_path / "e.json"
                owner.unlink()
                owner.mkdir()
            owner.rmdir()


class TestJournal:
    @pytest.mark.slow
    @pytest.mark.usefixtures("server")
    def test_history_lists_each_apply(self, cs: Command, folder: Path) -> None:
        """Each apply and each of its writes is listed, as text and as JSON."""
        cs("apply", "--auto-approve")
        runs, run = (
            cs("history", "--format", "json").json,
            cs("history", "last", "--format", "json"),
        )

        jsonschema.validate(runs, schema("history"))
        jsonschema.validate(run.json, schema("run"))
        assert runs["runs"][0]["outcomes"] == {"updated": 3}
        assert {write["id"] for write in run.json["details"]} == {1235, 1236, 1238}
        assert "3 writes (3 updated), exit 0." in cs("history").out
        assert journal_of(folder).stat().st_mode & 0o777 == 0o600

    @pytest.mark.slow
    @pytest.mark.fault("F7")
    def test_damage_is_detected_and_an_incomplete_last_line_is_ignored(
        self, tmp_path: Path
    ) -> None:
        """Any flipped byte of a journal is detected; an incomplete last line is ignored."""
        journal = Journal.begin(tmp_path / "j", "run", {"environment": "e", "base_url": "b"})
        journal.record_outcome(1, "updated")
        journal.end(0)
        content = journal.path.read_bytes()
        for offset in range(len(content) - 1):
            damaged = bytearray(content)
            damaged[offset] ^= 1
            journal.path.write_bytes(bytes(damaged))
            with pytest.raises(JournalDamaged):
                read_journal(journal.path)
        last = content.rstrip(b"\n").rindex(b"\n") + 1
        for length in range(last + 1, len(content)):
            journal.path.write_bytes(content[:length])
            assert read_journal(journal.path).exit_code is None

    @pytest.mark.fault("F5")
    def test_without_a_journal_nothing_is_sent(
        self, cs: Command, server: Sandbox, folder: Path
    ) -> None:
        """If the journal cannot be written, no request is made."""
        (folder / "j").write_text("a file")

        ran = cs("apply", "--auto-approve", "--journal", "j")

        assert ran.code == 3
        assert server.writes == ()


@pytest.mark.usefixtures("folder")
class TestUndo:
    @pytest.mark.slow
    def test_apply_undo_apply_is_apply(self, cs: Command, server: Sandbox) -> None:
        """An apply can be undone, and the undo as well."""
        before = server.campaigns()
        cs("apply", "--auto-approve")
        after = server.campaigns()

        assert cs("undo", "last", "--out", "undo.json").code == 0
        assert cs("apply", "undo.json", "--auto-approve").code == 0
        assert server.campaigns() == before
        assert cs("apply", "--auto-approve").code == 0
        assert server.campaigns() == after

    def test_an_empty_undo_plan_can_be_applied(self, cs: Command, server: Sandbox) -> None:
        """If everything changed since the run, the undo plan is empty, and can be applied."""
        cs("apply", "--auto-approve", "--select", "1238")
        server.edit(1238, {"template": "moved_v3"})
        assert cs("undo", "last", "--out", "undo.json").code == 0
        ran = cs("apply", "undo.json", "--auto-approve")

        assert (ran.code, ran.out) == (0, "Applied: 0 updated, 0 failed.\n")
        assert len(server.writes) == 1

    def test_a_run_without_writes_is_named(self, cs: Command, server: Sandbox) -> None:
        """If the last run wrote nothing, `undo last` says so: an earlier run may be meant."""
        cs("plan", "--select", "1238", "--out", "plan.json")
        server.edit(1238, {"template": "moved_v3"})
        assert cs("apply", "plan.json", "--auto-approve").code == 7
        run = cs("history", "last", "--format", "json").json["run"]

        undo = cs("undo", "last")

        assert undo.code == 0
        assert f"run {run} changed nothing; `campaignsync history` lists" in undo.err

    @pytest.mark.slow
    def test_a_later_change_is_kept_and_reported(self, cs: Command, server: Sandbox) -> None:
        """An undo does not overwrite a change that someone made after the run."""
        cs("apply", "--auto-approve")
        server.edit(1236, {"description": "By hand"})

        undo = cs("undo", "last", "--out", "undo.json")
        cs("apply", "undo.json", "--auto-approve")

        assert (
            "campaign 1236: description was changed by someone else since; it stays as it is"
            in undo.err
        )
        assert server.campaigns()[1236]["description"] == "By hand"
        assert server.campaigns()[1236]["cycles"]["cooldown_minutes"] == 720

    @pytest.mark.slow
    @pytest.mark.fault("A10")
    def test_collateral_damage_is_put_back(self, cs: Command, server: Sandbox) -> None:
        """Weekdays that a PATCH dropped are restored, too."""
        before = server.campaigns()
        server.quirks = Quirks(schedule_merge="replace")
        assert cs("apply", "--auto-approve").code == 8
        server.quirks = Quirks()

        cs("undo", "last", "--out", "undo.json")
        assert json.loads(Path("undo.json").read_text())["summary"]["update"] == 1
        assert cs("apply", "undo.json", "--auto-approve").code == 0
        assert server.campaigns() == before
