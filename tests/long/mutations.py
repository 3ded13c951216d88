"""Many broken definitions: PYTHONPATH=.:tests python tests/long/mutations.py [COUNT [SEED]]."""

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from statistics import median, quantiles

from support.mutants import examine, mutants

BATCH = 1000


def seconds(count: int, seed: int) -> Iterator[float]:
    with tempfile.TemporaryDirectory() as folder:
        for batch in range(0, count, BATCH):
            for content in mutants(min(BATCH, count - batch), seed + batch):
                yield examine(Path(folder, "c.yaml"), content)


def main(count: int = 100_000, seed: int = 1_000_000) -> None:
    found = [each * 1000 for each in seconds(count, seed)]
    sys.stdout.write(
        f"{len(found)} definitions, none a crash; CPU ms: median {median(found):.1f},"
        f" 99 % below {quantiles(found, n=100)[98]:.1f}, most {max(found):.1f}\n"
    )


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
