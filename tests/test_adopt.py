"""`adopt` writes live values into a definition and changes nothing else in the file."""

import os
import pty
import subprocess
from collections.abc import Callable, Iterator
from difflib import SequenceMatcher
from pathlib import Path

import pytest
from hypothesis import given, settings
from support.commandline import PROGRAM, ROOT, Command
from support.definition_texts import contents, valid_values
from support.faults import Sandbox
from support.servers import connect_to
from support.two_environments import two_environments

from campaignsync.authoring.adopt import adopted, offer
from campaignsync.load import ALONE, check_content
from campaignsync.load.definition import resolve
from campaignsync.model.definitions import Definition, LiveCampaign
from campaignsync.model.kind import Value
from campaignsync.model.plan import Change
from campaignsync.plan import plan_campaign


def read(content: bytes) -> Definition:
    unresolved, problems = check_content("c.yaml", content)
    assert unresolved is not None
    assert [problem for problem in problems if problem.severity == "error"] == []
    definition = resolve(unresolved, ALONE, None)
    assert definition is not None
    return definition


def take(content: bytes, **live: Value) -> tuple[bytes, tuple[str, ...]]:
    """Adopt these live values into a definition; dots in paths are written as `__`."""
    definition = read(content)
    values = {path.replace("__", "."): value for path, value in live.items()}
    campaign = LiveCampaign(definition.id, {**definition.settled({}), **values})
    made = adopted(
        "c.yaml", content, offer(definition, campaign, list(values), also_new=True).changes
    )
    return made.content, made.notes


@pytest.mark.slow
@given(contents, valid_values())
@settings(deadline=None)
def test_after_adopting_the_plan_is_empty(
    drawn: tuple[dict[str, Value], bytes], live: dict[str, Value]
) -> None:
    """After adopting, the definition matches live, whatever its YAML style."""
    content = drawn[1]
    definition = read(content)
    # A definition keeps its channel and mode: other ones would forbid its other fields.
    moved = {
        path: value
        for path, value in live.items()
        if path in definition.values and not path.startswith(("integration_type", "cycles.enabled"))
        and path not in ("cycles.mode", "cycles.schedule_start_date", "cycles.schedule_end_date")
    }  # fmt: skip
    campaign = LiveCampaign(definition.id, {**definition.settled({}), **moved})

    made = adopted("c.yaml", content, offer(definition, campaign).changes)

    planned = plan_campaign(read(made.content), campaign)
    assert planned.changes == ()


@pytest.mark.slow
@given(contents, valid_values())
@settings(deadline=None)
def test_only_the_lines_of_one_field_differ(
    drawn: tuple[dict[str, Value], bytes], live: dict[str, Value]
) -> None:
    """The git diff contains the adopted field only."""
    content = drawn[1]
    definition = read(content)
    # Numbers may have an anchor here: then its aliases change, too.
    alone = ["timezone", "agent_id", *([] if b": *n" in content else ["retries", "message_limit"])]
    for path in alone:
        if live.get(path) in (None, definition.values.get(path)) or path not in definition.values:
            continue
        change = Change(
            field=path, before=definition.values[path], after=live[path], known=True,
            source=definition.source_of(path),
        )  # fmt: skip
        made = adopted("c.yaml", content, [change]).content
        line = definition.source_of(path).line - 1
        assert differing(content, made) == [line]


def differing(before: bytes, after: bytes) -> list[int]:
    """Return the numbers of removed or added lines, from 0, as in the earlier text."""
    old, new = before.split(b"\n"), after.split(b"\n")
    lines: set[int] = set()
    for tag, start, end, _, _ in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if tag != "equal":
            lines |= set(range(start, max(end, start + 1)))
    return sorted(lines)


WEEK = """\
id: 1   # the id
scheduling:
  mon-fri: 09:00-18:00   # office
  sat: {startTime: '10:00', stopTime: "14:00", active: true}
  sun: closed

retries: 2
"""

