"""Network faults: rows N1 to N13, checked at the server."""

import asyncio
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from support.commandline import Command
from support.faults import Fault, FaultKind, Quirks, Sandbox
from support.memory import MEBIBYTE, run_measured
from support.servers import (
    HookedSandbox,
    apply,
    client,
    desire,
    methods_for,
    plan_of,
    run_to_end,
    seed,
)

from campaignsync.api.client import SPARE
from campaignsync.errors import BadResponse, Unreachable
from campaignsync.live import LiveReader
from campaignsync.sandbox.http_server import Reply
from campaignsync.sandbox.quirks import REFERENCE_DETAIL_KEYS
from campaignsync.sandbox.routes import ApiRequest

WRITES = frozenset({"PATCH"})
DONE_UNSEEN: tuple[FaultKind, ...] = ("drop-after", "502-after", "half", "nan", "duplicate-keys")
NOT_DONE: tuple[FaultKind, ...] = ("drop-before", "500", "503", "html", "empty", "list")


def lost(kind: FaultKind, on: Any) -> Quirks:
    return Quirks(faults=(Fault(on, kind, WRITES),))


class TestALostAnswer:
    """Rows N2 and N3: one write of three fails, each one once, in each way."""

    @pytest.mark.slow
    @pytest.mark.fault("N2")
    @pytest.mark.fault("N3")
    @pytest.mark.parametrize("kind", [*DONE_UNSEEN, *NOT_DONE])
    def test_each_change_arrives_exactly_once(self, kind: FaultKind, tmp_path: Path) -> None:
        """Whichever response is lost, and however, every change is made exactly once."""

        async def lose(index: int) -> None:
            desired = desire((1, 2, 3), description="v2")
            with Sandbox(seed(3), rate=None) as server:
                plan = await plan_of(server, desired)
                server.quirks = lost(kind, index)
                planned = len(server.log)

                result = await apply(server, plan, desired, tmp_path / str(index))

                log = server.log[planned:]
                assert result.code == 0
                assert result.outcomes == dict.fromkeys((1, 2, 3), "updated")
                assert {c["description"] for c in server.campaigns().values()} == {"v2"}
                for id_ in (1, 2, 3):
                    assert "PATCH PATCH" not in " ".join(methods_for(id_, log))
                    assert result.record.outcomes[id_]["outcome"] == "updated"
                assert len(server.writes) == (3 if kind in DONE_UNSEEN else 4)

        async def each() -> None:
            await asyncio.gather(*(lose(index) for index in (1, 2, 3)))

        run_to_end(each())

    @pytest.mark.slow
    @pytest.mark.fault("N2")
    @pytest.mark.fault("N3")
    @pytest.mark.parametrize("kind", [*DONE_UNSEEN, *NOT_DONE])
    def test_no_unmade_write_is_reported(self, kind: FaultKind, tmp_path: Path) -> None:
        """If every response is lost, the report still matches the server's state."""
        with Sandbox(seed(3), rate=None) as server:
            desired = desire((1, 2, 3), description="v2")
            plan = run_to_end(plan_of(server, desired))
            server.quirks = lost(kind, "all")

            result = run_to_end(apply(server, plan, desired, tmp_path))

            done = {id_ for id_, c in server.campaigns().items() if c["description"] == "v2"}
            assert {id_ for id_, word in result.outcomes.items() if word == "updated"} == done
            assert done == ({1, 2, 3} if kind in DONE_UNSEEN else set())
            assert result.code == (0 if kind in DONE_UNSEEN else 5)
            assert len(server.writes) <= 3
            assert not result.record.unresolved

    @pytest.mark.fault("N2")
    @pytest.mark.parametrize("kind", ["drop-after", "502-after"])
    def test_a_write_is_confirmed_by_the_list(self, kind: FaultKind, tmp_path: Path) -> None:
        """A write is not repeated because an outdated reading does not show it."""
        with Sandbox(
            seed(2), rate=None, quirks=Quirks(detail_keys=REFERENCE_DETAIL_KEYS)
        ) as server:
            desired = desire((1, 2), description="v2")
            plan = run_to_end(plan_of(server, desired))
            server.quirks = Quirks(
                detail_keys=REFERENCE_DETAIL_KEYS, faults=(Fault("all", kind, WRITES),)
            )

            result = run_to_end(apply(server, plan, desired, tmp_path))

            assert result.outcomes == {1: "updated", 2: "updated"}
            assert len(server.writes) == 2

    @pytest.mark.fault("N2")
    def test_a_write_by_someone_else_is_not_reported_as_ours(self, tmp_path: Path) -> None:
        """A third value after a lost response is someone else's: 9, and nothing is sent again.

        7 would say that nothing was written, but the write was done before it was replaced.
        """
        with Sandbox(seed(1), rate=None) as server:
            desired = desire((1,), description="v2")
            plan = run_to_end(plan_of(server, desired))
            server.quirks = Quirks(
                clobber={"description": "v5"}, faults=(Fault(1, "drop-after", WRITES),)
            )

            result = run_to_end(apply(server, plan, desired, tmp_path))

            assert (result.code, result.outcomes) == (9, {1: "unknown"})
            assert 'changed the campaign since: description sent "v2", is "v5"' in (
                result.errors[1].message
            )
            assert len(server.writes) == 1

    @pytest.mark.fault("N2")
    def test_a_lost_write_that_shows_in_part_was_written(self, tmp_path: Path) -> None:
        """One field is as it was sent, and another has a third value: 8, not 7."""
        with Sandbox(seed(1, description="old"), rate=None) as server:
            desired = desire((1,), name="New", description="new")
            plan = run_to_end(plan_of(server, desired))
            clobbered = {"description": "theirs"}
            server.quirks = Quirks(clobber=clobbered, faults=(Fault(1, "drop-after", WRITES),))

            result = run_to_end(apply(server, plan, desired, tmp_path))

            assert (result.code, result.errors[1].code) == (8, "NOT_TAKEN")
            assert server.campaigns()[1]["name"] == "New"
            assert len(server.writes) == 1

    @pytest.mark.fault("N2")
    def test_an_unreadable_outcome_is_unknown(self, tmp_path: Path) -> None:
        """If the outcome of a write cannot be determined, the exit code is 9."""
        with Sandbox(seed(1), rate=None) as server:
            desired = desire((1,), description="v2")
            plan = run_to_end(plan_of(server, desired))
            unread = Fault(frozenset(range(2, 99)), "drop-before", frozenset({"GET"}))
            server.quirks = Quirks(faults=(Fault(1, "drop-after", WRITES), unread))

            result = run_to_end(apply(server, plan, desired, tmp_path))

            assert (result.code, result.outcomes) == (9, {1: "unknown"})
            assert [intent.id for intent in result.record.unresolved] == [1]
            assert len(server.writes) == 1

    @pytest.mark.fault("N2")
    @pytest.mark.usefixtures("folder")
    def test_apply_reports_writes_with_lost_responses(self, cs: Command, server: Sandbox) -> None:
        """`apply` exits with 0 if all writes with lost responses are found done."""
        server.quirks = lost("drop-after", "all")

        ran = cs("apply", "--auto-approve")

        assert ran.code == 0
        assert ran.out.splitlines()[-1].startswith("Applied: 3 updated, 0 failed")
        assert len(server.writes) == 3
        assert "Traceback" not in ran.err

    @pytest.mark.fault("N12")
    def test_a_reset_connection_reads_before_sending_again(self, tmp_path: Path) -> None:
        """After a connection reset the campaign is read before the write is sent again."""
        with Sandbox(seed(1), rate=None) as server:
            desired = desire((1,), description="v2")
            plan = run_to_end(plan_of(server, desired))
            server.quirks = lost("drop-before", 1)
            planned = len(server.log)

            result = run_to_end(apply(server, plan, desired, tmp_path))

            methods = methods_for(1, server.log[planned:])
            assert result.code == 0
            assert methods[:2] == ["GET", "PATCH"]
            assert set(methods[2:-1]) == {"GET"}
            assert methods[-1] == "PATCH"


