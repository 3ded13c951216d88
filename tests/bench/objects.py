"""The campaigns of every measurement, in the form that each tool reads."""

import json
from pathlib import Path
from typing import Any

DAYS = ("mon", "tue", "wed", "thu", "fri")
EVERY = 20
"""One campaign in this many differs, if 5 % do."""
PAGE = 100
FLOOR = """
import json, sys
from pathlib import Path
from ruamel.yaml import YAML
for file in Path("campaigns").iterdir():
    YAML(typ="safe").compose(file.read_bytes().decode())
for page in Path("pages").iterdir():
    json.loads(page.read_bytes())
"""
"""The minimum that any reader of these files and responses needs."""
WORKSPACE = "version: 1\ndefinitions: campaigns\n"
DEFINITION = """\
# Campaign {id}: calls again after a pause, until the contact answers.
id: {id}
name: Campaign {id} of many
description: A reminder, friendly, without a word of fees.
agent_id: agt_1
timezone: America/Mexico_City
retries: {retries}
scheduling:
  mon-fri: 09:00-18:00
  sat: 10:00-14:00
  sun: 11:00-13:00
first_message: |
  Buenas tardes, ¿hablo con {{{{name}}}}?
  Le llamo por su saldo pendiente, referencia {id}.
cycles:
  enabled: true
  max_iterations: 7
  cooldown_minutes: 720
  filter_statuses: [busy, no-answer, voicemail]
  filter_tags: [overdue]
"""


def window(start: str, stop: str) -> dict[str, Any]:
    return {"startTime": start, "stopTime": stop, "active": True}


def campaign(id_: int) -> dict[str, Any]:
    """Return one campaign as the API returns it, with every field of its list."""
    return {
        "id": id_,
        "name": f"Campaign {id_} of many",
        "description": "A reminder, friendly, without a word of fees.",
        "agent_id": "agt_1",
        "integration_type": "phone_call",
        "timezone": "America/Mexico_City",
        "retries": 2,
        "scheduling": {
            **dict.fromkeys(DAYS, window("09:00", "18:00")),
            "sat": window("10:00", "14:00"),
            "sun": window("11:00", "13:00"),
        },
        "first_message": "Buenas tardes, ¿hablo con {{name}}?\n"
        f"Le llamo por su saldo pendiente, referencia {id_}.",
        "cycles": {
            "enabled": True,
            "mode": "cooldown",
            "max_iterations": 7,
            "cooldown_minutes": 720,
            "filter_statuses": ["busy", "no-answer", "voicemail"],
            "filter_tags": ["overdue"],
        },
    }


def lay_out(folder: Path, count: int, *, every: int = 0, more: str = "") -> None:
    """Write a workspace of this many definitions; every `every`-th differs from live.

    `more` are additional lines of each definition.
    """
    (folder / "campaigns").mkdir(parents=True)
    (folder / "campaignsync.yaml").write_text(WORKSPACE)
    for id_ in range(1, count + 1):
        retries = 3 if every and id_ % every == 0 else 2
        text = more + DEFINITION.format(id=id_, retries=retries)
        (folder / "campaigns" / f"campaign-{id_:05}.yaml").write_text(text)


def save_seed(folder: Path, campaigns: list[dict[str, Any]]) -> Path:
    """Write the server's seed; return the file."""
    seed = folder / "seed.json"
    seed.write_text(json.dumps({"campaigns": campaigns}))
    return seed


def save_pages(folder: Path, campaigns: list[dict[str, Any]]) -> None:
    """Write the responses of a list, page by page."""
    (folder / "pages").mkdir()
    for start in range(0, len(campaigns), PAGE):
        page = {"campaigns": campaigns[start : start + PAGE]}
        (folder / "pages" / f"{start}.json").write_text(json.dumps(page))