HOURS = {"startTime": "09:00", "stopTime": "18:00", "active": True}
LONG = {"startTime": "09:00", "stopTime": "20:00", "active": True}
CLOSED = {"active": False}

CASES = [
    pytest.param(
        WEEK, {"scheduling__tue": LONG},
        WEEK.replace(
            "mon-fri: 09:00-18:00   # office",
            "mon: 09:00-18:00   # office\n  tue: 09:00-20:00\n  wed-fri: 09:00-18:00",
        ), id="a range parts where one day moved",
    ),
    pytest.param(
        WEEK, {f"scheduling__{day}": LONG for day in ("mon", "tue", "wed", "thu", "fri")},
        WEEK.replace("mon-fri: 09:00-18:00 ", "mon-fri: 09:00-20:00 "),
        id="a range stays one where all of it moved",
    ),
    pytest.param(
        WEEK, {"scheduling__sat": {"startTime": "10:00", "stopTime": "15:00", "active": True}},
        WEEK.replace("14:00", "15:00").replace("'10:00'", '"10:00"'),
        id="the API's own form stays",
    ),
    pytest.param(WEEK, {"retries": 5}, WEEK.replace("retries: 2", "retries: 5"), id="a number"),
    pytest.param(
        WEEK[:-1], {"retries": 5}, WEEK[:-1].replace("retries: 2", "retries: 5"),
        id="no final newline",
    ),
    pytest.param(
        WEEK.replace("\n", "\r\n"), {"scheduling__fri": CLOSED},
        WEEK.replace(
            "mon-fri: 09:00-18:00   # office", "mon-thu: 09:00-18:00   # office\n  fri: closed"
        ).replace("\n", "\r\n"),
        id="CRLF",
    ),
    pytest.param(
        "id: 1\nname: 'Foo'  # c\n", {"name": "Bar"}, "id: 1\nname: 'Bar'  # c\n",
        id="quotes stay",
    ),
    pytest.param(
        "id: 1\nname: Foo\n", {"name": "no"}, 'id: 1\nname: "no"\n', id="quotes come where needed"
    ),
    pytest.param(
        "id: 1\nfirst_message: |  # said first\n    Hola\n    ¿quién?\n\n# end\n",
        {"first_message": "Hola\n¿cómo?"},
        "id: 1\nfirst_message: |  # said first\n    Hola\n    ¿cómo?\n\n# end\n",
        id="a block of text keeps its margin",
    ),
    pytest.param(
        "id: 1\nfirst_message: Hola  # c\nretries: 1\n", {"first_message": "Hola\ntú"},
        "id: 1\nfirst_message: |-  # c\n  Hola\n  tú\nretries: 1\n",
        id="a line becomes a block",
    ),
    pytest.param(
        "id: 1\ncycles:\n  filter_tags:\n    # the first\n    - a  # why\n    - b\n"
        "  max_iterations: 3\n",
        {"cycles__filter_tags": ["a", "c"]},
        "id: 1\ncycles:\n  filter_tags:\n    # the first\n    - a  # why\n    - c\n"
        "  max_iterations: 3\n",
        id="a list keeps the lines that stay",
    ),
    pytest.param(
        "id: 1\ncycles: {filter_tags: ['b', a], max_iterations: 3}  # x\n",
        {"cycles__filter_tags": ["a", "b", "c d"], "cycles__max_iterations": 4},
        "id: 1\ncycles: {filter_tags: ['b', a, c d], max_iterations: 4}  # x\n",
        id="braces stay braces",
    ),
    pytest.param(
        "{id: 1, retries: 2}\n", {"retries": 3, "name": "A: b"},
        '{id: 1, name: "A: b", retries: 3}\n', id="all in braces",
    ),
    pytest.param(
        "id: 1\nretries: 2\n", {"name": "A", "cycles__max_iterations": 3},
        "id: 1\nname: A\nretries: 2\ncycles:\n  max_iterations: 3\n",
        id="what was not managed comes into its place",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("before", "live", "after"), CASES)
def test_the_difference_is_the_smallest(before: str, live: dict[str, Value], after: str) -> None:
    """The diff of `adopt` is what a person would have edited by hand."""
    content, notes = take(before.encode(), **live)

    assert content.decode() == after
    assert notes == ()


SHARED = """\
id: 1
retries: &n 2
scheduling: &week
  mon-fri: &day 09:00-18:00
  sat: *day
cycles:
  max_iterations: *n
  schedule: *week  # the same
"""

MERGED = """\
id: 1
scheduling: &week {mon-fri: 09:00-18:00}
cycles:
  schedule:
    <<: *week   # as ever
    sat: closed
"""

UNSHARED = [
    pytest.param(
        SHARED, {"cycles__max_iterations": 3},
        SHARED.replace("max_iterations: *n", "max_iterations: 3"), id="an alias",
    ),
    pytest.param(
        SHARED, {"scheduling__sat": CLOSED, "cycles__schedule__sat": CLOSED},
        SHARED.replace("sat: *day", "sat: closed").replace(
            "schedule: *week  # the same",
            "schedule:  # the same\n    mon-fri: 09:00-18:00\n    sat: closed",
        ), id="a week that another one follows",
    ),
    pytest.param(
        SHARED, {"retries": 3},
        SHARED.replace("&n 2", "3").replace("max_iterations: *n", "max_iterations: 2"),
        id="the anchor itself",
    ),
    pytest.param(
        SHARED, {"cycles__schedule__tue": LONG},
        SHARED.replace(
            "schedule: *week  # the same",
            "schedule:  # the same\n    mon: 09:00-18:00\n    tue: 09:00-20:00\n"
            "    wed-sat: 09:00-18:00",
        ), id="a day of an aliased week",
    ),
    pytest.param(
        MERGED, {"cycles__schedule__fri": CLOSED},
        MERGED.replace(
            "<<: *week   # as ever", "mon-thu: 09:00-18:00   # as ever\n    fri: closed"
        ), id="a merged day",
    ),
    pytest.param(
        MERGED, {"cycles__schedule__sat": LONG}, MERGED.replace("sat: closed", "sat: 09:00-20:00"),
        id="a day beside a merge",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("before", "live", "after"), UNSHARED)
def test_a_shared_value_is_not_changed_for_others(
    before: str, live: dict[str, Value], after: str
) -> None:
    """A value from an alias or a merge key is written out in the field, and reported."""
    content, notes = take(before.encode(), **live)

    assert content.decode() == after
    assert bool(notes) == ("own" in "".join(notes))


def test_an_out_of_range_value_is_reported_and_not_adopted() -> None:
    """A live value out of range is not written into a file that would then be invalid."""
    definition = read(b"id: 1\nretries: 2\nname: A\n")
    live = LiveCampaign(1, {"retries": 9, "name": "A"})

    offered = offer(definition, live)

    assert offered.changes == ()
    assert offered.refused == ('retries: the live value is out of range: "9"',)


Git = Callable[..., str]


@pytest.fixture
def committed(folder: Path, git: Git) -> Path:
    """Commit the example's definitions, so that other live values count as changed in live."""
    git("init", "-q")
    git("add", "campaigns")
    git("commit", "-qm", "The definitions")
    return folder


@pytest.mark.slow
@pytest.mark.usefixtures("committed")
def test_the_whole_workspace_follows_live(server: Sandbox, cs: Command) -> None:
    """After `adopt --all`, plan finds no changes, and `adopt` itself sends nothing."""
    ran = cs("adopt", "--all")
    planned = cs("plan", "campaigns", "--format", "json").json

    assert ran.code == 0, ran.err
    assert planned["summary"]["update"] == planned["summary"]["frozen"] == 0
    assert "1236 Overdue 60 days" in ran.out
    assert "description  Second reminder → (empty)" in ran.out
    assert ran.out.splitlines()[-1].startswith("Adopted: ")
    assert {request.method for request in server.log} == {"GET"}


@pytest.mark.slow
@pytest.mark.usefixtures("committed")
def test_adopting_reads_no_more_than_planning(server: Sandbox, cs: Command) -> None:
    """`adopt` needs no more requests than a plan."""
    cs("plan")
    planned = sorted(request.path for request in server.log)
    cs("adopt", "--all")

    assert sorted(request.path for request in server.log) == sorted(planned * 2)


@pytest.mark.usefixtures("server")
def test_one_field_of_one_campaign(folder: Path, cs: Command) -> None:
    """The other fields of the file keep the definition's values."""
    file = folder / "campaigns" / "overdue-60.yaml"
    before = file.read_text()

    ran = cs("adopt", "1236", "--field", "description")

    assert ran.code == 0
    assert file.read_text() == before.replace("description: Second reminder", 'description: ""')


@pytest.mark.usefixtures("server", "folder")
@pytest.mark.parametrize(
    "arguments", [(), ("99", "--all"), ("--field", "retrys"), ("--field", "status")]
)
def test_adopt_without_a_terminal_or_with_a_wrong_field_is_an_error(
    arguments: tuple[str, ...], cs: Command
) -> None:
    """Without a terminal `adopt` does not ask; a mistyped field is an error."""
    ran = cs("adopt", *arguments)

    assert ran.code == 3
    assert "→" in ran.err


@pytest.mark.slow
def test_adopt_prompts_for_each_field_on_a_terminal(tmp_path: Path) -> None:
    """Take one field, keep another: the taken one has the live value, the kept one does not."""
    (tmp_path / "campaigns").mkdir()
    file = tmp_path / "campaigns" / "a.yaml"
    file.write_text("id: 1\nname: A\nretries: 1\n")
    with Sandbox({"campaigns": [{"id": 1, "name": "B", "retries": 4}]}, rate=None) as sandbox:
        ours, theirs = pty.openpty()
        os.write(ours, b"k\nt\n")
        environment = {
            "PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT),
            "ALTUR_BASE_URL": sandbox.url, "ALTUR_API_KEY": sandbox.key,
        }  # fmt: skip
        ran = subprocess.run(
            [*PROGRAM, "adopt"], cwd=tmp_path, env=environment, stdin=theirs, stderr=theirs,
            stdout=subprocess.PIPE, timeout=30, check=False,
        )  # fmt: skip

    assert ran.returncode == 0
    assert file.read_text() == "id: 1\nname: A\nretries: 4\n"


COMMITTED = "id: {id}\nname: A\nretries: 1\n"


@pytest.fixture
def edited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, git: Git) -> Iterator[Path]:
    """Commit three definitions, then change `retries` on one side, the other, or both.

    Campaign 1: the definition was edited. Campaign 2: live changed. Campaign 3: both.
    """
    folder = tmp_path / "campaigns"
    folder.mkdir()
    monkeypatch.chdir(tmp_path)
    for id_ in (1, 2, 3):
        (folder / f"{id_}.yaml").write_text(COMMITTED.format(id=id_))
    git("init", "-q")
    git("add", "campaigns")
    git("commit", "-qm", "The definitions")
    for id_ in (1, 3):
        (folder / f"{id_}.yaml").write_text(COMMITTED.format(id=id_).replace("s: 1", "s: 5"))
    live = {1: 1, 2: 4, 3: 4}
    campaigns = [{"id": id_, "name": "A", "retries": retries} for id_, retries in live.items()]
    with Sandbox({"campaigns": campaigns}, rate=None) as sandbox:
        connect_to(sandbox, monkeypatch)
        yield folder


def retries_in(folder: Path) -> list[str]:
    return [file.read_text().splitlines()[2] for file in sorted(folder.iterdir())]


def test_adopting_all_keeps_edits_that_are_not_applied(edited: Path, cs: Command) -> None:
    """`adopt --all` takes only fields that changed in live alone."""
    ran = cs("adopt", "--all")

    assert retries_in(edited) == ["retries: 5", "retries: 4", "retries: 5"]
    assert ran.code == 3
    assert "campaigns/1.yaml: retries keeps the definition's value" in ran.err
    assert "campaigns/3.yaml: retries not adopted: the definition and the live campaign" in ran.err
    assert "campaignsync adopt 3 --field retries" in ran.err
    assert ran.out.splitlines()[-1] == "Adopted: 1 field in 1 definition."


@pytest.mark.parametrize("everything", [(), ("--all",)])
def test_a_named_field_is_taken_from_live(
    edited: Path, everything: tuple[str, ...], cs: Command
) -> None:
    """`--field` takes the live value even if the definition's edit is not applied yet."""
    assert cs("adopt", "--field", "retries", *everything).code == 0
    assert retries_in(edited) == ["retries: 1", "retries: 4", "retries: 4"]


@pytest.mark.slow
def test_adopt_prompts_for_fields_changed_on_both_sides(edited: Path) -> None:
    """On a terminal `adopt --all` asks only about the campaign that changed on both sides."""
    ours, theirs = pty.openpty()
    os.write(ours, b"t\n")
    environment = {
        "PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "HOME": str(edited),
        "ALTUR_BASE_URL": os.environ["ALTUR_BASE_URL"],
        "ALTUR_API_KEY": os.environ["ALTUR_API_KEY"],
    }  # fmt: skip
    ran = subprocess.run(
        [*PROGRAM, "adopt", "--all"], cwd=edited.parent, env=environment, stdin=theirs,
        stderr=theirs, stdout=subprocess.PIPE, timeout=30, check=False,
    )  # fmt: skip

    assert ran.returncode == 0
    assert retries_in(edited) == ["retries: 5", "retries: 4", "retries: 4"]


def test_without_a_history_nothing_is_discarded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cs: Command
) -> None:
    """Without evidence of which side changed, `adopt --all` keeps the file and reports it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.yaml").write_text(COMMITTED.format(id=1))
    with Sandbox({"campaigns": [{"id": 1, "name": "A", "retries": 4}]}, rate=None) as sandbox:
        connect_to(sandbox, monkeypatch)
        ran = cs("adopt", "--all")

    assert ran.code == 3
    assert "neither the journal nor git shows which side changed" in ran.err
    assert (tmp_path / "a.yaml").read_text() == COMMITTED.format(id=1)


def test_an_empty_live_date_cannot_be_adopted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, git: Git, cs: Command
) -> None:
    """The error names the field and both ways to resolve it; the exit code is not 0."""
    monkeypatch.chdir(tmp_path)
    text = "id: 1\ncycles: {enabled: true, mode: scheduled, schedule_end_date: 2026-03-01}\n"
    (tmp_path / "a.yaml").write_text(text)
    git("init", "-q")
    git("add", "a.yaml")
    git("commit", "-qm", "The definition")
    cycles = {"enabled": True, "mode": "scheduled", "schedule_end_date": None}
    with Sandbox({"campaigns": [{"id": 1, "cycles": cycles}]}, rate=None) as sandbox:
        connect_to(sandbox, monkeypatch)
        ran = cs("adopt", "--all")

    assert ran.code == 3
    assert "a.yaml: cannot adopt cycles.schedule_end_date: the live value is empty" in ran.err
    assert "remove the key from the definition" in ran.err
    assert (tmp_path / "a.yaml").read_text() == text


def test_live_values_that_do_not_go_with_the_file_leave_it_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cs: Command
) -> None:
    """A value that would make a definition invalid is reported; other campaigns are adopted."""
    monkeypatch.chdir(tmp_path)
    other, wrong = tmp_path / "campaigns" / "a.yaml", tmp_path / "campaigns" / "b.yaml"
    other.parent.mkdir()
    other.write_text("id: 1\nretries: 1\n")
    wrong.write_text("id: 2\nintegration_type: phone_call\nfirst_message: Hola\n")
    campaigns = [{"id": 1, "retries": 2}, {"id": 2, "integration_type": "whatsapp"}]
    with Sandbox({"campaigns": campaigns}, rate=None) as sandbox:
        connect_to(sandbox, monkeypatch)
        ran = cs("adopt", "--field", "integration_type", "--field", "retries")

    assert ran.code == 3
    assert "b.yaml was not changed: the result would not be valid: `first_message`" in ran.err
    assert other.read_text() == "id: 1\nretries: 2\n"
    assert "phone_call" in wrong.read_text()


@pytest.mark.usefixtures("server")
def test_adopt_without_a_workspace_uses_the_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cs: Command
) -> None:
    """Without a workspace, `adopt` uses the same paths as `plan`: the current folder."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "overdue.yaml").write_text("id: 1236\nretries: 5\n")

    assert cs("adopt", "1236", "--field", "retries").code == 0
    assert (tmp_path / "overdue.yaml").read_text() == "id: 1236\nretries: 3\n"


