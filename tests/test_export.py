"""Live campaigns become definitions that match live."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML
from support.commandline import EXAMPLE, Command
from support.faults import Quirks, Sandbox
from support.odd_campaigns import NAUGHTY, live_campaigns, texts
from support.servers import HookedSandbox, connect_to

from campaignsync.authoring.export import LONGEST_SLUG, export, file_names
from campaignsync.authoring.format import format_text
from campaignsync.cli.export import SCHEMA
from campaignsync.load import check
from campaignsync.model.definitions import Definition, LiveCampaign
from campaignsync.plan import plan_campaign
from campaignsync.sandbox import REFERENCE_DETAIL_KEYS
from campaignsync.sandbox.http_server import Reply
from campaignsync.yamltree.scalars import block, write_scalar


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("export") / "c.yaml"


def read(place: Path, text: str) -> Definition:
    place.write_text(text, "utf-8")
    (desired,), problems = check([place])
    assert [problem for problem in problems if problem.severity == "error"] == []
    return desired.definitions[0]


def by_another_tool(text: str, version: tuple[int, int]) -> Any:
    reader = YAML(typ="safe", pure=True)
    reader.version = version
    return reader.load(text)


@pytest.mark.slow
@given(live_campaigns())
@settings(deadline=None)
def test_an_exported_definition_plans_no_change(place: Path, live: LiveCampaign) -> None:
    """Every exported definition is valid, and contains only live values."""
    definition = read(place, export(live, SCHEMA).text)

    planned = plan_campaign(definition, live)

    assert planned.action == "unchanged"
    assert planned.changes == ()
    assert definition.id == live.id


@pytest.mark.slow
@given(live_campaigns())
@settings(deadline=None)
def test_an_exported_definition_is_formatted(live: LiveCampaign) -> None:
    """`fmt` does not change an exported definition."""
    text = export(live, SCHEMA).text

    assert format_text(text) == text


@pytest.mark.slow
@given(live_campaigns())
@settings(deadline=None)
def test_every_value_is_in_the_file_or_in_a_note(place: Path, live: LiveCampaign) -> None:
    """A live value that is neither in the file nor in a note was empty, or not a field."""
    exported = export(live, SCHEMA)
    definition = read(place, exported.text)

    named = definition.values.keys() | {left.field for left in exported.left_out}
    for path in ("name", "description", "timezone", "retries", "agent_id"):
        assert path in named or live.values.get(path) in (None, "", [])
    for left in exported.left_out:
        assert f"# left out: {left.field} " in exported.text


@given(
    texts.filter(lambda text: not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]", text))
)
@example("no")
@example("10:00")
@example("2026-01-05")
@example("y")
@example("0o17")
@settings(deadline=None)
@pytest.mark.parametrize("version", [(1, 1), (1, 2)])
def test_other_tools_read_the_same_text(version: tuple[int, int], text: str) -> None:
    """Exported text is text in YAML 1.1 and 1.2: on one line, in a list and as a block."""
    assert by_another_tool(f"k: {write_scalar(text)}\n", version) == {"k": text}
    assert by_another_tool(f"k: [{write_scalar(text, flow=True)}, x]\n", version) == {
        "k": [text, "x"]
    }
    if lines := block(text, "k:", 0):
        assert by_another_tool("\n".join([*lines, "z: 1"]) + "\n", version) == {"k": text, "z": 1}
    if lines := block(text, "k:", 2):
        nested = "\n".join(["a:", *lines])
        assert by_another_tool(nested, version) == {"a": {"k": text}}


names = st.sampled_from(NAUGHTY) | st.text("aA-é1/", max_size=5) | st.just("con")


@given(st.dictionaries(st.integers(1, 30), names), st.sets(st.sampled_from(["a.yaml", "A-1.yaml"])))
def test_every_campaign_has_a_file_of_its_own(named: dict[int, str], taken: set[str]) -> None:
    """File names are unique on every file system, and the same for the same account."""
    campaigns = [LiveCampaign(id_, {"name": name}) for id_, name in named.items()]

    file_by_id = file_names(campaigns, taken)

    assert len({name.casefold() for name in file_by_id.values()}) == len(named)
    assert file_by_id == file_names(campaigns[::-1], taken)
    for id_, name in file_by_id.items():
        assert re.fullmatch(r"[a-z0-9][a-z0-9-]*\.yaml", name)
        assert len(name) <= LONGEST_SLUG + 40
        assert name.casefold() not in {one.casefold() for one in taken} or str(id_) in name


def test_files_are_named_after_their_campaigns() -> None:
    """A file is named after its campaign; the id is added only if the name is not unique."""
    names_ = ["Día de pago / 50%", "Overdue", "overdue!", "📦", "عروض", "x" * 255, "CON", "a b"]
    campaigns = [LiveCampaign(id_, {"name": name}) for id_, name in enumerate(names_, start=1)]

    assert list(file_names(campaigns, ["A-B.yaml"]).values()) == [
        "dia-de-pago-50.yaml",
        "overdue-2.yaml",
        "overdue-3.yaml",
        "campaign-4.yaml",
        "campaign-5.yaml",
        f"{'x' * LONGEST_SLUG}.yaml",
        "con-7.yaml",
        "a-b-8.yaml",
    ]


MESSY = {
    "campaigns": [
        {"id": 1, "name": 'a/b\\c "q" \'s\'', "first_message": "línea\n\n  más\n- no: sí # x"},
        {"id": 2, "name": "🙂" * 255, "description": "palabra " * 60, "retries": 5},
        {"id": 3, "name": "مرحبا بكم", "first_message": "\n empieza vacío", "timezone": "EST"},
        {"id": 4, "name": "Overdue", "first_message": "a\rb", "message_limit": 20000},
        {"id": 5, "name": "Overdue", "integration_type": "whatsapp", "template": "no"},
        {"id": 6, "name": "Cycles", "cycles": {
            "enabled": True, "mode": "scheduled", "filter_tags": ["b, c", "no", "#1", "10:00"],
            "schedule_start_date": "2026-02-01", "schedule_end_date": "2026-01-01"}},
        {"id": 7, "name": "Old", "archived": True},
        {"id": 8, "name": "Done", "status": "finished"},
        {"id": 9, "name": "Nights", "scheduling": {
            "mon": {"startTime": "22:00", "stopTime": "06:00", "active": True},
            "tue": {"startTime": "9:00", "stopTime": "18:00:00", "active": True},
            "wed": {"startTime": "09:00", "stopTime": "18:00", "active": True}}},
        {"id": 10, "name": "no", "retries": 9, "agent": {"id": "null", "name": "?"}},
    ]
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize(
    "quirks",
    [
        Quirks(),
        Quirks(times="H:MM", empty="null", lists="reversed"),
        Quirks(times="HH:MM:SS", detail_keys=REFERENCE_DETAIL_KEYS),
    ],
    ids=["plain", "old spellings", "a silent detail"],
)
def test_a_messy_account_is_exported_and_plans_empty(
    quirks: Quirks, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cs: Command
) -> None:
    """A plan after an export finds no changes, for any names, texts and spellings."""
    monkeypatch.chdir(tmp_path)
    with Sandbox(MESSY, rate=None, quirks=quirks) as sandbox:
        connect_to(sandbox, monkeypatch)
        ran = cs("export", "--format", "json", "--archived", "--finished")
        planned = cs("plan", "campaigns", "--format", "json")
        writes = [request for request in sandbox.log if request.method != "GET"]

    assert ran.code == 0, ran.err
    assert ran.json["summary"]["written"] == 10
    assert len(list((tmp_path / "campaigns").glob("*.yaml"))) == 10
    assert planned.code == 0, planned.err
    assert all(not campaign["changes"] for campaign in planned.json["campaigns"])
    assert writes == []


def test_an_inexpressible_value_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cs: Command
) -> None:
    """A live value that a definition cannot hold is left out, with a note and a comment."""
    monkeypatch.chdir(tmp_path)
    with Sandbox(MESSY, rate=None) as sandbox:
        connect_to(sandbox, monkeypatch)
        ran = cs("export", "4")

    assert ran.code == 0
    assert "campaign 4: left out: first_message contains the control character U+000D" in ran.err
    text = (tmp_path / "campaigns" / "overdue.yaml").read_text()
    assert "# left out: message_limit is out of range" in text
    assert "\nmessage_limit" not in text


@pytest.mark.usefixtures("server")
def test_archived_and_finished_ones_come_on_request(folder: Path, cs: Command) -> None:
    """Finished and archived campaigns are left out of a new workspace, unless requested."""
    (folder / "new").mkdir()
    monday = cs("export", "--to", "new", "--dry-run", "--format", "json").json
    all_ = cs("export", "--to", "new", "--dry-run", "--finished", "--format", "json").json
    one = cs("export", "--to", "new", "--dry-run", "1241", "--format", "json").json

    assert 1241 not in [campaign["id"] for campaign in monday["campaigns"]]
    assert 1241 in [campaign["id"] for campaign in all_["campaigns"]]
    assert [campaign["id"] for campaign in one["campaigns"]] == [1241]
    assert list((folder / "new").iterdir()) == []


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        (("--name", "overdue *"), [1235, 1236]),
        (("--status", "cooldown"), [1236]),
        (("--channel", "whatsapp", "--name", "*a*"), [1238, 1239]),
        (("--agent", "agt_sofia", "--name", "Q2*"), [1234]),
    ],
)
@pytest.mark.usefixtures("server", "folder")
def test_filters_select_by_live_values(
    filters: tuple[str, ...], expected: list[int], cs: Command
) -> None:
    """Filters are combined, and patterns ignore case."""
    ran = cs("export", "--to", "new", "--dry-run", "--format", "json", *filters)

    assert [campaign["id"] for campaign in ran.json["campaigns"]] == expected


@pytest.mark.parametrize("filters", [("--name", "nothing"), ("99",), ("1241", "99")])
@pytest.mark.usefixtures("server", "folder")
def test_a_filter_without_matches_is_an_error(filters: tuple[str, ...], cs: Command) -> None:
    """A mistyped filter, or an id of another account, is an error."""
    assert cs("export", "--to", "new", *filters).code == 3


def test_managed_campaigns_and_files_that_exist_stay_as_they_are(
    folder: Path, server: Sandbox, cs: Command
) -> None:
    """Exporting into a workspace adds missing definitions, and changes no file."""
    before = {path: path.read_bytes() for path in (folder / "campaigns").iterdir()}
    (folder / "campaigns" / "managed-in-the-dashboard.yaml").mkdir()
    (folder / "campaigns" / "managed-in-the-dashboard-1300.yaml").mkdir()

    ran = cs("export", "--format", "json")

    assert ran.json["summary"] == {
        "written": 4, "pending": 0, "managed": 4, "exists": 1, "refused": 0,
    }  # fmt: skip
    assert {path: path.read_bytes() for path in before} == before
    assert "exists already" in ran.err
    assert [r.path for r in server.log if "1240" in r.path] == []


def test_an_export_costs_the_list_and_a_detail_for_each_new_campaign(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, server: Sandbox, cs: Command
) -> None:
    """No request is made twice; --dry-run needs the list only."""
    monkeypatch.chdir(tmp_path)

    cs("export", "1234", "1235")
    by_id = len(server.log)
    cs("export", "--name", "Overdue*")
    filtered = len(server.log) - by_id

    assert by_id == 2
    assert filtered == 1 + 1  # the list, and the detail of the one that is not managed yet


def test_a_new_workspace_is_written_in_the_standard_format(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cs: Command
) -> None:
    """Keys are in the table's order, days are folded, long texts are blocks."""
    monkeypatch.chdir(tmp_path)
    seed = json.loads((EXAMPLE / "sandbox.json").read_text())
    campaign = next(each for each in seed["campaigns"] if each["id"] == 1234)
    campaign["first_message"] = "Hola.\n¿Hablo con {{name}}?"
    campaign["description"] = " ".join(["Una descripción que no cabe en una línea."] * 3)
    with Sandbox({"campaigns": [campaign]}, rate=None) as sandbox:
        connect_to(sandbox, monkeypatch)
        assert cs("export").code == 0

    assert (tmp_path / "campaigns" / "q2-reactivation-wave-2.yaml").read_text() == EXPECTED


