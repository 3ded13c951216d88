"""`--shard 2/5`: every output of a part names the part, and replaces no other output."""

import json
from pathlib import Path

import jsonschema
import pytest
from prometheus_client.parser import text_string_to_metric_families
from support.ci_runners import forged
from support.commandline import Command
from support.faults import Sandbox

from campaignsync.schema import schema

EMPTY = "4/9"
"""An empty part of the example's workspace."""


def the_shard(file: str) -> str | None:
    shard: str | None = json.loads(Path(file).read_text())["shard"]
    return shard


@pytest.mark.usefixtures("server", "folder")
class TestPart:
    @pytest.mark.slow
    def test_a_plan_names_its_part(self, cs: Command) -> None:
        """Every format of a part's plan names the part."""
        reports = [f"{name}={name}" for name in ("markdown", "html", "step-summary")]
        options = [word for report in reports for word in ("--report", report)]
        ran = cs("plan", "--shard", "2/4", "--out", "p.json", *options)

        assert ran.out.splitlines()[0].endswith(" · shard 2/4")
        assert the_shard("p.json") == "2/4"
        assert "Environment `default`, shard `2/4`" in Path("markdown").read_text()
        assert "shard `2/4`" in Path("step-summary").read_text()
        assert "<dt>Shard</dt><dd>2/4</dd>" in Path("html").read_text()
        jsonschema.validate(json.loads(Path("p.json").read_text()), schema("plan"))

    @pytest.mark.slow
    def test_a_whole_plan_does_not_mention_parts(self, cs: Command) -> None:
        """Without --shard no output mentions parts."""
        ran = cs("plan", "--out", "p.json", "--report", "html=html", "--report", "markdown=md")

        assert the_shard("p.json") is None
        outputs = [ran.out, Path("html").read_text(), Path("md").read_text()]
        assert not any("shard" in text.casefold() for text in outputs)

    @pytest.mark.slow
    def test_one_part_has_one_name(self, cs: Command) -> None:
        """`2/5` and `02/05` are the same part, with the same comments and metrics."""
        cs("plan", "--shard", "02/04", "--out", "p.json")

        assert the_shard("p.json") == "2/4"

    @pytest.mark.slow
    def test_the_part_of_a_saved_plan_is_sealed(self, cs: Command) -> None:
        """A plan that was edited to be of another part is not applied."""
        cs("plan", "--shard", "2/4", "--out", "p.json")
        Path("p.json").write_text(Path("p.json").read_text().replace('"2/4"', '"3/4"'))

        assert cs("apply", "p.json", "--auto-approve").code == 7

    @pytest.mark.slow
    @pytest.mark.fault("H2")
    @pytest.mark.parametrize("shard", ["3/4", "1/3", "0/4", "x"])
    def test_a_plan_of_another_part_is_refused(self, cs: Command, shard: str) -> None:
        """A plan that names another part is refused, although its fingerprint matches."""
        cs("plan", "--shard", "2/4", "--out", "p.json")
        Path("p.json").write_bytes(forged(Path("p.json").read_bytes(), shard=shard))

        ran = cs("apply", "p.json", "--auto-approve")

        assert ran.code == 7
        assert f"its campaigns are not those of shard {shard}" in ran.err

    @pytest.mark.slow
    def test_drift_names_its_part(self, cs: Command) -> None:
        """The drift report of a part names the part."""
        ran = cs("drift", "--shard", "2/4", "--report", "json=d.json", "--report", "markdown=md")

        assert ran.out.splitlines()[0].endswith(" · shard 2/4")
        assert the_shard("d.json") == "2/4"
        assert "shard `2/4`" in Path("md").read_text()
        jsonschema.validate(json.loads(Path("d.json").read_text()), schema("drift"))

    @pytest.mark.slow
    def test_metrics_of_parts_add_up(self, cs: Command) -> None:
        """The metrics of all parts add up to those of the whole."""
        cs("drift", "--metrics", "all.prom")
        for number in (1, 2):
            cs("drift", "--shard", f"{number}/2", "--metrics", f"{number}.prom")
        parts = samples("1.prom") + samples("2.prom")

        names = [(name, tuple(labels.items())) for name, labels, _ in parts]
        assert len(names) == len(set(names))
        assert {labels["shard"] for _, labels, _ in parts} == {"1/2", "2/2"}
        whole = samples("all.prom")
        assert not any("shard" in labels for _, labels, _ in whole)
        assert counted(parts) == counted(whole)


def samples(file: str) -> list[tuple[str, dict[str, str], float]]:
    families = text_string_to_metric_families(Path(file).read_text())
    return [(each.name, each.labels, each.value) for family in families for each in family.samples]


def counted(values: list[tuple[str, dict[str, str], float]]) -> dict[str, float]:
    """Return the number of campaigns by state."""
    states: dict[str, float] = {}
    for _, labels, value in values:
        if "state" in labels:
            states[labels["state"]] = states.get(labels["state"], 0) + value
    return states


@pytest.mark.usefixtures("folder")
class TestEmptyPart:
    @pytest.mark.slow
    def test_an_empty_part_succeeds_and_is_reported(self, cs: Command, server: Sandbox) -> None:
        """An empty part succeeds and is reported."""
        planned = cs("plan", "--shard", EMPTY, "--detailed-exitcode", "--out", "p.json")
        drifted = cs("drift", "--shard", EMPTY, "--detailed-exitcode", "--metrics", "d.prom")

        assert (planned.code, drifted.code) == (0, 0)
        assert planned.out.splitlines()[-1] == "No changes."
        assert drifted.out.splitlines()[-1] == "No drift: 0 in sync."
        note = f"note: shard {EMPTY} contains no campaign of default\n"
        assert planned.err == f"{note}Saved p.json. It has nothing to apply.\n"
        assert drifted.err == note
        assert cs("plan", "--shard", EMPTY, "--quiet").err == ""
        assert set(counted(samples("d.prom")).values()) == {0}
        assert server.log == ()

    @pytest.mark.parametrize("what", [["p.json"], ["--shard", EMPTY]])
    def test_applying_an_empty_part_sends_nothing(
        self, cs: Command, server: Sandbox, what: list[str]
    ) -> None:
        """Its saved plan is applied like any other, and sends nothing."""
        cs("plan", "--shard", EMPTY, "--out", "p.json")
        ran = cs("apply", *what, "--auto-approve")

        assert ran.code == 0
        assert ran.out.splitlines()[-1] == "Applied: 0 updated, 0 failed."
        assert server.writes == ()

    def test_an_empty_plan_needs_no_workspace(
        self, cs: Command, server: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """An empty plan needs no workspace, and creates no files."""
        cs("plan", "--shard", EMPTY, "--out", str(tmp_path / "p.json"))
        (tmp_path / "elsewhere").mkdir()
        monkeypatch.chdir(tmp_path / "elsewhere")

        assert cs("apply", "../p.json", "--auto-approve").code == 0
        assert list(Path().iterdir()) == []
        assert server.log == ()

    def test_an_empty_plan_belongs_to_one_account(self, cs: Command, server: Sandbox) -> None:
        """An empty plan is not applied to another account either."""
        cs("plan", "--shard", EMPTY, "--out", "p.json")

        assert cs("apply", "p.json", "--auto-approve", "-e", "sandbox").code == 7
        assert server.writes == ()

    def test_a_workspace_without_any_definition_is_an_error(self, cs: Command) -> None:
        """Only a part may be empty: a workspace without definitions is an error."""
        for file in Path("campaigns").iterdir():
            file.unlink()

        assert cs("plan", "--shard", EMPTY).code == 3