def test_the_command_to_copy_names_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cs: Command
) -> None:
    """The `adopt` and `export` that a message proposes are for the same environment."""
    with two_environments(tmp_path, monkeypatch):
        left = cs("adopt", "-e", "production", "--all", "11")
        missing = cs("adopt", "-e", "production", "12", "--all")

    assert (left.code, missing.code) == (3, 3)
    assert "campaignsync adopt 11 --field description -e production\n" in left.err
    assert "first run `campaignsync export 12 -e production`" in missing.err


def test_a_proposed_command_names_the_default_environment_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cs: Command
) -> None:
    """A command to copy names its environment: CAMPAIGNSYNC_ENVIRONMENT may name another one."""
    with two_environments(tmp_path, monkeypatch):
        (tmp_path / "campaignsync.yaml").write_text(
            "version: 1\ndefinitions: campaigns\ndefault_environment: production\n"
            "environments: {staging: {}, production: {}}\n"
        )
        monkeypatch.setenv("CAMPAIGNSYNC_ENVIRONMENT", "staging")
        ran = cs("adopt", "-e", "production", "12", "--all")

    assert "first run `campaignsync export 12 -e production`" in ran.err


@pytest.mark.parametrize(
    ("ids", "own", "is_noted"),
    [
        ("{staging: 1, production: 11}", "", True),
        ("{staging: 1, production: 11}", "environments: {production: {retries: 4}}\n", False),
        ("{staging: 1}", "", False),
        ("{staging: 1, trial: 1}", "", False),
        ("1", "", True),
    ],
)
def test_a_value_that_another_environment_shares_is_noted(  # noqa: PLR0917 - a table, and fixtures
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    cs: Command,
    ids: str,
    own: str,
    is_noted: bool,  # noqa: FBT001 - a column of the table
) -> None:
    """A value adopted from staging that also changes production says so, a sandbox's does not."""
    with two_environments(tmp_path, monkeypatch) as sandbox:
        with (tmp_path / "campaignsync.yaml").open("a") as file:
            file.write("  trial: {api: sandbox}\n")
        sandbox.edit(1, {"retries": 3})
        for definition in (tmp_path / "campaigns").iterdir():
            definition.unlink()
        (tmp_path / "campaigns" / "a.yaml").write_text(f"id: {ids}\nretries: 5\n{own}")

        ran = cs("adopt", "-e", "staging", "1", "--field", "retries")

    assert ran.code == 0
    assert "retries: 3" in (tmp_path / "campaigns" / "a.yaml").read_text()
    note = (
        "note: campaigns/a.yaml: retries: the new value is also that of production;"
        " to keep another value there, set it under `environments: {production: …}`\n"
    )
    assert ran.err == (note if is_noted else "")
