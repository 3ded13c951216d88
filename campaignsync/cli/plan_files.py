"""Save and read plans.

A saved plan names its files relative to the workspace, and is sealed if a key is set.
"""

import os
from dataclasses import replace
from functools import cache, partial
from pathlib import Path

from campaignsync.apply.saved_plan import read_plan
from campaignsync.cli.progress import Progress
from campaignsync.errors import ConfigurationError, Source, StalePlan
from campaignsync.files import write_whole
from campaignsync.load.files import read
from campaignsync.load.workspace import Workspace, source_in
from campaignsync.model.plan import Plan, PlannedCampaign
from campaignsync.model.plan_document import seal
from campaignsync.report import json as documents

LARGEST_PLAN = 256 * 2**20
"""Maximum bytes of a saved plan; ten thousand campaigns with long prompts take less."""


def portable(plan: Plan, workspace: Workspace, key: bytes | None) -> Plan:
    """Return the plan as it is saved: every file relative to the workspace, sealed with the key."""
    name = cache(partial(_name_in, Path(workspace.root)))

    def moved(source: Source) -> Source:
        return replace(source, file=name(source.file))

    def relative(campaign: PlannedCampaign) -> PlannedCampaign:
        changes = (
            each.model_copy(update={"source": moved(each.source)}) for each in campaign.changes
        )
        blocked = (
            each.model_copy(update={"source": moved(each.source)}) for each in campaign.blocked
        )
        return campaign.model_copy(
            update={
                "source": moved(campaign.source),
                "changes": tuple(changes),
                "blocked": tuple(blocked),
            }
        )

    campaigns = tuple(map(relative, plan.campaigns))
    return seal(plan.model_copy(update={"campaigns": campaigns}), key)


def save(plan: Plan, file: Path, progress: Progress) -> None:
    """Write a portable plan to a file."""
    with progress.watch("saving the plan"):
        write_whole(file, documents.plan(plan) + "\n")


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


def refuse_outside(plan: Plan, workspace: Workspace) -> None:
    """Raise ConfigurationError for a portable plan of files that apply would refuse.

    Those are files outside the workspace's `definitions`.
    """
    for file in {each.source.file for each in plan.campaigns}:
        try:
            source_in(workspace, file)
        except StalePlan as error:
            raise ConfigurationError(
                f"the plan cannot be saved for apply: {file} is not in `definitions` of"
                f" {workspace.file or 'the current folder'}",
                hint="move the file there, or run `campaignsync apply` with its path instead",
                code=error.code,
            ) from None


def _name_in(root: Path, file: str) -> str:
    """Return a file's path relative to the workspace; a link in its own place stays a link."""
    path = Path(file)
    real = path.parent.resolve() / path.name
    return Path(os.path.relpath(real, root.resolve())).as_posix()
