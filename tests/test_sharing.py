"""Shared values: defaults, schedules, texts, environments; and selection."""

import json
import os
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from support.commandline import Command, run_command
from support.definition_texts import valid_values
from support.faults import Sandbox

from campaignsync.errors import ConfigurationError, DefinitionError, Source
from campaignsync.load import load
from campaignsync.load.definition import UnresolvedDefinition, resolve
from campaignsync.load.select import select, shard
from campaignsync.load.texts import Texts
from campaignsync.load.workspace import find_definitions
from campaignsync.model.campaign import EVERYWHERE
from campaignsync.model.definitions import Definition, Desired, Shared
from campaignsync.model.fields import BY_PATH
from campaignsync.model.kind import Value
from campaignsync.schema import schema

WORKSPACE = """\
version: 1
definitions: campaigns
default_environment: staging
environments:
  staging: {api: sandbox}
  production: {api: altur}
schedules:
  office-hours:
    mon-fri: 09:00-18:00
    sat: closed
defaults:
  timezone: America/Mexico_City
  scheduling: office-hours
  retries: 2
  cycles: {max_iterations: 4}
  phone_call:
    first_message: {file: messages/hello.txt}
    retries: 3
  whatsapp: {template: hola_v1}
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "campaigns").mkdir()
    (tmp_path / "messages").mkdir()
    (tmp_path / "messages" / "hello.txt").write_text("Hola, ¿hablo con {{name}}?\nLe llamo.\n")
    (tmp_path / "campaignsync.yaml").write_text(WORKSPACE)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def one(text: str, environment: str = "staging") -> Definition:
    """Read one definition in the workspace of the current folder."""
    Path("campaigns", "a.yaml").write_text(text)
    workspace, files = find_definitions([])
    [definition] = load(files, workspace.shared, environment).definitions
    return definition


class TestDefaults:
    @pytest.mark.usefixtures("here")
    def test_the_most_specific_value_wins(self) -> None:
        """The environment's value wins over the definition's, that over its channel's default."""
        definition = one(
            "id: 1\nintegration_type: phone_call\nscheduling: {sat: 10:00-12:00}\n"
            "environments: {staging: {timezone: America/Bogota}}\n"
        )

        assert definition.values["timezone"] == "America/Bogota"
        assert definition.values["retries"] == 3
        assert definition.values["scheduling.mon"]["startTime"] == "09:00"
        assert definition.values["scheduling.sat"]["startTime"] == "10:00"
        assert definition.values["first_message"] == "Hola, ¿hablo con {{name}}?\nLe llamo."
        assert {path: str(definition.source_of(path)) for path in definition.values} == {
            "integration_type": "campaigns/a.yaml:2:19",
            "timezone": "campaigns/a.yaml:4:36",
            "retries": "campaignsync.yaml:18:14",
            **dict.fromkeys(
                (f"scheduling.{day}" for day in ("mon", "tue", "wed", "thu", "fri")),
                "campaignsync.yaml:9:14",
            ),
            "scheduling.sat": "campaigns/a.yaml:3:19",
            "first_message": "messages/hello.txt:1:1",
        }

    @pytest.mark.usefixtures("here")
    @pytest.mark.parametrize(
        ("text", "there", "not_there"),
        [
            ("", ["timezone", "retries"], ["first_message", "template", "cycles.max_iterations"]),
            ("integration_type: whatsapp", ["template"], ["first_message"]),
            ("integration_type: phone_call", ["first_message"], ["template"]),
            ("cycles: {enabled: true}", ["cycles.max_iterations"], ["first_message"]),
            ("cycles: {enabled: false}", [], ["cycles.max_iterations"]),
        ],
    )
    def test_a_default_applies_if_its_condition_is_stated(
        self, text: str, there: list[str], not_there: list[str]
    ) -> None:
        """No default adds a text of the other channel, or a cycle field without cycles."""
        values = one(f"id: 1\n{text}\n").values

        assert set(there) <= values.keys()
        assert not set(not_there) & values.keys()

    @pytest.mark.slow
    @given(values=valid_values(), chance=st.randoms())
    @settings(deadline=None)
    def test_sharing_is_like_writing_it_out(
        self, values: dict[str, Value], chance: st.DataObject
    ) -> None:
        """A value means the same as a default and in the definition."""
        values.pop("id", None)
        shareable = [
            path
            for path in values
            if path != "name"
            and (not (rules := BY_PATH[path].api.requires) or rules[-1].path in values)
        ]
        moved = {path for path in shareable if chance.random() < 0.5}  # type: ignore[attr-defined] # a Random
        at = Source("campaignsync.yaml", 1)
        shared = Shared(defaults={path: (values[path], at) for path in moved})
        own = {path: value for path, value in values.items() if path not in moved}

        whole = resolve(unresolved({EVERYWHERE: 1}, values), Shared(), None)
        parted = resolve(unresolved({EVERYWHERE: 1}, own), shared, None)

        assert whole is not None
        assert parted is not None
        assert [*parted.values.items()] == [*whole.values.items()]
        assert {path for path in parted.values if parted.source_of(path) == at} == moved


