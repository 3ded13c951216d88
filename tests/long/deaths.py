"""Every step of every sweep, two at a time: PYTHONPATH=.:tests python tests/long/deaths.py.

With a word or more, only the sweeps whose name holds one of them.
"""

import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial

from sweeps import DEADLY, ERRORS, FAILING, SCENES, failures, kills, saved_plans

Sweep = tuple[str, Callable[[], int]]


def sweeps() -> Iterator[Sweep]:
    for scene in SCENES:
        for syscall in DEADLY:
            yield f"kill, {scene.name}, {syscall}", partial(kills, scene, syscall)
    for syscall in FAILING:
        yield f"kill, a plan, {syscall}", partial(saved_plans, syscall, "KILL")
        for error in ERRORS:
            yield f"fail, a plan, {syscall}, {error}", partial(saved_plans, syscall, error)
            for scene in SCENES[:1]:
                name = f"fail, {scene.name}, {syscall}, {error}"
                yield name, partial(failures, scene, syscall, error)


def main(*words: str) -> int:
    chosen = [sweep for sweep in sweeps() if not words or any(word in sweep[0] for word in words)]
    counts = {"kill": 0, "fail": 0}
    diverged = 0
    with ProcessPoolExecutor(2) as pool:
        for name, running in [(name, pool.submit(job)) for name, job in chosen]:
            try:
                count = running.result()
            except AssertionError as found:
                diverged += 1
                sys.stdout.write(f"DIVERGED  {name}: {found}\n")
                continue
            counts[name[:4]] += count
            sys.stdout.write(f"{count:8}  {name}\n")
            sys.stdout.flush()
    sys.stdout.write(f"{counts['kill']} kills, {counts['fail']} failures, {diverged} diverged\n")
    return 1 if diverged else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
