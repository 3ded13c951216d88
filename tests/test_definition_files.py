"""Which files are definitions, and unusual ones: rows D12 to D14 and F6 of docs/faults.md."""

import os
import shutil
import threading
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.commandline import Command
from support.faults import Sandbox

from campaignsync.errors import DefinitionError
from campaignsync.load import check, load
from campaignsync.load.files import find


def define(folder: Path, name: str, id_: int, campaign: str = "") -> Path:
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"id: {id_}\ndescription: v2\n" + (f"name: {campaign}\n" if campaign else ""))
    return file


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


class TestDuplicates:
    @pytest.mark.fault("D12")
    @given(ids=st.lists(st.integers(1, 6), min_size=1, max_size=8))
    @settings(deadline=None)
    def test_a_duplicate_id_names_both_files(
        self, tmp_path_factory: pytest.TempPathFactory, ids: list[int]
    ) -> None:
        """Every duplicate definition of a campaign is an error that names both places."""
        folder = tmp_path_factory.mktemp("twins")
        files = [define(folder, f"{place}.yaml", id_) for place, id_ in enumerate(ids)]

        _, problems = check(files)

        duplicates = [problem for problem in problems if problem.code == "DUPLICATE_ID"]
        assert len(duplicates) == len(ids) - len(set(ids))
        for problem in duplicates:
            assert ".yaml:1" in problem.message
            assert problem.source.file not in problem.message

    @pytest.mark.fault("D12")
    @pytest.mark.parametrize(
        ("one", "other"),
        [
            ("Renovación", unicodedata.normalize("NFD", "Renovación")),
            ("Spring offer", "spring OFFER"),
            ("Straße", "STRASSE"),
            ("the same", "the same"),
        ],
    )
    def test_names_that_look_the_same_are_warned_of(self, here: Path, one: str, other: str) -> None:
        """Two campaigns with indistinguishable names get a warning, and both are managed."""
        files = [define(here, "a.yaml", 1, one), define(here, "b.yaml", 2, other)]

        desired = load(files)

        assert [definition.id for definition in desired.definitions] == [1, 2]
        [warning] = desired.warnings
        assert (warning.code, warning.source.file) == ("DUPLICATE_NAME", "b.yaml")
        assert "a.yaml:3" in warning.message

    @pytest.mark.fault("D12", "F6")
    def test_files_whose_names_look_the_same_are_two(self, here: Path) -> None:
        """`é.yaml` composed and decomposed, `A.yaml` and `a.yaml` are separate files, or one."""
        names = ["é.yaml", unicodedata.normalize("NFD", "é.yaml"), "A.yaml", "a.yaml"]
        for id_, name in enumerate(names, start=1):
            define(here, name, id_)

        files = find([here])

        assert {path.name for path in files} == {path.name for path in here.iterdir()}
        desired = load(files)
        assert len(desired.definitions) == len(list(here.iterdir()))
        assert [warning.code for warning in desired.warnings] == ["CLASHING_FILE_NAMES"] * (
            len(files) // 2
        )


class TestNoDefinitions:
    @pytest.mark.fault("D13")
    @pytest.mark.parametrize(
        ("files", "path"),
        [
            ([], "."),
            (["notes.txt", "a.yaml.bak", ".hidden.yaml"], "."),
            (["campaignsync.yaml"], "."),
            (["a.yaml"], "b.yaml"),
            (["a.yaml"], "*.yml"),
            (["empty/.keep", "a.yaml"], "empty"),
        ],
        ids=["empty", "no YAML", "workspace", "no such file", "glob", "empty folder beside"],
    )
    def test_a_path_without_definitions_is_an_error(
        self, cs: Command, here: Path, server: Sandbox, files: list[str], path: str
    ) -> None:
        """A path without definitions is an error: a typo must not read as "no changes"."""
        for name in files:
            (here / name).parent.mkdir(exist_ok=True)
            (here / name).write_text("id: 1\n" if name == "a.yaml" else "version: 1\n")

        for command in ("validate", "plan", "apply --auto-approve"):
            ran = cs(*command.split(), path)

            assert (ran.code, ran.out) == (3, "")
            assert "no definition found" in ran.err or "no such file" in ran.err
        assert server.log == ()

    def test_the_workspace_file_is_not_a_definition(self, cs: Command, here: Path) -> None:
        """`plan campaignsync.yaml` names the folder to pass, not the keys that no field has."""
        define(here, "a.yaml", 1)
        (here / "campaignsync.yaml").write_text("version: 1\n")

        ran = cs("plan", "campaignsync.yaml")

        assert (ran.code, ran.out) == (3, "")
        assert "campaignsync.yaml is the workspace's file" in ran.err
        assert "pass its folder: ." in ran.err

    @pytest.mark.fault("D13")
    @pytest.mark.parametrize("text", ["", "\n\n", "# nothing but a comment\n", "---\n", "~\n"])
    def test_an_empty_file_is_an_error(
        self, cs: Command, here: Path, server: Sandbox, text: str
    ) -> None:
        """An empty file beside valid ones is an error."""
        define(here, "a.yaml", 1)
        (here / "b.yaml").write_text(text)

        ran = cs("plan")

        assert ran.code == 3
        assert "b.yaml:1" in ran.err
        assert server.log == ()