def unresolved(ids: dict[str, int], values: dict[str, Value]) -> UnresolvedDefinition:
    from campaignsync.load.yaml_document import SourceFile  # noqa: PLC0415 - a detail of this function

    at = Source("a.yaml", 1)
    sourced = {path: (value, at) for path, value in values.items()}
    return UnresolvedDefinition(SourceFile("a.yaml", []), ids, at, sourced)


class TestEnvironments:
    IDS = "id: {production: 1234, staging: 88}\nretries: 1\n"

    @pytest.mark.usefixtures("here")
    def test_a_definition_has_an_id_in_each(self) -> None:
        """One file is one campaign in each account."""
        assert one(self.IDS).id == 88
        assert one(self.IDS, "production").id == 1234

    def test_an_id_of_another_environment_is_named(self, cs: Command, here: Path) -> None:
        """If an id belongs to another environment, the error names that environment."""
        (here / "campaigns" / "a.yaml").write_text(self.IDS)

        ran = cs("render", "1234")

        assert ran.code == 3
        assert "it is an id of environment production: pass -e production" in ran.err
        assert cs("render", "1234", "-e", "production").code == 0

    def test_those_of_other_environments_are_left_out_and_counted(
        self, cs: Command, here: Path
    ) -> None:
        """A plan counts the definitions that are not in its environment."""
        (here / "campaigns" / "a.yaml").write_text("id: {production: 1}\nretries: 1\n")
        (here / "campaigns" / "b.yaml").write_text("id: 2\nretries: 1\n")

        ran = cs("plan", "--format", "json")

        assert [campaign["id"] for campaign in ran.json["campaigns"]] == [2]
        assert ran.json["summary"]["left_out"] == 1
        assert cs("plan").out.rstrip().endswith(", 1 not in staging.")
        assert "1 definition without an id for staging" in ran.err
        assert "without an id" not in cs("plan", "-q").err

    @pytest.mark.parametrize("command", ["plan", "apply", "render"])
    def test_an_environment_without_definitions_is_an_error(
        self, cs: Command, here: Path, command: str
    ) -> None:
        """An account without definitions is never reported as in sync."""
        (here / "campaigns" / "a.yaml").write_text("id: {production: 1}\nretries: 1\n")

        ran = cs(command)

        assert ran.code == 3
        assert "no definition has an id for staging" in ran.err

    def test_ids_are_unique_within_an_environment(self, cs: Command, here: Path) -> None:
        """The same number in two accounts is two campaigns; twice in one account is an error."""
        a, b = (here / "campaigns" / f"{name}.yaml" for name in "ab")
        a.write_text("id: {production: 1, staging: 2}\nretries: 1\n")
        b.write_text("id: {production: 2, staging: 1}\nretries: 1\n")
        assert cs("validate").code == 0

        b.write_text("id: {production: 2, staging: 2}\nretries: 1\n")
        ran = cs("validate")

        assert ran.code == 3
        assert ran.out.count("DUPLICATE_ID") == 1
        assert "campaigns/b.yaml:1" in ran.out
        assert "campaigns/a.yaml:1" in ran.out


