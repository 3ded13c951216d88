"""`campaignsync undo`, and the notes on undone values that definitions still have."""

import os
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import click

from campaignsync.apply.undo import left_by, undo
from campaignsync.cli import concurrency, options
from campaignsync.cli.account import account_of
from campaignsync.cli.command import Command
from campaignsync.cli.journals import journal_folder, journal_option, read_run
from campaignsync.cli.keys import plan_key_of
from campaignsync.cli.messages import print_note
from campaignsync.cli.options import Target, WriteLimits
from campaignsync.cli.output import Output, output_options
from campaignsync.cli.plan_files import out_option, print_next_step, write_plan
from campaignsync.cli.planning import guard
from campaignsync.cli.session import Session
from campaignsync.drift import first_with_newest
from campaignsync.drift.evidence import EarlierVersions, FileHistories
from campaignsync.errors import ConfigurationError, DefinitionError
from campaignsync.load import load_each
from campaignsync.load.select import choose
from campaignsync.load.workspace import find_definitions, find_workspace
from campaignsync.model.definitions import Definition, Desired
from campaignsync.model.fields import satisfies
from campaignsync.model.plan import Plan, PlannedCampaign
from campaignsync.model.runs import Record


@click.command("undo", cls=Command)
@click.argument("run")
@out_option
@journal_option
@options.account
@options.write_limits()
@output_options("plan")
def command(
    run: str,
    out: Path | None,
    journal: Path | None,
    *,
    target: Target,
    limits: WriteLimits,
    output: Output,
) -> int:
    """Plan how to undo an apply, and change nothing.

    RUN is a run of `campaignsync history`, its first characters, or `last`. The plan restores only
    what that run changed, and only what was not changed again since.

    \b
    Example: campaignsync undo last --out undo.json && campaignsync apply undo.json
    """
    key = plan_key_of(os.environ)
    workspace = find_workspace(Path())
    record = read_run(journal_folder(workspace, journal), run, output.progress)
    name = target.environment or record.environment or None
    environment = choose(workspace, name, sandbox=target.sandbox)
    account = account_of(workspace, environment, target)
    session = Session.of(account, Desired(()), limits, output.progress)
    plan = concurrency.run(_plan_undo(session, record))
    write_plan(plan, workspace, key, out, output)
    print_next_step(plan, out, output)
    return 6 if plan.summary.blocked else 0


async def _plan_undo(session: Session, record: Record) -> Plan:
    """Plan the undo of a run, and print notes on values that stay as they are."""
    if not record.is_of(session.name, session.account.base_url):
        raise ConfigurationError(
            f"run {record.run} belongs to {record.environment or '?'} at {record.base_url or '?'}",
            hint="pass that environment with -e, and that URL with --base-url",
            code="OTHER_ACCOUNT",
        )
    left = left_by(record)
    if not left.definitions:
        print_note(f"run {record.run} changed nothing; `campaignsync history` lists the other runs")
    live = await session.read(left)
    desired, notes = undo(record, live)
    for text in notes:
        print_note(text)
    plan = session.compare_with(desired, live)
    plan = await guard(replace(session, desired=desired), plan)
    note_definitions_to_revert(
        session,
        [each for each in plan.campaigns if each.action == "update"],
        " after the undo is applied",
    )
    return plan


def note_definitions_to_revert(
    session: Session, undone: Iterable[PlannedCampaign], when: str = ""
) -> None:
    """Print notes on definitions that still have undone values: the next apply sends them again.

    Each note names the commit to revert and the `adopt` to run instead. `undone` are the campaigns
    of an undo; `when` says when `adopt` can be run.
    """
    undone = tuple(undone)
    if not undone or session.progress.quiet:
        return
    workspace, environment = session.account.workspace, session.name
    try:
        _, files = find_definitions([Path(workspace.root)])
        (desired,) = load_each(files, workspace.shared, [environment])
    except DefinitionError as error:
        print_note(f"cannot check the definitions for the undone values: {error.message}")
        return
    except ConfigurationError:
        return  # there are no definitions
    option = session.account.option
    versions = EarlierVersions(workspace, environment, FileHistories())
    for fields, group in _by_undone_fields(desired, undone).items():
        places = ", ".join(dict.fromkeys(str(each.source_of(fields[0])) for each in group))
        commits = " ".join(dict.fromkeys(_commits(versions, group, fields)))
        revert = f"run `git revert {commits}`" if commits else "edit the file"
        ids = " ".join(str(each.id) for each in group)
        field_options = " ".join(f"--field {field}" for field in fields)
        print_note(
            f"{places}: the undone values are still in the definition, and the next apply would"
            f" send them; {revert}, or"
            f" `campaignsync adopt {ids} {field_options}{option}`{when}"
        )


def _by_undone_fields(
    desired: Desired, undone: Iterable[PlannedCampaign]
) -> Mapping[tuple[str, ...], list[Definition]]:
    """Group the definitions to revert by their undone fields: one `adopt` serves a group."""
    by_id = desired.by_id
    groups: dict[tuple[str, ...], list[Definition]] = defaultdict(list)
    for campaign in undone:
        if not (definition := by_id.get(campaign.id)):
            continue
        fields = tuple(
            change.field
            for change in campaign.changes
            if change.field in definition.values
            and not satisfies(change.field, change.after, definition.values[change.field])
        )
        if fields:
            groups[fields].append(definition)
    return groups


def _commits(
    versions: EarlierVersions, definitions: Iterable[Definition], fields: Iterable[str]
) -> Iterator[str]:
    """Yield the commits that set the current values; none for an edit that is not committed."""
    for definition in definitions:
        for field in fields:
            values = versions.history(definition, field).values
            if values and values[0].is_managed and values[0].value == definition.values[field]:
                yield first_with_newest(values).commit
