"""Terminals: narrow, wide, without colour, or absent."""

import os
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.text import Text
from support.commandline import Command, run_program
from support.faults import Quirks, Sandbox
from support.servers import seed
from support.terminals import erased_lines, run_in_terminal

from campaignsync.report.terminal import wrapped

NAME = "Reactivación de clientes con saldo vencido, segunda ola 🇲🇽 日本語"
NEW = "Buenas tardes, ¿hablo con {{name}}? Le llamo de parte del equipo de cobranza de la empresa."

SILENT = {"CAMPAIGNSYNC_PROGRESS_AFTER": "3600"}
"""The environment of a run that shows no progress, however slow the machine."""
SOON = {"CAMPAIGNSYNC_PROGRESS_AFTER": "0.1"}
"""The environment of a run that shows its progress after a tenth of a second."""


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    """Write definitions that differ from live in short values, and in a long one."""
    for id_ in (1, 2):
        text = (
            f"id: {id_}\nfirst_message: Hola\ndescription: {NEW}\ntimezone: America/Mexico_City\n"
        )
        (tmp_path / f"campaign-{id_}.yaml").write_text(text)
    return tmp_path


def plain(text: str) -> str:
    return Text.from_ansi(text).plain


@pytest.mark.slow
@pytest.mark.parametrize("no_color", ["", "1"])
@pytest.mark.parametrize("columns", [40, 200])
def test_a_plan_fits_its_window(
    repo: Path, columns: int, no_color: str, cs: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No line except the summary is wider than the window, and no word of the plan is lost."""
    with Sandbox(seed(2, name=NAME), rate=None) as server:
        code, output = run_in_terminal(
            server, repo, columns, "plan", "-q", NO_COLOR=no_color, more=SILENT
        )
        monkeypatch.chdir(repo)
        monkeypatch.setenv("ALTUR_API_KEY", server.key)
        piped = cs("plan", "--base-url", server.url).out

    assert code == 0
    assert ("\x1b[" in output) == (not no_color)
    *lines, summary = plain(output).rstrip("\n").split("\n")
    assert summary == "Plan: 2 to update, 0 unchanged."
    assert max(cell_len(line) for line in lines) <= columns
    assert re.sub(r"\s", "", plain(output)) == re.sub(r"\s", "", piped)
    if columns == 200:
        assert [line.rstrip() for line in plain(output).splitlines()] == piped.splitlines()


@pytest.mark.slow
def test_a_dumb_terminal_gets_plain_text(repo: Path) -> None:
    """With TERM=dumb no escape code is printed: no colour, and no line that rewrites itself."""
    with Sandbox(seed(2, name=NAME), rate=None, quirks=Quirks(latency=0.5)) as server:
        code, output = run_in_terminal(server, repo, 100, "plan", TERM="dumb", more=SOON)

    assert code == 0
    assert "Plan: 2 to update" in output
    assert "\x1b" not in output


@pytest.mark.slow
def test_a_pipe_has_no_width(repo: Path) -> None:
    """Output for programs is never wrapped, whatever COLUMNS is."""
    with Sandbox(seed(2, name=NAME), rate=None) as server:
        account = {"ALTUR_BASE_URL": server.url, "ALTUR_API_KEY": server.key}
        ran = run_program("plan", folder=repo, COLUMNS="40", **account)

    assert max(map(len, ran.out.splitlines())) > 80
    assert "\x1b" not in ran.out


@pytest.mark.slow
@pytest.mark.parametrize("columns", [40, 120])
def test_a_redirected_result_keeps_the_width_of_the_window(repo: Path, columns: int) -> None:
    """If the result of `apply` goes to a file, the plan still has the width of the window."""
    with (
        Sandbox(seed(2, name=NAME), rate=None) as server,
        Path(os.devnull).open("w") as nowhere,
    ):
        command = ("apply", "--auto-approve")
        result = nowhere.fileno()
        code, output = run_in_terminal(
            server, repo, columns, *command, stdout=result, NO_COLOR="1", more=SILENT
        )

    assert code == 0
    widest = max(map(cell_len, output.splitlines()))
    assert columns - 40 < widest <= columns


@pytest.mark.slow
def test_progress_stays_on_its_line(repo: Path) -> None:
    """In a narrow window, progress is also erased before the plan is shown."""
    (repo / "campaign-1.yaml").write_text("id: 1\nmessage_limit: 7\n")
    (repo / "campaign-2.yaml").write_text("id: 2\nmessage_limit: 7\n")
    with Sandbox(seed(2, message_limit=7), rate=None, quirks=Quirks(latency=0.5)) as server:
        code, output = run_in_terminal(server, repo, 24, "plan", more=SOON)

    assert code == 0
    assert any(line.startswith("reading: ") for line in erased_lines(output))
    assert max(map(len, erased_lines(output))) < 24
    assert output.rstrip("\n").endswith("No changes. 2 campaigns match their definitions.\x1b[0m")


@pytest.mark.slow
@given(
    st.lists(st.text(st.characters(exclude_categories=["C", "Z"]) | st.just(" "), max_size=90)),
    st.integers(20, 90),
)
def test_wrapping_keeps_every_word(lines: list[str], width: int) -> None:
    """Every word is printed in order, and none is beyond the window."""
    text = "\n".join([*lines, "the summary"])
    folded = wrapped(text, width)

    assert re.sub(r"\s", "", folded) == re.sub(r"\s", "", text)
    assert folded.split("\n")[-1] == "the summary"
    for line in folded.split("\n")[:-1]:
        assert cell_len(line) <= width or re.match(r" *\d* \| ", line)