def test_a_suffix_in_upper_case_is_a_definition(cs: Command, folder: Path, server: Sandbox) -> None:
    """`SURVEY.YAML` is planned, saved and applied like any other definition, not skipped."""
    shutil.move(folder / "campaigns" / "overdue-60.yaml", folder / "campaigns" / "OVERDUE.YAML")

    assert cs("plan", "campaigns/OVERDUE.YAML", "--out", "plan.json").code == 0
    assert cs("plan").out.splitlines()[-1] == "Plan: 3 to update, 1 frozen, 1 unchanged."
    assert cs("apply", "plan.json", "--auto-approve").code == 0
    assert cs("apply", "campaigns/OVERDUE.YAML", "--auto-approve").code == 0
    assert len(server.writes) == 1


class TestDeletedDefinitions:
    @pytest.mark.fault("D14")
    def test_a_deleted_definition_sends_nothing(
        self, cs: Command, folder: Path, server: Sandbox
    ) -> None:
        """A campaign whose file was deleted is neither planned, changed nor archived."""
        before = server.campaigns()[1236]
        (folder / "campaigns" / "overdue-60.yaml").unlink()

        plan = cs("plan", "--format", "json").json
        assert cs("apply", "--auto-approve").code == 0

        assert 1236 not in [campaign["id"] for campaign in plan["campaigns"]]
        assert server.campaigns()[1236] == before
        assert not [request for request in server.writes if "1236" in request.path]

    @pytest.mark.slow
    @pytest.mark.fault("D14")
    def test_a_campaign_whose_definition_is_gone_is_named(
        self, cs: Command, folder: Path, server: Sandbox
    ) -> None:
        """A plan names campaigns that earlier runs changed and that no definition manages now."""
        (folder / "campaignsync.yaml").write_text("version: 1\ndefinitions: campaigns\n")
        assert cs("apply", "--auto-approve").code == 0
        written = sorted(int(write.path.rpartition("/")[2]) for write in server.writes)
        assert written == [1235, 1236, 1238]
        assert cs("plan", "--format", "json").json["environments"][0]["notes"] == []

        (folder / "campaigns" / "overdue-60.yaml").unlink()
        (folder / "campaigns" / "survey.yaml").unlink()  # no run changed it
        (note,) = cs("plan", "--format", "json").json["environments"][0]["notes"]

        assert note.startswith("no definition manages 1 campaign that earlier runs changed: 1236;")
        assert f"! {note}" in cs("plan").out.replace("\n", " ").replace("  ", " ")
        for other in ("--select", "1235"), ("campaigns/appointment.yaml",):
            assert cs("plan", *other, "--format", "json").json["environments"][0]["notes"] == [note]
        (folder / ".campaignsync" / "journal" / "x.jsonl").write_text("damaged\n")
        assert cs("plan", "--format", "json").json["environments"][0]["notes"] == [note]
        assert len(server.writes) == 3

    @pytest.mark.fault("D14")
    def test_a_renamed_definition_is_the_same(
        self, cs: Command, folder: Path, server: Sandbox
    ) -> None:
        """The name and folder of a definition do not change the plan."""
        planned = cs("plan", "--format", "json").json
        (folder / "campaigns" / "deep").mkdir()
        shutil.move(
            folder / "campaigns" / "overdue-60.yaml", folder / "campaigns" / "deep" / "x.yml"
        )

        now = cs("plan", "--format", "json").json

        assert [(c["id"], c["requests"]) for c in now["campaigns"]] == [
            (c["id"], c["requests"]) for c in planned["campaigns"]
        ]
        assert server.writes == ()


