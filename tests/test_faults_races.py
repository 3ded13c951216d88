"""Concurrent changes: rows R1 to R10, checked at the server."""

import asyncio
import json
import os
import random
import shutil
from collections import defaultdict
from pathlib import Path
from typing import Any

import httpx
import pytest
from support.commandline import Command
from support.faults import Quirks, Sandbox
from support.preloaded import preloaded
from support.servers import (
    ApplyResult,
    HookedSandbox,
    Recorded,
    apply,
    connect_to,
    desire,
    methods_for,
    plan_of,
    run_to_end,
    seed,
)
from support.two_processes import race as race_of_processes

from campaignsync.model.plan import Plan, seal
from campaignsync.sandbox.routes import PREFIX, ApiRequest

WRITES = frozenset({"PATCH"})
LONG = bool(os.environ.get("CAMPAIGNSYNC_LONG"))


@pytest.fixture
def fleet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Write a workspace of ten small definitions, campaigns 1 to 10."""
    for id_ in range(1, 11):
        (tmp_path / f"c{id_:02}.yaml").write_text(f"id: {id_}\ndescription: v1\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Serve campaigns 1 to 10, to the command line too."""
    with HookedSandbox(seed(10), rate=None) as server:
        connect_to(server, monkeypatch)
        yield server


def change(fleet: Path, *ids: int, **values: Any) -> None:
    for id_ in ids:
        lines = "".join(f"{key}: {value}\n" for key, value in values.items())
        (fleet / f"c{id_:02}.yaml").write_text(f"id: {id_}\n{lines}")


def guards(fleet: Path, text: str) -> None:
    (fleet / "campaignsync.yaml").write_text(
        f"version: 1\nguards: {text}\n"
        "environments: {production: {api: altur, api_key_env: ALTUR_API_KEY}}\n"
    )


class TestAnEditInTheDashboard:
    @pytest.mark.slow
    @pytest.mark.fault("R1")
    @pytest.mark.parametrize("moment", range(1, 7))
    def test_an_edit_at_any_moment_survives(self, moment: int, tmp_path: Path) -> None:
        """An edit between the plan and a campaign's last reading is never overwritten."""
        with HookedSandbox(seed(3), rate=None) as server:
            desired = desire((1, 2, 3), description="v2")
            plan = run_to_end(plan_of(server, desired))
            planned = len(server.log)
            in_time: list[bool] = []

            def edit(request: ApiRequest) -> None:
                if not in_time and len(server.log) - planned >= moment:
                    being_read = request.method == "GET" and request.path.endswith("/3")
                    in_time.append(being_read or not methods_for(3, server.log[planned:]))
                    server.edit(3, {"description": "v5"})

            server.hook = edit
            result = run_to_end(apply(server, plan, desired, tmp_path, paced=True))

            assert len(in_time) == 1
            assert (result.outcomes[1], result.outcomes[2]) == ("updated", "updated")
            if in_time == [True]:
                assert (result.code, result.outcomes[3]) == (8, "stale")
                assert 'changed since the plan: was "v1", is "v5"' in result.errors[3].message
                assert "PATCH" not in methods_for(3, server.log)
                assert server.campaigns()[3]["description"] == "v5"

    @pytest.mark.fault("R2")
    def test_an_edit_of_an_unmanaged_field_is_kept(self, tmp_path: Path) -> None:
        """A live change of an unmanaged field is kept, and the planned change is applied."""
        with Sandbox(seed(1), rate=None) as server:
            desired = desire((1,), description="v2")
            plan = run_to_end(plan_of(server, desired))
            server.edit(1, {"name": "By hand", "timezone": "America/Lima"})

            assert run_to_end(apply(server, plan, desired, tmp_path)).code == 0
            campaign = server.campaigns()[1]
            assert (campaign["description"], campaign["name"]) == ("v2", "By hand")
            assert campaign["timezone"] == "America/Lima"

    @pytest.mark.fault("R3")
    def test_a_change_that_is_already_live_is_not_sent(self, tmp_path: Path) -> None:
        """If someone has already made the change by hand, nothing is written."""
        with Sandbox(seed(2), rate=None) as server:
            desired = desire((1, 2), description="v2")
            plan = run_to_end(plan_of(server, desired))
            server.edit(1, {"description": "v2"})

            result = run_to_end(apply(server, plan, desired, tmp_path))

            assert (result.code, result.outcomes) == (0, {1: "unchanged", 2: "updated"})
            assert methods_for(1, server.writes) == []

    @pytest.mark.fault("R4")
    def test_an_edit_between_reading_and_write_is_detected(self, tmp_path: Path) -> None:
        """An edit between the last reading and the write cannot be prevented; it is detected."""
        with HookedSandbox(seed(2), rate=None) as server:
            desired = desire((1, 2), description="v2", name="New")
            plan = run_to_end(plan_of(server, desired))

            def edit(request: ApiRequest) -> None:
                if request.method == "PATCH":
                    server.edit(1, {"timezone": "America/Lima"})

            server.hook = edit
            result = run_to_end(apply(server, plan, desired, tmp_path))

            assert (result.code, result.outcomes) == (8, {1: "failed", 2: "skipped"})
            assert "timezone" in result.errors[1].message
            assert server.campaigns()[1]["timezone"] == "America/Lima"
            assert len(server.writes) == 1


