"""Several reports of one run, and the step outputs of a job on GitHub."""

import json
import os
import re
import shutil
from pathlib import Path

import pytest
from support.commandline import PROGRAM, Command, run_command
from support.faults import Sandbox
from support.plans import a_plan_about
from support.servers import HookedSandbox, connect_to, seed

from campaignsync.cli.plan import write_step_outputs
from campaignsync.report.markdown_parts import STEP_SUMMARY


@pytest.mark.usefixtures("server")
def test_one_plan_is_written_in_many_formats(cs: Command, folder: Path) -> None:
    """One run prints text, and writes a file for each other format."""
    ran = cs(
        "plan", "--report", "markdown=comment.md", "--report", "html=plan.html",
        "--report", "junit=plan.xml", "--report", "gitlab-widget=widget.json",
    )  # fmt: skip

    assert ran.code == 0
    assert ran.out.splitlines()[-1].startswith("Plan: 3 to update")
    assert (folder / "comment.md").read_text().startswith("### Plan: 3 to update")
    assert (folder / "plan.html").read_text().startswith("<!doctype html>")
    assert (folder / "plan.xml").read_text().startswith("<?xml")
    assert json.loads((folder / "widget.json").read_text())["update"] == 3


@pytest.mark.slow
@pytest.mark.usefixtures("server", "folder")
@pytest.mark.parametrize("command", [["validate"], ["apply", "--auto-approve"], ["undo", "last"]])
def test_other_commands_write_reports_too(cs: Command, command: list[str]) -> None:
    """Every command writes its result in the formats for CI, too."""
    cs("apply", "--auto-approve", "-q")
    ran = cs(*command, "--report", "junit=report.xml", "--report", "github=log", "--format", "json")

    assert ran.code == 0
    assert Path("report.xml").read_text().startswith("<?xml")
    assert Path("log").exists()
    assert ran.json


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (["--report", "yaml=x"], "unknown format `yaml`"),
        (["--report", "sarif=x"], "unknown format `sarif`"),
        (["--report", "html"], "missing file"),
        (["--report", "html="], "missing file"),
        (["--report", "html=nowhere/plan.html"], "nowhere"),
        (["--report", "html=campaigns"], "is not a regular file"),
        (["--report", "html=a", "--report", "junit=./a"], "two outputs"),
        (["--report", "html=a", "-o", "a"], "two outputs"),
        (["--report", "html=a", "--out", "a"], "two outputs"),
        (["-o", "nowhere/plan"], "nowhere"),
    ],
)
@pytest.mark.usefixtures("folder")
def test_a_report_that_cannot_be_written_stops_the_plan_first(
    cs: Command, server: Sandbox, options: list[str], complaint: str
) -> None:
    """A mistyped format or path is reported before any request."""
    ran = cs("plan", *options)

    assert ran.code == 3
    assert complaint in ran.err
    assert server.log == ()


