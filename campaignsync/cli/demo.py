"""`campaignsync demo`."""

import os
import shlex
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import chdir, contextmanager
from dataclasses import dataclass
from pathlib import Path

import click

import campaignsync
from campaignsync.cli import run
from campaignsync.cli.command import Command
from campaignsync.cli.streams import is_coloured, print_result

INTRODUCTION = """\
This demo finds a mistake, plans and applies changes,
shows a blocked change, and undoes the changes.
It works on a temporary copy of the example workspace:
no account, no key, no network beyond this machine."""

END = """\
Done. The copy is removed.

Try next:
  campaignsync init my-campaigns   create your own workspace
  campaignsync --help              list all commands
With the campaigns of your account:
  export ALTUR_API_KEY=...
  campaignsync init my-campaigns --from-live"""


@dataclass(frozen=True, slots=True)
class Edit:
    """A text of the example to replace before a step."""

    file: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Step:
    """One command of the demo, with the exit code that it must have."""

    title: str
    command: str
    exit_code: int = 0
    edit: Edit | None = None


MISTAKE = Edit("campaigns/survey.yaml", "retries:", "retires:")
BLOCKED = Edit("campaigns/reactivation.yaml", "agent_id: agt_sofia", "agent_id: agt_lucia")

STEPS = (
    Step("A mistake is found before any request", "validate", 3, MISTAKE),
    Step(
        "Corrected: plan, and save the plan for review",
        "plan --out plan.json",
        edit=Edit(MISTAKE.file, MISTAKE.new, MISTAKE.old),
    ),
    Step("Apply exactly the saved plan", "apply plan.json --auto-approve"),
    Step(
        "A change that the API cannot make is blocked",
        "plan campaigns/reactivation.yaml",
        6,
        BLOCKED,
    ),
    Step(
        "Plan how to undo the apply",
        "undo last --out undo.json",
        edit=Edit(BLOCKED.file, BLOCKED.new, BLOCKED.old),
    ),
    Step("Apply the undo", "apply undo.json --auto-approve --quiet"),
)


@click.command("demo", cls=Command)
def command() -> int:
    """Try the main commands on a copy of the example.

    Find a mistake, plan, apply, see a blocked change, and undo. Takes about ten seconds. Needs no
    account, uses no network beyond this machine, and changes none of your files.
    """
    print_result(INTRODUCTION)
    with _without_settings(), _copy_of_example():
        for number, step in enumerate(STEPS, 1):
            if step.edit:
                _apply_edit(step.edit)
            heading = f"\n{number}. {step.title}"
            print_result(
                click.style(heading, bold=True) if is_coloured(no_color=False) else heading
            )
            print_result(_description(step))
            code = run(shlex.split(step.command))
            if code != step.exit_code:
                return code or 1
    print_result(f"\n{END}")
    return 0


def _description(step: Step) -> str:
    edited = ""
    if edit := step.edit:
        edited = f"   {edit.file}:\n   {edit.old} → {edit.new}\n"
    return f"{edited}$ campaignsync {step.command}"


def _apply_edit(edit: Edit) -> None:
    file = Path(edit.file)
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace(edit.old, edit.new, 1), encoding="utf-8")


@contextmanager
def _without_settings() -> Iterator[None]:
    """Hide the user's variables: CAMPAIGNSYNC_ENVIRONMENT could name a real account."""
    settings = {
        name: value
        for name, value in os.environ.items()
        if name.startswith(("CAMPAIGNSYNC_", "ALTUR_"))
    }
    for name in settings:
        del os.environ[name]
    try:
        yield
    finally:
        os.environ |= settings


@contextmanager
def _copy_of_example() -> Iterator[None]:
    """Work in a temporary copy of the example workspace."""
    with tempfile.TemporaryDirectory(prefix="campaignsync-demo-") as folder:
        copy = Path(folder) / "campaigns.example"
        shutil.copytree(example(), copy, ignore=shutil.ignore_patterns(".campaignsync"))
        with chdir(copy):
            yield


def example() -> Path:
    """Return the example workspace: in the package, or beside it in a checkout."""
    package = Path(campaignsync.__file__).parent
    installed = package / "campaigns.example"
    return installed if installed.is_dir() else package.parent / "campaigns.example"
