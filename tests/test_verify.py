"""After each PATCH the response is compared with the sent values and the earlier ones."""

import asyncio
import json
import time
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from support.commandline import Command, Unpaced
from support.fake_clock import run_without_waiting
from support.faults import Fault, FaultKind, Quirks, Sandbox
from support.servers import HookedSandbox, apply, client, connect_to, desire, run_to_end, seed

from campaignsync.api.client import ApiClient
from campaignsync.apply.journal import Journal, read_journal
from campaignsync.apply.run import Apply
from campaignsync.live import LiveReader
from campaignsync.model.definitions import Desired, LiveCampaign
from campaignsync.model.kind import Value
from campaignsync.model.plan import Plan
from campaignsync.model.runs import Outcome
from campaignsync.plan import make_plan, plan_campaign
from campaignsync.plan_notes import spelling_difference
from campaignsync.sandbox.http_server import Reply
from campaignsync.sandbox.quirks import REFERENCE_DETAIL_KEYS
from campaignsync.sandbox.routes import PREFIX, ApiRequest

OPEN = {"startTime": "09:00", "stopTime": "18:00", "active": True}
SCHEDULED = {"enabled": True, "mode": "scheduled"}
WRITES = frozenset({"PATCH"})
NOW = "2026-01-01T00:00:00Z"


async def plan_of(server: Sandbox, desired: Desired, *, send_unreadable: bool = False) -> Plan:
    async with client(server) as api:
        live = await LiveReader(api).read(desired)
    return make_plan(
        desired,
        live,
        environment="test",
        base_url=server.url,
        created_at=NOW,
        send_unreadable=send_unreadable,
    )


class TestNullWeeks:
    @pytest.mark.fault("H5")
    @pytest.mark.parametrize("week", ["scheduling", "cycles.schedule"])
    def test_a_week_that_was_null_may_hold_one_day(self, week: str, tmp_path: Path) -> None:
        """A day is set in a week that was null; a response with that day alone is a success."""
        cycles = {**SCHEDULED, "schedule": None}
        with Sandbox(seed(3, scheduling=None, cycles=cycles), rate=None) as server:
            server.edit(1, {"cycles": {"schedule": None}})
            desired = desire((1, 2, 3), **{f"{week}.mon": OPEN})
            plan = run_to_end(plan_of(server, desired))

            result = run_to_end(apply(server, plan, desired, tmp_path))

            assert (result.code, result.errors) == (0, {})
            assert set(result.outcomes.values()) == {"updated"}
            campaign = server.campaigns()[1]
            group = campaign if week == "scheduling" else campaign["cycles"]
            assert group[week.rpartition(".")[2]] == {"mon": OPEN}
            assert run_to_end(plan_of(server, desired)).summary.update == 0

    @pytest.mark.fault("A10")
    def test_a_closed_day_with_times_can_be_lost(self, tmp_path: Path) -> None:
        """A day's times that are lost are reported, even if the day is closed."""
        closed = {**OPEN, "active": False}
        with Sandbox(seed(1, scheduling={"mon": OPEN, "tue": closed}), rate=None) as server:
            desired = desire((1,), **{"scheduling.mon": closed})
            plan = run_to_end(plan_of(server, desired))
            server.quirks = Quirks(schedule_merge="replace")

            result = run_to_end(apply(server, plan, desired, tmp_path))

            assert (result.code, result.errors[1].code) == (8, "CHANGED_UNASKED")
            assert "scheduling.tue" in result.record.collateral[1]