class TestProblems:
    def test_a_file_that_git_ignores_is_not_a_text(self, cs: Command, here: Path) -> None:
        """Only files that are reviewed with the definitions become messages."""
        (here / "campaigns" / "a.yaml").write_text("id: 1\ndescription: {file: secrets/key.txt}\n")
        (here / "secrets").mkdir()
        (here / "secrets" / "key.txt").write_text("sk-test-secret\n")
        assert cs("validate").code == 0  # no repository yet: nothing is ignored

        assert run_command("git", "init", "--quiet", folder=here).code == 0
        (here / ".gitignore").write_text("/secrets/\n")
        ran = cs("validate")

        assert ran.code == 3
        assert "campaigns/a.yaml:2:21: error" in ran.out
        assert "git ignores `secrets/key.txt`" in ran.out
        assert "sk-test-secret" not in ran.out

        assert run_command("git", "add", "--force", "secrets/key.txt", folder=here).code == 0
        assert cs("validate").code == 0

    @pytest.mark.parametrize(
        ("text", "place", "code", "message"),
        [
            ("scheduling: ofice-hours", "2:13", "UNKNOWN_SCHEDULE", "did you mean `office-hours`?"),
            ("scheduling: 09:00-18:00", "2:13", "UNKNOWN_SCHEDULE", "mon-fri: 09:00-18:00"),
            ("environments: {stagin: {}}", "2:16", "UNKNOWN_ENVIRONMENT", "`staging`?"),
            ("environments: {staging: {id: 2}}", "2:26", "UNKNOWN_KEY", "`id` is not a known key"),
            ("environments: {staging: {labels: {}}}", "2:26", "UNKNOWN_KEY", "is not a known key"),
            (
                "labels: {team: [a]}",
                "2:16",
                "WRONG_TYPE",
                "`labels.team` must be a single value",
            ),
            ("description: {file: ../x}", "2:21", "OUTSIDE", "leads out of the workspace"),
            ("description: {file: /etc/passwd}", "2:21", "OUTSIDE", "leads out of the workspace"),
            ("description: {file: link}", "2:21", "OUTSIDE", "leads out of the workspace"),
            ("description: {file: gone.txt}", "2:21", "UNREADABLE", "No such file"),
            ("description: {file: messages}", "2:21", "UNREADABLE", "not a regular file"),
            ("description: {file: fifo}", "2:21", "UNREADABLE", "not a regular file"),
            ("description: {file: .env}", "2:21", "HIDDEN_FILE", "`.env` is a hidden file"),
            ("description: {file: .git/config}", "2:21", "HIDDEN_FILE", "a hidden file"),
            ("description: {file: a/../.env}", "2:21", "HIDDEN_FILE", "a hidden file"),
            ("description: {file: to-env}", "2:21", "HIDDEN_FILE", "`.env` is a hidden file"),
            ("description: {file: big.txt}", "2:21", "UNREADABLE", "larger than 64 KiB"),
            ("description: {fil: x}", "2:14", "WRONG_TYPE", "must be a single value"),
            ("name: {file: messages/hello.txt}", "2:7", "WRONG_TYPE", "must be a single value"),
            ("integration_type: whatsapp\nfirst_message: x", "3:16", "INVALID_REQUEST", "channel"),
        ],
    )
    def test_each_mistake_is_reported_at_its_place(  # noqa: PLR0917 - a row of the table, and two fixtures
        self, cs: Command, here: Path, text: str, place: str, code: str, message: str
    ) -> None:
        """A mistake in the use of a shared value is reported at its place."""
        os.mkfifo(here / "fifo")
        (here / "link").symlink_to("/etc/passwd")
        (here / ".env").write_text("KEY=root:sk-test-secret\n")
        (here / "to-env").symlink_to(".env")
        (here / "a").mkdir()
        (here / "big.txt").write_text("root:" * 20_000)
        (here / "campaigns" / "a.yaml").write_text(f"id: 1\n{text}\n")

        ran = cs("validate")

        assert ran.code == 3
        assert f"campaigns/a.yaml:{place}: error" in ran.out
        assert code in ran.out
        assert message in ran.out
        assert "root:" not in ran.out

    @pytest.mark.parametrize(
        ("section", "code"),
        [
            ("schedules: {a: 09:00-18:00}", "WRONG_TYPE"),
            ("schedules: {a: {monn: 09:00-18:00}}", "UNKNOWN_KEY"),
            ("schedules: {a: {mon: 18:00-09:00}}", "WINDOW_ENDS_BEFORE_START"),
            ("defaults: {name: x}", "NO_DEFAULT"),
            ("defaults: {id: 1}", "NO_DEFAULT"),
            ("defaults: {retry: 1}", "UNKNOWN_KEY"),
            ("defaults: {status: active}", "READ_ONLY_KEY"),
            ("defaults: {whatsapp: {labels: {}}}", "NO_DEFAULT"),
            ("defaults: {phone_call: {retries: 9}}", "OUT_OF_RANGE"),
            ("defaults: {scheduling: nights}", "UNKNOWN_SCHEDULE"),
            ("defaults: {whatsapp: {first_message: x}}", "INVALID_REQUEST"),
            ("defaults: {whatsapp: {cycles: {max_iterations: 2}}}", "INVALID_REQUEST"),
            ("defaults: {whatsapp: {integration_type: whatsapp}}", "NO_DEFAULT"),
            ("defaults: {description: {file: binary}}", "NOT_UTF8"),
        ],
    )
    def test_a_shared_mistake_is_reported_once(
        self, cs: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, section: str, code: str
    ) -> None:
        """A mistake in campaignsync.yaml is one problem, however many definitions use it."""
        monkeypatch.chdir(tmp_path)
        (tmp_path / "campaignsync.yaml").write_text(f"version: 1\n{section}\n")
        (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
        for id_ in range(1, 4):
            (tmp_path / f"{id_}.yaml").write_text(f"id: {id_}\nretries: 1\n")

        ran = cs("validate")

        assert ran.code == 3
        assert ran.err.count(f"[{code}]") == 1
        assert "campaignsync.yaml:2" in ran.err or "binary:1:1" in ran.err

    def test_a_contradiction_of_defaults_is_reported_once(self, cs: Command, here: Path) -> None:
        """Reversed dates in the defaults are one problem, not one per definition."""
        cycles = "{schedule_start_date: 2026-05-01, schedule_end_date: 2026-01-01}"
        (here / "campaignsync.yaml").write_text(f"version: 1\ndefaults:\n  cycles: {cycles}\n")
        for id_ in range(1, 4):
            text = f"id: {id_}\ncycles: {{mode: scheduled}}\n"
            (here / "campaigns" / f"{id_}.yaml").write_text(text)

        ran = cs("validate")

        assert ran.code == 3
        assert ran.out.count("DATES_REVERSED") == 1
        assert "campaignsync.yaml:3:64: error" in ran.out

    def test_a_mistake_in_a_shared_text_is_reported_once_at_its_line(
        self, cs: Command, here: Path
    ) -> None:
        """Problems of a shared text are reported once, at lines of the text file."""
        (here / "messages" / "hello.txt").write_text("Hola\n{{name}}\u200b, ¿qué tal?\n")
        (here / "messages" / "bad.txt").write_text("one\ntwo\a\n")
        for id_ in range(1, 4):
            text = f"id: {id_}\nfirst_message: {{file: messages/hello.txt}}\n"
            (here / "campaigns" / f"{id_}.yaml").write_text(text)
        assert cs("plan").err.count("messages/hello.txt:2:9: warning") == 1

        (here / "campaigns" / "3.yaml").write_text(text.replace("hello", "bad"))
        ran = cs("validate")

        assert ran.code == 3
        assert ran.out.count("messages/hello.txt:2:9: warning") == 1
        assert ran.out.count("messages/bad.txt:2:4: error") == 1

    def test_a_text_that_changes_meanwhile_is_the_same_for_all(self, here: Path) -> None:
        """A shared text is read once."""
        texts = Texts(".")
        before = texts.read("messages/hello.txt").text

        (here / "messages" / "hello.txt").write_text("Adiós")

        assert texts.read("messages/hello.txt").text == before

    def test_campaigns_with_one_name_are_reported_once(self, cs: Command, here: Path) -> None:
        """Two campaigns with the same name in two environments are one warning."""
        for id_ in (1, 2):
            text = f"id: {{staging: {id_}, production: 10{id_}}}\nname: Same\n"
            (here / "campaigns" / f"{id_}.yaml").write_text(text)

        assert cs("validate").out.count("DUPLICATE_NAME") == 1

    def test_values_without_an_id_are_a_warning(self, cs: Command, here: Path) -> None:
        """Values for an environment without an id are a warning, not an error."""
        text = "id: {production: 1}\nenvironments:\n  staging: {retries: 1}\n"
        (here / "campaigns" / "a.yaml").write_text(text)

        ran = cs("validate", "campaigns/a.yaml")

        assert ran.code == 0
        assert "campaigns/a.yaml:3:3: warning: no id for environment `staging`" in ran.out

    IDLE = """\
version: 1
definitions: campaigns
schedules:
  office-hours: {mon: 09:00-18:00}
  nights:
    fri: 20:00-23:00
  weekend: {sat: 09:00-12:00}
defaults:
  retries: 1
  scheduling: weekend
  cycles: {max_iterations: 4}
  whatsapp: {template: hola_v1}
"""

    def test_unused_shared_values_are_warnings(self, cs: Command, here: Path) -> None:
        """An unused schedule, and a default whose condition no definition states, are warnings."""
        (here / "campaignsync.yaml").write_text(self.IDLE)
        text = "id: 1\nscheduling: office-hours\nretries: 2\n"
        (here / "campaigns" / "a.yaml").write_text(text)

        ran = cs("validate", "--format", "json")

        assert ran.code == 0
        assert [
            (each["code"], each["source"]["line"], each["source"]["column"], each["severity"])
            for each in ran.json["problems"]
        ] == [
            ("UNUSED_SCHEDULE", 5, 3, "warning"),
            ("UNUSED_DEFAULT", 11, 28, "warning"),
            ("UNUSED_DEFAULT", 12, 24, "warning"),
        ]
        assert "`cycles.enabled: true`" in ran.out
        assert "`integration_type: whatsapp`" in ran.out
        assert cs("validate", "campaigns/a.yaml").out == "1 definition is valid.\n"

        taken = "integration_type: whatsapp\nscheduling: nights\n"
        (here / "campaigns" / "b.yaml").write_text(f"id: 2\n{taken}")
        taken = "cycles: {enabled: true}\n"
        (here / "campaigns" / "c.yaml").write_text(f"id: 3\n{taken}")
        assert cs("validate").out == "3 definitions are valid.\n"

    def test_a_blocked_value_points_at_the_shared_line(self, cs: Command, here: Path) -> None:
        """A default that the API refuses is shown at its place, with the campaigns that use it."""
        text = WORKSPACE.replace("retries: 2", "description: Ours")
        text = text.replace("defaults:\n", "defaults:\n  agent_id: agt_new\n")
        seed = '{"campaigns": [{"id": 1}, {"id": 2}, {"id": 3}]}'
        (here / "seed.json").write_text(seed)
        text = text.replace("{api: sandbox}", "{api: sandbox, seed: seed.json}")
        (here / "campaignsync.yaml").write_text(text)
        for id_ in (1, 2):
            (here / "campaigns" / f"{id_}.yaml").write_text(f"id: {id_}\n")
        (here / "campaigns" / "3.yaml").write_text("id: 3\nagent_id: agt_own\n")

        ran = cs("plan", "--format", "json")

        assert ran.code == 6
        first, _, third = ran.json["campaigns"]
        [reason] = first["blocked"]
        assert reason["source"] == {"file": "campaignsync.yaml", "line": 12, "column": 13}
        assert first["notes"] == ["agent_id is set in campaignsync.yaml:12:13, for campaigns 1, 2"]
        assert third["notes"] == []


class TestChoosing:
    DESIRED = Desired(
        tuple(
            Definition(id_, "c.yaml", {"name": name}, {"id": Source("c.yaml", 1)}, labels)
            for id_, name, labels in (
                (1, "Q2 first", {"team": "collections"}),
                (2, "Q2 second", {"team": "sales", "tier": "a"}),
                (33, "Welcome", {}),
                (34, "[Q3] a=b", {}),
                (35, "36", {}),
            )
        )
    )

    @pytest.mark.parametrize(
        ("chosen", "excluded", "left"),
        [
            ([], [], [1, 2, 33, 34, 35]),
            (["1"], [], [1]),
            (["team=sales"], [], [2]),
            (["team=*"], [], [1, 2]),
            (["Q2 *"], [], [1, 2]),
            (["Welcome", "1"], [], [1, 33]),
            (["Q2 *"], ["2"], [1]),
            ([], ["team=sales"], [1, 33, 34, 35]),
            (["q2 *"], [], [1, 2]),
            (["name=Q2*"], [], [1, 2]),
            (["name=[q3] a=b"], [], [34]),
            (["name=36"], [], [35]),
        ],
    )
    def test_some_are_kept(self, chosen: list[str], excluded: list[str], left: list[int]) -> None:
        """Select by id, label or name, and exclude some."""
        kept = select(self.DESIRED, chosen, excluded)

        assert [definition.id for definition in kept.definitions] == left

    @pytest.mark.parametrize(
        ("chosen", "excluded"),
        [
            (["4"], []),
            (["team=x"], []),
            (["q4 *"], []),
            (["36"], []),
            (["a=b"], []),
            ([""], []),
            (["team="], []),
            (["1", "tier=b"], []),
            ([], ["*"]),
            ([], ["5"]),
        ],
    )
    def test_a_selector_without_matches_is_an_error(
        self, chosen: list[str], excluded: list[str]
    ) -> None:
        """A mistyped team never reads as "no changes"."""
        with pytest.raises(ConfigurationError):
            select(self.DESIRED, chosen, excluded)

    @pytest.mark.usefixtures("folder")
    def test_a_variable_has_one_selector_per_line(
        self, cs: Command, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A name with a space stays one selector, and an empty line is none."""
        monkeypatch.setenv("CAMPAIGNSYNC_SELECT", "Encuesta *\n1238\n")

        chosen = cs("render", "--format", "json").json["definitions"]

        assert [definition["id"] for definition in chosen] == [1238, 1240]

    def test_an_empty_selector_is_an_error(self, cs: Command, here: Path) -> None:
        """A job with an unset variable stops: it does not select campaigns without a name."""
        (here / "campaigns" / "a.yaml").write_text("id: 1\nretries: 1\n")

        assert cs("plan", "--select", "").code == 3

    def test_a_saved_plan_keeps_its_selection(
        self, cs: Command, folder: Path, server: Sandbox
    ) -> None:
        """A saved plan keeps its selection, which cannot be changed in apply."""
        cs("plan", "--select", "1235", "--select", "1236", "--exclude", "1235", "--out", "p.json")

        assert cs("apply", "p.json", "--auto-approve", "--select", "1236").code == 3
        assert cs("apply", "p.json", "--auto-approve").code == 0
        assert {write.path.rpartition("/")[2] for write in server.writes} == {"1236"}
        assert (folder / "p.json").exists()


class TestShards:
    IDS = range(1000, 3000, 10)

    def parts(self, ids: range | list[int], of: int) -> list[set[int]]:
        desired = Desired(
            tuple(Definition(id_, "c.yaml", {}, {"id": Source("c.yaml", 1)}) for id_ in ids)
        )
        return [
            {each.id for each in shard(desired, f"{number}/{of}").definitions}
            for number in range(1, of + 1)
        ]

    @pytest.mark.parametrize("of", [1, 2, 5, 16])
    def test_each_campaign_is_in_one_part(self, of: int) -> None:
        """The parts cover everything, do not overlap, and are at most twice their share."""
        parts = self.parts(self.IDS, of)

        assert set().union(*parts) == set(self.IDS)
        assert sum(map(len, parts)) == len(self.IDS)
        assert max(map(len, parts)) <= 2 * len(self.IDS) / of

    def test_a_campaign_stays_in_its_part(self) -> None:
        """Adding or removing campaigns does not move others to another part."""
        before = self.parts(self.IDS, 5)
        after = self.parts([*self.IDS[50:], 7, 8, 9], 5)

        for old, new in zip(before, after, strict=True):
            assert new & set(self.IDS) == old & set(self.IDS[50:])

    @pytest.mark.parametrize("part", ["0/5", "6/5", "1", "a/b", "1/0", "-1/2", "1/2/3"])
    def test_an_invalid_part_is_an_error(self, cs: Command, here: Path, part: str) -> None:
        """An invalid part is an error: it would always be empty."""
        (here / "campaigns" / "a.yaml").write_text("id: 1\nretries: 1\n")

        assert cs("plan", "--shard", part).code == 3

    @pytest.mark.slow
    def test_the_parts_of_a_plan_are_the_plan(
        self, cs: Command, folder: Path, server: Sandbox
    ) -> None:
        """Two jobs with a part each apply the same as one job."""
        for number in (1, 2):
            assert cs("apply", "--auto-approve", "--shard", f"{number}/2").code == 0

        assert cs("plan", "--detailed-exitcode", folder).code == 0
        assert len(server.writes) == 3


class TestRendering:
    @pytest.mark.slow
    def test_render_shows_each_value_and_its_place(self, cs: Command, here: Path) -> None:
        """`render` shows offline what `plan` compares, and where to change it."""
        text = "id: {staging: 7}\nlabels: {team: sales}\nretries: 0\n"
        (here / "campaigns" / "a.yaml").write_text(text)

        shown = cs("render", "7").out
        document = cs("render", "--format", "json").json

        assert "7  team=sales" in shown
        assert "retries         0                    campaigns/a.yaml:3:10" in shown
        assert "timezone        America/Mexico_City  campaignsync.yaml:12:13" in shown
        assert shown.splitlines()[-1] == "Rendered: 1 definition for staging."
        jsonschema.validate(document, schema("render"))
        assert "campaignsync.yaml:9:14" in cs("render", "--format", "markdown").out
        assert cs("render", "8").code == 3
        assert cs("render", "-e", "nowhere").code == 3

    def test_render_can_print_yaml(self, cs: Command, here: Path) -> None:
        """The output is valid YAML, with the place of each value."""
        text = "id: {staging: 7}\nlabels: {team: sales}\nscheduling: {wed: closed}\n"
        (here / "campaigns" / "a.yaml").write_text(text)

        assert cs("render", "--format", "yaml").out == (
            "id: 7  # campaigns/a.yaml:1:5\n"
            "labels: {team: sales}\n"
            "timezone: America/Mexico_City  # campaignsync.yaml:12:13\n"
            "retries: 2  # campaignsync.yaml:14:12\n"
            "scheduling:\n"
            "  mon-tue: 09:00-18:00  # campaignsync.yaml:9:14\n"
            "  wed: closed  # campaigns/a.yaml:3:19\n"
            "  thu-fri: 09:00-18:00  # campaignsync.yaml:9:14\n"
            "  sat: closed  # campaignsync.yaml:10:10\n"
        )


class TestSchema:
    @pytest.mark.slow
    @pytest.mark.parametrize(
        "definition",
        [
            {"id": {"staging": 1}, "labels": {"team": "x"}, "scheduling": "office-hours"},
            {"id": 1, "environments": {"staging": {"retries": 1}}},
            {"id": 1, "first_message": {"file": "a.txt"}},
        ],
    )
    def test_editors_accept_shared_values(self, definition: dict[str, Value]) -> None:
        """An editor accepts shared values."""
        jsonschema.validate(definition, schema("definition"))

    @pytest.mark.slow
    @pytest.mark.parametrize(
        "definition",
        [
            {"id": {}, "retries": 1},
            {"id": {"staging": 0}},
            {"id": 1, "environments": {"staging": {"id": 2}}},
            {"id": 1, "name": {"file": "a.txt"}},
        ],
    )
    def test_editors_mark_what_cannot_be_shared(self, definition: dict[str, Value]) -> None:
        """An editor marks keys that cannot be shared."""
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(definition, schema("definition"))

    @pytest.mark.parametrize(
        ("defaults", "right"),
        [
            ({"retries": 1, "scheduling": "a", "phone_call": {"first_message": "x"}}, True),
            ({"whatsapp": {"template": {"file": "a.txt"}}}, True),
            ({"whatsapp": {"first_message": "x"}}, False),
            ({"whatsapp": {"cycles": {"max_iterations": 1}}}, False),
            ({"phone_call": {"integration_type": "phone_call"}}, False),
            ({"labels": {"team": "x"}}, False),
            ({"name": "x"}, False),
        ],
    )
    def test_editors_and_validate_agree_on_defaults(
        self, cs: Command, here: Path, defaults: dict[str, Value], *, right: bool
    ) -> None:
        """Editors and `validate` agree on the defaults of a channel."""
        document = {"version": 1, "defaults": defaults, "schedules": {"a": {"mon": "closed"}}}
        (here / "campaignsync.yaml").write_text(json.dumps(document))
        (here / "a.txt").write_text("Hola")
        (here / "b.yaml").write_text("id: 1\nretries: 1\n")

        assert Draft202012Validator(schema("workspace")).is_valid(document) == right
        assert (cs("validate").code == 0) == right


class TestExporting:
    def test_a_default_changes_nothing_that_was_exported(self, cs: Command, here: Path) -> None:
        """Exporting writes empty live values if a default would fill them: the plan is empty."""
        text = WORKSPACE.replace("{api: sandbox}", "{api: sandbox, seed: seed.json}")
        text = text.replace("defaults:\n", "defaults:\n  description: Ours\n")
        (here / "campaignsync.yaml").write_text(text)
        seed = '{"campaigns": [{"id": 1, "description": ""}, {"id": 2, "description": null}]}'
        (here / "seed.json").write_text(seed)

        assert cs("export").code == 0

        planned = cs("plan", "--detailed-exitcode")
        assert planned.code == 0
        assert "No changes. 2 campaigns" in planned.out

    def test_an_exported_id_is_written_for_its_environment(self, cs: Command, here: Path) -> None:
        """An exported id is written for its environment only."""
        text = WORKSPACE.replace("{api: sandbox}", "{api: sandbox, seed: seed.json}")
        (here / "campaignsync.yaml").write_text(text)
        (here / "seed.json").write_text('{"campaigns": [{"id": 88, "name": "Hola"}]}')

        cs("export")

        assert "id: {staging: 88}\n" in (here / "campaigns" / "hola.yaml").read_text()
        assert cs("render", "-e", "production").code == 3


class TestAdopting:
    def test_adopting_a_shared_value_changes_one_campaign(self, cs: Command, here: Path) -> None:
        """Adopting a shared value changes this campaign only."""
        text = WORKSPACE.replace("{api: sandbox}", "{api: sandbox, seed: seed.json}")
        (here / "campaignsync.yaml").write_text(text)
        (here / "seed.json").write_text('{"campaigns": [{"id": 1, "retries": 5}]}')
        (here / "campaigns" / "a.yaml").write_text(
            "id: 1\nscheduling: office-hours\nenvironments: {staging: {description: x}}\n"
        )

        fields = ("retries", "scheduling", "description")
        ran = cs("adopt", *(word for name in fields for word in ("--field", name)))

        assert ran.code == 0, ran.err
        assert (here / "campaignsync.yaml").read_text() == text
        assert "`retries` is now set in the definition instead of " in ran.err
        assert "`scheduling` now has its own hours instead of office-hours" in ran.err
        assert "description is set for this environment only" in ran.err
        planned = cs("plan", "--format", "json").json["campaigns"][0]["changes"]
        assert {change["field"] for change in planned} == {"description"}

    def test_fmt_places_labels_and_environments(self, cs: Command, here: Path) -> None:
        """`fmt` puts labels after the id and environments at the end, with the same meaning."""
        file = here / "campaigns" / "a.yaml"
        file.write_text(
            "environments: {staging: {retries: 0}}\nretries: 1\nscheduling: office-hours\n"
            "labels: {team: x}\nid: {staging: 1, production: 2}\n"
            "description: {file: messages/hello.txt}\n"
        )
        before = cs("render", "--format", "json").json["definitions"][0]["fields"]

        assert cs("fmt").code == 0

        keys = [line.partition(":")[0] for line in file.read_text().splitlines()]
        assert keys[0:3] == ["id", "labels", "description"]
        assert "environments" in keys[-2:]
        after = cs("render", "--format", "json").json["definitions"][0]["fields"]
        assert [(f["field"], f["value"]) for f in after] == [
            (f["field"], f["value"]) for f in before
        ]


def test_a_definition_without_a_workspace_has_no_shared_values(tmp_path: Path) -> None:
    """Without a workspace there are no schedules and no environments to name."""
    (tmp_path / "a.yaml").write_text("id: {staging: 1}\nscheduling: x\n")

    with pytest.raises(DefinitionError) as caught:
        load([tmp_path / "a.yaml"])

    codes = {problem.code for problem in caught.value.problems}
    assert codes == {"UNKNOWN_ENVIRONMENT", "UNKNOWN_SCHEDULE"}
