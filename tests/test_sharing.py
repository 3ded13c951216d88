"""What definitions share: defaults, schedules, texts, environments; and choosing among them."""

import os
from pathlib import Path

import jsonschema
import pytest
from awkward import valid_values
from commandline import Command
from hypothesis import given, settings
from hypothesis import strategies as st

from campaignsync.errors import ConfigurationError, DefinitionError, Source
from campaignsync.fields import BY_PATH, Value
from campaignsync.load import load
from campaignsync.load.resolve import resolve
from campaignsync.load.sheet import Sheet
from campaignsync.model.values import Definition, Desired, Shared
from campaignsync.sandbox import Sandbox
from campaignsync.schema import schema
from campaignsync.select import select, shard
from campaignsync.workspace import definitions

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
    workspace, files = definitions([])
    [definition] = load(files, workspace.shared, environment).definitions
    return definition


class TestDefaults:
    @pytest.mark.usefixtures("here")
    def test_the_nearest_word_wins(self) -> None:
        """The environment's value wins over the definition's, that over its channel's default."""
        found = one(
            "id: 1\nintegration_type: phone_call\nscheduling: {sat: 10:00-12:00}\n"
            "environments: {staging: {timezone: America/Bogota}}\n"
        )

        assert found.values["timezone"] == "America/Bogota"
        assert found.values["retries"] == 3
        assert found.values["scheduling.mon"]["startTime"] == "09:00"
        assert found.values["scheduling.sat"]["startTime"] == "10:00"
        assert found.values["first_message"] == "Hola, ¿hablo con {{name}}?\nLe llamo."
        assert {path: str(found.source_of(path)) for path in found.values} == {
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
    def test_a_default_is_for_those_that_say_its_condition(
        self, text: str, there: list[str], not_there: list[str]
    ) -> None:
        """No default puts a text of one channel, or a field of cycles, where it does not belong."""
        found = one(f"id: 1\n{text}\n").values

        assert set(there) <= found.keys()
        assert not set(not_there) & found.keys()

    @given(values=valid_values(), chance=st.randoms())
    @settings(deadline=None)
    def test_sharing_is_like_writing_it_out(
        self, values: dict[str, Value], chance: st.DataObject
    ) -> None:
        """Whatever part of a definition becomes a default, it means the same."""
        values.pop("id", None)
        shareable = [
            path
            for path in values
            if path != "name"
            and (not (rules := BY_PATH[path].requires) or rules[-1].path in values)
        ]
        moved = {path for path in shareable if chance.random() < 0.5}  # type: ignore[attr-defined] # a Random
        at = Source("campaignsync.yaml", 1)
        shared = Shared(defaults={path: (values[path], at) for path in moved})
        own = {path: value for path, value in values.items() if path not in moved}
        places = dict.fromkeys(("id", *own), (1, 1))

        whole = resolve(sheet({None: 1}, values), Shared(), None)
        parted = resolve(Sheet(sheet({None: 1}, own).page, {None: 1}, own, places), shared, None)

        assert whole is not None
        assert parted is not None
        assert [*parted.values.items()] == [*whole.values.items()]
        assert {path for path in parted.values if parted.source_of(path) == at} == moved


def sheet(ids: dict[str | None, int], values: dict[str, Value]) -> Sheet:
    from campaignsync.load.page import Page  # noqa: PLC0415 - a detail of this function

    return Sheet(Page("a.yaml", []), ids, values, dict.fromkeys(("id", *values), (1, 1)))


class TestEnvironments:
    IDS = "id: {production: 1234, staging: 88}\nretries: 1\n"

    @pytest.mark.usefixtures("here")
    def test_a_definition_has_an_id_in_each(self) -> None:
        """One file is one campaign in each account."""
        assert one(self.IDS).id == 88
        assert one(self.IDS, "production").id == 1234

    def test_an_id_of_another_environment_is_told(self, cs: Command, here: Path) -> None:
        """Who names the id of the other account is told where it is one."""
        (here / "campaigns" / "a.yaml").write_text(self.IDS)

        ran = cs("render", "1234")

        assert ran.code == 3
        assert "it is an id in production: pass -e production" in ran.err
        assert cs("render", "1234", "-e", "production").code == 0

    def test_those_of_other_environments_are_left_out_and_counted(
        self, cs: Command, here: Path
    ) -> None:
        """A plan says how many definitions are not of its environment."""
        (here / "campaigns" / "a.yaml").write_text("id: {production: 1}\nretries: 1\n")
        (here / "campaigns" / "b.yaml").write_text("id: 2\nretries: 1\n")

        ran = cs("plan", "--format", "json")

        assert [campaign["id"] for campaign in ran.json["campaigns"]] == [2]
        assert "1 definition without an id for staging" in ran.err
        assert "without an id" not in cs("plan", "-q").err

    def test_ids_are_told_apart_within_an_environment(self, cs: Command, here: Path) -> None:
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
    @pytest.mark.parametrize(
        ("text", "place", "code", "said"),
        [
            ("scheduling: ofice-hours", "2:13", "UNKNOWN_SCHEDULE", "did you mean `office-hours`?"),
            ("scheduling: 09:00-18:00", "2:13", "UNKNOWN_SCHEDULE", "mon-fri: 09:00-18:00"),
            ("environments: {stagin: {}}", "2:16", "UNKNOWN_ENVIRONMENT", "`staging`?"),
            ("environments: {staging: {id: 2}}", "2:26", "UNKNOWN_KEY", "`id` is not known"),
            ("labels: {team: [a]}", "2:16", "WRONG_TYPE", "label `team` takes one value"),
            ("description: {file: ../x}", "2:21", "OUTSIDE", "leads out of the workspace"),
            ("description: {file: /etc/passwd}", "2:21", "OUTSIDE", "leads out of the workspace"),
            ("description: {file: link}", "2:21", "OUTSIDE", "leads out of the workspace"),
            ("description: {file: gone.txt}", "2:21", "UNREADABLE", "No such file"),
            ("description: {file: messages}", "2:21", "UNREADABLE", "not a regular file"),
            ("description: {file: fifo}", "2:21", "UNREADABLE", "not a regular file"),
            ("description: {file: binary}", "2:21", "NOT_UTF8", "not UTF-8"),
            ("description: {fil: x}", "2:14", "WRONG_TYPE", "needs one value"),
            ("name: {file: messages/hello.txt}", "2:7", "WRONG_TYPE", "needs one value"),
            ("integration_type: whatsapp\nfirst_message: x", "3:16", "INVALID_REQUEST", "channel"),
        ],
    )
    def test_each_is_told_in_its_place(  # noqa: PLR0917 - a row of the table, and two fixtures
        self, cs: Command, here: Path, text: str, place: str, code: str, said: str
    ) -> None:
        """What a definition gets wrong about what it shares is told where it stands."""
        os.mkfifo(here / "fifo")
        (here / "link").symlink_to("/etc/passwd")
        (here / "binary").write_bytes(b"\xff\xfe\x00")
        (here / "campaigns" / "a.yaml").write_text(f"id: 1\n{text}\n")

        ran = cs("validate")

        assert ran.code == 3
        assert f"campaigns/a.yaml:{place}: error" in ran.out
        assert code in ran.out
        assert said in ran.out
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
        ],
    )
    def test_a_shared_mistake_is_told_once(
        self, cs: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, section: str, code: str
    ) -> None:
        """A mistake in campaignsync.yaml is one problem, however many definitions share it."""
        monkeypatch.chdir(tmp_path)
        (tmp_path / "campaignsync.yaml").write_text(f"version: 1\n{section}\n")
        for id_ in range(1, 4):
            (tmp_path / f"{id_}.yaml").write_text(f"id: {id_}\nretries: 1\n")

        ran = cs("validate")

        assert ran.code == 3
        assert ran.err.count(code) == 1
        assert "campaignsync.yaml:2" in ran.err

    def test_a_blocked_value_points_at_the_shared_line(self, cs: Command, here: Path) -> None:
        """A default that the API refuses is shown where it stands, with those who have it."""
        text = WORKSPACE.replace("defaults:\n", "defaults:\n  agent_id: agt_new\n")
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
        assert first["notes"] == ["agent_id stands in campaignsync.yaml:12:13, for 1, 2"]
        assert third["notes"] == []