class TestUnreadable:
    """`--send-unreadable` sends fields whose live value the API does not return."""

    HIDDEN = Quirks(detail_keys=REFERENCE_DETAIL_KEYS)

    @pytest.mark.fault("N2")
    @pytest.mark.parametrize("kind", ["drop-before", "drop-after", "502-after", "half"])
    def test_a_lost_write_of_an_unreadable_field_is_unknown(
        self, kind: FaultKind, tmp_path: Path
    ) -> None:
        """If the response is lost and no read succeeds, the outcome is unknown: exit 9."""
        with Sandbox(seed(1), rate=None, quirks=self.HIDDEN) as server:
            desired = desire((1,), message_limit=20)
            plan = run_to_end(plan_of(server, desired, send_unreadable=True))
            assert plan.summary.update == 1
            server.quirks = Quirks(
                detail_keys=REFERENCE_DETAIL_KEYS, faults=(Fault(1, kind, WRITES),)
            )

            result = run_to_end(apply(server, plan, desired, tmp_path))

            assert (result.code, result.outcomes) == (9, {1: "unknown"})
            assert len(server.writes) == 1
            assert [intent.id for intent in result.record.unresolved] == [1]

    def test_an_answered_write_of_an_unreadable_field_is_done(self, tmp_path: Path) -> None:
        """If the API accepts the PATCH, the field counts as updated without being read."""
        with Sandbox(seed(1), rate=None, quirks=self.HIDDEN) as server:
            desired = desire((1,), message_limit=20)
            plan = run_to_end(plan_of(server, desired, send_unreadable=True))

            result = run_to_end(apply(server, plan, desired, tmp_path))

            assert (result.code, result.outcomes) == (0, {1: "updated"})
            assert server.campaigns()[1]["message_limit"] == 20

    def test_a_planned_field_that_is_no_longer_readable_is_stale(self, tmp_path: Path) -> None:
        """If the API stopped returning a field since the plan, it does not count as matching."""
        with Sandbox(seed(1), rate=None) as server:
            desired = desire((1,), message_limit=20)
            plan = run_to_end(plan_of(server, desired))
            server.quirks = self.HIDDEN

            result = run_to_end(apply(server, plan, desired, tmp_path))

            assert (result.code, result.outcomes) == (7, {1: "stale"})
            assert "is not readable" in result.errors[1].message
            assert server.writes == ()

    @pytest.mark.fault("N2", "A9")
    @pytest.mark.parametrize("kind", [None, "drop-before", "drop-after", "502-after"])
    @pytest.mark.parametrize("others", [{}, {"description": "v2"}])
    def test_a_field_that_is_no_longer_readable_is_unknown(
        self, others: dict[str, Value], kind: FaultKind | None, tmp_path: Path
    ) -> None:
        """If the API no longer returns a field after its PATCH: exit 9, and nothing sent twice."""
        with Hiding(seed(1), rate=None) as server:
            desired = desire((1,), message_limit=20, **others)
            plan = run_to_end(plan_of(server, desired))
            server.quirks = Quirks(faults=(Fault("all", kind, WRITES),) if kind else ())

            result = run_to_end(apply(server, plan, desired, tmp_path))

            assert (result.code, result.outcomes) == (9, {1: "unknown"})
            assert len(server.writes) == 1
            assert [intent.id for intent in result.record.unresolved] == [1]


class Hiding(Sandbox):
    """A sandbox whose responses leave out fields from the first PATCH on."""

    def log_request(self, method: str, target: str, body: bytes) -> tuple[int, bool]:
        logged = super().log_request(method, target, body)
        if method == "PATCH":
            self.quirks = replace(self.quirks, detail_keys=REFERENCE_DETAIL_KEYS)
        return logged