@pytest.mark.fault("F3")
def test_a_failed_report_does_not_hide_what_was_applied(
    cs: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A report that fails after an apply is one line; the outcome is printed anyway."""
    monkeypatch.chdir(tmp_path)
    Path("out").mkdir()
    Path("c.yaml").write_text("id: 1\ndescription: v2\n")
    with HookedSandbox(seed(1), rate=None) as server:
        # Someone removes the folder while the apply is running.
        server.hook = lambda _: shutil.rmtree("out", ignore_errors=True)
        connect_to(server, monkeypatch)
        ran = cs("apply", "c.yaml", "--auto-approve", "-q", "--report", "junit=out/x.xml")

    assert ran.code == 8
    assert ran.out.splitlines()[-1] == "Applied: 1 updated, 0 failed."
    assert "cannot write out/x.xml: No such file" in ran.err
    assert len(server.writes) == 1


# GitHub Actions


def outputs(text: str) -> dict[str, str]:
    """Parse a file of outputs like GitHub's runner."""
    values = {}
    lines = iter(text.splitlines())
    for line in lines:
        name, _, delimiter = line.partition("<<")
        assert delimiter
        value = []
        while (part := next(lines)) != delimiter:
            value.append(part)
        values[name] = "\n".join(value)
    return values


@pytest.fixture
def step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder of a step's two files, with the text of an earlier command."""
    here = tmp_path / "runner"
    here.mkdir()
    for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY"):
        (here / name).write_text("earlier<<x\nsaid\nx\n")
        monkeypatch.setenv(name, str(here / name))
    return here


@pytest.mark.usefixtures("server", "folder")
def test_a_github_job_gets_the_result_of_the_plan(cs: Command, step: Path) -> None:
    """Later steps read the outputs, the job's page shows the plan; earlier text is kept."""
    ran = cs("plan", "--out", "plan.json", "--detailed-exitcode")

    assert ran.code == 2
    values = outputs((step / "GITHUB_OUTPUT").read_text())
    assert values == {"earlier": "said", "changes": "3", "exit_code": "2", "plan_file": "plan.json"}
    summary = (step / "GITHUB_STEP_SUMMARY").read_text()
    assert summary.startswith("earlier<<x\nsaid\nx\n### Plan: 3 to update")


@pytest.mark.usefixtures("server")
def test_a_github_job_gets_the_error_of_a_failed_plan(
    cs: Command, folder: Path, step: Path
) -> None:
    """If the plan fails, a later step does not see "no changes"."""
    (folder / "campaigns" / "wrong.yaml").write_text("id: 7\nretires: 2\nname: <b>|x\n")
    ran = cs("plan", "--out", "plan.json", "--detailed-exitcode")

    assert ran.code == 3
    values = outputs((step / "GITHUB_OUTPUT").read_text())
    assert values == {"earlier": "said", "changes": "", "exit_code": "3", "plan_file": ""}
    summary = (step / "GITHUB_STEP_SUMMARY").read_text()
    assert "### Error: 1 problem in the definitions" in summary
    assert "`campaigns/wrong.yaml:2:1`" in summary
    assert not Path("plan.json").exists()


@pytest.mark.usefixtures("server", "folder")
@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--detailed-exitcodes"], "no such option"),
        (["--rate", "13"], "invalid value for"),
        (["--format", "marckdown"], "invalid value for --format"),
        (["--report", "html"], "missing file: write"),
        (["--report", "html=nowhere/plan.html"], "there is no folder nowhere"),
        (["nowhere.yaml"], "nowhere.yaml"),
        (["--shard", "5/4"], "invalid value for --shard"),
    ],
)
def test_a_github_job_gets_a_usage_error(
    cs: Command, step: Path, options: list[str], message: str
) -> None:
    """A usage error sets the outputs like a plan that fails."""
    ran = cs("plan", "--out", "plan.json", *options)

    assert ran.code == 3
    values = outputs((step / "GITHUB_OUTPUT").read_text())
    assert values == {"earlier": "said", "changes": "", "exit_code": "3", "plan_file": ""}
    summary = (step / "GITHUB_STEP_SUMMARY").read_text()
    assert summary.count("### Error: ") == 1
    assert message in summary


@pytest.mark.usefixtures("server", "folder")
def test_only_plans_set_outputs(cs: Command, step: Path) -> None:
    """A later command that fails does not overwrite the outputs of a plan."""
    before = (step / "GITHUB_OUTPUT").read_text()

    assert cs("apply", "--rate", "13").code == 3
    assert (step / "GITHUB_OUTPUT").read_text() == before


@pytest.mark.slow
@pytest.mark.usefixtures("server", "folder")
@pytest.mark.parametrize("cause", ["definitions", "key", "usage"])
@pytest.mark.parametrize("by", ["option", "joined", "variable"])
def test_a_plan_file_of_an_earlier_run_is_reported(
    cs: Command, monkeypatch: pytest.MonkeyPatch, cause: str, by: str
) -> None:
    """If the plan fails, the job learns that its plan file is from an earlier run."""
    assert cs("plan", "--out", "plan.json").code == 0
    before = Path("plan.json").read_bytes()
    if cause == "definitions":
        Path("campaigns/wrong.yaml").write_text("id: 7\nretires: 2\n")
    elif cause == "key":
        monkeypatch.setenv("ALTUR_API_KEY", "sk-test-unused")
    if by == "variable":
        monkeypatch.setenv("CAMPAIGNSYNC_OUT", "plan.json")
    out = {"option": ["--out", "plan.json"], "joined": ["--out=plan.json"], "variable": []}[by]
    ran = cs("plan", *out, *(["--rate", "13"] if cause == "usage" else []))

    assert ran.code == (4 if cause == "key" else 3)
    assert "note: plan.json is from an earlier run: this run saved no plan" in ran.err
    assert Path("plan.json").read_bytes() == before


@pytest.mark.slow
def test_a_plan_file_of_this_run_is_not_reported_as_earlier(folder: Path, server: Sandbox) -> None:
    """A plan that was saved before its summary failed is this run's plan."""
    Path("plan.json").write_text("of an earlier run")
    account = {"ALTUR_BASE_URL": server.url, "ALTUR_API_KEY": server.key}
    line = f"{' '.join(PROGRAM)} plan --out plan.json > /dev/full"
    ran = run_command("bash", "-c", line, folder=folder, **account)

    assert ran.code == 1
    assert "cannot print the result" in ran.err
    assert json.loads(Path("plan.json").read_text())["kind"] == "plan"
    assert "earlier run" not in ran.err


