"""`campaignsync init --from-live` creates a config repo from the account's campaigns."""

import os
from pathlib import Path

import pytest
from support.commandline import Command
from support.faults import Sandbox


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Change to an empty folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def written(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / "campaigns").glob("*.yaml"))


@pytest.mark.slow
@pytest.mark.usefixtures("server")
def test_a_repo_from_live_plans_no_change(cs: Command, here: Path) -> None:
    """A plan of the new repo finds no changes, and needs no option."""
    ran = cs("init", "repo", "--from-live", "--ci", "github")

    assert ran.code == 0
    files = written(here / "repo")
    assert len(files) > 5
    assert "example.yaml" not in files
    assert not (here / "repo" / "sandbox.json").exists()
    assert "sandbox" not in (here / "repo" / "README.md").read_text()
    listed = [line for line in ran.out.splitlines() if line.startswith("created  repo/campaigns/")]
    assert len(listed) == len(files)
    assert ran.out.splitlines()[-1] == f"Init: {len(ran.out.splitlines()) - 1} created."
    assert cs("validate", "repo").code == 0
    planned = cs("plan", "repo", "--detailed-exitcode")
    assert planned.code == 0
    assert planned.out.splitlines()[-1].startswith("No changes.")


@pytest.mark.slow
def test_running_it_again_completes_it(cs: Command, here: Path, server: Sandbox) -> None:
    """Existing definitions stay; a campaign without a definition gets one."""
    cs("init", "repo", "--from-live")
    first, *others = written(here / "repo")
    (here / "repo" / "campaigns" / first).unlink()
    kept = here / "repo" / "campaigns" / others[0]
    kept.write_text(kept.read_text() + "# ours\n")
    before = len(server.writes)
    ran = cs("init", "repo", "--from-live")

    assert ran.code == 0
    assert [line for line in ran.out.splitlines() if line.startswith("created")] == [
        f"created  repo/campaigns/{first}"
    ]
    assert f"kept     repo/campaigns/{others[0]}" in ran.out
    assert kept.read_text().endswith("# ours\n")
    assert len(server.writes) == before


@pytest.mark.usefixtures("server")
@pytest.mark.parametrize(
    ("variable", "value", "code"),
    [
        ("ALTUR_API_KEY", "sk-test-unused", 4),
        ("ALTUR_API_KEY", "", 4),
        ("ALTUR_BASE_URL", "http://127.0.0.1:9/api/v1.0", 5),
    ],
)
def test_an_unreachable_account_leaves_no_file(
    cs: Command, here: Path, variable: str, value: str, code: int
) -> None:
    """A wrong key or an unreachable server is reported before any file is made."""
    os.environ[variable] = value  # replaced by the server's own

    assert cs("init", "repo", "--from-live").code == code
    assert list(here.iterdir()) == []


@pytest.mark.usefixtures("server")
def test_finished_campaigns_are_reported_as_left_out(cs: Command, here: Path) -> None:
    """Finished campaigns are reported as left out, and how to export them."""
    ran = cs("init", "repo", "--from-live")
    assert "left out: 1 archived or finished campaign; add --archived --finished" in ran.err

    missing = cs("export", "--to", here / "repo" / "campaigns", "--archived", "--finished")
    assert missing.code == 0
    assert missing.out.splitlines()[-1] == "Exported: 1 written, 9 already managed."
    assert "left out" not in missing.err


@pytest.mark.usefixtures("server", "here")
def test_quiet_is_quiet(cs: Command) -> None:
    """With -q the output is the list of files only."""
    ran = cs("init", "repo", "--from-live", "-q")

    assert ran.code == 0
    assert ran.out.splitlines()[-1] == "Init: 15 created."
    assert ran.err == ""


@pytest.mark.usefixtures("server")
def test_no_definition_is_written_through_a_link(cs: Command, here: Path) -> None:
    """A repo with links cannot make `init` write elsewhere; no file is made."""
    (here / "elsewhere").mkdir()
    (here / "repo").mkdir()
    (here / "repo" / "campaigns").symlink_to(here / "elsewhere")
    ran = cs("init", "repo", "--from-live")

    assert ran.code == 3
    assert "Error: repo/campaigns is a link to a folder outside of repo [OUTSIDE]" in ran.err
    assert list((here / "elsewhere").iterdir()) == []
    assert [path.name for path in (here / "repo").iterdir()] == ["campaigns"]


def test_an_empty_account_gets_no_plan_command(cs: Command, here: Path) -> None:
    """If no definition was written, `init` does not suggest a plan."""
    ran = cs("init", "repo", "--from-live", "--sandbox")

    assert ran.code == 0
    assert ran.out.splitlines()[-1] == "Init: 6 created."
    assert "the account has no campaign: there is nothing to plan" in ran.err
    assert "Try it" not in ran.err
    assert (here / "repo" / "campaignsync.yaml").exists()


@pytest.mark.parametrize(
    "option", [("-e", "production"), ("--sandbox",), ("--rate", "5"), ("--base-url", "http://x")]
)
def test_an_account_option_requires_from_live(
    cs: Command, here: Path, option: tuple[str, ...]
) -> None:
    """An account option without --from-live is an error that names --from-live."""
    ran = cs("init", "repo", *option)

    assert ran.code == 3
    assert "--from-live" in ran.err
    assert list(here.iterdir()) == []