class Lagging(httpx.AsyncBaseTransport):
    """A sandbox without sockets, whose first `lag` reads after a PATCH return the old values.

    The PATCH's own response is "old" as well, "lost", or "silent": without the fields.
    `moments` are those of the reads, in seconds after the last PATCH, on the loop's clock.
    """

    def __init__(self, server: Sandbox, lag: int, answer: str) -> None:
        self._server = server
        self._lag = lag
        self._answer = answer
        self._old = b""
        self._sent_at = 0.0
        self.moments: list[float] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        now = asyncio.get_running_loop().time()
        if request.method == "PATCH":
            self._old, self._sent_at = self._ask("GET"), now
            self._ask("PATCH", request.content)
            if self._answer == "lost":
                raise httpx.ReadError("the connection was reset", request=request)
            silent = b'{"success": true, "campaign": {"id": 1}}'
            return httpx.Response(200, content=self._old if self._answer == "old" else silent)
        if self._old:
            self.moments.append(now - self._sent_at)
        late = self._old and len(self.moments) <= self._lag
        return httpx.Response(200, content=self._old if late else self._ask("GET"))

    def _ask(self, method: str, body: bytes = b"") -> bytes:
        request = ApiRequest(method, f"{PREFIX}/campaigns/1", {}, body, None)
        return self._server.answer(request, f"api-key {self._server.key}").content


class Gone(Lagging):
    """A sandbox that fails every reading after the first PATCH."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if request.method == "GET" and self._old:
            return httpx.Response(500)
        return await super().handle_async_request(request)


@pytest.mark.fault("A11")
class TestLateReadings:
    """Reads may lag behind a write: the delays are the real ones, on a simulated clock."""

    MOMENTS = (0.0, 0.25, 1.0, 3.0, 7.0)
    """Seconds after the PATCH at which the campaign is read until the write shows."""

    def apply(
        self, folder: Path, lag: int, answer: str, transport: type[Lagging] = Lagging
    ) -> tuple[Outcome, Lagging]:
        desired = desire((1,), description="v2")

        async def applying(server: Sandbox) -> tuple[Outcome, Lagging]:
            lagging = transport(server, lag, answer)
            pace = Unpaced(12)
            async with ApiClient(
                f"http://x{PREFIX}", server.key, pace=pace, transport=lagging
            ) as api:
                live = await LiveReader(api).read(desired)
                plan = make_plan(desired, live, environment="e", base_url="b", created_at=NOW)
                journal = Journal.begin(folder, "run", {"environment": "e", "base_url": "b"})
                run = Apply(plan, desired, api, LiveReader(api), journal)
                await run.run()
            return run.outcomes.by_id[1], lagging

        with Sandbox(seed(1), rate=None) as server:
            return run_without_waiting(applying(server))

    @pytest.mark.parametrize("answer", ["old", "lost", "silent"])
    @pytest.mark.parametrize("lag", range(5))
    def test_a_write_that_shows_late_is_updated(
        self, lag: int, answer: str, tmp_path: Path
    ) -> None:
        """A write that shows within 7 seconds is reported as updated, and sent once."""
        outcome, lagging = self.apply(tmp_path, lag, answer)

        assert outcome.outcome == "updated"
        assert lagging.moments == list(self.MOMENTS[: lag + 1])

    @pytest.mark.parametrize("answer", ["old", "silent"])
    def test_a_write_that_never_shows_has_failed(self, answer: str, tmp_path: Path) -> None:
        """A value that does not show within 7 seconds was not accepted."""
        outcome, lagging = self.apply(tmp_path, 99, answer)

        assert (outcome.outcome, lagging.moments) == ("failed", list(self.MOMENTS))
        assert outcome.error is not None
        assert outcome.error.code == "NOT_TAKEN"

    @pytest.mark.parametrize("answer", ["old", "lost", "silent"])
    def test_a_write_that_cannot_be_confirmed_is_unknown(self, answer: str, tmp_path: Path) -> None:
        """A write that no response shows, and no read can confirm, has an unknown outcome."""
        outcome, _ = self.apply(tmp_path, 0, answer, Gone)

        assert outcome.outcome == "unknown"
        (journal,) = tmp_path.glob("*.jsonl")
        assert [intent.id for intent in read_journal(journal).unresolved] == [1]


def reply_to_patches(
    server: HookedSandbox, campaign_for: Callable[[ApiRequest], Mapping[str, Any]]
) -> None:
    """Execute each PATCH, and respond with another campaign than the sandbox would."""

    def hook(request: ApiRequest) -> Reply | None:
        if request.method != "PATCH":
            return None
        Sandbox.answer(server, request, f"api-key {server.key}")
        response = {"success": True, "campaign": campaign_for(request)}
        return Reply(200, json.dumps(response).encode())

    server.hook = hook


@pytest.mark.fault("A10")
@pytest.mark.parametrize("answer", ["old", "silent"])
def test_damage_missing_from_the_response_is_detected(answer: str, tmp_path: Path) -> None:
    """Lost weekdays are found when a write is read back, if the response does not show them."""
    with HookedSandbox(seed(2, scheduling={"mon": OPEN, "tue": OPEN}), rate=None) as server:
        desired = desire((1, 2), **{"scheduling.mon": {**OPEN, "startTime": "08:00"}})
        plan = run_to_end(plan_of(server, desired))
        before = server.campaigns()

        def campaign_for(request: ApiRequest) -> Mapping[str, Any]:
            id_ = int(request.path.rpartition("/")[2])
            return before[id_] if answer == "old" else {"id": id_}

        reply_to_patches(server, campaign_for)
        server.quirks = Quirks(schedule_merge="replace")
        result = run_to_end(apply(server, plan, desired, tmp_path))

        assert (result.code, len(server.writes)) == (8, 1)
        # On a busy machine, a campaign whose reading is too old lets the other one go first.
        assert sorted(result.outcomes.values()) == ["failed", "skipped"]
        [(damaged, error)] = result.errors.items()
        assert error.code == "CHANGED_UNASKED"
        assert "scheduling.tue" in result.record.collateral[damaged]


@pytest.mark.fault("A10")
def test_a_response_with_a_part_of_the_week_is_read_back(tmp_path: Path) -> None:
    """If a PATCH's response repeats only what was sent, the other weekdays are not lost."""
    with HookedSandbox(seed(2, scheduling={"mon": OPEN, "tue": OPEN}), rate=None) as server:
        desired = desire((1, 2), **{"scheduling.mon": {**OPEN, "startTime": "08:00"}})
        plan = run_to_end(plan_of(server, desired))
        reply_to_patches(server, lambda request: json.loads(request.body))
        result = run_to_end(apply(server, plan, desired, tmp_path))

        assert (result.code, result.errors) == (0, {})
        assert set(result.outcomes.values()) == {"updated"}