class TestChoosing:
    DESIRED = Desired(
        tuple(
            Definition(id_, "c.yaml", {"name": name}, {"id": (1, 1)}, labels)
            for id_, name, labels in (
                (1, "Q2 first", {"team": "collections"}),
                (2, "Q2 second", {"team": "sales", "tier": "a"}),
                (33, "Welcome", {}),
            )
        )
    )

    @pytest.mark.parametrize(
        ("chosen", "excluded", "left"),
        [
            ([], [], [1, 2, 33]),
            (["1"], [], [1]),
            (["team=sales"], [], [2]),
            (["team=*"], [], [1, 2]),
            (["Q2 *"], [], [1, 2]),
            (["Welcome", "1"], [], [1, 33]),
            (["Q2 *"], ["2"], [1]),
            ([], ["team=sales"], [1, 33]),
        ],
    )
    def test_some_are_kept(self, chosen: list[str], excluded: list[str], left: list[int]) -> None:
        """By id, label or name, and without some of them."""
        kept = select(self.DESIRED, chosen, excluded)

        assert [definition.id for definition in kept.definitions] == left

    @pytest.mark.parametrize(
        ("chosen", "excluded"),
        [
            (["4"], []),
            (["team=x"], []),
            (["q2 *"], []),
            (["1", "tier=b"], []),
            ([], ["*"]),
            ([], ["5"]),
        ],
    )
    def test_a_word_that_means_nothing_is_an_error(
        self, chosen: list[str], excluded: list[str]
    ) -> None:
        """Who mistypes a team is not told that all its campaigns are fine."""
        with pytest.raises(ConfigurationError):
            select(self.DESIRED, chosen, excluded)

    def test_a_plan_of_some_is_applied_as_it_was_saved(
        self, cs: Command, folder: Path, server: Sandbox
    ) -> None:
        """What was chosen for the plan is what is applied, and cannot be chosen again."""
        cs("plan", "--select", "1235", "--select", "1236", "--exclude", "1235", "--out", "p.json")

        assert cs("apply", "p.json", "--auto-approve", "--select", "1236").code == 3
        assert cs("apply", "p.json", "--auto-approve").code == 0
        assert {write.path.rpartition("/")[2] for write in server.writes} == {"1236"}
        assert (folder / "p.json").exists()