class TestNoAnswer:
    @pytest.mark.fault("N1")
    @pytest.mark.usefixtures("folder")
    def test_a_refused_connection_exits_with_5(
        self, cs: Command, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A refused connection exits with 5, for a plan and for an apply."""
        monkeypatch.setenv("ALTUR_BASE_URL", "http://127.0.0.1:9")
        monkeypatch.setenv("ALTUR_API_KEY", "sk-test-1")

        for command in (["plan", "campaigns/survey.yaml"], ["apply", "--auto-approve"]):
            ran = cs(*command)

            assert ran.code == 5
            assert ran.err.startswith("Error: GET ")
            assert "127.0.0.1:9: no connection" in ran.err
            assert "Traceback" not in ran.err

    @pytest.mark.fault("N1")
    @pytest.mark.usefixtures("folder")
    def test_a_connection_that_always_breaks(self, cs: Command, server: Sandbox) -> None:
        """A read is tried three times, then reported as 5; nothing is written."""
        server.quirks = Quirks(faults=(Fault("all", "drop-before"),))

        ran = cs("apply", "campaigns/survey.yaml", "--auto-approve")

        assert ran.code == 5
        assert [request.method for request in server.log] == ["GET"] * 3

    @pytest.mark.fault("N1")
    @pytest.mark.usefixtures("folder")
    def test_two_connection_errors_do_not_stop_a_run(self, cs: Command, server: Sandbox) -> None:
        """Two temporary network errors do not stop a run."""
        server.quirks = Quirks(faults=(Fault(frozenset({1, 2}), "drop-before"),))

        assert cs("plan", "campaigns/survey.yaml").code == 0

    @pytest.mark.slow
    @pytest.mark.fault("N8")
    @pytest.mark.parametrize("kind", ["drip", "hang"])
    def test_a_read_ends_with_its_deadline(self, kind: FaultKind) -> None:
        """A server that sends one byte at a time is not waited for longer than a silent one."""

        async def read() -> None:
            async with client(server, deadline=0.3) as api:
                await api.campaign(1)

        with Sandbox(seed(1), rate=None, quirks=Quirks(faults=(Fault("all", kind),))) as server:
            started = time.monotonic()
            with pytest.raises(Unreachable, match="response in time"):
                run_to_end(read())

            # Three attempts; the slow response alone would take minutes.
            assert time.monotonic() - started < 10
            assert len(server.log) == 3

    @pytest.mark.slow
    @pytest.mark.fault("N8")
    @pytest.mark.parametrize(("kind", "sent"), [("drip", 1), ("hang", 2)])
    def test_a_write_without_an_answer_is_looked_for(
        self, kind: FaultKind, sent: int, tmp_path: Path
    ) -> None:
        """After a slow or hanging response to a write, reading decides whether it was done."""
        with Sandbox(seed(1), rate=None) as server:
            desired = desire((1,), description="v2")
            plan = run_to_end(plan_of(server, desired))
            server.quirks = lost(kind, 1)

            result = run_to_end(apply(server, plan, desired, tmp_path, deadline=0.3))

            assert result.code == 0
            assert server.campaigns()[1]["description"] == "v2"
            assert len(server.writes) == sent


class TestPatience:
    """Rows N6 and N7: a server that asks to wait."""

    @pytest.mark.slow
    @pytest.mark.fault("N6")
    @pytest.mark.parametrize(
        ("retry_after", "least"),
        [("0.5", 0.5), ("", 0.0), ("-7", 0.0), ("soon", 0.0), ("nan", 0.0)],
    )
    def test_a_refused_read_is_made_again(self, retry_after: str, least: float) -> None:
        """Every form of Retry-After leads to a retry that succeeds."""

        async def read() -> None:
            async with client(server, paced=True) as api:
                await api.campaign(1)

        quirks = Quirks(retry_after=retry_after, faults=(Fault(1, "429"),))
        with Sandbox(seed(1), rate=None, quirks=quirks) as server:
            run_to_end(read())

            first, second = server.log
            assert least <= second.at - first.at < least + 5

    @pytest.mark.slow
    @pytest.mark.fault("N6")
    def test_a_retry_after_delays_all_requests(self) -> None:
        """If the API asks one request to wait, all requests wait."""

        async def read() -> None:
            async with client(server, paced=True) as api:
                await asyncio.gather(*(api.campaign(id_) for id_ in range(1, 7)))

        quirks = Quirks(retry_after="0.6", faults=(Fault(2, "429"),))
        with Sandbox(seed(6), rate=None, quirks=quirks) as server:
            run_to_end(read())

            times = [request.at for request in server.log]
            assert len(times) == 7
            # One more may have been sent before the response arrived.
            assert max(later - sooner for sooner, later in pairwise(times)) > 0.45

    @pytest.mark.slow
    @pytest.mark.fault("N6")
    @pytest.mark.parametrize("retry_after", ["", "soon"])
    def test_a_refused_write_is_not_hurried(self, retry_after: str, tmp_path: Path) -> None:
        """A 429 without Retry-After also makes a write wait."""
        with Sandbox(seed(1), rate=None) as server:
            desired = desire((1,), description="v2")
            plan = run_to_end(plan_of(server, desired))
            server.quirks = Quirks(retry_after=retry_after, faults=(Fault(1, "429", WRITES),))
            planned = len(server.log)

            result = run_to_end(apply(server, plan, desired, tmp_path, paced=True, backoff=0.5))

            assert result.code == 0
            assert methods_for(1, server.log[planned:]) == ["GET", "PATCH", "GET", "PATCH"]
            refused, again = server.log[planned + 1], server.log[planned + 2]
            assert again.at - refused.at >= 0.5

    @pytest.mark.slow
    @pytest.mark.fault("N7")
    @pytest.mark.parametrize("kind", ["429", "503"])
    def test_a_plan_gives_up(self, kind: FaultKind) -> None:
        """A server that is always busy gets a tenth more requests and a few, not three times."""

        async def read() -> None:
            async with client(server) as api:
                await LiveReader(api).read(desire(range(1, 41), message_limit=7))

        quirks = Quirks(retry_after="", faults=(Fault("all", kind),))
        with Sandbox(seed(40), rate=None, quirks=quirks) as server:
            with pytest.raises(Unreachable):
                run_to_end(read())

            assert len(server.log) <= 1.1 * 40 + SPARE
            assert server.writes == ()

    @pytest.mark.slow
    @pytest.mark.fault("N7")
    @pytest.mark.parametrize(("good", "code"), [(0, 5), (2, 8)])
    def test_an_apply_gives_up(self, good: int, code: int, tmp_path: Path) -> None:
        """If no write succeeds any more the run ends: 5 before the first write, else 8."""
        with Sandbox(seed(12), rate=None) as server:
            desired = desire(range(1, 13), description="v2")
            plan = run_to_end(plan_of(server, desired))
            faults = (Fault(frozenset(range(good + 1, 999)), "429", WRITES),)
            server.quirks = Quirks(retry_after="", faults=faults)
            planned = len(server.log)

            result = run_to_end(apply(server, plan, desired, tmp_path))

            assert result.code == code
            assert sum(c["description"] == "v2" for c in server.campaigns().values()) == good
            reads_and_writes = 2 * 12
            assert len(server.log) - planned <= 3 * reads_and_writes + 1
            assert not result.record.unresolved


class TestLargeAnswers:
    @pytest.mark.slow
    @pytest.mark.fault("N9")
    def test_they_do_not_fill_the_memory(self, folder: Path, server: Sandbox) -> None:
        """A response of 64 MiB ends a plan with 1, long before it fills 64 MiB of memory."""
        command = ("plan", "campaigns/survey.yaml")
        variables = {"ALTUR_BASE_URL": server.url, "ALTUR_API_KEY": server.key}
        usual = run_measured(*command, folder=folder, **variables)
        assert usual.code == 0
        kinds: tuple[FaultKind, ...] = ("huge", "gzip-bomb")
        for kind in kinds:
            server.quirks = Quirks(faults=(Fault("all", kind),))
            requests_before = len(server.log)

            ran = run_measured(*command, folder=folder, **variables)

            assert ran.code == 1, kind
            assert "larger than 16 MiB" in ran.err or "compressed" in ran.err
            assert ran.peak - usual.peak < 48 * MEBIBYTE
            assert len(server.log) - requests_before == 1


class TestSpoiltAnswers:
    @pytest.mark.fault("N10")
    @pytest.mark.parametrize(
        ("kind", "code"), [("half", 1), ("html", 1), ("empty", 1), ("list", 1)]
    )
    @pytest.mark.usefixtures("folder")
    def test_a_corrupt_list_leads_to_no_plan(
        self, cs: Command, server: Sandbox, kind: FaultKind, code: int
    ) -> None:
        """A corrupt list is never an empty list: nothing is "missing", nothing "in sync"."""
        server.quirks = Quirks(faults=(Fault("all", kind),))

        ran = cs("plan")

        assert ran.code == code
        assert ran.out == ""
        assert server.writes == ()
        assert "Traceback" not in ran.err


@pytest.mark.slow
@pytest.mark.fault("N13")
def test_a_clock_that_jumps_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The pace and the deadline do not depend on the wall clock."""
    jumps = iter(range(0, 3600 * 999, 3600))
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() + next(jumps) * (-1) ** next(jumps))

    async def read() -> None:
        async with client(server, paced=True, deadline=1.0) as api:
            await asyncio.gather(*(api.campaign(1) for _ in range(6)))

    with Sandbox(seed(1), rate=None) as server:
        run_to_end(read())

        times = [request.at for request in server.log]
        assert 5 / 11 - 0.1 <= times[-1] - times[0] < 1.5


