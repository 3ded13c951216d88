"""Guards: their limits, for the whole account, on every branch."""

import json
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from support.commandline import ROOT, Command
from support.faults import Sandbox
from support.loopback import CannedResponse, Loopback, Seen
from support.plans import a_plan, campaign, change
from support.servers import HookedSandbox, connect_to, seed

from campaignsync.guards import NAMES, Facts, Guards, code_of, guarded
from campaignsync.model.plan import Change
from campaignsync.sandbox.routes import ApiRequest
from campaignsync.schema import schema

Live = Callable[..., Sandbox]
"""Serves campaigns, to the command line too."""


@pytest.fixture
def live(monkeypatch: pytest.MonkeyPatch) -> Iterator[Live]:
    servers: list[Sandbox] = []

    def serve(campaigns: dict[str, Any]) -> Sandbox:
        server = Sandbox(campaigns, rate=None)
        servers.append(server)
        server.__enter__()
        connect_to(server, monkeypatch)
        return server

    yield serve
    for server in servers:
        server.__exit__(None, None, None)


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def lay_out(folder: Path, guards: str, definitions: Mapping[int, str], more: str = "") -> None:
    """Write a workspace with guards, and a definition for each campaign."""
    (folder / "campaigns").mkdir(exist_ok=True)
    (folder / "campaignsync.yaml").write_text(
        f"version: 1\ndefinitions: campaigns\nguards: {guards}\n{more}"
    )
    for id_, text in definitions.items():
        (folder / "campaigns" / f"c{id_:04}.yaml").write_text(f"id: {id_}\n{text}\n")


def blocked_by(guards: Mapping[str, Any], moment: str = "2026-06-03T12:00+00:00") -> list[str]:
    """Return the messages for a plan that changes one campaign at a given time."""
    facts = Facts(datetime.fromisoformat(moment), changed=1, existing=1)
    plan = guarded(a_plan(campaign(1)), Guards.model_validate(guards), facts, ())
    return [reason.message for each in plan.campaigns for reason in each.blocked]


