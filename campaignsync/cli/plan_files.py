"""Saved plans: the option --out, saving, and reading.

A saved plan names its files relative to the workspace, and is sealed if a key is set.
"""

import os
import shlex
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import click

from campaignsync.apply.journal import undoes_run
from campaignsync.apply.saved_plan import read_plan
from campaignsync.cli.options import option
from campaignsync.cli.output import YAML, Output, OutputFile
from campaignsync.cli.progress import Progress
from campaignsync.cli.streams import print_message
from campaignsync.errors import ConfigurationError, StalePlan
from campaignsync.load.files import read
from campaignsync.load.workspace import Workspace, source_in
from campaignsync.model.plan import Blocked, Change, Plan, PlannedCampaign, seal
from campaignsync.report import json as documents
from campaignsync.report import wording as words
from campaignsync.write_files import write_whole

LARGEST_PLAN = 256 * 2**20
"""Maximum bytes of a saved plan; ten thousand campaigns with long prompts take less."""

Part = TypeVar("Part", PlannedCampaign, Change, Blocked)


class PlanFile(OutputFile):
    """A file to save a plan in. Refuses the name of a definition."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if Path(value).suffix.lower() in YAML:
            raise ConfigurationError(
                f"a saved plan is JSON, and {value} would replace or become a definition",
                hint=f"write --out {Path(value).with_suffix('.json')}",
            )
        return super().convert(value, param, ctx)


out_option = option(
    "--out",
    type=PlanFile(),
    section="Output",
    help="Save the plan as JSON, for review and for `campaignsync apply FILE`.",
)


def read_saved(file: Path, progress: Progress) -> Plan:
    """Read a saved plan.

    Raises ConfigurationError for a file that is missing or not a plan, StalePlan for a damaged or
    edited plan.
    """
    with progress.watch("reading the plan"):
        try:
            content = read(file, LARGEST_PLAN)
        except ValueError as error:
            hint = "make one with `campaignsync plan --out FILE`"
            message = f"cannot read the plan {file}: {error}"
            raise ConfigurationError(message, hint=hint, code="UNREADABLE") from None
        return read_plan(content)


def write_plan(
    plan: Plan, workspace: Workspace, key: bytes | None, out: Path | None, output: Output
) -> None:
    """Save the plan to `out` if that is set, sealed with the key, and write its report.

    Raises ConfigurationError for a plan to save that apply would refuse: one with sources outside
    the workspace's `definitions`.
    """
    saved = seal(_relative_to(Path(workspace.root), plan), key)
    if out:
        _refuse_outside(saved, workspace)
        with output.progress.watch("saving the plan"):
            write_whole(out, documents.dump(saved) + "\n")
    # The JSON is the saved plan; other formats name files as the user would type them.
    shown = plan.model_copy(update={"fingerprint": saved.fingerprint})
    output.write(lambda to: to.plan(saved if to.name == "json" else shown))


def print_next_step(plan: Plan, out: Path | None, output: Output) -> None:
    """Print how to apply a plan; an error has a hint of its own."""
    if output.is_for_programs or any(plan.failed()):
        return
    if out and plan.summary.update:
        step = f"Saved {out}. Apply it with `campaignsync apply {shlex.quote(str(out))}`."
    elif out:
        step = f"Saved {out}. It has nothing to apply."
    elif plan.summary.update:
        step = "To apply exactly these changes, save the plan: add `--out plan.json`."
    else:
        return
    print_message(words.line(step))


def _relative_to(root: Path, plan: Plan) -> Plan:
    """Return the plan with every file relative to the workspace."""

    @cache
    def relative_folder(folder: Path) -> Path:
        return Path(os.path.relpath(folder.resolve(), root.resolve()))

    def name(file: str) -> str:
        path = Path(file)
        # Only the folder is resolved: a definition that is a link keeps its own place.
        return (relative_folder(path.parent) / path.name).as_posix()

    def relative(part: Part, **more: object) -> Part:
        source = replace(part.source, file=name(part.source.file))
        return part.model_copy(update={"source": source, **more})

    campaigns = (
        relative(
            campaign,
            changes=tuple(map(relative, campaign.changes)),
            blocked=tuple(map(relative, campaign.blocked)),
        )
        for campaign in plan.campaigns
    )
    return plan.model_copy(update={"campaigns": tuple(campaigns)})


def _refuse_outside(plan: Plan, workspace: Workspace) -> None:
    for file in {each.source.file for each in plan.campaigns if not undoes_run(each)}:
        try:
            source_in(workspace, file)
        except StalePlan as error:
            raise ConfigurationError(
                f"the plan cannot be saved for apply: {file} is not in `definitions` of"
                f" {workspace.file or 'the current folder'}",
                hint="move the file there, or run `campaignsync apply` with its path instead",
                code=error.code,
            ) from None
