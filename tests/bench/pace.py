"""300 writes against a server that refuses the 13th request of any second.

Prints how many requests were refused (none may be), and the wall time as a ratio of the least that
the API's limit allows. Run it with `PYTHONPATH=. python tests/bench/pace.py [RATE]`.
"""

import asyncio
import sys
import time
from dataclasses import replace

from campaignsync.api import Api
from campaignsync.api.pace import RATE
from campaignsync.sandbox import Bends, Sandbox

WRITES = 300
IN_FLIGHT = 32
LIMIT = 12


async def write_all(api: Api) -> None:
    turn = asyncio.Semaphore(IN_FLIGHT)

    async def one(campaign_id: int) -> None:
        async with turn:
            await api.patch(campaign_id, {"retries": 3})

    async with asyncio.TaskGroup() as group:
        for campaign_id in range(1, WRITES + 1):
            group.create_task(one(campaign_id))


async def measure(sandbox: Sandbox, rate: float) -> float:
    async with Api(sandbox.url, sandbox.key, rate=rate) as api:
        start = time.perf_counter()
        await write_all(api)
        return time.perf_counter() - start


def main() -> int:
    rate = float(sys.argv[1]) if len(sys.argv) > 1 else RATE
    seed = {"campaigns": [{"id": number} for number in range(1, WRITES + 1)]}
    failed = 0
    print(f"{WRITES} writes at {rate:g} a second; at the limit: {WRITES / LIMIT:.1f} s")
    print("latency   jitter   wall     ratio   refused")
    for latency, jitter in ((0.02, 0.06), (0.1, 0.06), (0.3, 0.06)):
        bends = replace(Bends(), latency=latency, jitter=jitter)
        with Sandbox(seed=seed, rate=LIMIT, bends=bends) as sandbox:
            wall = asyncio.run(measure(sandbox, rate))
            refused = sum(request.status == 429 for request in sandbox.log)
        failed += refused
        ratio = wall / (WRITES / LIMIT)
        times = f"{latency * 1000:4.0f} ms  {jitter * 1000:4.0f} ms  {wall:5.1f} s"
        print(f"{times}  {ratio:6.3f}  {refused}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