class TestShards:
    IDS = range(1000, 3000, 10)

    def parts(self, ids: range | list[int], of: int) -> list[set[int]]:
        desired = Desired(tuple(Definition(id_, "c.yaml", {}, {"id": (1, 1)}) for id_ in ids))
        return [
            {each.id for each in shard(desired, f"{number}/{of}").definitions}
            for number in range(1, of + 1)
        ]

    @pytest.mark.parametrize("of", [1, 2, 5, 16])
    def test_each_campaign_is_in_one_part(self, of: int) -> None:
        """Together the parts are all, none overlaps, and none is more than twice its share."""
        parts = self.parts(self.IDS, of)

        assert set().union(*parts) == set(self.IDS)
        assert sum(map(len, parts)) == len(self.IDS)
        assert max(map(len, parts)) <= 2 * len(self.IDS) / of

    def test_a_campaign_stays_in_its_part(self) -> None:
        """Others that come and go move nobody."""
        before = self.parts(self.IDS, 5)
        after = self.parts([*self.IDS[50:], 7, 8, 9], 5)

        for old, new in zip(before, after, strict=True):
            assert new & set(self.IDS) == old & set(self.IDS[50:])

    @pytest.mark.parametrize("part", ["0/5", "6/5", "1", "a/b", "1/0", "-1/2", "1/2/3"])
    def test_what_is_no_part_is_an_error(self, cs: Command, here: Path, part: str) -> None:
        """A part that does not exist would plan nothing, for ever."""
        (here / "campaigns" / "a.yaml").write_text("id: 1\nretries: 1\n")

        assert cs("plan", "--shard", part).code == 3

    def test_the_parts_of_a_plan_are_the_plan(
        self, cs: Command, folder: Path, server: Sandbox
    ) -> None:
        """Two jobs with a part each apply what one job would have."""
        for number in (1, 2):
            assert cs("apply", "--auto-approve", "--shard", f"{number}/2").code == 0

        assert cs("plan", "--detailed-exitcode", folder).code == 0
        assert len(server.writes) == 3