EXPECTED = """\
# yaml-language-server: $schema=../campaign.schema.json
# Status when exported: active
id: 1234
name: Q2 Reactivation - wave 2
description: >-
  Una descripción que no cabe en una línea. Una descripción que no cabe en una línea.
  Una descripción que no cabe en una línea.
agent_id: agt_sofia
integration_id: int_phone_mx
integration_type: phone_call
timezone: America/Mexico_City
retries: 2
message_limit: 5000
scheduling:
  mon-fri: 09:00-18:00
  sat: 10:00-14:00
  sun: closed
first_message: |-
  Hola.
  ¿Hablo con {{name}}?
cycles:
  enabled: true
  mode: scheduled
  max_iterations: 7
  cooldown_minutes: 720
  filter_statuses: [no-answer, voicemail]
  schedule:
    mon: 09:00-12:00
    tue-wed: closed
    thu: 09:00-12:00
    fri-sun: closed
  schedule_start_date: 2026-01-05
  schedule_end_date: 2026-06-26
"""


@pytest.mark.usefixtures("folder")
def test_an_already_managed_campaign_is_reported(server: Sandbox, cs: Command) -> None:
    """If a campaign is already managed, the export names its file."""
    ran = cs("export", "1240")

    assert ran.code == 0
    assert "campaign 1240: skipped, campaigns/survey.yaml:2:5 manages it already" in ran.err
    assert len(server.log) == 1


def test_a_campaign_that_goes_away_meanwhile_is_not_exported_in_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cs: Command
) -> None:
    """A campaign that is deleted during the export gets no file."""
    monkeypatch.chdir(tmp_path)
    with HookedSandbox({"campaigns": [{"id": 1}, {"id": 2}]}, rate=None) as sandbox:
        connect_to(sandbox, monkeypatch)
        sandbox.hook = lambda request: Reply(404, b"{}") if request.path.endswith("/2") else None
        ran = cs("export", "--format", "json")

    assert [campaign["id"] for campaign in ran.json["campaigns"]] == [1]
    assert [path.name for path in (tmp_path / "campaigns").iterdir()] == ["campaign-1.yaml"]