@pytest.mark.fault("A10")
def test_damage_beside_a_part_of_the_week_stops_the_run(tmp_path: Path) -> None:
    """A response that shows a field that changed unasked decides, whatever else it leaves out."""
    quirks = Quirks(clobber={"retries": 0})
    week = {"mon": OPEN, "tue": OPEN}
    with HookedSandbox(seed(3, scheduling=week, retries=3), rate=None, quirks=quirks) as server:
        desired = desire((1, 2, 3), description="v2")
        plan = run_to_end(plan_of(server, desired))
        reply_to_patches(server, lambda _: {"retries": 0, "scheduling": {"mon": OPEN}})
        result = run_to_end(apply(server, plan, desired, tmp_path))

        assert (result.code, len(server.writes)) == (8, 1)
        assert sorted(result.outcomes.values()) == ["failed", "skipped", "skipped"]


@pytest.mark.fault("A10")
def test_closed_days_that_responses_leave_out_are_not_lost(tmp_path: Path) -> None:
    """If only the list shows closed days and a sent field, a write is updated, not unknown."""
    quirks = Quirks(detail_keys=REFERENCE_DETAIL_KEYS)
    with HookedSandbox(seed(2, scheduling={"mon": OPEN}), rate=None, quirks=quirks) as server:
        desired = desire((1, 2), description="v2")
        plan = run_to_end(plan_of(server, desired))

        def hook(request: ApiRequest) -> Reply | None:
            if request.path.endswith("/campaigns"):
                return None
            reply = Sandbox.answer(server, request, f"api-key {server.key}")
            response = json.loads(reply.content)
            week = response["campaign"]["scheduling"]
            response["campaign"]["scheduling"] = {"mon": week["mon"]}
            return Reply(200, json.dumps(response).encode())

        server.hook = hook
        result = run_to_end(apply(server, plan, desired, tmp_path))

        assert (result.code, result.errors) == (0, {})
        assert set(result.outcomes.values()) == {"updated"}