class TestRendering:
    def test_it_shows_each_value_and_its_place(self, cs: Command, here: Path) -> None:
        """What `plan` will compare is shown offline, with where to change it."""
        text = "id: {staging: 7}\nlabels: {team: sales}\nretries: 0\n"
        (here / "campaigns" / "a.yaml").write_text(text)

        shown = cs("render", "7").out
        told = cs("render", "--format", "json").json

        assert "7  team=sales" in shown
        assert "retries         0                    campaigns/a.yaml:3:10" in shown
        assert "timezone        America/Mexico_City  campaignsync.yaml:12:13" in shown
        assert shown.splitlines()[-1] == "Rendered: 1 definition for staging."
        jsonschema.validate(told, schema("render"))
        assert "campaignsync.yaml:9:14" in cs("render", "--format", "markdown").out
        assert cs("render", "8").code == 3
        assert cs("render", "-e", "nowhere").code == 3


class TestSchema:
    @pytest.mark.parametrize(
        "definition",
        [
            {"id": {"staging": 1}, "labels": {"team": "x"}, "scheduling": "office-hours"},
            {"id": 1, "environments": {"staging": {"retries": 1}}},
            {"id": 1, "first_message": {"file": "a.txt"}},
        ],
    )
    def test_editors_know_it(self, definition: dict[str, Value]) -> None:
        """What is shared is no mistake to an editor."""
        jsonschema.validate(definition, schema("definition"))

    @pytest.mark.parametrize(
        "definition",
        [
            {"id": {}, "retries": 1},
            {"id": {"staging": 0}},
            {"id": 1, "environments": {"staging": {"id": 2}}},
            {"id": 1, "name": {"file": "a.txt"}},
        ],
    )
    def test_editors_know_what_is_wrong(self, definition: dict[str, Value]) -> None:
        """What cannot be shared is marked."""
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(definition, schema("definition"))


class TestAdopting:
    def test_what_is_shared_stays_as_it_is(self, cs: Command, here: Path) -> None:
        """A live value becomes the campaign's own, and no other campaign changes with it."""
        text = WORKSPACE.replace("{api: sandbox}", "{api: sandbox, seed: seed.json}")
        (here / "campaignsync.yaml").write_text(text)
        (here / "seed.json").write_text('{"campaigns": [{"id": 1, "retries": 5}]}')
        (here / "campaigns" / "a.yaml").write_text(
            "id: 1\nscheduling: office-hours\nenvironments: {staging: {description: x}}\n"
        )

        ran = cs("adopt", "--all")

        assert ran.code == 0
        assert (here / "campaignsync.yaml").read_text() == text
        assert "`retries` is the campaign's own now" in ran.err
        assert "`scheduling` has hours of its own now, and not office-hours" in ran.err
        assert "description is set for this environment alone" in ran.err
        planned = cs("plan", "--format", "json").json["campaigns"][0]["changes"]
        assert {change["field"] for change in planned} == {"description"}

    def test_the_house_style_has_a_place_for_it(self, cs: Command, here: Path) -> None:
        """Labels stand behind the id, environments at the end, and nothing changes its meaning."""
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


def test_a_definition_alone_shares_nothing(tmp_path: Path) -> None:
    """Without a workspace there are no schedules and no environments to name."""
    (tmp_path / "a.yaml").write_text("id: {staging: 1}\nscheduling: x\n")

    with pytest.raises(DefinitionError) as caught:
        load([tmp_path / "a.yaml"])

    codes = {problem.code for problem in caught.value.problems}
    assert codes == {"UNKNOWN_ENVIRONMENT", "UNKNOWN_SCHEDULE"}
