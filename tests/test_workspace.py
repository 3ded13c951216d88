"""`campaignsync.yaml`: each mistake is reported at its place, all of them in one run."""

from pathlib import Path

import pytest
from support.commandline import Command


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "campaigns").mkdir()
    (tmp_path / "campaigns" / "a.yaml").write_text("id: 1\nretries: 2\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path / "campaignsync.yaml"


@pytest.mark.parametrize(
    ("text", "at", "code", "hint"),
    [
        ("version: 2", "2", "VERSION", "write `version: 1`"),
        ("version: '1'", "'1'", "VERSION", "write `version: 1`"),
        ("definitions: campaigns", "definitions", "VERSION", "write `version: 1`"),
        ("version: 1\ndefintions: x", "defintions", "UNKNOWN_KEY", "did you mean `definitions`?"),
        ("version: 1\ndefinitions: []", "[]", "NO_DEFINITION", "name a folder"),
        ("version: 1\ndefinitions: [campaigns, ../x]", "../x", "OUTSIDE", "name a path in it"),
        ("version: 1\nenvironments: [a]", "[a]", "WRONG_TYPE", "write key: value"),
        ("version: 1\nenvironments: {a/b: {}}", "a/b", "NOT_A_NAME", "use letters"),
        ("version: 1\nenvironments: {a: {api: alter}}", "alter", "NOT_A_CHOICE", "write altur"),
        ("version: 1\nenvironments: {a: {seed: s.json}}", "s.json", "SEED", "remove it"),
        ("version: 1\nenvironments: {a: {key: x}}", "key", "FORBIDDEN_KEY", "environment variable"),
        ("version: 1\nproxy: x", "proxy", "FORBIDDEN_KEY", "environment variable"),
        (
            "version: 1\nenvironments: {live: {}, test: {}}\ndefault_environment: lve",
            "lve",
            "UNKNOWN_ENVIRONMENT",
            "did you mean `live`?",
        ),
        (
            "version: 1\nguards: {mass-change: {percnt: 3}}",
            "percnt",
            "UNKNOWN_KEY",
            "did you mean `percent`?",
        ),
        ("version: 1\nguards: {mass-change: {percent: 101}}", "101", "OUT_OF_RANGE", "0 to 100"),
        ("version: 1\nguards: {mass-change: {at_least: 0}}", "0", "OUT_OF_RANGE", "1 or more"),
        ("version: 1\nguards: {mass-change: 30}", "30", "WRONG_TYPE", "write key: value"),
        ("version: 1\nguards: {protected: [1, -1]}", "-1", "OUT_OF_RANGE", "1 or more"),
        ("version: 1\nguards: {protected: {a: 1}}", "{a: 1}", "WRONG_TYPE", "without brackets"),
        ("version: 1\nguards: {risky-fields: retris}", "retris", "UNKNOWN_FIELD", "`retries`"),
        ("version: 1\nguards: {calling-hours: {montag: closed}}", "montag", "NOT_DAYS", "`mon`"),
        ("version: 1\nguards: {protected: ~}", "~", "NULL_VALUE", "write a campaign's"),
        (
            "version: 1\nguards: {calling-hours: {mon: {active: true}}}",
            "{active",
            "WRONG_TYPE",
            "09:00-18:00",
        ),
        ("version: 1\ndefaults: {phone_call: 5}", "5", "WRONG_TYPE", "write key: value"),
        ("version: 1\ndefaults: {phonecall: {}}", "phonecall", "UNKNOWN_KEY", "`phone_call`?"),
        (
            "version: 1\ndefaults: {phone_call: {template: a}}",
            "template",
            "INVALID_REQUEST",
            "remove it here",
        ),
        ("version: ~", "~", "NULL_VALUE", "→ write `version: 1` at the top\n"),
        ("version: 1\ndefinitions: ~", "~", "NULL_VALUE", "→ write a value, or remove the key\n"),
        ("version: 1\ndefaults: {scheduling: office}", "office", "UNKNOWN_SCHEDULE", "`schedules`"),
    ],
)
def test_a_mistake_is_reported_at_its_place(  # noqa: PLR0917 - a table, and fixtures
    cs: Command, workspace: Path, text: str, at: str, code: str, hint: str
) -> None:
    """Each mistake has its line and column, a code, and a suggestion to copy."""
    workspace.write_text(f"{text}\n")
    lines = text.split("\n")
    column = lines[-1].index(at) + 1

    ran = cs("plan")

    assert ran.code == 3
    [line] = [line for line in ran.err.splitlines() if line.startswith("campaignsync.yaml:")]
    assert line.startswith(f"campaignsync.yaml:{len(lines)}:{column}: error: ")
    assert line.endswith(f"[{code}]")
    assert hint in ran.err


@pytest.mark.parametrize("text", ["", "# version: 1\n"])
def test_an_empty_workspace_file_needs_its_version(cs: Command, workspace: Path, text: str) -> None:
    """An empty campaignsync.yaml is told what to hold, and that is not a definition."""
    workspace.write_text(text)

    ran = cs("plan")

    assert ran.code == 3
    assert "campaignsync.yaml:1:1: error: the file contains no keys [EMPTY_DEFINITION]" in ran.err
    assert "→ write `version: 1` into the file, or remove it" in ran.err


def test_all_mistakes_are_reported_in_one_run(cs: Command, workspace: Path) -> None:
    """All mistakes are listed together, in the order of the file."""
    workspace.write_text(
        "version: 1\nenvironments: {a: {api: x}}\nguards:\n  protected: [x]\n"
        "  freeze: [{days: fri}, {zone: UTC}]\ndefaults: {retries: 9}\nschedules: {s: 1}\n"
    )

    lines = cs("validate").err.splitlines()

    lines_of_mistakes = [
        line.split(":")[1] for line in lines if line.startswith("campaignsync.yaml:")
    ]
    assert sorted(lines_of_mistakes) == ["2", "4", "5", "5", "6", "7"]


@pytest.mark.parametrize(
    "text",
    [
        "version: 1",
        "version: 1\nguards:\nenvironments:\ndefaults:\nschedules:",
        "version: 1\nenvironments: {a: }",
        "version: 1\ndefinitions: campaigns\nguards: {protected: 7, risky-fields: cycles}",
        "version: 1\nguards: {freeze: {days: fri, zone: UTC}, mass-change: }",
        "version: 1\nguards: &g {protected: [7]}",
        "version: 1\nguards: {mass-change: {<<: {percent: 5}, at_least: 3}}",
    ],
)
def test_short_forms_are_valid(cs: Command, workspace: Path, text: str) -> None:
    """A single value may replace a list, an empty mapping may be empty, merge keys work."""
    workspace.write_text(f"{text}\n")

    assert cs("validate").code == 0


@pytest.mark.parametrize("name", ["campaignz", "n" * 300, "a/" * 3000])
def test_a_folder_of_definitions_that_does_not_exist_is_named(
    cs: Command, workspace: Path, name: str
) -> None:
    """A typo in `definitions` is an error that names the file and the path, however long."""
    workspace.write_text(f"version: 1\ndefinitions: {name}\n")

    ran = cs("validate")

    assert ran.code == 3
    assert f"`definitions` of campaignsync.yaml names a missing path: {name[:9]}" in ran.err


def test_an_environment_may_have_the_name_of_a_field(cs: Command, workspace: Path) -> None:
    """`name`, `template` and the like are valid names of environments, with ids and values."""
    workspace.write_text("version: 1\nenvironments: {template: {api: sandbox}, name: {}}\n")
    (workspace.parent / "one.yaml").write_text(
        "id: {template: 5, name: 6}\nretries: 1\nenvironments: {template: {retries: 2}}\n"
    )

    ran = cs("render", "-e", "template")

    assert ran.code == 0
    assert "retries  2  one.yaml" in ran.out


@pytest.mark.parametrize(
    ("text", "command", "message"),
    [
        (
            "environments: {live: {}, test: {}}",
            "plan",
            "no environment specified: campaignsync.yaml defines live, test",
        ),
        (
            "environments: {live: {}}",
            "plan --sandbox -e live",
            "--sandbox conflicts with environment `live`, which is a real account",
        ),
        (
            "",
            "validate campaigns other",
            "the paths belong to more than one workspace: . and other",
        ),
        ("", "validate campaigns alone", "more than one workspace: . and none (alone)"),
    ],
)
def test_a_choice_that_is_not_clear_is_an_error(
    cs: Command, workspace: Path, text: str, command: str, message: str
) -> None:
    """Nothing is planned or checked until it is clear for which workspace and account."""
    workspace.write_text(f"version: 1\n{text}\n")
    for name in ("other", "alone"):
        folder = workspace.parent.parent / f"{workspace.parent.name}-{name}"
        folder.mkdir()
        (folder / "a.yaml").write_text("id: 2\nretries: 2\n")
        command = command.replace(name, str(folder))
        message = message.replace(f" {name}", f" {folder}").replace(f"({name})", f"({folder})")
        if name == "other":
            (folder / "campaignsync.yaml").write_text("version: 1\ndefinitions: .\n")

    ran = cs(*command.split())

    assert ran.code == 3
    assert message in ran.err


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("first_message: {file: [a]}", "`first_message.file` must be a single value"),
        ("first_message: {file: }", "`first_message.file` must be a single value"),
        ("labels: [a]", "`labels` must be a mapping"),
        ("cycles.mode: scheduled", "nest it: cycles: {mode: …}"),
        ("agent: {name: A}", "is read-only: the API sets it"),
        (
            "\n".join(f"unknown_{number}: 1" for number in range(1000)),
            "problems of this file are listed",
        ),
    ],
    ids=lambda text: text[:30],
)
def test_a_mistake_in_a_definition_has_a_suggestion(
    cs: Command, workspace: Path, line: str, message: str
) -> None:
    """Each mistake names the key, and very many mistakes are cut."""
    (workspace.parent / "campaigns" / "a.yaml").write_text(f"id: 1\n{line}\n")

    ran = cs("validate")

    assert ran.code == 3
    assert message in ran.out
