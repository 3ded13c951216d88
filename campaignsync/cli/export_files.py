"""Write live campaigns as definitions, for `export` and `init --from-live`."""

import os
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from campaignsync.authoring.export import ExportedDefinition, export, file_names
from campaignsync.cli import messages
from campaignsync.cli.connect import Account
from campaignsync.cli.live_listing import Survey
from campaignsync.cli.progress import Counted
from campaignsync.files import create
from campaignsync.load import shown
from campaignsync.model.fields import InvalidValue
from campaignsync.model.results import Exported, ExportedCampaign, ExportSummary
from campaignsync.model.values import Definition, LiveCampaign
from campaignsync.report import wording as words

SCHEMA = "campaign.schema.json"
"""The schema file in the workspace folder that definitions refer to."""


def exported(
    survey: Survey, campaigns: Sequence[LiveCampaign], folder: Path, *, dry_run: bool = False
) -> Exported:
    """Write a file per campaign into a folder, and return the outcomes; none with `dry_run`."""
    workspace = survey.account.workspace
    write = partial(
        export,
        schema=Path(os.path.relpath(Path(workspace.root) / SCHEMA, folder)).as_posix(),
        environment=_among_several(survey.account),
        defaulted=workspace.shared.defaulted,
    )
    with survey.progress.count("writing", "files") as counted:
        outcomes = tuple(
            _outcomes(campaigns, survey.managed, folder, None if dry_run else write, counted)
        )
    counts = Counter[str](outcome.outcome for outcome in outcomes)
    name = survey.account.environment.name
    return Exported(environment=name, summary=ExportSummary(**counts), campaigns=outcomes)


def _among_several(account: Account) -> str | None:
    """Return the environment's name if the workspace has others, whose ids differ."""
    environments = account.workspace.environments
    name = account.environment.name
    return name if name in environments and len(environments) > 1 else None


def _outcomes(
    campaigns: Sequence[LiveCampaign],
    managed: Mapping[int, Definition],
    folder: Path,
    write: Callable[[LiveCampaign], ExportedDefinition] | None,
    counted: Counted,
) -> Iterator[ExportedCampaign]:
    """Write each campaign's file and yield the outcome; without `write`, yield it only."""
    taken = [path.name for path in folder.iterdir()] if folder.is_dir() else []
    names = file_names((each for each in campaigns if each.id not in managed), taken)
    for campaign in counted(campaigns):
        if definition := managed.get(campaign.id):
            yield _outcome(campaign, str(definition.source_of("id")), "managed")
            continue
        path = folder / names[campaign.id]
        if path.name in taken:
            yield _outcome(campaign, shown(path), "exists")
        elif write is None:
            yield _outcome(campaign, shown(path), "pending")
        else:
            try:
                written = write(campaign)
            except InvalidValue as invalid:
                yield _outcome(campaign, None, "refused", f"its id {invalid.message}")
                continue
            notes = (f"left out: {found.field} {found.reason}" for found in written.left_out)
            outcome = "written" if create(path, written.text) else "exists"
            yield _outcome(campaign, shown(path), outcome, *notes)


def _outcome(
    campaign: LiveCampaign, file: str | None, outcome: Any, *notes: str
) -> ExportedCampaign:
    return ExportedCampaign(
        id=campaign.id,
        name=words.text(campaign.values.get("name")) or "",
        status=words.text(campaign.values.get("status")),
        file=file,
        outcome=outcome,
        notes=notes,
    )


def note_incomplete(exported: Exported, ids: Collection[int], schema: Path, left_out: int) -> None:
    """Print notes on campaigns that were exported in part or not at all."""
    if left_out:
        many = words.count(left_out, "archived or finished campaign")
        messages.note(f"left out: {many}; add --archived --finished to `campaignsync export`")
    for campaign in exported.campaigns:
        for text in campaign.notes:
            messages.note(f"campaign {campaign.id}: {text}")
        if campaign.outcome == "managed" and campaign.id in ids:
            messages.note(f"campaign {campaign.id}: skipped, {campaign.file} manages it already")
        if campaign.outcome == "exists":
            messages.note(f"campaign {campaign.id}: not written, {campaign.file} exists already")
    if exported.summary.written and not schema.exists():
        messages.note(f"for editors: campaignsync schema -o {shown(schema)}")