@pytest.mark.fault("N2")
def test_a_timed_out_write_is_read_back(tmp_path: Path) -> None:
    """A PATCH that the API did before a gateway answered 408 is updated, and can be undone."""
    with HookedSandbox(seed(1), rate=None) as server:
        desired = desire((1,), description="v2")
        plan = run_to_end(plan_of(server, desired))

        def hook(request: ApiRequest) -> Reply | None:
            if request.method != "PATCH":
                return None
            Sandbox.answer(server, request, f"api-key {server.key}")
            return Reply(408, b"")

        server.hook = hook
        result = run_to_end(apply(server, plan, desired, tmp_path))

        assert (result.code, result.outcomes) == (0, {1: "updated"})
        assert len(server.writes) == 1


class Normalising(Sandbox):
    """A sandbox that stores text in its own form."""

    def __init__(self, form: Callable[[str], str], **values: Any) -> None:
        super().__init__(seed(1, **values), rate=None)
        self._form = form

    def answer(self, request: ApiRequest, authorization: str | None) -> Reply:
        if request.method == "PATCH":
            body = {
                key: self._form(value) if isinstance(value, str) else value
                for key, value in json.loads(request.body).items()
            }
            request = replace(request, body=json.dumps(body).encode())
        return super().answer(request, authorization)


def composed(text: str) -> str:
    return unicodedata.normalize("NFC", text)


def decomposed(text: str) -> str:
    return unicodedata.normalize("NFD", text)


def stripped(text: str) -> str:
    return "\n".join(line.rstrip() for line in text.splitlines())


