"""`campaignsync demo`."""

import shlex
import shutil
import tempfile
from contextlib import chdir
from pathlib import Path

import click

import campaignsync
from campaignsync.cli.streams import put

STEPS = ("validate", "plan", "apply --auto-approve", "plan")


@click.command("demo")
def command() -> int:
    """Validate, plan, apply and plan again, on the sandbox.

    Works on a copy of the example workspace in a temporary folder: no key, no network beyond
    loopback, none of your files.
    """
    from campaignsync.cli import run

    with tempfile.TemporaryDirectory(prefix="campaignsync-demo-") as folder:
        copy = Path(folder) / "campaigns.example"
        shutil.copytree(example(), copy, ignore=shutil.ignore_patterns(".campaignsync"))
        with chdir(copy):
            for step in STEPS:
                put(f"$ campaignsync {step}")
                if code := run(shlex.split(step)):
                    return code
                put()
    return 0


def example() -> Path:
    """Find the example workspace: in the package, or beside it in a checkout."""
    package = Path(campaignsync.__file__).parent
    installed = package / "campaigns.example"
    return installed if installed.is_dir() else package.parent / "campaigns.example"
