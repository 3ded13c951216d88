"""The recipes of CONTRIBUTING.md work on a copy of the package."""

import json
import re
import shutil
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

import pytest
from support.commandline import ROOT, Ran
from support.preloaded import Preloaded

ROW = 'retries: Annotated[int, Ge(0), Le(5), INTEGER, Api("retries", "retries", example=2)]'
BEFORE = "    scheduling: Annotated[Week,"
NEW_ROW = (
    '    priority: Annotated[int, Ge(0), Le(9), INTEGER, Api(None, "priority", example=3)]'
    ' = Field(default=UNSET, description="How early contacts are called.")\n'
)
SANDBOX_ROW = '    "retries": integer(0, 5),\n'
WORKSPACE = """\
version: 1
definitions: campaigns
default_environment: sandbox
environments: {sandbox: {api: sandbox, seed: sandbox.json}}
"""


class Copy:
    """A copy of the package, and a workspace with one campaign to run it on.

    The copy is imported at the first command.
    """

    def __init__(self, folder: Path) -> None:
        self.package = folder / "copy" / "campaignsync"
        self.workspace = folder / "workspace"
        hidden = shutil.ignore_patterns("__pycache__", ".campaignsync")
        shutil.copytree(ROOT / "campaignsync", self.package, ignore=hidden)
        (self.workspace / "campaigns").mkdir(parents=True)
        (self.workspace / "campaignsync.yaml").write_text(WORKSPACE)
        live = [
            {"id": 7, "name": "Spring", "retries": 1, "priority": 1},
            {"id": 8, "name": "Summer", "retries": 1, "priority": 2},
        ]
        (self.workspace / "sandbox.json").write_text(json.dumps({"campaigns": live}))

    @cached_property
    def program(self) -> Preloaded:
        return Preloaded(str(self.package.parent))

    def edit(self, file: str, old: str, new: str) -> None:
        text = (self.package / file).read_text()
        assert text.count(old) == 1
        (self.package / file).write_text(text.replace(old, new))

    def define(self, text: str) -> None:
        (self.workspace / "campaigns" / "a.yaml").write_text(text)

    def run(self, *words: str) -> Ran:
        return self.program.run(*words, folder=self.workspace)


# The sandbox of the copy knows its own test key.
pytestmark = pytest.mark.writes_the_key


@pytest.fixture
def copy(tmp_path: Path) -> Iterator[Copy]:
    copy = Copy(tmp_path)
    yield copy
    copy.program.close()


def test_the_recipes_are_written_down() -> None:
    """CONTRIBUTING.md has both recipes, and the file that each of them changes."""
    guide = re.sub(r"\s+", " ", (ROOT / "CONTRIBUTING.md").read_text())

    assert "Add a field" in guide
    assert "Make a field immutable" in guide
    assert "campaignsync/model/campaign.py" in guide


@pytest.mark.slow
def test_one_row_adds_a_field(copy: Copy) -> None:
    """With a row in the table and one in the sandbox, every command supports the new field."""
    copy.edit("model/campaign.py", BEFORE, NEW_ROW + BEFORE)
    copy.edit("sandbox/rules.py", SANDBOX_ROW, f'{SANDBOX_ROW}    "priority": integer(0, 9),\n')

    copy.define("id: 7\npriority: 10\n")
    refused = copy.run("validate")
    assert refused.code == 3
    assert "write a number from 0 to 9" in refused.out

    copy.define("id: 7\npriority: 5\n")
    described = json.loads(copy.run("schema", "definition").out)["properties"]["priority"]
    assert described["maximum"] == 9
    assert described["description"] == "How early contacts are called."
    assert copy.run("validate").code == 0
    assert copy.run("export", "8").code == 0
    assert "priority: 2" in (copy.workspace / "campaigns" / "summer.yaml").read_text()
    planned, _ = json.loads(copy.run("plan", "--format", "json").out)["campaigns"]
    assert [change["field"] for change in planned["changes"]] == ["priority"]
    assert copy.run("apply", "--auto-approve").code == 0
    assert copy.run("plan", "--detailed-exitcode").code == 0


@pytest.mark.slow
def test_one_edit_makes_a_field_immutable(copy: Copy) -> None:
    """With IMMUTABLE in its row, a field that differs blocks its campaign and is never sent."""
    copy.edit("model/campaign.py", ROW, ROW.replace('"retries", ex', '"retries", IMMUTABLE, ex'))
    copy.define("id: 7\nretries: 2\n")

    assert copy.run("validate").code == 0
    described = json.loads(copy.run("schema", "definition").out)["properties"]["retries"]
    assert described["readOnly"] is True
    assert "Immutable" in described["description"]
    planned = copy.run("plan", "--format", "json")
    [campaign] = json.loads(planned.out)["campaigns"]
    assert campaign["action"] == "blocked"
    assert [blocked["code"] for blocked in campaign["blocked"]] == ["IMMUTABLE_FIELD"]