class TestFreeze:
    @pytest.mark.fault("H7")
    @pytest.mark.parametrize(
        ("freeze", "moments"),
        [
            # The first and the last day belong to it, on the clock of the zone.
            (
                {"from": "2026-06-02", "to": "2026-06-04", "zone": "America/Bogota"},
                {
                    "2026-06-01T23:59:59-05:00": False,
                    "2026-06-02T00:00:00-05:00": True,
                    "2026-06-04T23:59:59-05:00": True,
                    "2026-06-05T00:00:00-05:00": False,
                    "2026-06-02T04:59:59+00:00": False,
                    "2026-06-05T04:59:59+00:00": True,
                    "2026-06-05T05:00:00+00:00": False,
                },
            ),
            (
                {"from": "2026-06-02", "zone": "UTC"},
                {
                    "2026-06-01T23:59:59Z": False,
                    "2026-06-02T00:00:00Z": True,
                    "2999-01-01T00:00Z": True,
                },
            ),
            (
                {"to": "2026-06-02", "zone": "UTC"},
                {
                    "2026-06-02T23:59:59Z": True,
                    "2026-06-03T00:00:00Z": False,
                    "1999-01-01T00:00Z": True,
                },
            ),
            # A weekday begins and ends at midnight of the zone: 2026-06-05 is a Friday.
            (
                {"days": "fri-sat", "zone": "Asia/Tokyo"},
                {
                    "2026-06-04T23:59:59+09:00": False,
                    "2026-06-05T00:00:00+09:00": True,
                    "2026-06-06T23:59:59+09:00": True,
                    "2026-06-07T00:00:00+09:00": False,
                    "2026-06-04T14:59:59+00:00": False,
                    "2026-06-04T15:00:00+00:00": True,
                },
            ),
            # The first and the last minute belong to the hours.
            (
                {"hours": "09:00-17:30", "zone": "UTC"},
                {
                    "2026-06-05T08:59:59Z": False,
                    "2026-06-05T09:00:00Z": True,
                    "2026-06-05T17:30:59Z": True,
                    "2026-06-05T17:31:00Z": False,
                },
            ),
            (
                {"hours": "22:00-06:00", "zone": "UTC"},
                {
                    "2026-06-05T21:59:59Z": False,
                    "2026-06-05T22:00:00Z": True,
                    "2026-06-05T23:59:59Z": True,
                    "2026-06-06T00:00:00Z": True,
                    "2026-06-06T06:00:59Z": True,
                    "2026-06-06T06:01:00Z": False,
                },
            ),
            # A night belongs to the day on which it starts: Friday's ends on Saturday morning.
            (
                {"days": "fri", "hours": "22:00-06:00", "zone": "UTC"},
                {
                    "2026-06-05T05:00:00Z": False,
                    "2026-06-05T22:00:00Z": True,
                    "2026-06-06T06:00:00Z": True,
                    "2026-06-06T22:00:00Z": False,
                    "2026-06-07T05:00:00Z": False,
                },
            ),
            (
                {"from": "2026-06-05", "to": "2026-06-05", "hours": "22:00-06:00", "zone": "UTC"},
                {
                    "2026-06-05T05:00:00Z": False,
                    "2026-06-05T22:00:00Z": True,
                    "2026-06-06T05:00:00Z": True,
                    "2026-06-06T22:00:00Z": False,
                },
            ),
            (
                {"hours": "23:59-00:00", "zone": "UTC"},
                {
                    "2026-06-05T23:58:59Z": False,
                    "2026-06-05T23:59:00Z": True,
                    "2026-06-06T00:00:59Z": True,
                    "2026-06-06T00:01:00Z": False,
                },
            ),
        ],
        ids=lambda value: "-".join(value) if "zone" in value else "",
    )
    def test_a_freeze_blocks_within_its_limits(
        self, freeze: dict[str, str], moments: dict[str, bool]
    ) -> None:
        """A freeze blocks every change within its limits, and none a minute outside them."""
        blocked = {moment: bool(blocked_by({"freeze": freeze}, moment)) for moment in moments}

        assert blocked == moments

    def test_the_reason_is_shown(self) -> None:
        """The error says why changes are frozen."""
        freeze = [{"from": "2026-01-01", "zone": "UTC", "reason": "holidays"}]

        assert blocked_by({"freeze": freeze}) == ["changes are frozen now: holidays"]

    @pytest.mark.fault("H7")
    @pytest.mark.usefixtures("workspace")
    @pytest.mark.parametrize(
        ("freeze", "code", "at"),
        [
            ("{from: 2027-01-06, to: 2026-12-20, zone: UTC}", "DATES_REVERSED", "2026-12-20"),
            ("{hours: 09:00-09:00, zone: UTC}", "EMPTY_FREEZE", "09:00-"),
            ("{hours: 9 to 5, zone: UTC}", "NOT_A_TIME", "9 to 5"),
            ("{hours: 25:00-26:00, zone: UTC}", "NOT_A_TIME", "25:00-"),
            ("{days: friday, zone: UTC}", "NOT_DAYS", "friday"),
            ("{zone: UTC}", "EMPTY_FREEZE", "{zone"),
            ("{days: fri}", "MISSING_ZONE", "{days"),
            ("{days: fri, zone: CST}", "NOT_A_TIME_ZONE", "CST"),
            ("{days: fri, zone: UTC, for: ever}", "UNKNOWN_KEY", "for"),
        ],
    )
    def test_an_impossible_guard_is_an_error(
        self, cs: Command, live: Live, freeze: str, code: str, at: str
    ) -> None:
        """Reversed dates, empty hours and mistyped keys are refused at their place, exit 3."""
        server = live(seed(1))
        lay_out(Path(), f"{{freeze: {freeze}}}", {1: "description: v2"})

        ran = cs("plan")

        assert ran.code == 3
        assert f"[{code}]" in ran.err
        column = f"guards: {{freeze: {freeze}}}".index(at) + 1
        assert f"campaignsync.yaml:3:{column}: " in ran.err
        assert server.log == ()


def week(start: str, stop: str, days: str = "mon tue wed thu fri sat sun") -> dict[str, Any]:
    open_ = {"startTime": start, "stopTime": stop, "active": True}
    closed = {"startTime": start, "stopTime": stop, "active": False}
    return {
        day: open_ if day in days.split() else closed
        for day in ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
    }


OFFICE = "{calling-hours: {mon-fri: 08:00-21:00, sat: 09:00-15:00}}"