def bodies() -> dict[str, bytes]:
    """Return a valid response with each mistake that JSON can have."""
    good = b'{"success": true, "campaign": {"id": 1, "retries": 1, "name": "A"}}'
    deep = 100_000
    put = {
        "a key twice": b'"retries": 1, "retries": 2',
        "not a number": b'"retries": NaN',
        "infinity": b'"retries": Infinity',
        "minus infinity": b'"retries": -Infinity',
        "out of range": b'"retries": 1e999',
        "digits without end": b'"retries": 1' + b"0" * 5000,
        "a leading zero": b'"retries": 01',
        "a plus": b'"retries": +1',
        "a bare point": b'"retries": 1.',
        "hexadecimal": b'"retries": 0x1',
        "a lone surrogate": rb'"name": "\ud800"',
        "a lone surrogate in a key": rb'"\udfff": 1',
        "a lone surrogate in a list": rb'"cycles": {"filter_tags": ["\ud83d"]}',
        "a surrogate in UTF-8": b'"name": "\xed\xa0\x80"',
        "latin-1": '"name": "mañana"'.encode("latin-1"),
        "overlong": b'"name": "\xc0\xaf"',
        "a control character": b'"name": "a\x00b"',
        "a bad escape": rb'"name": "\x41"',
        "half an escape": rb'"name": "\u00"',
        "single quotes": b"'name': 'A'",
        "no quotes": b"name: 1",
        "a trailing comma": b'"retries": 1,',
        "a missing comma": b'"retries": 1 "name": "A"',
        "a missing colon": b'"retries" 1',
        "a comment": b'/* one */ "retries": 1',
        "a Python word": b'"archived": True',
        "lists without end": b'"x": ' + b"[" * deep + b"]" * deep,
        "objects without end": b'"x": ' + b'{"a":' * deep + b"1" + b"}" * deep,
    }
    whole = {
        "nothing": b"",
        "blanks": b" \r\n\t",
        "a byte order mark": b"\xef\xbb\xbf" + good,
        "UTF-16": good.decode().encode("utf-16"),
        "two answers": good + good,
        "a tail": good + b"]",
        "a list": b"[" + good + b"]",
        "a text": b'"campaign"',
        "a number": b"1",
        "null": b"null",
        "an open list": b"[" * deep,
        "no campaign": b'{"success": true}',
        "a campaign that is a list": b'{"success": true, "campaign": []}',
        "another campaign": b'{"success": true, "campaign": {"id": 2}}',
        "an id that is text": b'{"success": true, "campaign": {"id": "1"}}',
        "an id that is true": b'{"success": true, "campaign": {"id": true}}',
    }
    cut = {f"cut at {at}": good[:at] for at in range(1, len(good), 6)}
    inside = {name: good[:-2] + b", " + part + b"}}" for name, part in put.items()}
    return {**inside, **whole, **cut}


