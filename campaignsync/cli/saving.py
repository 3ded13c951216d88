"""A plan for later: its files named relative to the workspace, sealed where a key is set."""

import os
from collections.abc import Callable
from dataclasses import replace
from functools import cache, partial
from pathlib import Path

from campaignsync import report
from campaignsync.cli.progress import Progress
from campaignsync.errors import ConfigurationError, Source, StalePlan
from campaignsync.files import write_whole
from campaignsync.model.plans import Plan, PlannedCampaign, Plans
from campaignsync.plan import plans_of, seal
from campaignsync.workspace import Workspace, source_in


def portable(plan: Plan | Plans, workspace: Workspace, key: bytes | None) -> Plan | Plans:
    """Return the plan as it is saved: for any folder that holds this workspace, and sealed."""
    if plan.kind == "plans":
        return seal(plans_of((_relative(part, workspace) for part in plan.parts), plan.errors), key)
    return seal(_relative(plan, workspace), key)


def save(plan: Plan | Plans, file: Path, progress: Progress) -> None:
    """Write a portable plan to a file."""
    with progress.watch("saving the plan"):
        write_whole(file, report.plan(plan, "json") + "\n")


def refuse_outside(plan: Plan | Plans, workspace: Workspace) -> None:
    """Raise ConfigurationError for a portable plan of files that apply would refuse.

    Those are files outside the workspace's `definitions`.
    """
    for file in {each.source.file for part in plan.parts for each in part.campaigns}:
        try:
            source_in(workspace, file)
        except StalePlan as error:
            raise ConfigurationError(
                f"the plan cannot be saved for apply: {file} is not in `definitions` of"
                f" {workspace.file or 'the current folder'}",
                hint="move the file there, or run `campaignsync apply` with its path instead",
                code=error.code,
            ) from None


def renderer(plan: Plan | Plans, saved: Plan | Plans) -> Callable[..., str]:
    """Return what renders a plan in any format: its JSON is the saved plan."""

    def render(format_: str, *, colour: bool = False) -> str:
        return report.plan(saved if format_ == "json" else plan, format_, colour=colour)

    return render


def _relative(plan: Plan, workspace: Workspace) -> Plan:
    """Return the plan with every file named relative to the workspace, sealed anew."""
    name = cache(partial(_name_in, Path(workspace.root)))

    def moved(source: Source) -> Source:
        return replace(source, file=name(source.file))

    def relative(campaign: PlannedCampaign) -> PlannedCampaign:
        return replace(
            campaign,
            source=moved(campaign.source),
            changes=tuple(replace(each, source=moved(each.source)) for each in campaign.changes),
            blocked=tuple(replace(each, source=moved(each.source)) for each in campaign.blocked),
        )

    return seal(replace(plan, campaigns=tuple(map(relative, plan.campaigns))))


def _name_in(root: Path, file: str) -> str:
    """Name a file relative to the workspace; a link in its own place stays a link."""
    path = Path(file)
    real = path.parent.resolve() / path.name
    return Path(os.path.relpath(real, root.resolve())).as_posix()
