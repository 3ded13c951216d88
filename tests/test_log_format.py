"""`--log-format json` writes one JSON object per line to stderr."""

import json
from pathlib import Path
from typing import Any

import pytest
from support.commandline import Command, Ran
from support.faults import Quirks, Sandbox


def lines(ran: Ran) -> list[dict[str, Any]]:
    """Parse stderr: each line is one object with a time, a level and a message."""
    records = [json.loads(line) for line in ran.err.splitlines()]
    assert all({"time", "level", "message"} <= set(line) for line in records)
    return records


@pytest.mark.usefixtures("folder", "server")
def test_log_lines_show_the_steps(cs: Command) -> None:
    """-v prints fields on stderr, and does not change stdout."""
    ran = cs("plan", "-v", "--log-format", "json")

    assert [line["level"] for line in lines(ran)] == ["info", "info"]
    assert ran.out == cs("plan").out


@pytest.mark.usefixtures("folder", "server")
def test_log_lines_of_notes_have_no_prefix(cs: Command) -> None:
    """The level is that of the message."""
    first, *_ = lines(cs("plan", "--sandbox", "--log-format=json"))

    assert first["level"] == "note"
    assert first["message"].startswith("environment sandbox is")


def test_an_error_is_logged_with_its_parts(cs: Command, folder: Path) -> None:
    """Code, hint, exit code and places have keys of their own."""
    (folder / "campaigns" / "x.yaml").write_text("id: 1\nretires: 2\n")
    ran = cs("plan", "--log-format", "json")
    (line,) = lines(ran)

    assert (line["level"], line["code"], line["exit_code"]) == ("error", "INVALID_DEFINITIONS", 3)
    (problem,) = line["problems"]
    assert problem["source"] == {"file": "campaigns/x.yaml", "line": 2, "column": 1}


@pytest.mark.parametrize("given", [("--log-format", "json"), ("--log-format=json",), ()])
def test_a_usage_error_is_logged_in_the_format(
    cs: Command, given: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The format applies to usage errors, too, however it is set."""
    if not given:
        monkeypatch.setenv("CAMPAIGNSYNC_LOG_FORMAT", "json")
    (line,) = lines(cs("plan", "--nonsense", *given))

    assert (line["code"], line["exit_code"]) == ("USAGE", 3)


def test_the_option_takes_precedence_over_the_variable(
    cs: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A variable does not override the option, before the command or behind it."""
    monkeypatch.setenv("CAMPAIGNSYNC_LOG_FORMAT", "text")
    for given in (("--log-format", "json", "plan"), ("plan", "--log-format", "json")):
        (line,) = lines(cs(*given, "--nonsense"))

        assert line["code"] == "USAGE"


def test_the_log_format_applies_to_one_run(cs: Command) -> None:
    """The format applies to one run only."""
    cs("plan", "--nonsense", "--log-format", "json")

    assert cs("plan", "--nonsense").err.startswith("Error: ")


def test_a_hostile_name_cannot_control_a_log(cs: Command, folder: Path) -> None:
    """A hostile name in a log controls no terminal and no runner, and ends no line."""
    (folder / "campaigns" / "##[error]\x1b[31m\x9b\n.yaml").write_text("id: 1\nretires: 2\n")
    ran = cs("plan", "--log-format", "json")

    assert len(lines(ran)) == 1
    assert not {"\x1b", "\x9b"} & set(ran.err)
    assert "##[" not in ran.err


@pytest.mark.usefixtures("folder", "server")
def test_a_warning_has_its_place(cs: Command) -> None:
    """A definition's warning has its file and line."""
    Path("campaigns/idle.yaml").write_text("id: 1240\n")
    Path("campaigns/survey.yaml").unlink()
    (line,) = lines(cs("plan", "--log-format", "json"))

    assert line["level"] == "warning"
    assert line["problems"][0]["code"] == "NOTHING_MANAGED"
    assert line["problems"][0]["source"]["file"] == "campaigns/idle.yaml"


@pytest.mark.slow
def test_a_log_shows_long_work(cs: Command, folder: Path, server: Sandbox) -> None:
    """A log shows the progress of reading, although there is no terminal."""
    server.quirks = Quirks(latency=1.3)
    ran = cs("plan", folder / "campaigns" / "survey.yaml", "--log-format", "json")

    assert ran.code == 0
    records = lines(ran)
    assert {line["level"] for line in records} == {"progress"}
    assert records[0]["message"] == "reading"
    assert isinstance(records[0]["done"], int)


@pytest.mark.usefixtures("folder", "server")
def test_quiet_is_quiet(cs: Command) -> None:
    """With -q there is no progress in JSON either."""
    assert cs("plan", "--quiet", "--log-format", "json").err == ""
