"""A sandbox on the loop's own clock: its requests take time, and no time passes."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

import httpx

from campaignsync.sandbox.replies import Reply
from campaignsync.sandbox.routes import PREFIX, Asked
from support.faults import Sandbox


@dataclass(slots=True)
class Arrival:
    """One request at the server: when it arrived, and when it was answered, with which status."""

    at: float
    method: str
    id: int | None
    body: bytes
    status: int | None = None
    answered: float | None = None


class Wire(httpx.AsyncBaseTransport):
    """Carries requests to a sandbox. `latency` gives the seconds that the server takes for each.

    `late` is the most seconds that a request, and its answer, is on its way. `meddle` may answer in
    the server's place. The server reads and writes its campaigns just before it answers.
    """

    def __init__(
        self,
        server: Sandbox,
        latency: Callable[[Arrival], float] = lambda _: 0.0,
        meddle: Callable[[Arrival], Reply | None] = lambda _: None,
        late: float = 0.01,
    ) -> None:
        self.log: list[Arrival] = []
        self._server = server
        self._latency = latency
        self._meddle = meddle
        self._late = late
        self._random = Random(1)  # noqa: S311 - no secret depends on it

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        clock = asyncio.get_running_loop().time
        body = await request.aread()
        await asyncio.sleep(self._random.uniform(0, self._late))
        place = request.url.path.removeprefix(f"{PREFIX}/campaigns/")
        arrival = Arrival(clock(), request.method, int(place) if place.isdigit() else None, body)
        self.log.append(arrival)
        reply = self._meddle(arrival)
        await asyncio.sleep(self._latency(arrival))
        asked = Asked(request.method, request.url.path, dict(request.url.params), body, None)
        reply = reply or self._server.answer(asked, request.headers["Authorization"])
        arrival.status, arrival.answered = reply.status, clock()
        await asyncio.sleep(self._random.uniform(0, self._late))
        headers: Mapping[str, str] = {"Content-Type": reply.kind, **reply.headers}
        return httpx.Response(reply.status, headers=headers, content=reply.content)


def readings_before_writes(log: Sequence[Arrival]) -> list[tuple[Arrival, Arrival]]:
    """Pair each PATCH that was done with the last reading of its campaign."""
    last: dict[Any, Arrival] = {}
    pairs = []
    for arrival in sorted(log, key=lambda arrival: arrival.at):
        if arrival.method == "GET" and arrival.status == 200:
            last[arrival.id] = arrival
        elif arrival.method == "PATCH" and arrival.status == 200:
            pairs.append((last[arrival.id], arrival))
    return pairs


def gaps(log: Sequence[Arrival]) -> list[float]:
    """Return the seconds between the end of each PATCH's last reading and its arrival."""
    return [write.at - (reading.answered or 0.0) for reading, write in readings_before_writes(log)]


def most_in_a_second(moments: Sequence[float]) -> int:
    """Count the arrivals in the busiest second."""
    moments = sorted(moments)
    return max(sum(start <= moment < start + 1 for moment in moments) for start in moments)
