"""A transport to a sandbox with simulated delays, for an event loop with a simulated clock."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

import httpx

from campaignsync.sandbox.http_server import Reply
from campaignsync.sandbox.routes import PREFIX, ApiRequest
from support.faults import Sandbox


@dataclass(slots=True)
class Arrival:
    """One request: its arrival time, and the time and status of its answer."""

    at: float
    method: str
    id: int | None
    body: bytes
    status: int | None = None
    answered: float | None = None


class Wire(httpx.AsyncBaseTransport):
    """Passes requests to a sandbox. `latency` returns the server's time for a request, in seconds.

    `late` is the maximum transit time of a request, and of its answer, in seconds. `hook` may
    return an answer in place of the server. The server executes a request just before it answers.
    """

    def __init__(
        self,
        server: Sandbox,
        latency: Callable[[Arrival], float] = lambda _: 0.0,
        hook: Callable[[Arrival], Reply | None] = lambda _: None,
        late: float = 0.01,
    ) -> None:
        self.log: list[Arrival] = []
        self._server = server
        self._latency = latency
        self._hook = hook
        self._late = late
        self._random = Random(1)  # noqa: S311 - not used for secrets

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        clock = asyncio.get_running_loop().time
        body = await request.aread()
        await asyncio.sleep(self._random.uniform(0, self._late))
        place = request.url.path.removeprefix(f"{PREFIX}/campaigns/")
        arrival = Arrival(clock(), request.method, int(place) if place.isdigit() else None, body)
        self.log.append(arrival)
        reply = self._hook(arrival)
        await asyncio.sleep(self._latency(arrival))
        parameters = dict(request.url.params)
        api_request = ApiRequest(request.method, request.url.path, parameters, body, None)
        reply = reply or self._server.answer(api_request, request.headers["Authorization"])
        arrival.status, arrival.answered = reply.status, clock()
        await asyncio.sleep(self._random.uniform(0, self._late))
        headers: Mapping[str, str] = {"Content-Type": reply.kind, **reply.headers}
        return httpx.Response(reply.status, headers=headers, content=reply.content)


def readings_before_writes(log: Sequence[Arrival]) -> list[tuple[Arrival, Arrival]]:
    """Return each successful PATCH with the last read of its campaign before it."""
    last: dict[Any, Arrival] = {}
    pairs = []
    for arrival in sorted(log, key=lambda arrival: arrival.at):
        if arrival.method == "GET" and arrival.status == 200:
            last[arrival.id] = arrival
        elif arrival.method == "PATCH" and arrival.status == 200:
            pairs.append((last[arrival.id], arrival))
    return pairs


def gaps(log: Sequence[Arrival]) -> list[float]:
    """Return the time between the last read of each PATCH's campaign and the PATCH, in seconds."""
    return [write.at - (reading.answered or 0.0) for reading, write in readings_before_writes(log)]


def most_in_a_second(moments: Sequence[float]) -> int:
    """Return the maximum number of arrivals in any second."""
    moments = sorted(moments)
    return max(sum(start <= moment < start + 1 for moment in moments) for start in moments)
