"""Every step of every sweep, two at a time: PYTHONPATH=.:tests python tests/long/deaths.py.

With arguments, run only the sweeps whose name contains one of them.
"""

import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from itertools import product

from support.kill_sweeps import (
    DEADLY,
    ERRORS,
    FAILING,
    SAVES,
    SAVING,
    SCENES,
    disturb_each_save,
    fail_at_each_step,
    kill_at_each_step,
)

Sweep = tuple[str, Callable[[], int]]


def sweeps() -> Iterator[Sweep]:
    for scene in SCENES:
        for syscall in DEADLY:
            yield f"kill, {scene.name}, {syscall}", partial(kill_at_each_step, scene, syscall)
    for syscall, error in product(FAILING, ERRORS):
        # Recovery also reads the journal of the killed run, which can fail.
        for scene in (SCENES[0], SCENES[4]):
            name = f"fail, {scene.name}, {syscall}, {error}"
            yield name, partial(fail_at_each_step, scene, syscall, error)
    for (scene, ending), syscall in product(SAVES, SAVING):
        yield (
            f"kill, {scene.name}, {syscall}",
            partial(disturb_each_save, scene, ending, syscall, "signal=KILL"),
        )
        for error in (*ERRORS, "EXDEV"):
            name = f"fail, {scene.name}, {syscall}, {error}"
            yield name, partial(disturb_each_save, scene, ending, syscall, f"error={error}")


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