class TestAPlanOfAnotherWorld:
    @pytest.mark.fault("R5")
    @pytest.mark.parametrize(
        "forged",
        [
            {"tool": "campaignsync 0.0.1"},
            {"base_url": "https://api.altur.io/api/v1.0"},
            {"definitions": "sha256:0"},
        ],
    )
    def test_it_is_refused_before_any_request(
        self, cs: Command, fleet: Path, small: Sandbox, forged: dict[str, str]
    ) -> None:
        """A plan by another version, for another address or of other definitions is 7."""
        change(fleet, 1, description="v2")
        cs("plan", "--out", "plan.json")
        plan = Plan.from_json(Path("plan.json").read_bytes())
        account = plan.environment.model_copy(update=forged)
        aged = plan.model_copy(update={"environments": (account,), **forged})
        Path("plan.json").write_text(seal(aged).model_dump_json())
        before = len(small.log)

        assert cs("apply", "plan.json", "--auto-approve").code == 7
        assert len(small.log) == before

    @pytest.mark.fault("R6")
    def test_a_forged_change_is_recomputed_and_refused(
        self, cs: Command, fleet: Path, small: Sandbox
    ) -> None:
        """A plan with a valid fingerprint and a change that no definition makes is 7."""
        change(fleet, 1, description="v2")
        cs("plan", "--out", "plan.json")
        document = json.loads(Path("plan.json").read_text())
        (campaign,) = (c for c in document["campaigns"] if c["action"] == "update")
        campaign["requests"][0]["body"] = {"description": "v5"}
        campaign["changes"][0]["after"] = 5
        forged = seal(Plan.from_json(json.dumps(document)))
        Path("plan.json").write_text(forged.model_dump_json())

        assert cs("apply", "plan.json", "--auto-approve").code == 7
        assert small.writes == ()

    @pytest.mark.fault("R6")
    def test_a_forged_body_is_not_sent(self, cs: Command, fleet: Path, small: Sandbox) -> None:
        """A request with more than the reviewed changes is never sent."""
        change(fleet, 1, description="v2")
        cs("plan", "--out", "plan.json")
        document = json.loads(Path("plan.json").read_text())
        (campaign,) = (c for c in document["campaigns"] if c["action"] == "update")
        campaign["requests"][0]["body"] = {"description": "v2", "name": "Forged"}
        forged = seal(Plan.from_json(json.dumps(document)))
        Path("plan.json").write_text(forged.model_dump_json())

        cs("apply", "plan.json", "--auto-approve")

        assert "Forged" not in str(small.writes)
        assert small.campaigns()[1]["name"] == "Campaign 1"

    @pytest.mark.fault("R7")
    def test_an_older_plan_does_not_undo_a_newer_one(
        self, cs: Command, fleet: Path, small: Sandbox, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """An older plan that is applied after a newer one reverts nothing (8)."""
        change(fleet, 1, 2, description="v2")
        cs("plan", "--out", "plan.json")
        newer = fleet / "newer"
        newer.mkdir()
        (newer / "c01.yaml").write_text("id: 1\ndescription: v3\n")
        monkeypatch.chdir(newer)
        assert cs("apply", "--auto-approve").code == 0
        monkeypatch.chdir(fleet)
        (newer / "c01.yaml").unlink()

        ran = cs("apply", "plan.json", "--auto-approve")

        assert ran.code == 8
        assert 'changed since the plan: was "v1", is "v3"' in ran.out
        assert small.campaigns()[1]["description"] == "v3"
        assert methods_for(1, small.writes) == ["PATCH"]


@pytest.mark.slow
class TestTwoAtOnce:
    @pytest.mark.fault("R8")
    def test_on_one_machine_one_is_turned_away(self, fleet: Path, small: Sandbox) -> None:
        """Of two applies in one workspace one exits with 10; every change is made once."""
        change(fleet, 1, 2, description="v2")
        small.quirks = Quirks(latency=0.4)
        account = {"ALTUR_BASE_URL": small.url, "ALTUR_API_KEY": small.key}
        command = ("apply", "--auto-approve")
        both = [preloaded().start(*command, folder=fleet, **account) for _ in range(2)]
        errors = [process.communicate(timeout=60)[1] for process in both]
        codes = [process.returncode for process in both]

        assert sorted(codes) == [0, 10]
        assert "another apply of" in errors[codes.index(10)]
        assert sorted(write.path[-1] for write in small.writes) == ["1", "2"]

    @pytest.mark.fault("R8")
    def test_with_patience_the_second_finds_it_done(self, fleet: Path, small: Sandbox) -> None:
        """With --lock-timeout the second apply waits, and has nothing left to do."""
        change(fleet, 1, description="v2")
        small.quirks = Quirks(latency=0.2)
        account = {"ALTUR_BASE_URL": small.url, "ALTUR_API_KEY": small.key}
        command = ("apply", "--auto-approve", "--lock-timeout", "50")
        both = [preloaded().start(*command, folder=fleet, **account) for _ in range(2)]
        for process in both:
            process.communicate(timeout=60)

        assert [process.returncode for process in both] == [0, 0]
        assert len(small.writes) == 1

    @pytest.mark.fault("R8")
    @pytest.mark.parametrize("same", [True, False], ids=["one desire", "two desires"])
    @pytest.mark.parametrize("dozen", range(10 if LONG else 1))
    def test_two_runners_do_not_revert_each_other(
        self, tmp_path: Path, dozen: int, *, same: bool
    ) -> None:
        """Two runners without a common lock never revert a change that they could read."""

        async def every() -> None:
            ends: set[str] = set()
            # One by one: on a busy machine, parallel races would all start at once.
            for number in range(12 * dozen, 12 * (dozen + 1)):
                ends |= await race(number, tmp_path / str(number), same=same)
            # In some orders they overlapped, and one read the other's change.
            assert ends == {"updated", "unchanged" if same else "stale"}

        run_to_end(every())

    @pytest.mark.fault("R8")
    @pytest.mark.parametrize("same", [True, False], ids=["one desire", "two desires"])
    def test_two_processes_do_not_revert_each_other(self, same: bool) -> None:  # noqa: FBT001 - a parameter
        """Two processes with random delays never revert a change that they could read."""
        assert race_of_processes(1, same=same)

    @pytest.mark.fault("R8")
    def test_two_runners_in_a_row(
        self, cs: Command, fleet: Path, small: Sandbox, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The second of two runners with the same saved plan sends nothing."""
        change(fleet, 1, 2, description="v2")
        cs("plan", "--out", "plan.json")
        shutil.copytree(fleet, fleet.with_name("other"))

        assert cs("apply", "plan.json", "--auto-approve").code == 0
        monkeypatch.chdir(fleet.with_name("other"))
        ran = cs("apply", "plan.json", "--auto-approve", "--format", "json")

        assert ran.code == 0
        assert ran.json["summary"]["updated"] == 0
        assert len(small.writes) == 2


async def race(number: int, folder: Path, *, same: bool) -> set[str]:
    """Let two runners apply their plans in the order of a number; return all outcomes.

    A runner that reads a campaign after the other's write was answered must not write to it.
    Only between one reading and its write may the other runner write (row R4).
    """
    chance = random.Random(number)  # noqa: S311 - an order of events
    answered: dict[int, set[str]] = defaultdict(set)
    seen: dict[tuple[str, int], set[str]] = {}
    sent: dict[int, list[str]] = defaultdict(list)

    def transport(runner: str) -> Recorded:
        async def before(request: httpx.Request) -> None:
            await asyncio.sleep(chance.uniform(0, 0.02))
            if (id_ := _id_of(request)) is None:
                return
            if request.method == "GET":
                seen[runner, id_] = set(answered[id_])
                return
            others = seen[runner, id_] - {runner}
            assert not others, f"seed {number}: {runner} had seen the write of {others} to {id_}"
            sent[id_].append(runner)

        async def after(request: httpx.Request, _: httpx.Response) -> None:
            if request.method == "PATCH" and (id_ := _id_of(request)) is not None:
                answered[id_].add(runner)

        return Recorded(before, after)

    desires = {
        "one": desire((1, 2, 3), description="v2", name="One"),
        "two": desire((1, 2, 3), description="v2" if same else "v3", name="One" if same else "Two"),
    }
    with Sandbox(seed(3), rate=None) as server:
        plans = {runner: await plan_of(server, desired) for runner, desired in desires.items()}

        async def start(runner: str) -> ApplyResult:
            await asyncio.sleep(chance.uniform(0, 0.2))
            seam = transport(runner)
            return await apply(
                server, plans[runner], desires[runner], folder / runner, transport=seam
            )

        ends = await asyncio.gather(*map(start, desires))
        result = dict(zip(desires, ends, strict=True))
        for id_, campaign in server.campaigns().items():
            values = {runner: d.definitions[0].values for runner, d in desires.items()}
            whole = {runner: (v["description"], v["name"]) for runner, v in values.items()}
            assert (campaign["description"], campaign["name"]) in whole.values(), number
            assert len(sent[id_]) == len(set(sent[id_])), f"seed {number}: sent twice"
            for runner, run in result.items():
                wrote = runner in sent[id_]
                assert wrote == (run.outcomes[id_] == "updated"), number
                assert run.outcomes[id_] in ("updated", "unchanged", "stale"), number
        assert {run.code for run in ends} <= {0, 7, 8}
        return {word for run in ends for word in run.outcomes.values()}


def _id_of(request: httpx.Request) -> int | None:
    place = request.url.path.removeprefix(f"{PREFIX}/campaigns/")
    return int(place) if place.isdigit() else None


class TestGuards:
    @pytest.mark.fault("R9")
    @pytest.mark.parametrize(
        ("percent", "at_least", "updates", "code"),
        [
            (30, 10, 3, 0),
            (30, 10, 4, 6),
            (30, 11, 4, 0),
            (29, 10, 3, 6),
            (0, 1, 1, 6),
            (0, 1, 0, 0),
            (99, 1, 10, 6),
            (100, 1, 10, 0),
        ],
    )
    @pytest.mark.usefixtures("fleet")
    def test_a_mass_change_has_sharp_borders(  # noqa: PLR0917 - a row of the table, and two fixtures
        self, cs: Command, small: Sandbox, percent: int, at_least: int, updates: int, code: int
    ) -> None:
        """One change more than the guard allows is refused, by plan and by apply."""
        fleet = Path()
        guards(fleet, f"{{mass-change: {{percent: {percent}, at_least: {at_least}}}}}")
        change(fleet, *range(1, updates + 1), description="v2")

        assert cs("plan").code == code
        if code:
            assert cs("apply", "--auto-approve").code == code
        assert small.writes == ()

    @pytest.mark.fault("R9")
    def test_it_works_with_one_campaign(self, cs: Command, fleet: Path, small: Sandbox) -> None:
        """An account with one campaign can be guarded, too."""
        guards(fleet, "{mass-change: {percent: 50, at_least: 1}}")
        change(fleet, 1, description="v2")
        for file in fleet.glob("c*.yaml"):
            if file.name not in ("c01.yaml", "campaignsync.yaml"):
                file.unlink()

        assert cs("plan").code == 6
        assert cs("apply", "c01.yaml", "--auto-approve").code == 6
        assert small.writes == ()

    ALL = (
        "{mass-change: {percent: 0, at_least: 1}, risky-fields: [description], protected: [1],"
        " freeze: [{from: 2020-01-01, zone: UTC}]}"
    )
    NAMES = ("mass-change", "risky-fields", "protected", "freeze")

    @pytest.mark.fault("R9")
    @pytest.mark.parametrize("name", NAMES)
    def test_each_guard_is_lifted_by_its_own_name(
        self, cs: Command, fleet: Path, small: Sandbox, name: str
    ) -> None:
        """Three of four --allow leave the fourth guard active; all four disable all."""
        guards(fleet, self.ALL)
        change(fleet, 1, description="v2")
        others = [word for other in self.NAMES if other != name for word in ("--allow", other)]

        ran = cs("plan", "c01.yaml", "--format", "json", *others)

        (campaign,) = ran.json["campaigns"]
        assert ran.code == 6
        codes = {blocked["code"] for blocked in campaign["blocked"]}
        assert codes == {f"GUARD_{name.replace('-', '_').upper()}"}
        assert cs("apply", "c01.yaml", "--auto-approve", *others).code == 6
        assert small.writes == ()

    @pytest.mark.slow
    @pytest.mark.fault("R9")
    def test_a_saved_plan_does_not_carry_its_allowance(
        self, cs: Command, fleet: Path, small: Sandbox
    ) -> None:
        """A guard that --allow disabled for the plan must be allowed for apply again."""
        guards(fleet, self.ALL)
        change(fleet, 1, description="v2")
        allow = [word for name in self.NAMES for word in ("--allow", name)]
        assert cs("plan", "c01.yaml", "--out", "plan.json", *allow).code == 0

        assert cs("apply", "plan.json", "--auto-approve").code == 6
        assert cs("apply", "plan.json", "--auto-approve", *allow[2:]).code == 6
        assert small.writes == ()
        assert cs("apply", "plan.json", "--auto-approve", *allow).code == 0
        assert len(small.writes) == 1

    @pytest.mark.fault("R10")
    @pytest.mark.parametrize("command", [["plan"], ["apply", "--auto-approve"]])
    @pytest.mark.parametrize(
        ("name", "set_"),
        [
            ("mass-change", "{mass-change: {percent: 100}, protected: [1]}"),
            ("risky-fields", "{protected: [1]}"),
            ("protected", "{risky-fields: [description]}"),
            ("freeze", "{protected: [1]}"),
            ("calling-hours", "{protected: [1]}"),
        ],
    )
    @pytest.mark.usefixtures("fleet")
    def test_an_allow_without_effect_is_an_error(
        self, cs: Command, small: Sandbox, command: list[str], name: str, set_: str
    ) -> None:
        """--allow for a guard that is not configured is 3."""
        guards(Path(), set_)

        ran = cs(*command, "--allow", name)

        assert ran.code == 3
        assert f"--allow {name} has no effect" in ran.err
        assert small.log == ()
