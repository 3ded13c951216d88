"""The cost of campaignsync, beside a floor of the same run and other tools.

    PYTHONPATH=.:tests python tests/bench/table.py  # 100 and 1,000 campaigns, and peers
    PYTHONPATH=.:tests python tests/bench/table.py 100 1000 10000  # other sizes
    PYTHONPATH=.:tests python tests/bench/table.py --hold  # exit 1 if a bound is exceeded
    PYTHONPATH=.:tests python tests/bench/table.py --short  # requests alone: no seconds

Each row is a median of some runs with its least and its most. Ratios are of CPU seconds: to `import
click` or the six libraries for the start, to the floor for the rest. The server is a process of
its own and refuses nothing.
"""

import argparse
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path

from measure import PROGRAM, ROOT, Cost, Failed, Row, run, run_after_reset, serving, some
from objects import EVERY, FLOOR, PAGE, campaign, lay_out, save_pages, save_seed
from peers import Peer, peers

SIX = "import pydantic, httpx, deepdiff, ruamel.yaml, click, rich"
USED = f"""
{SIX}, rich.console
class Model(pydantic.BaseModel):
    number: int = 0
httpx.AsyncClient()
import anyio._backends._asyncio
"""
"""The same, with what pydantic and httpx import when they are used first."""
COMPLETING = {
    "_CAMPAIGNSYNC_COMPLETE": "bash_complete",
    "COMP_WORDS": "campaignsync pl",
    "COMP_CWORD": "1",
}
"""The variables of a shell that requests completions."""
MARGIN = 4 / 3
"""The tolerance of a bound: machines are noisy."""
WIDE = 41


def start_rows(folder: Path, runs: int) -> dict[str, Row]:
    """Measure the start: bare, and with the example workspace."""
    example = folder / "example"
    shutil.copytree(ROOT / "campaigns.example", example)
    python = (sys.executable, "-c")
    commands: dict[str, tuple[str, ...]] = {
        "python -c pass": (*python, "pass"),
        "import click": (*python, "import click"),
        "import the six libraries": (*python, SIX),
        "import and use them": (*python, USED),
        "campaignsync --version": (*PROGRAM, "--version"),
        "campaignsync --help": (*PROGRAM, "--help"),
        "completing a command": (*PROGRAM,),
        "campaignsync validate (example)": (*PROGRAM, "validate"),
        "campaignsync plan (example)": (*PROGRAM, "plan", "-e", "production"),
    }
    if shutil.which("terraform"):
        commands["terraform version"] = ("terraform", "version")
    with serving(example / "sandbox.json") as server:
        environment = {**server.environment, "PYTHONPATH": str(ROOT)}

        def once(name: str) -> Cost:
            asks = COMPLETING if name == "completing a command" else {}
            return run(commands[name], example, {**environment, **asks})

        for name in commands:
            once(name)  # the first run writes the bytecode that the others read
        # By turns: the speed of a shared machine changes from second to second.
        rounds = [{name: once(name) for name in commands} for _ in range(runs)]
    return {name: Row(name, [each[name] for each in rounds]) for name in commands}


