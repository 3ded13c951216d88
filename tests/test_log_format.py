"""`--log-format json`: what goes to stderr, as one JSON object a line."""

import json
from pathlib import Path
from typing import Any

import pytest
from support.commandline import Command, Ran
from support.faults import Quirks, Sandbox


def lines(ran: Ran) -> list[dict[str, Any]]:
    """Read stderr as a program does: each line is one object, with a time, a level, a message."""
    found = [json.loads(line) for line in ran.err.splitlines()]
    assert all({"time", "level", "message"} <= set(line) for line in found)
    return found


@pytest.mark.usefixtures("folder", "server")
def test_steps_are_told(cs: Command) -> None:
    """What -v says is said by field, and stdout is what it is without."""
    ran = cs("plan", "-v", "--log-format", "json")

    assert [line["level"] for line in lines(ran)] == ["info", "info"]
    assert ran.out == cs("plan").out


@pytest.mark.usefixtures("folder", "server")
def test_notes_are_told_without_their_prefix(cs: Command) -> None:
    """The level says what kind of message it is."""
    first, *_ = lines(cs("plan", "--sandbox", "--log-format=json"))

    assert first["level"] == "note"
    assert first["message"].startswith("environment sandbox is")


def test_an_error_is_told_with_its_parts(cs: Command, folder: Path) -> None:
    """A program need not parse a sentence: code, hint, exit code and places stand apart."""
    (folder / "campaigns" / "x.yaml").write_text("id: 1\nretires: 2\n")
    ran = cs("plan", "--log-format", "json")
    (line,) = lines(ran)

    assert (line["level"], line["code"], line["exit_code"]) == ("error", "INVALID_DEFINITIONS", 3)
    (problem,) = line["problems"]
    assert problem["source"] == {"file": "campaigns/x.yaml", "line": 2, "column": 1}


@pytest.mark.parametrize("given", [("--log-format", "json"), ("--log-format=json",), ()])
def test_a_wrong_command_line_is_told_so_too(
    cs: Command, given: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """However it was asked for, and whatever else is wrong."""
    if not given:
        monkeypatch.setenv("CAMPAIGNSYNC_LOG_FORMAT", "json")
    (line,) = lines(cs("plan", "--nonsense", *given))

    assert (line["code"], line["exit_code"]) == ("USAGE", 3)


def test_the_next_run_speaks_to_people_again(cs: Command) -> None:
    """The choice is one run's."""
    cs("plan", "--nonsense", "--log-format", "json")

    assert cs("plan", "--nonsense").err.startswith("Error: ")


def test_nothing_in_a_line_acts(cs: Command, folder: Path) -> None:
    """A hostile name in a log commands no terminal and no runner, and ends no line."""
    (folder / "campaigns" / "##[error]\x1b[31m\x9b\n.yaml").write_text("id: 1\nretires: 2\n")
    ran = cs("plan", "--log-format", "json")

    assert len(lines(ran)) == 1
    assert not {"\x1b", "\x9b"} & set(ran.err)
    assert "##[" not in ran.err


@pytest.mark.usefixtures("folder", "server")
def test_a_warning_has_its_place(cs: Command) -> None:
    """A definition's warning is told with file and line."""
    Path("campaigns/idle.yaml").write_text("id: 1237\n")
    Path("campaigns/welcome.yaml").unlink()
    (line,) = lines(cs("plan", "--log-format", "json"))

    assert line["level"] == "warning"
    assert line["problems"][0]["code"] == "NOTHING_MANAGED"
    assert line["problems"][0]["source"]["file"] == "campaigns/idle.yaml"


@pytest.mark.slow
def test_work_that_lasts_is_told(cs: Command, folder: Path, server: Sandbox) -> None:
    """A log shows how far a reading has come, where no terminal would."""
    server.quirks = Quirks(latency=1.3)
    ran = cs("plan", folder / "campaigns" / "welcome.yaml", "--log-format", "json")

    assert ran.code == 0
    told = lines(ran)
    assert {line["level"] for line in told} == {"progress"}
    assert told[0]["message"] == "reading"
    assert isinstance(told[0]["done"], int)


@pytest.mark.usefixtures("folder", "server")
def test_quiet_is_quiet(cs: Command) -> None:
    """Asked for silence, it says nothing in JSON either."""
    assert cs("plan", "--quiet", "--log-format", "json").err == ""
