"""Some 300 requests of a whole command, against a server that refuses the 13th of any second.

Prints, for several latencies, how many requests were refused (none may be), and the wall time as a
ratio of the least that the API's limit allows, the start of the program included:

    PYTHONPATH=. python tests/bench/pace.py [RATE]
"""

import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from measure import PROGRAM, ROOT, run
from objects import campaign, lay_out

from campaignsync.sandbox import Bends, Sandbox

LIMIT = 12
COUNT = 300
DETAILED = "integration_type: phone_call\n"
"""What only a campaign's detail says: each of them is a request."""
COMMANDS = {
    "plan": ("plan",),
    # Every second campaign is read, and written.
    "apply": ("apply", "--auto-approve", "--allow", "mass-change"),
}
JITTER = 0.06
"""Seconds that a request is late at the most."""


def main() -> int:
    rate = sys.argv[1:2] or [str(LIMIT)]
    refused = 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        lay_out(folder / "plan", COUNT, more=DETAILED)
        lay_out(folder / "apply", COUNT, every=2)
        seed = {"campaigns": [campaign(id_) for id_ in range(1, COUNT + 1)]}
        print(f"jitter {JITTER * 1000:.0f} ms, --rate {rate[0]}")
        print(
            f"{'command':8} {'latency':>8} {'requests':>9} {'wall':>8} {'ratio':>6} {'refused':>8}"
        )
        for latency in (0.02, 0.1, 0.3):
            bends = replace(Bends(), latency=latency, jitter=JITTER)
            for what, words in COMMANDS.items():
                with Sandbox(seed, rate=LIMIT, bends=bends) as server:
                    account = {"ALTUR_BASE_URL": server.url, "ALTUR_API_KEY": server.key}
                    command = (*PROGRAM, *words, "--rate", *rate)
                    cost = run(command, folder / what, {**account, "PYTHONPATH": str(ROOT)})
                    made = len(server.log)
                    found = sum(request.status == 429 for request in server.log)
                ratio = cost.wall / (made / LIMIT)
                told = f"{made:9} {cost.wall:6.1f} s {ratio:6.3f} {found:8}"
                print(f"{what:8} {latency * 1000:5.0f} ms {told}", flush=True)
                refused += found
    return 1 if refused else 0


if __name__ == "__main__":
    sys.exit(main())