def rows_of(folder: Path, count: int, runs: int) -> Iterator[Row]:
    """Measure each command with this many campaigns, the floor first."""
    lay_out(folder / "same", count)
    lay_out(folder / "other", count, every=EVERY)
    campaigns = [campaign(id_) for id_ in range(1, count + 1)]
    save_pages(folder / "same", campaigns)
    pages, changes = -(-count // PAGE), count // EVERY
    yield Row("floor", some(runs, partial(run, (sys.executable, "-c", FLOOR), folder / "same")))
    plan, apply = ("plan", "--detailed-exitcode"), ("apply", "--auto-approve", "--rate", "12")
    ours = {
        "validate": (("validate",), "same", 0, 0),
        "plan, no change": (plan, "same", pages, 0),
        "plan, 5 % changed": (plan, "other", pages, 2),
        # Each campaign is read again before its PATCH.
        "apply, 5 % changed": (apply, "other", pages + 2 * changes, 0),
    }
    with serving(save_seed(folder, campaigns)) as server:
        for name, (words, where, needed, code) in ours.items():
            once = partial(_ours, folder / where, words, code)
            yield Row(name, some(runs, partial(run_after_reset, server, once)), needed)


def _ours(folder: Path, words: tuple[str, ...], code: int, account: Mapping[str, str]) -> Cost:
    shutil.rmtree(folder / ".campaignsync", ignore_errors=True)
    return run((*PROGRAM, *words), folder, {**account, "PYTHONPATH": str(ROOT)}, code=code)


def peer_row(peer: Peer, folder: Path, count: int, runs: int) -> Row:
    """Measure another tool with as many campaigns; raises Failed if it takes too long."""
    folder.mkdir()
    peer.prepare(folder, count)
    with serving(save_seed(folder, [campaign(id_) for id_ in range(1, count + 1)])) as server:
        once = partial(run_after_reset, server, partial(peer.run, folder))
        return Row(peer.name, some(runs, once), peer.requests(count))


def shown(row: Row, floor: Row, what: str = "") -> str:
    """Write one line of the table."""
    cpu, wall = row.spread("cpu"), row.spread("wall")
    ratio = row.middle("cpu") / floor.middle("cpu")
    asked_for = f"{row.middle('requests'):.0f}/{row.needed}" if row.needed is not None else ""
    memory = f"{row.middle('memory'):.0f}"
    line = f"{row.name:{WIDE}} {ratio:7.2f}  {cpu:21} {wall:23} {memory:>5} {asked_for:>12}"
    return f"{line}  {what}".rstrip()


def head(of: str) -> str:
    columns = f"{'ratio':>7}  {'CPU s':21} {'wall s':23} {'MB':>5} {'requests':>12}"
    return f"\n{of:{WIDE}} {columns}"


def bounds(start: Mapping[str, Row], by_count: Mapping[int, Mapping[str, Row]]) -> Iterator[bool]:
    """Print each bound beside the result; return whether it is met, with the margin."""

    def bound(what: str, reached: float, most: float, margin: float = MARGIN) -> bool:
        kept = reached <= most * margin
        print(f"{what:{WIDE}} {reached:7.2f}  at most {most:g} {'' if kept else '  EXCEEDED'}")
        return kept

    print(f"\n{'bounds (of CPU; a margin of a third)':{WIDE}} {'reached':>7}")
    click = start["import click"].middle("cpu")
    six = start["import the six libraries"].middle("cpu")
    for name, base, most in (
        ("campaignsync --help", click, 1.35),
        ("campaignsync --version", click, 1.35),
        ("completing a command", click, 1.35),
        ("campaignsync validate (example)", six, 0.8),
        ("campaignsync plan (example)", six, 1.35),
    ):
        yield bound(name, start[name].middle("cpu") / base, most)
    for count, rows in by_count.items():
        if count >= 1000:
            floor, plan = rows["floor"].middle("cpu"), rows["plan, no change"]
            yield bound(
                f"plan of {count}, no change, to the floor", plan.middle("cpu") / floor, 1.8
            )
            if count >= 10_000:
                yield bound(f"MB of a plan of {count}", plan.middle("memory"), 300, 1)
        if tenth := by_count.get(count // 10) if count >= 10_000 else None:
            for name in ("plan, no change", "validate"):
                grown = rows[name].middle("cpu") / tenth[name].middle("cpu")
                yield bound(f"{name}: {count} to {count // 10}", grown, 11)


def requests_kept(by_count: Mapping[int, Mapping[str, Row]]) -> Iterator[bool]:
    """Report for each row whether it made no more requests than needed."""
    for count, rows in by_count.items():
        for row in rows.values():
            if row.needed is not None:
                made = max(cost.requests for cost in row.runs)
                print(f"{row.name} of {count}: {made} requests, {row.needed} needed")
                yield made == row.needed


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("counts", nargs="*", type=int, default=[100, 1000])
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--python", default=sys.executable, help="one that has what peers need")
    parser.add_argument("--no-peers", action="store_true")
    parser.add_argument("--hold", action="store_true", help="exit 1 if a bound is exceeded")
    parser.add_argument("--short", action="store_true", help="100 campaigns, requests alone")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if given.short:
            rows = {row.name: row for row in rows_of(folder / "short", 100, 1)}
            return 0 if all([*requests_kept({100: rows})]) else 1
        start = start_rows(folder, 2 * given.runs)
        print(head("start"))
        for row in start.values():
            of = "the six libraries" if "(example)" in row.name else "click"
            print(shown(row, start[f"import {of}"]))
        by_count: dict[int, dict[str, Row]] = {}
        for count in given.counts:
            print(head(f"{count} campaigns"), flush=True)
            runs = given.runs if count < 10_000 else 1
            by_count[count] = {}
            for row in rows_of(folder / str(count), count, runs):
                by_count[count][row.name] = row
                print(shown(row, by_count[count]["floor"]), flush=True)
            if not given.no_peers:
                print_peers(folder, given.python, count, by_count[count]["floor"])
        kept = [*bounds(start, by_count), *requests_kept(by_count)]
    return 1 if given.hold and not all(kept) else 0


def print_peers(folder: Path, python: str, count: int, floor: Row) -> None:
    for name, peer in peers(python).items():
        if isinstance(peer, str):
            print(f"{name}: not run, {peer}")
            continue
        try:
            row = peer_row(peer, folder / f"{name} {count}", count, 1 if count >= 1000 else 3)
        except Failed as why:
            print(f"{peer.name:{WIDE}} not run: {why}", flush=True)
            continue
        print(shown(row, floor, peer.leaves_out), flush=True)


if __name__ == "__main__":
    sys.exit(main())