class TestCallingHours:
    @pytest.mark.slow
    @pytest.mark.fault("H7")
    @pytest.mark.usefixtures("workspace")
    @pytest.mark.parametrize(
        ("scheduling", "zone", "why"),
        [
            # In the called people's zone, Tokyo's morning is yesterday's evening.
            (week("09:00", "18:00", "mon tue"), "Asia/Tokyo", "no calls are allowed on sun"),
            (week("09:00", "18:00", "tue wed"), "Asia/Tokyo", "18:00-03:00 is not within"),
            # One hour: 09:00-18:00 in Bogota is 08:00-17:00 in Mexico City.
            (week("09:00", "18:00", "mon tue wed thu fri"), "America/Bogota", None),
            (week("08:59", "18:00", "mon"), "America/Bogota", "07:59-17:00 is not within"),
            # Windows that were too wide before also count, because the zone moves them.
            (week("07:00", "18:00", "mon"), "America/Bogota", "07:00-18:00 is not within"),
            (week("10:00", "12:00", "sun"), "America/Bogota", "no calls are allowed on sun"),
            # The clocks of New York change in March: it is within for half of the year only.
            (week("09:00", "18:00", "mon"), "America/New_York", "07:00-16:00 is not within"),
            (week("10:00", "18:00", "mon"), "America/New_York", None),
            (week("10:00", "18:00", ""), "Asia/Tokyo", None),
        ],
    )
    def test_a_new_time_zone_moves_every_open_window(
        self, cs: Command, live: Live, scheduling: dict[str, Any], zone: str, why: str | None
    ) -> None:
        """A changed time zone moves calls, although no window changes."""
        server = live(seed(1, timezone="America/Mexico_City", scheduling=scheduling))
        lay_out(Path(), OFFICE, {1: f"timezone: {zone}"})

        ran = cs("plan")

        assert ran.code == (6 if why else 0)
        assert ("GUARD_CALLING_HOURS" in ran.out) == bool(why)
        assert (why or "") in ran.out
        assert cs("plan", "--allow", "calling-hours").code == 0
        assert cs("apply", "--auto-approve").code == ran.code
        assert bool(server.writes) == (why is None)

    @pytest.mark.fault("H7")
    @pytest.mark.usefixtures("workspace")
    def test_a_window_that_changes_with_the_zone_is_judged_as_it_will_be(
        self, cs: Command, live: Live
    ) -> None:
        """The windows after the plan count, not those that it replaces."""
        live(seed(1, timezone="America/Mexico_City", scheduling=week("06:00", "23:00", "mon")))
        lay_out(Path(), OFFICE, {1: "timezone: America/Bogota\nscheduling: {mon: 10:00-18:00}"})

        assert cs("plan").code == 0

    @pytest.mark.fault("H7")
    @pytest.mark.usefixtures("workspace")
    @pytest.mark.parametrize(("mode", "code"), [("scheduled", 6), ("cooldown", 0)])
    def test_a_new_zone_moves_the_hours_of_cycles(
        self, cs: Command, live: Live, mode: str, code: int
    ) -> None:
        """Cycles call in their own windows, in mode `scheduled`."""
        cycles = {"enabled": True, "mode": mode, "schedule": week("06:00", "07:00", "tue")}
        live(seed(1, timezone="America/Mexico_City", cycles=cycles))
        lay_out(Path(), OFFICE, {1: "timezone: America/Bogota"})

        ran = cs("plan")

        assert ran.code == code
        assert ("cycles.schedule.tue" in ran.out) == bool(code)

    @pytest.mark.fault("H7", "R9")
    @pytest.mark.usefixtures("workspace")
    def test_a_saved_plan_with_a_new_zone_is_held_against_it(self, cs: Command, live: Live) -> None:
        """A plan made with --allow needs it again for apply, also for a time zone."""
        scheduling = week("09:00", "18:00", "mon")
        server = live(seed(1, timezone="America/Mexico_City", scheduling=scheduling))
        lay_out(Path(), OFFICE, {1: "timezone: Asia/Tokyo"})
        assert cs("plan", "--out", "plan.json", "--allow", "calling-hours").code == 0

        ran = cs("apply", "plan.json", "--auto-approve")

        assert ran.code == 6
        assert "GUARD_CALLING_HOURS" in ran.err
        assert server.writes == ()
        assert cs("apply", "plan.json", "--auto-approve", "--allow", "calling-hours").code == 0

    @pytest.mark.parametrize(
        ("zone", "values", "why"),
        [
            (change("timezone", None, "Asia/Tokyo"), {}, "these hours are not readable"),
            (change("timezone", None, "Asia/Tokyo"), week("17:00", "18:00"), "not within"),
            (change("timezone", None, "America/Bogota"), week("09:00", "10:00"), None),
            (change("timezone", "CST6", "Asia/Tokyo"), week("09:00", "10:00"), "cannot compare"),
            (
                change("timezone", None, "Asia/Tokyo"),
                dict.fromkeys(week("09:00", "10:00"), "09:00-10:00"),
                "these hours are not readable",
            ),
            (
                change("timezone", None, "Asia/Tokyo"),
                {
                    day: {"startTime": "06:00", "stopTime": "07:00", "active": "1"}
                    for day in week("09:00", "10:00")
                },
                "06:00-07:00 is not within",
            ),
            (
                change("timezone", None, "America/Bogota", known=False),
                week("09:00", "10:00"),
                "the live time zone is not readable",
            ),
        ],
    )
    def test_a_zone_that_cannot_be_judged_is_refused(
        self, zone: Change, values: dict[str, Any], why: str | None
    ) -> None:
        """Hours and zones that cannot be read are blocked."""
        hours = {f"scheduling.{day}": window for day, window in values.items()}
        live = {"cycles.enabled": False, **hours}
        facts = Facts(datetime.fromisoformat("2026-06-03T12:00Z"), 1, 1, {1: live})
        guards = Guards.model_validate({"calling-hours": {"mon-sun": "08:00-21:00"}})

        plan = guarded(a_plan(campaign(1, changes=(zone,))), guards, facts, ())

        messages = [reason.message for each in plan.campaigns for reason in each.blocked]
        assert bool(messages) == bool(why)
        assert all((why or "") in message for message in messages)

    @pytest.mark.parametrize(
        ("after", "why"),
        [
            ({"startTime": "08:00", "stopTime": "21:00", "active": True}, None),
            ({"startTime": "07:59", "stopTime": "21:00", "active": True}, "07:59-21:00 is not"),
            ({"startTime": "08:00", "stopTime": "21:01", "active": True}, "08:00-21:01 is not"),
            ({"startTime": "09:00", "stopTime": "09:00", "active": True}, "09:00-09:00 is not"),
            ({"startTime": "10:00", "stopTime": "09:00", "active": True}, "10:00-09:00 is not"),
            ({"startTime": None, "stopTime": None, "active": True}, "is not a time of day"),
            ({"startTime": "09:00", "stopTime": None, "active": True}, "is not a time of day"),
            ({"startTime": 9, "stopTime": 18, "active": True}, "is not a time of day"),
            ({"active": True}, "is not a time of day"),
            ({"startTime": "01:00", "stopTime": "02:00", "active": False}, None),
            ({"active": False}, None),
            ("always", None),
        ],
        ids=str,
    )
    @pytest.mark.fault("H10")
    def test_a_window_is_judged_at_its_borders(self, after: Any, why: str | None) -> None:
        """A window may fill the allowed hours; one minute more, or no times, is refused."""
        changed = campaign(1, changes=(change("scheduling.mon", {"active": False}, after),))
        guards = Guards.model_validate({"calling-hours": {"mon": "08:00-21:00"}})
        facts = Facts(datetime.fromisoformat("2026-06-03T12:00Z"), changed=1, existing=1)

        [guarded_campaign] = guarded(a_plan(changed), guards, facts, ()).campaigns

        assert len(guarded_campaign.blocked) == bool(why)
        assert all((why or "") in reason.message for reason in guarded_campaign.blocked)

    @pytest.mark.parametrize(("day", "why"), [("sat", ""), ("sun", "no calls are allowed on sun")])
    def test_a_closed_day_takes_the_place_of_a_range(self, day: str, why: str) -> None:
        """With `mon-sun` and `sun: closed` the later key counts for Sunday."""
        hours = {"mon-sun": "09:00-18:00", "sun": "closed"}
        window = {"startTime": "10:00", "stopTime": "12:00", "active": True}
        planned = campaign(1, changes=(change(f"scheduling.{day}", None, window),))
        facts = Facts(datetime.fromisoformat("2026-06-03T12:00+00:00"), changed=1, existing=1)
        guards = Guards.model_validate({"calling-hours": hours})

        checked = guarded(a_plan(planned), guards, facts, ())

        reasons = [reason.message for each in checked.campaigns for reason in each.blocked]
        assert reasons == ([why] if why else [])

    @pytest.mark.slow
    @pytest.mark.fault("H10")
    @pytest.mark.usefixtures("workspace")
    def test_an_open_day_without_times_blocks_a_new_zone(
        self, cs: Command, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """An open day without live times blocks a new time zone; an undo does not change it."""
        before = {"startTime": None, "stopTime": None, "active": True}
        live = {"timezone": "America/Mexico_City", "scheduling": {"mon": before}}
        with Loopback(Odd(live)) as server:
            monkeypatch.setenv("ALTUR_BASE_URL", server.url)
            monkeypatch.setenv("ALTUR_API_KEY", "sk-test-odd")
            lay_out(Path(), OFFICE, {1: "timezone: America/Bogota"})
            plan = cs("plan")
            lay_out(Path(), OFFICE, {1: "scheduling: {mon: 09:00-18:00}"})
            assert cs("apply", "--auto-approve").code == 0
            undone = cs("undo", "last")

        assert plan.code == 6
        assert "GUARD_CALLING_HOURS" in plan.out
        assert "its start or end is not a time of day" in plan.out
        assert undone.code == 0
        assert "its time window was incomplete before the run" in undone.err


class Odd:
    """An API with one campaign that it returns as set, and merges changes into."""

    def __init__(self, fields: dict[str, Any]) -> None:
        self.campaign: dict[str, Any] = {"id": 1, "name": "Odd", "status": "active", **fields}

    def __call__(self, seen: Seen) -> CannedResponse:
        if seen.method == "PATCH":
            for key, value in json.loads(seen.body).items():
                self.campaign[key] = {**self.campaign[key], **value}
        if seen.path.endswith("/campaigns/1"):
            return CannedResponse(
                200, json.dumps({"success": True, "campaign": self.campaign}).encode()
            )
        page = {"has_next": False, "next_cursor": None}
        body = {"total_count": 1, "campaigns": [self.campaign], "pagination": page}
        return CannedResponse(200, json.dumps(body).encode())


class TestMassChange:
    """Twelve campaigns exist; a plan may change a quarter of them."""

    QUARTER = "{mass-change: {percent: 25, at_least: 10}}"

    @pytest.fixture
    def server(self, live: Live) -> Sandbox:
        return live(seed(12))

    def definitions(self, changed: int, unknown: int = 0) -> dict[int, str]:
        """Return definitions of all twelve, some with a change, and some of unknown campaigns."""
        there = {id_: f"description: v{2 if id_ <= changed else 1}" for id_ in range(1, 13)}
        return there | dict.fromkeys(range(901, 901 + unknown), "description: v1")

    @pytest.mark.slow
    @pytest.mark.fault("H7")
    @pytest.mark.parametrize("unknown", [0, 1, 30])
    @pytest.mark.parametrize(("changed", "guards"), [(3, False), (4, True)])
    def test_ids_that_do_not_exist_do_not_count(
        self,
        cs: Command,
        server: Sandbox,
        workspace: Path,
        changed: int,
        unknown: int,
        *,
        guards: bool,
    ) -> None:
        """Definitions of unknown campaigns do not allow more changes."""
        lay_out(workspace, self.QUARTER, self.definitions(changed, unknown))

        ran = cs("plan", "--format", "json")

        codes = {reason["code"] for each in ran.json["campaigns"] for reason in each["blocked"]}
        assert ("GUARD_MASS_CHANGE" in codes) == guards
        code = 6 if guards else 8 if unknown else 0
        assert cs("apply", "--auto-approve").code == code
        assert bool(server.writes) == (not guards)

    @pytest.mark.slow
    @pytest.mark.fault("H7")
    @pytest.mark.parametrize("unknown", [0, 30])
    @pytest.mark.parametrize(("chosen", "code"), [(3, 0), (4, 6), (9, 6)])
    @pytest.mark.parametrize("by", ["select", "paths"])
    def test_choosing_campaigns_does_not_evade_it(  # noqa: PLR0917 - a table, and fixtures
        self,
        cs: Command,
        server: Sandbox,
        workspace: Path,
        by: str,
        chosen: int,
        code: int,
        unknown: int,
    ) -> None:
        """A selection is a share of the whole workspace; nine campaigns are enough to count."""
        lay_out(workspace, self.QUARTER, self.definitions(12, unknown))
        ids = range(1, chosen + 1)
        words = {
            "select": [word for id_ in ids for word in ("--select", str(id_))],
            "paths": [f"campaigns/c{id_:04}.yaml" for id_ in ids],
        }[by]

        ran = cs("plan", *words)

        assert ran.code == code
        assert (f"changes {chosen} of 12 campaigns" in ran.out) == bool(code)
        assert cs("apply", *words, "--auto-approve").code == code
        assert len(server.writes) == (0 if code else chosen)

    @pytest.mark.fault("H7")
    def test_a_saved_plan_of_a_choice_is_counted_against_the_whole(
        self, cs: Command, server: Sandbox, workspace: Path
    ) -> None:
        """A plan of four of twelve, made with --allow, is refused without it."""
        lay_out(workspace, self.QUARTER, self.definitions(12))
        words = [word for id_ in range(1, 5) for word in ("--select", str(id_))]
        assert cs("plan", *words, "--out", "p.json", "--allow", "mass-change").code == 0

        assert cs("apply", "p.json", "--auto-approve").code == 6
        assert server.writes == ()

    @pytest.mark.slow
    @pytest.mark.fault("H7")
    @pytest.mark.parametrize(("changed", "code"), [(12, 6), (4, 6), (3, 0)])
    def test_a_large_shard_counts_the_changes_of_all_shards(
        self, cs: Command, server: Sandbox, workspace: Path, changed: int, code: int
    ) -> None:
        """A shard that changes more than its share reads the whole, and is refused with it."""
        lay_out(workspace, self.QUARTER, self.definitions(changed))

        codes = [cs("apply", "--shard", f"{k}/4", "--auto-approve").code for k in range(1, 5)]

        if code:
            assert len(server.writes) * 4 <= 12
        if changed == 12:
            assert set(codes) == {6}
        if not code:
            assert codes == [0, 0, 0, 0]

    @pytest.mark.fault("H7")
    @pytest.mark.parametrize(("keys", "codes"), [(("", ""), (6, 6)), (("", "_TWO"), (0, 0))])
    @pytest.mark.usefixtures("server")
    def test_environments_of_one_account_are_counted_together(
        self,
        cs: Command,
        workspace: Path,
        monkeypatch: pytest.MonkeyPatch,
        keys: tuple[str, str],
        codes: tuple[int, int],
    ) -> None:
        """Two environments with one key are one account."""
        monkeypatch.setenv("ALTUR_API_KEY_TWO", "sk-test-of-another-account")
        environments = "environments:\n" + "".join(
            f"  {name}: {{api_key_env: ALTUR_API_KEY{key}}}\n"
            for name, key in zip(("one", "two"), keys, strict=True)
        )
        lay_out(workspace, self.QUARTER, {}, environments)
        for id_ in range(1, 13):
            name = "one" if id_ <= 6 else "two"
            number = 2 if id_ in (1, 2, 7, 8) else 1
            text = f"id: {{{name}: {id_}}}\ndescription: v{number}\n"
            (workspace / "campaigns" / f"c{id_}.yaml").write_text(text)

        both = cs("plan", "-e", "one", "-e", "two", "--format", "json")
        blocking = {reason["code"] for each in both.json["campaigns"] for reason in each["blocked"]}

        assert ("GUARD_MASS_CHANGE" in blocking) == (codes == (6, 6))
        assert cs("plan", "-e", "one").code == 0  # two of twelve

    def test_a_small_plan_does_not_read_the_account(
        self, cs: Command, server: Sandbox, workspace: Path
    ) -> None:
        """The rest of the account is read only if a guard might block."""
        lay_out(workspace, "{mass-change: {percent: 100}}", self.definitions(12))

        cs("plan", "--select", "1")

        assert len(server.log) == 1


class TestBeforeTheFirstWrite:
    @pytest.mark.fault("H7")
    @pytest.mark.parametrize(("plan", "reads"), [((), 2), (("plan.json",), 1)])
    def test_guards_are_checked_again_before_the_first_write(
        self,
        cs: Command,
        workspace: Path,
        monkeypatch: pytest.MonkeyPatch,
        plan: tuple[str, ...],
        reads: int,
    ) -> None:
        """Guards are checked again after the wait for the lock or the approval: exit 6."""
        scheduling = week("09:00", "18:00", "mon")
        with HookedSandbox(
            seed(1, timezone="America/Mexico_City", scheduling=scheduling), rate=None
        ) as server:
            connect_to(server, monkeypatch)
            lay_out(workspace, OFFICE, {1: "timezone: America/Bogota"})
            cs("plan", "--out", "plan.json")
            seen: list[str] = []

            def widen(request: ApiRequest) -> None:
                seen.append(request.method)
                if len(seen) == reads + 1:
                    server.edit(1, {"scheduling": {"mon": {"startTime": "07:00"}}})

            server.hook = widen
            ran = cs("apply", *plan, "--auto-approve")

            assert ran.code == 6
            assert "Error: campaign 1: 07:00-18:00 is not within" in ran.err
            assert "[GUARD_CALLING_HOURS]" in ran.err
            assert server.writes == ()


class TestGuardsOfAnotherRevision:
    @pytest.fixture
    def repository(self, workspace: Path, live: Live, git: Callable[..., str]) -> Sandbox:
        """Commit a workspace with guards to `main`, then create a branch."""
        server = live(seed(3))
        lay_out(
            workspace, "{protected: [1], freeze: []}", {1: "description: v2", 2: "description: v1"}
        )
        git("init", "-q", "-b", "main")
        git("add", "campaignsync.yaml", "campaigns")
        git("commit", "-qm", "Begin")
        git("checkout", "-qb", "branch")
        return server

    @pytest.mark.slow
    @pytest.mark.fault("H7")
    def test_a_branch_does_not_loosen_the_guards_of_its_base(
        self, cs: Command, repository: Sandbox, workspace: Path
    ) -> None:
        """With --guards-from the base's guards apply, and the plan first says what is looser."""
        lay_out(workspace, "{}", {})
        assert cs("plan").code == 0

        ran = cs("plan", "--guards-from", "main")

        assert ran.code == 6
        assert "GUARD_PROTECTED" in ran.out
        lines = ran.out.splitlines()
        assert lines[2].startswith("! the workspace loosens `guards.protected` compared with main")
        document = cs("plan", "--guards-from", "main", "--format", "json").json
        assert len(document["environments"][0]["notes"]) == 1
        assert cs("apply", "--guards-from", "main", "--auto-approve").code == 6
        assert repository.writes == ()

    @pytest.mark.usefixtures("repository")
    @pytest.mark.parametrize("format_", ["markdown", "html", "github"])
    def test_every_report_shows_loosened_guards(
        self, cs: Command, workspace: Path, monkeypatch: pytest.MonkeyPatch, format_: str
    ) -> None:
        """Reviewers see loosened guards before any campaign, in every report."""
        monkeypatch.setenv("CAMPAIGNSYNC_GUARDS_FROM", "main")
        lay_out(workspace, "{}", {})

        out = cs("plan", "--format", format_).out

        assert "loosens" in out
        assert out.index("loosens") < out.index("PROTECTED")

    @pytest.mark.usefixtures("repository")
    def test_a_stricter_branch_is_not_reported(self, cs: Command, workspace: Path) -> None:
        """The branch's own guards apply as well; stricter ones need no note."""
        lay_out(workspace, "{protected: [1, 2]}", {2: "description: v2"})

        document = cs("plan", "--guards-from", "main", "--format", "json").json

        assert document["environments"][0]["notes"] == []
        assert [each["action"] for each in document["campaigns"]] == ["blocked", "blocked"]

    @pytest.mark.usefixtures("repository")
    def test_a_new_workspace_is_checked_against_the_defaults(
        self, cs: Command, workspace: Path, git: Callable[..., str]
    ) -> None:
        """If the base has no campaignsync.yaml, the default guards apply."""
        git("rm", "-q", "--cached", "campaignsync.yaml")
        git("commit", "-qm", "Without")
        lay_out(workspace, "{mass-change: {percent: 100}}", {})

        document = cs("plan", "--guards-from", "HEAD", "--format", "json").json

        assert len(document["environments"][0]["notes"]) == 1
        assert "`guards.mass-change`" in document["environments"][0]["notes"][0]

    @pytest.mark.parametrize("revision", ["nowhere", "--help", "main:", "main~7"])
    def test_a_revision_that_is_not_known_stops_the_plan(
        self, cs: Command, repository: Sandbox, revision: str
    ) -> None:
        """Guards that cannot be read are an error: exit 3, before any request."""
        ran = cs("plan", f"--guards-from={revision}")

        assert ran.code == 3
        assert "[UNKNOWN_REVISION]" in ran.err
        assert repository.log == ()

    def test_guards_that_are_wrong_there_stop_the_plan(
        self, cs: Command, repository: Sandbox, workspace: Path, git: Callable[..., str]
    ) -> None:
        """A mistake in the base's guards is shown at its place there."""
        lay_out(workspace, "{protected: [x]}", {})
        git("commit", "-qam", "Wrong")
        lay_out(workspace, "{}", {})

        ran = cs("plan", "--guards-from", "HEAD")

        assert ran.code == 3
        assert "HEAD:campaignsync.yaml:3:22: error: `protected[]`" in ran.err
        assert repository.log == ()


STRICT = {
    "mass-change": {"percent": 20, "at_least": 5},
    "risky-fields": ["retries", "cycles"],
    "protected": [1, 2],
    "freeze": [{"days": "fri-sun", "zone": "UTC"}],
    "calling-hours": {"mon-fri": "09:00-18:00"},
}
LOOSE = {
    "mass-change": {"percent": 30, "at_least": 9},
    "risky-fields": ["cycles"],
    "protected": [2],
    "freeze": [],
    "calling-hours": {"mon-fri": "08:00-21:00", "sat": "09:00-15:00"},
}


class TestRegistry:
    @pytest.mark.parametrize("name", NAMES)
    def test_two_settings_make_the_stricter_one(self, name: str) -> None:
        """If either of two settings blocks a change, both together block it."""
        strict, loose = (Guards.model_validate({name: each[name]}) for each in (STRICT, LOOSE))

        assert strict.stricter(loose) == strict
        assert loose.stricter(strict).stricter(strict) == loose.stricter(strict)
        assert strict.loosened_from(loose) == []
        assert loose.loosened_from(strict) == [name]
        assert Guards().stricter(strict).loosened_from(strict) == []

    def test_two_settings_of_hours_allow_their_intersection(self) -> None:
        """Of 08:00-12:00 and 11:00-20:00 only 11:00-12:00 is allowed; of separate hours none."""
        one = Guards.model_validate(
            {"calling-hours": {"mon-tue": "08:00-12:00", "wed": "09:00-10:00"}}
        )
        other = Guards.model_validate(
            {"calling-hours": {"mon": "11:00-20:00", "wed": "10:00-11:00"}}
        )

        assert one.stricter(other).calling_hours.by_day == {"mon": ("11:00", "12:00")}
        assert other.stricter(one).calling_hours.by_day == {"mon": ("11:00", "12:00")}

    @pytest.mark.parametrize("name", NAMES)
    def test_a_guard_is_offered_described_and_documented(self, cs: Command, name: str) -> None:
        """Each guard can be disabled by name, and is in the JSON Schema, the docs and `explain`."""
        guard = dict(Guards().each())[name]
        summary = (guard.__doc__ or "").partition("\n")[0]

        unwrapped = "".join(cs("plan", "--help").out.split())
        assert name in unwrapped
        described = schema("workspace")["$defs"]
        assert name in described["Guards"]["properties"]
        assert described[type(guard).__name__]["description"] == summary
        page = (ROOT / "docs" / "workspace.md").read_text()
        assert f"| `{name}` | {summary} |" in page
        assert cs("explain", code_of(name)).code == 0
        assert not guard.is_set or name == "mass-change"

    @pytest.mark.parametrize("name", NAMES)
    def test_a_guards_example_is_valid(self, name: str) -> None:
        """The setting that an editor proposes configures the guard."""
        example = dict(Guards().each())[name].example

        assert dict(Guards.model_validate({name: example}).each())[name].is_set


class TestSharedReasons:
    @pytest.fixture
    def out(self, cs: Command, workspace: Path, live: Live) -> Callable[[str], str]:
        """Plan 20 campaigns that are blocked for the same reason, and one more."""
        live(seed(21))
        lay_out(
            workspace,
            "{mass-change: {percent: 10}}",
            dict.fromkeys(range(1, 21), "description: v2"),
        )
        (workspace / "campaigns" / "c9999.yaml").write_text("id: 9999\ndescription: v2\n")
        (workspace / "campaigns" / "c0021.yaml").write_text("id: 21\ndescription: v1\n")
        return lambda format_: cs("plan", "--format", format_).out

    @pytest.mark.parametrize("format_", ["text", "markdown", "html", "github"])
    def test_a_guard_explains_itself_once(self, out: Callable[[str], str], format_: str) -> None:
        """A guard that blocks twenty campaigns explains itself once."""
        assert out(format_).count("the plan changes 20 of 21 campaigns") == 1

    def test_a_terminal_has_the_reason_at_the_end(self, out: Callable[[str], str]) -> None:
        """The end of a long plan says why it is blocked; each campaign has the code."""
        lines = out("text").splitlines()

        assert lines[-1].startswith("Plan: 0 to update, 21 blocked")
        assert lines[-5] == "! GUARD_MASS_CHANGE blocks 20 campaigns"
        assert lines.count("    ! GUARD_MASS_CHANGE") == 20

    def test_a_terminal_shows_blocked_campaigns_last_and_a_comment_first(
        self, cs: Command, workspace: Path, live: Live
    ) -> None:
        """A blocked campaign is next to the summary on a terminal, and at the top of a comment."""
        live(seed(3))
        lay_out(workspace, "{protected: [1]}", dict.fromkeys((1, 2, 3), "description: v2"))

        text = cs("plan").out
        comment = cs("plan", "--format", "markdown").out

        assert text.index("Campaign 2") < text.index("Campaign 3") < text.index("Campaign 1")
        assert comment.index("Campaign 1") < comment.index("Campaign 2")

    def test_a_reason_of_one_campaign_stays_with_it(
        self, cs: Command, workspace: Path, live: Live
    ) -> None:
        """A reason that concerns one campaign is explained there, with its place."""
        live(seed(2))
        lay_out(workspace, "{protected: [1]}", {1: "description: v2", 2: "description: v2"})

        out = cs("plan").out

        assert "      the campaign is protected  (campaigns/c0001.yaml:1:1)" in out
        assert "blocks" not in out
