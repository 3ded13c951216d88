"""Live campaigns that become files: what `export` and `init --from-live` share."""

import os
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from campaignsync.cli.connect import Account
from campaignsync.cli.progress import Counted
from campaignsync.cli.streams import note
from campaignsync.cli.survey import Survey
from campaignsync.export import Exported as Written
from campaignsync.export import export, file_names
from campaignsync.files import create
from campaignsync.load import shown
from campaignsync.model.fields import InvalidValue
from campaignsync.model.results import Exported, ExportedCampaign, ExportSummary
from campaignsync.model.values import Definition, LiveCampaign
from campaignsync.report import words

SCHEMA = "campaign.schema.json"
"""The file in the workspace's folder that definitions name as their schema."""


def exported(
    survey: Survey, campaigns: Sequence[LiveCampaign], folder: Path, *, dry_run: bool = False
) -> Exported:
    """Write each campaign's file into a folder, and tell what became of it, or what would."""
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
    """Name the environment where the workspace has others, whose campaigns have other numbers."""
    environments = account.workspace.environments
    name = account.environment.name
    return name if name in environments and len(environments) > 1 else None


def _outcomes(
    campaigns: Sequence[LiveCampaign],
    managed: Mapping[int, Definition],
    folder: Path,
    write: Callable[[LiveCampaign], Written] | None,
    counted: Counted,
) -> Iterator[ExportedCampaign]:
    """Write each campaign's file, and tell what became of it; without `write`, what would."""
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
    """Say on stderr what did not go the whole way; `left_out` campaigns did not go at all."""
    if left_out:
        many = words.count(left_out, "archived or finished campaign")
        note(f"left out: {many}; `campaignsync export --archived --finished` takes all")
    for campaign in exported.campaigns:
        for text in campaign.notes:
            note(f"campaign {campaign.id}: {text}")
        if campaign.outcome == "managed" and campaign.id in ids:
            note(f"campaign {campaign.id}: {campaign.file} manages it already")
        if campaign.outcome == "exists":
            note(f"campaign {campaign.id}: {campaign.file} is there already, and stays")
    if exported.summary.written and not schema.exists():
        note(f"for editors: campaignsync schema -o {shown(schema)}")
