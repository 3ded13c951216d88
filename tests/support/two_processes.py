"""Two processes that write to one server, each through a proxy with random delays."""

import random
import tempfile
import threading
from collections import defaultdict
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from campaignsync.sandbox.http_server import Reply
from campaignsync.sandbox.routes import PREFIX, ApiRequest
from support.faults import Sandbox
from support.processes import World, define
from support.servers import seed

COUNT = 3
SLOWEST = 0.06
"""Maximum delay of a request, and of its answer, in seconds."""


@dataclass(slots=True)
class SharedServer:
    """The server behind both proxies: answers one request at a time, and records the order.

    `blind` holds the writes by a runner although its last read had returned a write of the other
    runner. Only a write of the other between a read and the following write can be overlooked.
    """

    server: Sandbox
    order: list[tuple[str, str, int]] = field(default_factory=list)
    blind: list[tuple[str, int]] = field(default_factory=list)
    _one: threading.Lock = field(default_factory=threading.Lock)
    _wrote: dict[int, set[str]] = field(default_factory=lambda: defaultdict(set))
    _seen: dict[tuple[str, int], set[str]] = field(default_factory=dict)

    def answer(self, runner: str, request: ApiRequest, authorization: str | None) -> Reply:
        with self._one:
            reply = self.server.answer(request, authorization)
            id_ = request.path.removeprefix(f"{PREFIX}/campaigns/")
            if id_.isdigit():
                self._note(runner, request.method, int(id_))
            return reply

    def _note(self, runner: str, method: str, id_: int) -> None:
        self.order.append((runner, method, id_))
        if method == "GET":
            self._seen[runner, id_] = self._wrote[id_] - {runner}
            return
        if self._seen[runner, id_]:
            self.blind.append((runner, id_))
        self._wrote[id_].add(runner)


class DelayingProxy(Sandbox):
    """A proxy of the server that delays requests and answers randomly."""

    def __init__(self, shared: SharedServer, runner: str, chance: float) -> None:
        super().__init__(rate=None)
        self._shared, self._runner = shared, runner
        self._chance = random.Random(chance)  # noqa: S311 - an order of events
        self.slowest = 0.0

    def answer(self, request: ApiRequest, authorization: str | None) -> Reply:
        self.stopping.wait(self._chance.uniform(0, self.slowest))
        reply = self._shared.answer(self._runner, request, authorization)
        self.stopping.wait(self._chance.uniform(0, self.slowest))
        return reply


def race(number: int, *, same: bool) -> tuple[tuple[str, str, int], ...]:
    """Let two processes apply their saved plans, with random delays; `number` is the random seed.

    `same` sets whether they have the same desired values. Returns the order of the requests.
    Raises AssertionError if the plans are mixed, or if one overwrites a change that it has read.
    """
    values = {"one": "v2", "two": "v2" if same else "v3"}
    with ExitStack() as opened:
        shared = SharedServer(opened.enter_context(Sandbox(seed(COUNT), rate=None)))
        chance = random.Random(number)  # noqa: S311 - an order of events
        worlds: dict[str, World] = {}
        for runner, description in values.items():
            proxy = opened.enter_context(DelayingProxy(shared, runner, chance.random()))
            folder = Path(opened.enter_context(tempfile.TemporaryDirectory()))
            worlds[runner] = World(proxy, folder, COUNT)
            define(folder, COUNT, description, f"as {description}")
            assert worlds[runner].run_in_process("plan", "--out=plan.json").code == 0
            proxy.slowest = SLOWEST
        running = [world.fork("apply", "plan.json", "--auto-approve") for world in worlds.values()]
        outputs = [process.communicate(timeout=60) for process in running]
        where = (number, shared.order, outputs)
        assert {process.returncode for process in running} <= {0, 7, 8}, where
        assert shared.blind == [], where
        for campaign in shared.server.campaigns().values():
            assert campaign["first_message"] == f"as {campaign['description']}", where
        for world in worlds.values():
            [record] = world.records
            done = [id_ for id_, end in record.outcomes.items() if end["outcome"] == "updated"]
            assert sorted(world.written) == sorted(done), where
    return tuple(shared.order)
