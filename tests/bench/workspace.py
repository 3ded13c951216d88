"""The cost of a workspace of 300 campaigns with shared values and two environments.

Prints the CPU time of `validate` and of a plan without changes as a ratio of a floor measured in
the same run: a bare interpreter that composes the same files with libyaml and decodes the same
pages. Run it with `PYTHONPATH=.:tests python tests/bench/workspace.py [CAMPAIGNS]`.
"""

import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import Any

from measure import PROGRAM, ROOT, Row, run, serving, some
from objects import FLOOR, save_pages, save_seed, window

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
    """Return campaign `id_` as its definition wants it."""
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


def main(count: int = 300) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        lay_out(folder, count)
        campaigns = [live(id_) for id_ in range(1, count + 1)]
        save_pages(folder, campaigns)
        bare = partial(run, (sys.executable, "-c", FLOOR), folder)
        ours = {"PYTHONPATH": str(ROOT)}
        with serving(save_seed(folder, campaigns)) as server:
            plan = (*PROGRAM, "plan", "--detailed-exitcode")
            planned = partial(run, plan, folder, ours | server.environment)
            rows = (
                Row("floor", some(RUNS, bare)),
                Row("validate", some(RUNS, partial(run, (*PROGRAM, "validate"), folder, ours))),
                Row("plan", some(RUNS, planned)),
            )
            requests = server.requests() / RUNS
    print(f"{count} campaigns; a plan without changes makes {requests:g} requests")
    print("            CPU s, its spread      ratio")
    for row in rows:
        ratio = row.middle("cpu") / rows[0].middle("cpu")
        print(f"{row.name:10} {row.spread('cpu'):22} {ratio:7.2f}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
