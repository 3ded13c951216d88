"""Whole commands against a server that refuses the 13th request of any second.

Prints for each case how many requests were refused (none may be, unless the case asks for it), the
wall time as a ratio of the least that the rate allows, the start of the program included, and the
seconds between the end of a campaign's reading and the arrival of its PATCH (median, maximum):

    PYTHONPATH=.:tests python tests/bench/pace.py [CASE...]
"""

import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import median

from measure import PROGRAM, ROOT, run
from objects import campaign, lay_out
from support.faults import Fault, Quirks, Sandbox

from campaignsync.sandbox import Request

LIMIT = 12
JITTER = 0.06
"""Maximum delay of a request, in seconds."""
DETAILED = "integration_type: phone_call\n"
"""Fields that only a campaign's detail returns: each campaign costs a request."""
PLAN = ("plan",)
APPLY = ("apply", "--auto-approve", "--allow", "mass-change")
PATCH = frozenset({"PATCH"})


@dataclass(frozen=True, slots=True)
class Case:
    """One command over `count` campaigns; an apply changes every `every`-th of them."""

    name: str
    command: Sequence[str]
    latency: float
    count: int = 300
    every: int = 2
    rate: int = LIMIT
    quirks: Quirks = field(default_factory=Quirks)


CASES = (
    *(
        Case(f"{name} {latency * 1000:.0f} ms", command, latency)
        for latency in (0.02, 0.1, 0.3)
        for name, command in (("plan", PLAN), ("apply", APPLY))
    ),
    *(
        Case(f"80 updates {latency * 1000:.0f} ms", APPLY, latency, count=80, every=1)
        for latency in (0.02, 0.1, 0.3, 1.0)
    ),
    Case("6 updates --rate 1", APPLY, 0.1, count=6, every=1, rate=1),
    Case(
        "40 updates, 429 for 5 s",
        APPLY,
        0.1,
        count=40,
        every=1,
        quirks=Quirks(faults=(Fault(10, "429", PATCH),), retry_after="5"),
    ),
)


def main() -> int:
    refused = 0
    chosen = [case for case in CASES if not sys.argv[1:] or case.name in sys.argv[1:]]
    print(f"jitter {JITTER * 1000:.0f} ms")
    print(f"{'case':24} {'requests':>8} {'wall':>8} {'ratio':>6} {'429':>4}  reading to PATCH")
    for case in chosen:
        refused += measure(case)
    return 1 if refused else 0


def measure(case: Case) -> int:
    """Run a case and print its line; return how many requests were refused unasked."""
    ids = range(1, case.count + 1)
    quirks = replace(case.quirks, latency=case.latency, jitter=JITTER)
    with tempfile.TemporaryDirectory() as name:
        if case.command is PLAN:
            lay_out(Path(name), case.count, more=DETAILED)
        else:
            lay_out(Path(name), case.count, every=case.every)
        with Sandbox(
            {"campaigns": [campaign(id_) for id_ in ids]}, rate=LIMIT, quirks=quirks
        ) as server:
            account = {"ALTUR_BASE_URL": server.url, "ALTUR_API_KEY": server.key}
            command = (*PROGRAM, *case.command, "--rate", str(case.rate))
            cost = run(command, Path(name), {**account, "PYTHONPATH": str(ROOT)})
            log = server.log
    refused = sum(request.status == 429 for request in log)
    ratio = cost.wall / (len(log) / case.rate)
    gaps = gaps_of(log)
    summary = f"{median(gaps):.3f} s, {max(gaps):.3f} s" if gaps else ""
    print(
        f"{case.name:24} {len(log):8} {cost.wall:6.1f} s {ratio:6.3f} {refused:4}  {summary}",
        flush=True,
    )
    return 0 if case.quirks.faults else refused


def gaps_of(log: Sequence[Request]) -> list[float]:
    """Return the seconds between the end of each PATCH's last reading and its arrival."""
    read: dict[str, float] = {}
    gaps = []
    for request in log:
        if request.method == "PATCH" and request.status == 200:
            gaps.append(request.at - read[request.path])
        # Its own response is complete by then: a campaign's requests are sequential.
        elif request.method == "GET" and request.status == 200 and request.answered:
            read[request.path] = request.answered
    return gaps


if __name__ == "__main__":
    sys.exit(main())