class TestBrokenJson:
    """Row N11: everything that is not strictly JSON, at both reading endpoints."""

    @pytest.mark.slow
    @pytest.mark.fault("N11")
    @pytest.mark.parametrize("one", [True, False], ids=["detail", "list"])
    def test_invalid_json_is_an_error_at_every_endpoint(self, one: bool) -> None:  # noqa: FBT001 - a parameter
        """A body that is not valid JSON leads to no plan, after one request."""

        async def ask(body: bytes) -> None:
            server.hook = lambda _: Reply(200, body)
            async with client(server) as api:
                await (api.campaign(1) if one else api.page())

        with HookedSandbox(seed(1), rate=None) as server:
            for name, body in bodies().items():
                with pytest.raises(BadResponse) as caught:
                    run_to_end(ask(body))
                assert caught.value.message.isprintable(), name
            assert len(server.log) == len(bodies())

    @pytest.mark.fault("N11")
    def test_strict_is_not_narrow(self) -> None:
        """Valid JSON is accepted in every spelling."""
        good = (
            b' \n{"success":\ttrue,"campaign":{"id":1,"retries":2.0}}\r\n',
            rb'{"campaign": {"id": 1, "name": "\ud83d\udce6 ma\u00f1ana", "retries": 2}}',
            b'{"campaign": {"id": 1, "x": [-0, 1e-7, 9007199254740993, {}], "retries": 2}}',
        )

        async def read(body: bytes) -> Any:
            server.hook = lambda _: Reply(200, body)
            async with client(server) as api:
                return await api.campaign(1)

        with HookedSandbox(seed(1), rate=None) as server:
            assert [run_to_end(read(body))["retries"] for body in good] == [2, 2, 2]

    @pytest.mark.fault("N11")
    @pytest.mark.parametrize("total", ["true", '"9"', "-1", "null", "1e3", "1" + "0" * 400])
    def test_a_wrong_total_hides_no_campaign(self, total: str) -> None:
        """A wrong total in the list does not hide campaigns."""

        def hook(request: ApiRequest) -> Reply | None:
            if not request.path.endswith("/campaigns"):
                return None
            page = b'{"total_count": %b, "campaigns": [{"id": 1, "name": "A"}], "pagination": %b}'
            pagination = b'{"has_next": false, "next_cursor": null}'
            return Reply(200, page % (total.encode(), pagination))

        with HookedSandbox(seed(3), rate=None) as server:
            server.hook = hook
            plan = run_to_end(plan_of(server, desire((1, 2, 3), description="v2")))

            assert [campaign.action for campaign in plan.campaigns] == ["update"] * 3