@pytest.mark.usefixtures("server", "folder")
def test_a_missing_earlier_plan_is_not_mentioned(cs: Command) -> None:
    """Without an earlier plan file, no note mentions one."""
    for out in ([], ["--out", "new.json"]):
        ran = cs("plan", *out, "--rate", "13")
        assert ran.code == 3
        assert "earlier run" not in ran.err


@pytest.mark.slow
@pytest.mark.usefixtures("server", "folder")
@pytest.mark.parametrize("cause", ["definitions", "key"])
@pytest.mark.parametrize(
    ("format_", "message"),
    [
        ("json", '"kind": "error"'),
        ("text", "Error: "),
        ("markdown", "### Error: "),
        ("step-summary", "### Error: "),
        ("github", "::error "),
        ("junit", 'failures="1"'),
    ],
)
def test_a_report_contains_the_error(cs: Command, cause: str, format_: str, message: str) -> None:
    """If the command fails, every report contains the error, in files and on stdout."""
    if cause == "definitions":
        Path("campaigns/wrong.yaml").write_text("id: 7\nretires: 2\n")
    else:
        os.environ["ALTUR_API_KEY"] = "sk-test-unused"  # replaced by the server's own
    Path("report").write_text("of an earlier run")
    code = 3 if cause == "definitions" else 4

    assert cs("plan", "--report", f"{format_}=report").code == code
    assert message in Path("report").read_text()
    printed = cs("plan", "--format", format_)
    assert printed.code == code
    assert message in (printed.err if format_ == "text" else printed.out)


@pytest.mark.usefixtures("server", "folder")
def test_a_report_of_an_earlier_run_is_reported(cs: Command) -> None:
    """A format that cannot represent errors keeps its old file, which is named."""
    cs("plan", "--report", "html=plan.html")
    Path("campaigns/wrong.yaml").write_text("id: 7\nretires: 2\n")
    ran = cs("plan", "--report", "html=plan.html", "--report", "gitlab=quality.json")

    assert ran.code == 3
    assert "plan.html is from an earlier run" in ran.err
    assert "quality.json was not written" in ran.err


@pytest.mark.usefixtures("server", "folder")
@pytest.mark.parametrize(("format_", "message"), [("json", '"kind": "error"'), ("text", "Error: ")])
def test_an_output_file_does_not_keep_an_earlier_result(
    cs: Command, format_: str, message: str
) -> None:
    """`-o FILE` contains the error, not yesterday's plan; JSON is also on stdout."""
    cs("plan", "--format", format_, "-o", "result")
    Path("campaigns/wrong.yaml").write_text("id: 7\nretires: 2\n")
    ran = cs("plan", "--format", format_, "-o", "result")

    assert ran.code == 3
    assert message in Path("result").read_text()
    assert (ran.out != "") == (format_ == "json")


@pytest.mark.fault("C5")
def test_a_path_cannot_set_another_output(step: Path) -> None:
    """Any name of a plan file is one output and no more."""
    nasty = Path("a\nEOF\nchanges<<EOF\n0\nEOF\nb")
    write_step_outputs(a_plan_about("::set-output name=x::y"), 6, nasty)

    values = outputs((step / "GITHUB_OUTPUT").read_text())
    assert values["plan_file"] == str(nasty)
    assert (values["changes"], values["exit_code"]) == ("1", "6")


@pytest.mark.fault("C7")
def test_the_job_summary_stays_within_its_limit(step: Path) -> None:
    """Text of earlier commands in the summary counts towards GitHub's limit."""
    (step / "GITHUB_STEP_SUMMARY").write_text("x" * (STEP_SUMMARY - 20_000))
    plan = a_plan_about("x" * 200)
    fleet = plan.model_copy(update={"campaigns": plan.campaigns * 300})
    write_step_outputs(fleet, 0, None)

    text = (step / "GITHUB_STEP_SUMMARY").read_text()
    assert STEP_SUMMARY - 20_000 < len(text.encode()) <= STEP_SUMMARY
    assert re.search(r"\*\*Cut:\*\* \d+ of 900 campaigns", text)


@pytest.mark.usefixtures("server", "folder")
def test_a_plan_without_runner_files_is_shown_with_a_note(
    cs: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the runner's files the plan is shown, with a note."""
    monkeypatch.setenv("GITHUB_OUTPUT", "/nowhere/output")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", "/")
    ran = cs("plan")

    assert ran.code == 0
    assert ran.out.splitlines()[-1].startswith("Plan: 3 to update")
    assert "note: cannot write GITHUB_OUTPUT: /nowhere/output: No such file" in ran.err
    assert "note: cannot write GITHUB_STEP_SUMMARY: /: Is a directory" in ran.err