class TestSpelling:
    """A server that stores values in its own spelling: the report says how to write them."""

    @pytest.mark.slow
    @pytest.mark.fault("A9")
    @pytest.mark.parametrize(
        ("form", "field", "written", "difference"),
        [
            (composed, "name", "man\u0303ana", "the definition has accents as separate"),
            (decomposed, "name", "ma\u00f1ana", "the API stores accents as separate"),
            (
                stripped,
                "description",
                "one \ntwo",
                "the definition has blanks at the end",
            ),
            (str.strip, "description", " one", "the definition has blank lines or spaces"),
            (
                lambda _: "America/Argentina/Buenos_Aires",
                "timezone",
                "America/Buenos_Aires",
                "have the same hours",
            ),
        ],
    )
    def test_the_difference_is_named_and_adopt_resolves_it(  # noqa: PLR0917 - a row of the table, and fixtures
        self,
        form: Callable[[str], str],
        field: str,
        written: str,
        difference: str,
        cs: Command,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """`apply` and `plan` say which side differs; the `adopt` that they name fixes it."""
        monkeypatch.chdir(tmp_path)
        (tmp_path / "a.yaml").write_text(json.dumps({"id": 1, field: written}))
        with Normalising(form) as server:
            connect_to(server, monkeypatch)
            desired = desire((1,), **{field: written})
            result = run_to_end(
                apply(server, run_to_end(plan_of(server, desired)), desired, tmp_path / "j")
            )
            plan = cs("plan", "--format", "json")

            assert (result.code, result.errors[1].code) == (8, "NOT_TAKEN")
            hint = result.errors[1].hint
            assert hint.startswith(f"{field}: ")
            assert difference in hint
            assert f"`campaignsync adopt 1 --field {field}`" in hint
            assert any(difference in note for note in plan.json["campaigns"][0]["notes"])
            assert cs("adopt", "1", "--field", field).code == 0
            assert cs("plan", "--detailed-exitcode").code == 0

    @pytest.mark.fault("A13")
    def test_line_ends_of_the_server_are_not_a_difference(
        self, cs: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A definition cannot contain CRLF: a server that stores it causes no endless changes."""
        monkeypatch.chdir(tmp_path)
        (tmp_path / "a.yaml").write_text("id: 1\ndescription: |\n  one\n  two\n")
        with Normalising(lambda text: text.replace("\n", "\r\n")) as server:
            connect_to(server, monkeypatch)

            assert cs("apply", "--auto-approve").code == 0
            assert server.campaigns()[1]["description"] == "one\r\ntwo"
            assert cs("plan", "--detailed-exitcode").code == 0

    @pytest.mark.fault("A9")
    @pytest.mark.parametrize(
        ("path", "definition", "live"),
        [
            ("name", "new", "old"),
            ("name", "Jose", "Jos\u00e9"),
            ("timezone", "America/Lima", "America/Santiago"),
            ("timezone", "America/Lima", "not a zone"),
            ("retries", 1, 2),
        ],
    )
    def test_another_value_is_not_a_spelling(
        self, path: str, definition: Value, live: Value
    ) -> None:
        """The report never recommends a value that the server ignored or changed."""
        assert spelling_difference(path, definition, live) == ""


class TestOddBooleans:
    """A server that returns 0, 1 or text where the reference has true and false."""

    @pytest.mark.fault("A13")
    @pytest.mark.parametrize(
        ("archived", "action"),
        [
            *((value, "update") for value in (0, "0", "false", "False", None, False)),
            *((value, "blocked") for value in (1, "1", "true", True)),
        ],
    )
    def test_archived_is_read_from_any_usual_spelling(self, archived: Any, action: str) -> None:
        """`archived: 0` or "false" does not block a change; `1` or "true" does."""
        with Sandbox(seed(1, archived=archived), rate=None) as server:
            plan = run_to_end(plan_of(server, desire((1,), description="v2")))

        assert [campaign.action for campaign in plan.campaigns] == [action]

    @pytest.mark.fault("A13")
    @pytest.mark.parametrize(
        ("active", "shown"),
        [
            (1, "09:00–18:00 (active: 1) → 09:00–18:00"),
            ("true", '09:00–18:00 (active: "true") → 09:00–18:00'),
            (None, "09:00–18:00"),
        ],
    )
    def test_a_weekday_shows_an_odd_active(
        self,
        active: Any,
        shown: str,
        cs: Command,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """`active: 1` is not true: the plan shows the difference."""
        monkeypatch.chdir(tmp_path)
        (tmp_path / "a.yaml").write_text("id: 1\nscheduling: {mon: 09:00-18:00}\n")
        days = {"mon": {**OPEN, "active": active}}
        with Sandbox(seed(1, scheduling=days), rate=None) as server:
            connect_to(server, monkeypatch)

            assert shown in cs("plan").out


@pytest.mark.fault("L3")
@pytest.mark.parametrize(
    ("definition", "live"),
    [
        (
            "\n".join(str(n % 100) for n in range(8000)),
            "\n".join(str(n * 7 % 100) for n in range(8000)),
        ),
        ("v2", f"v{' ' * 100_000}2"),
        ("v2", "a" + "\u0300\u0316" * 100_000),
    ],
    ids=["lines in another order", "blanks", "accents"],
)
def test_a_hostile_text_is_planned_in_time(definition: str, live: str) -> None:
    """A plan takes seconds, whatever text is live."""
    [desired] = desire((1,), description=definition).definitions
    started = time.process_time()

    planned = plan_campaign(desired, LiveCampaign(1, {"description": live}))

    assert planned.action == "update"
    assert time.process_time() - started < 5
