"""Two processes at one server in many orders: python tests/long/races.py [COUNT [SEED]].

Run it with PYTHONPATH=.:tests.
"""

import sys
from collections import Counter

from support.two_processes import race


def main(count: int = 200, seed: int = 0) -> int:
    orders: set[object] = set()
    twice: Counter[int] = Counter()
    failed = 0
    for number in range(seed, seed + count):
        try:
            order = race(number, same=number % 2 == 0)
        except AssertionError as found:
            failed += 1
            sys.stdout.write(f"FAILED  {found}\n")
            continue
        orders.add(order)
        twice[sum(method == "PATCH" for _, method, _ in order)] += 1
    writes = ", ".join(f"{runs} of {sent}" for sent, runs in sorted(twice.items()))
    sys.stdout.write(
        f"{count} races, {failed} failed, {len(orders)} different orders; writes: {writes}\n"
    )
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
