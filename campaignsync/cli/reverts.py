"""Definitions that still have the values that an undo takes back: the next apply sends them."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from campaignsync.cli.messages import note
from campaignsync.drift import first_with_newest
from campaignsync.drift.evidence import Archive, Histories
from campaignsync.errors import ConfigurationError, DefinitionError
from campaignsync.load import load_each
from campaignsync.load.workspace import Workspace, definitions
from campaignsync.model.fields import satisfies
from campaignsync.model.plan import PlannedCampaign
from campaignsync.model.values import Definition, Desired


def note_reverts(
    workspace: Workspace, environment: str, undone: Iterable[PlannedCampaign], when: str = ""
) -> None:
    """Report the definitions to revert, with the commit to revert and the `adopt` to run instead.

    `undone` are the campaigns of an undo; `when` says when `adopt` can be run.
    """
    try:
        _, files = definitions([Path(workspace.root)])
        (desired,) = load_each(files, workspace.shared, [environment])
    except DefinitionError as error:
        note(f"cannot check the definitions for the undone values: {error.message}")
        return
    except ConfigurationError:
        return  # there are no definitions
    is_default = environment in (workspace.default_environment, "default")
    option = "" if is_default else f" -e {environment}"
    archive = Archive(workspace, environment, Histories())
    for fields, group in _grouped(desired, undone).items():
        places = ", ".join(dict.fromkeys(str(each.source_of(fields[0])) for each in group))
        commits = " ".join(dict.fromkeys(_commits(archive, group, fields)))
        revert = f"run `git revert {commits}`" if commits else "edit the file"
        ids = " ".join(str(each.id) for each in group)
        chosen = " ".join(f"--field {field}" for field in fields)
        note(
            f"{places}: the undone values are still in the definition, and the next apply would"
            f" send them; {revert}, or `campaignsync adopt {ids} {chosen}{option}`{when}"
        )


def _grouped(
    desired: Desired, undone: Iterable[PlannedCampaign]
) -> Mapping[tuple[str, ...], list[Definition]]:
    """Group the definitions to revert by their undone fields: one `adopt` serves a group."""
    by_id = {definition.id: definition for definition in desired.definitions}
    groups: dict[tuple[str, ...], list[Definition]] = defaultdict(list)
    for campaign in undone:
        definition = by_id.get(campaign.id)
        if definition and (fields := tuple(_undone_fields(definition, campaign))):
            groups[fields].append(definition)
    return groups


def _undone_fields(definition: Definition, campaign: PlannedCampaign) -> Iterator[str]:
    """Yield the fields whose restored value does not satisfy the definition."""
    for change in campaign.changes:
        if change.field in definition.values:
            desired = definition.values[change.field]
            if not satisfies(change.field, change.after, desired):
                yield change.field


def _commits(
    archive: Archive, definitions: Iterable[Definition], fields: Iterable[str]
) -> Iterator[str]:
    """Yield the commits that set the current values; none for an edit that is not committed."""
    for definition in definitions:
        for field in fields:
            values = archive.history(definition, field).values
            if values and values[0].managed and values[0].value == definition.values[field]:
                yield first_with_newest(values).commit
