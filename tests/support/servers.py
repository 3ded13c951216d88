"""Helpers for tests of failures: a few campaigns, and one apply against a server."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from campaignsync.api.client import ApiClient
from campaignsync.apply.journal import Journal, read_journal
from campaignsync.apply.run import Apply
from campaignsync.errors import Source
from campaignsync.live import LiveReader
from campaignsync.model.definitions import Definition, Desired
from campaignsync.model.kind import Value
from campaignsync.model.plan import Plan
from campaignsync.model.runs import Failure, Record
from campaignsync.plan import make_plan
from campaignsync.sandbox import Request
from campaignsync.sandbox.http_server import Reply
from campaignsync.sandbox.routes import PREFIX, ApiRequest
from support.commandline import Unpaced
from support.faults import Sandbox

Call = Callable[..., httpx.Response]
"""Sends a request to a sandbox: the method, the path and options of httpx."""
POLL_DELAYS = (0.0, 0.01, 0.02)
"""Delays before the reads that verify a write, in seconds; enough on loopback."""


def seed(count: int, **values: Any) -> dict[str, Any]:
    """Return a sandbox's seed with campaigns 1 to `count`, all with `description: v1`."""
    first = {"description": "v1", **values}
    return {"campaigns": [{"id": id_, **first} for id_ in range(1, count + 1)]}


def desire(ids: Iterable[int], **values: Value) -> Desired:
    """Return definitions of the ids, all with the same values."""

    def definition(file: str, id_: int) -> Definition:
        paths = enumerate(("id", *values), start=1)
        return Definition(id_, file, values, {path: Source(file, line) for line, path in paths})

    return Desired(tuple(definition(f"c{id_}.yaml", id_) for id_ in ids))


def connect_to(server: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """Set the variables of the program to the base URL and the key of a server."""
    monkeypatch.setenv("ALTUR_BASE_URL", server.url)
    monkeypatch.setenv("ALTUR_API_KEY", server.key)


class HookedSandbox(Sandbox):
    """A sandbox whose `hook` receives each request and may answer it."""

    def __init__(self, *given: Any, **options: Any) -> None:
        super().__init__(*given, **options)
        self.hook: Callable[[ApiRequest], Reply | None] = lambda _: None

    def answer(self, request: ApiRequest, authorization: str | None) -> Reply:
        return self.hook(request) or super().answer(request, authorization)


@dataclass(frozen=True, slots=True)
class ApplyResult:
    """The result of an apply: its exit code, outcomes by campaign, and journal."""

    code: int
    outcomes: Mapping[int, str]
    errors: Mapping[int, Failure]
    record: Record


def client(server: Sandbox, *, paced: bool = False, **options: Any) -> ApiClient:
    """Return a client of a server with short timeouts; `options` are passed to `ApiClient`."""
    pace = None if paced else Unpaced(12)
    return ApiClient(
        server.url, server.key, **{"backoff": 0.01, "deadline": 2.0, "pace": pace, **options}
    )


async def plan_of(server: Sandbox, desired: Desired) -> Plan:
    async with client(server) as api:
        live = await LiveReader(api).read(desired)
    return make_plan(
        desired, live, environment="test", base_url=server.url, created_at="2026-01-01T00:00:00Z"
    )


async def apply(
    server: Sandbox,
    plan: Plan,
    desired: Desired,
    folder: Path,
    *,
    poll_delays: tuple[float, ...] = POLL_DELAYS,
    **options: Any,
) -> ApplyResult:
    """Apply a plan with a new client and a new journal in `folder`."""
    journal = Journal.begin(folder, "run", {"environment": "test", "base_url": server.url})
    async with client(server, **options) as api:
        run = Apply(plan, desired, api, LiveReader(api), journal, poll_delays=poll_delays)
        await run.run()
    outcomes = run.outcomes
    return ApplyResult(
        outcomes.exit_code(),
        {id_: outcome.outcome for id_, outcome in outcomes.by_id.items()},
        {id_: outcome.error for id_, outcome in outcomes.by_id.items() if outcome.error},
        read_journal(journal.path),
    )


def run_to_end(job: Awaitable[Any]) -> Any:
    """Run a coroutine to its end; raises TimeoutError after 30 seconds."""

    async def bounded() -> Any:
        async with asyncio.timeout(30):
            return await job

    return asyncio.run(bounded())


def methods_for(id_: int, log: Iterable[Request]) -> list[str]:
    """Return the methods of the requests for one campaign, in the order of arrival."""
    return [request.method for request in log if request.path == f"{PREFIX}/campaigns/{id_}"]


class Recorded(httpx.AsyncBaseTransport):
    """A real HTTP transport with a hook before each request and one after each answer."""

    def __init__(
        self,
        before: Callable[[httpx.Request], Awaitable[None]],
        after: Callable[[httpx.Request, httpx.Response], Awaitable[None]],
    ) -> None:
        self._inner = httpx.AsyncHTTPTransport()
        self._before = before
        self._after = after

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        await self._before(request)
        response = await self._inner.handle_async_request(request)
        await self._after(request, response)
        return response

    async def aclose(self) -> None:
        await self._inner.aclose()
