"""What a workspace of 300 campaigns costs: shared schedules, defaults and texts, two environments.

Prints the CPU time of `validate` and of a plan without changes as a ratio of a floor measured in
the same run: a bare interpreter that composes the same files with libyaml and decodes the same
pages. Run it with `PYTHONPATH=. python tests/bench/workspace.py [CAMPAIGNS]`.
"""

import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import Any

from objects import FLOOR, save_pages, window

from campaignsync.sandbox import Sandbox

RUNS = 5
WORKSPACE = """\
version: 1
definitions: campaigns
default_environment: production
environments: {production: {api: altur}, staging: {api: altur}}
schedules:
  office-hours: {mon-fri: 09:00-18:00, sat: 10:00-14:00, sun: closed}
  evenings: {mon-fri: 17:00-21:00, sat-sun: closed}
defaults:
  timezone: America/Mexico_City
  scheduling: office-hours
  retries: 2
  description: {file: about.txt}
"""
DEFINITION = """\
id: {{production: {id}, staging: {other}}}
labels: {{team: team-{team}}}
name: Campaign {id} of many
{scheduling}first_message: |
  Hola, ¿hablo con {{{{name}}}}?
  Le llamo por la campaña {id}.
environments:
  staging: {{retries: 0}}
"""


def live(id_: int) -> dict[str, Any]:
    """Give campaign `id_` as its definition asks for it."""
    evening = id_ % 3 == 0
    hours = ("17:00", "21:00") if evening else ("09:00", "18:00")
    weekend = window("10:00", "14:00") | {"active": not evening}
    return {
        "id": id_,
        "name": f"Campaign {id_} of many",
        "description": "What it is for.",
        "timezone": "America/Mexico_City",
        "retries": 2,
        "first_message": f"Hola, ¿hablo con {{{{name}}}}?\nLe llamo por la campaña {id_}.",
        "scheduling": {
            **dict.fromkeys(("mon", "tue", "wed", "thu", "fri"), window(*hours)),
            "sat": weekend,
            "sun": window("10:00", "14:00") | {"active": False},
        },
    }


def lay_out(folder: Path, count: int) -> None:
    (folder / "campaigns").mkdir()
    (folder / "campaignsync.yaml").write_text(WORKSPACE)
    (folder / "about.txt").write_text("What it is for.\n")
    for id_ in range(1, count + 1):
        scheduling = "scheduling: evenings\n" if id_ % 3 == 0 else ""
        text = DEFINITION.format(id=id_, other=100_000 + id_, team=id_ % 7, scheduling=scheduling)
        (folder / "campaigns" / f"campaign-{id_:05}.yaml").write_text(text)


def cost(command: list[str], folder: Path, **environment: str) -> list[float]:
    """Run a command some times; gives the seconds of CPU that each took. Raises where one fails."""
    found = []
    for _ in range(RUNS):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(
            command, cwd=folder, env={**os.environ, **environment}, check=True, capture_output=True
        )
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        user, system = after.ru_utime - before.ru_utime, after.ru_stime - before.ru_stime
        found.append(user + system)
    return found


def main(count: int = 300) -> None:
    program = [sys.executable, "-P", "-m", "campaignsync"]
    root = str(Path(__file__).parents[2])
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        lay_out(folder, count)
        campaigns = [live(id_) for id_ in range(1, count + 1)]
        save_pages(folder, campaigns)
        with Sandbox({"campaigns": campaigns}, rate=None) as server:
            account = {"ALTUR_BASE_URL": server.url, "ALTUR_API_KEY": server.key}
            floor = cost([sys.executable, "-c", FLOOR], folder)
            rows = {"floor": floor}
            rows["validate"] = cost([*program, "validate"], folder, PYTHONPATH=root)
            before = len(server.log)
            plan = [*program, "plan", "--detailed-exitcode"]
            rows["plan"] = cost(plan, folder, PYTHONPATH=root, **account)
            requests = (len(server.log) - before) / RUNS
    print(f"{count} campaigns; a plan without changes makes {requests:g} requests")
    print("            median s   least    most   ratio")
    for row, found in rows.items():
        ratio = median(found) / median(floor)
        print(f"{row:10} {median(found):8.2f} {min(found):8.2f} {max(found):7.2f} {ratio:7.2f}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
