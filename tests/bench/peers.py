"""Other tools for the same job: octoDNS, Terraform, curl with jq, and a typical script.

Each one is used in its best form, on as many campaigns, and the table says what it leaves out.
"""

import json
import shutil
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from measure import Cost, run
from objects import campaign

LIMIT = 120.0
"""Maximum seconds of a peer's run."""
NAIVE = """
import os, sys
from pathlib import Path
import requests, yaml
url = os.environ["ALTUR_BASE_URL"]
session = requests.Session()
session.headers["Authorization"] = "api-key " + os.environ["ALTUR_API_KEY"]
for file in Path("plain").iterdir():
    wanted = yaml.safe_load(file.read_text())
    live = session.get(f"{url}/campaigns/{wanted['id']}").json()
    session.patch(f"{url}/campaigns/{wanted['id']}", json=wanted)
"""
LOOP = """
for file in desired/*.json; do
  id=${file##*/}; id=${id%.json}
  curl -s -H "Authorization: api-key $ALTUR_API_KEY" "$ALTUR_BASE_URL/campaigns/$id" |
    jq --slurpfile wanted "$file" '(.campaign // .) as $live | $wanted[0] | to_entries
      | map(select(.value != $live[.key])) | from_entries' > /dev/null
done
"""
OCTODNS = """
providers:
  source: {class: octodns.provider.yaml.YamlProvider, directory: ./source, default_ttl: 300}
  target: {class: octodns.provider.yaml.YamlProvider, directory: ./target, default_ttl: 300}
zones:
  example.com.: {sources: [source], targets: [target]}
"""


@dataclass(frozen=True, slots=True)
class Peer:
    """Another tool: what it leaves out, how many requests it needs, and how it is run."""

    name: str
    leaves_out: str
    requests: Callable[[int], int]
    prepare: Callable[[Path, int], None]
    run: Callable[[Path, Mapping[str, str]], Cost]


def peers(python: str) -> dict[str, Peer | str]:
    """Return each tool, or why it is not available; `python` has octodns, requests and PyYAML."""
    by_name: dict[str, Peer | str] = {}
    script = str(Path(python).parent / "octodns-sync")
    octodns = Peer(
        "octoDNS, YAML to YAML, no change",
        "no network; records are a tenth the size",
        lambda _: 0,
        _records,
        lambda folder, _: run([script, "--config-file", "config.yaml"], folder, limit=LIMIT),
    )
    by_name["octoDNS"] = (
        octodns if Path(script).is_file() else "octodns-sync is not beside --python"
    )
    terraform = Peer(
        "Terraform, terraform_data, no change",
        "no API, no network: state against files",
        lambda _: 0,
        _resources,
        lambda folder, _: run(["terraform", "plan", "-input=false"], folder, limit=LIMIT),
    )
    by_name["Terraform"] = terraform if shutil.which("terraform") else "no terraform binary"
    loop = Peer(
        "curl and jq, a loop, no change",
        "no check of the files, no pace, no retry, prints a difference only",
        lambda count: count,
        _json,
        lambda folder, account: run(["bash", "-c", LOOP], folder, account, limit=LIMIT),
    )
    by_name["curl and jq"] = (
        loop if shutil.which("curl") and shutil.which("jq") else "no curl, or jq"
    )
    naive = Peer(
        "requests and PyYAML, GET and full PATCH",
        "no plan, no pace, no retry, writes all campaigns every time",
        lambda count: 2 * count,
        _plain,
        lambda folder, account: run([python, "-c", NAIVE], folder, account, limit=LIMIT),
    )
    has = subprocess.run([python, "-c", "import requests, yaml"], check=False, capture_output=True)
    by_name["naive"] = naive if has.returncode == 0 else "--python has no requests, or no PyYAML"
    return by_name


def _records(folder: Path, count: int) -> None:
    (folder / "config.yaml").write_text(OCTODNS)
    zone = "---\n" + "".join(
        f"host-{number:05}:\n  type: A\n  value: 10.0.{number // 250}.{number % 250}\n"
        for number in range(count)
    )
    for name in ("source", "target"):
        (folder / name).mkdir()
        (folder / name / "example.com.yaml").write_text(zone)


def _resources(folder: Path, count: int) -> None:
    for id_ in range(1, count + 1):
        body = json.dumps(campaign(id_)).replace("${", "$${")
        hcl_input = f"input = jsondecode({json.dumps(body)})"
        text = f'resource "terraform_data" "c{id_}" {{\n  {hcl_input}\n}}\n'
        (folder / f"c{id_}.tf").write_text(text)
    run(["terraform", "init", "-input=false"], folder, limit=LIMIT)
    run(["terraform", "apply", "-input=false", "-auto-approve"], folder, limit=LIMIT)


def _json(folder: Path, count: int) -> None:
    (folder / "desired").mkdir()
    for id_ in range(1, count + 1):
        (folder / "desired" / f"{id_}.json").write_text(json.dumps(campaign(id_)))


def _plain(folder: Path, count: int) -> None:
    (folder / "plain").mkdir()
    for id_ in range(1, count + 1):
        (folder / "plain" / f"{id_}.yaml").write_text(json.dumps(campaign(id_), indent=2))