class TestOnlyRegularFiles:
    SECRET = "root:x:0:0:top-secret"

    @pytest.mark.fault("F6")
    @pytest.mark.parametrize("linked", ["file", "folder"])
    def test_a_link_out_of_the_workspace_is_refused(
        self,
        cs: Command,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        linked: str,
    ) -> None:
        """Files outside the workspace are neither read nor shown."""
        away, workspace = tmp_path / "away", tmp_path / "workspace"
        define(workspace, "a.yaml", 1)
        away.mkdir()
        (away / "secret.yaml").write_text(self.SECRET)
        target = away / "secret.yaml" if linked == "file" else away
        (workspace / f"link{target.suffix}").symlink_to(target)
        monkeypatch.chdir(workspace)

        ran = cs("validate")

        assert ran.code == 3
        assert "a link that leads out" in ran.err
        assert self.SECRET not in ran.err + ran.out

    @pytest.mark.fault("F6")
    @pytest.mark.parametrize("target", ["gone.yaml", "link.yaml"])
    def test_a_broken_link_is_refused(self, cs: Command, here: Path, target: str) -> None:
        """A broken link, or a link to itself, is never read as "no definition"."""
        define(here, "a.yaml", 1)
        (here / "link.yaml").symlink_to(target)

        ran = cs("validate")

        assert ran.code == 3
        assert "Error: link.yaml is a broken link [UNREADABLE]" in ran.err

    @pytest.mark.parametrize("order", [("z.yaml", "a.yaml"), ("a.yaml", "z.yaml")])
    def test_a_linked_definition_is_named_by_its_file(
        self, here: Path, order: tuple[str, str]
    ) -> None:
        """A plan names the file, not the link to it, in whatever order the folder lists them."""
        for name in order:
            if name == "a.yaml":
                (here / name).symlink_to("z.yaml")
            else:
                define(here, name, 1)

        assert find([here]) == [here / "z.yaml"]
        assert find([here / "a.yaml", here / "z.yaml"]) == [here / "z.yaml"]

    @pytest.mark.fault("F6")
    def test_links_inside_are_followed_once(self, here: Path) -> None:
        """A link to another definition is that definition, not a second one."""
        define(here, "real/a.yaml", 1)
        (here / "b.yaml").symlink_to("real/a.yaml")
        (here / "loop").symlink_to(here, target_is_directory=True)

        assert len(find([here])) == 1

    @pytest.mark.fault("F6")
    @pytest.mark.parametrize("way", ["../outside", "campaigns/../../outside"])
    def test_definitions_outside_the_workspace_are_refused(
        self, cs: Command, here: Path, way: str
    ) -> None:
        """`definitions: ../…` is refused: those files were not reviewed with the workspace."""
        define(here, "outside/a.yaml", 1)
        (here / "inside" / "campaigns").mkdir(parents=True)
        (here / "inside" / "campaignsync.yaml").write_text(f"version: 1\ndefinitions: {way}\n")

        ran = cs("validate", "inside")

        assert ran.code == 3
        assert "inside/campaignsync.yaml:2" in ran.err

    @pytest.mark.fault("F6")
    @pytest.mark.parametrize("kind", ["fifo", "device", "socket folder"])
    def test_a_special_file_is_refused_without_waiting(
        self, cs: Command, here: Path, kind: str
    ) -> None:
        """A FIFO, a device or a folder named like a definition is refused at once."""
        place = here / "a.yaml"
        if kind == "fifo":
            os.mkfifo(place)
        elif kind == "device":
            place.symlink_to("/dev/zero")
        else:
            place.mkdir()

        ran = cs("validate")

        assert ran.code == 3
        assert "Traceback" not in ran.err

    @pytest.mark.fault("F6")
    @pytest.mark.parametrize("device", ["/dev/zero", "/dev/full", "/dev/stdin"])
    @pytest.mark.parametrize("command", ["validate", "plan", "show", "fmt"])
    def test_a_device_is_not_read(
        self, cs: Command, monkeypatch: pytest.MonkeyPatch, device: str, command: str
    ) -> None:
        """A device as PATH is refused: it may be endless, or wait for input."""
        monkeypatch.setenv("ALTUR_API_KEY", "sk-test-device")

        assert cs(command, device).code == 3

    @pytest.mark.fault("F6")
    def test_a_device_is_not_a_key(
        self, cs: Command, here: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """An endless key file is refused at once, with 4."""
        define(here, "a.yaml", 1)
        monkeypatch.setenv("ALTUR_API_KEY_FILE", "/dev/zero")

        assert cs("plan").code == 4

    @pytest.mark.slow
    @pytest.mark.fault("F6")
    def test_a_file_that_is_swapped_while_it_is_read_is_one_of_the_two(self, here: Path) -> None:
        """A definition that an editor replaces is read as the old or the new version, complete."""
        versions = [f"id: 1\ndescription: {letter * 300_000}\n" for letter in "ab"]
        file, over = here / "a.yaml", threading.Event()
        file.write_text(versions[0])

        def swap() -> None:
            while not over.is_set():
                for version in versions:
                    (here / "next").write_text(version)
                    (here / "next").replace(file)

        swapper = threading.Thread(target=swap)
        swapper.start()
        try:
            for _ in range(30):
                try:
                    [definition] = load([file]).definitions
                except DefinitionError as error:
                    raise AssertionError(error) from None
                text = definition.values["description"]
                assert text in ("a" * 300_000, "b" * 300_000)
        finally:
            over.set()
            swapper.join()
