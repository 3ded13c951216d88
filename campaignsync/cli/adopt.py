"""`campaignsync adopt`."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import click

from campaignsync.authoring.adopt import Offer, adopted, offer
from campaignsync.cli import concurrency, options
from campaignsync.cli.account import Account
from campaignsync.cli.command import Command, WholeNumber
from campaignsync.cli.inventory import Inventory
from campaignsync.cli.journals import journal_folder, journal_option, read_runs
from campaignsync.cli.messages import print_error, print_note
from campaignsync.cli.options import Target
from campaignsync.cli.progress import Progress
from campaignsync.cli.streams import is_coloured, print_message, print_result
from campaignsync.drift import FieldKey, drift
from campaignsync.drift.evidence import FileHistories, evidence_for
from campaignsync.errors import CampaignSyncError, ConfigurationError
from campaignsync.load import content_of
from campaignsync.load.hints import suggest_key
from campaignsync.model.definitions import Definition, Desired, Live, LiveCampaign
from campaignsync.model.fields import MANAGEABLE, groups_of
from campaignsync.model.plan import Change
from campaignsync.model.results import Ahead
from campaignsync.plan import make_plan
from campaignsync.report import text_lists
from campaignsync.report import wording as words
from campaignsync.report.terminal import joined
from campaignsync.write_files import rewrite

QUESTION = "  take live, keep the definition, skip the rest, or take all the rest? [t/k/s/a] "
WHY: Mapping[Ahead, str] = {
    "both": "the definition and the live campaign both changed",
    "unknown": "neither the journal nor git shows which side changed",
}


@click.command("adopt", cls=Command)
@click.argument("ids", nargs=-1, type=WholeNumber(min=1), metavar="[ID]...")
@options.option(
    "--field",
    "fields",
    multiple=True,
    metavar="PATH",
    section="What",
    help="Take this field or group of fields without asking. Repeatable.",
)
@options.option(
    "--all",
    "everything",
    is_flag=True,
    section="What",
    help="Take every field that changed in live; ask about those that changed on both sides.",
)
@options.account
@journal_option
@options.no_color
@options.progress
def command(
    ids: tuple[int, ...],
    fields: tuple[str, ...],
    journal: Path | None,
    *,
    everything: bool,
    no_color: bool,
    target: Target,
    progress: Progress,
) -> int:
    """Write live values into the definitions that manage them.

    Only the lines of adopted fields change; comments, order, quotes and line ends stay. On a
    terminal, `adopt` asks for each field. Afterwards `campaignsync plan` finds no changes in the
    adopted fields.

    --all takes the fields that changed in live, and keeps edits that are not applied yet. Some
    fields changed on both sides, or neither the journal nor git shows which side changed. For
    those, `adopt` asks on a terminal. Without a terminal it keeps them and exits with 3. --field
    always takes the live value.

    \b
    Examples: campaignsync adopt 1234
              campaignsync adopt --field scheduling.fri
              campaignsync adopt --all
    """
    _refuse_unknown(fields)
    has_terminal = sys.stdin.isatty() and sys.stderr.isatty()
    if not (everything or fields or has_terminal):
        raise ConfigurationError(
            "cannot ask which fields to adopt: stdin or stderr is not a terminal",
            hint="pass --all, or --field PATH",
            code="NOT_CHOSEN",
        )
    inventory = Inventory.load_at(None, target, progress)
    definitions = _managed_definitions(inventory, ids)
    live = concurrency.run(inventory.read_managed(definitions, in_full=bool(ids and fields)))
    # A progress line would overwrite a question.
    visible_progress = Progress(quiet=progress.quiet or (has_terminal and not fields))
    ahead: Mapping[FieldKey, Ahead] = {}
    if everything and not fields:
        ahead = _sides_ahead(inventory, definitions, live, journal, visible_progress)
    adoption = _Adoption(inventory.account, quiet=progress.quiet)
    with visible_progress.count("adopting", "campaigns") as counted:
        for definition in counted(definitions):
            if not (campaign := live.get(definition.id)):
                print_note(f"{definition.source_of('id')}: not found in the account")
                continue
            offered = offer(definition, campaign, fields, also_new=bool(ids))
            name = words.text(campaign.values.get("name")) or ""
            adoption.report(definition, offered)
            if fields:
                changes = offered.changes
            elif everything:
                changes = adoption.choose(
                    definition, name, offered.changes, ahead, ask=has_terminal
                )
            else:
                changes = _ask_for_fields(definition.id, name, offered.changes)
            adoption.write(definition, name, changes)
    colour = is_coloured(no_color=no_color)
    print_result(joined(text_lists.adopted(adoption.done), colour=colour), colour=True)
    return adoption.exit_code


@dataclass
class _Adoption:
    """The definitions written so far, and the exit code."""

    account: Account
    quiet: bool
    exit_code: int = 0
    done: list[tuple[Definition, str, Sequence[Change]]] = field(default_factory=list)

    def report(self, definition: Definition, offered: Offer) -> None:
        """Report the fields that differ and cannot be adopted."""
        self._note(definition, offered.notes)
        for refusal in offered.refused:
            self._fail(
                ConfigurationError(
                    f"{definition.file}: cannot adopt {refusal}",
                    hint="remove the key from the definition to leave the field alone,"
                    " or apply the definition",
                    code="NOT_ADOPTABLE",
                )
            )

    def choose(
        self,
        definition: Definition,
        name: str,
        changes: Sequence[Change],
        ahead: Mapping[FieldKey, Ahead],
        *,
        ask: bool,
    ) -> tuple[Change, ...]:
        """Return the changes to take: those of live, and those that the user takes if `ask`."""
        by_side: dict[Ahead, list[Change]] = {"live": [], "repo": [], "both": [], "unknown": []}
        for change in changes:
            by_side[ahead.get((definition.id, change.field), "unknown")].append(change)
        self._note(
            definition,
            [
                f"{change.field} keeps the definition's value, which is not applied yet;"
                f" to take the live value: --field {change.field}"
                for change in by_side["repo"]
            ],
        )
        taken = by_side["live"]
        for side, why in WHY.items():
            undecided = by_side[side]
            if undecided and ask:
                print_message(f"{definition.file}: {why}")
                taken += _ask_for_fields(definition.id, name, undecided)
            elif undecided:
                self._leave(definition, undecided, why)
        order = [change.field for change in changes]
        return tuple(sorted(taken, key=lambda change: order.index(change.field)))

    def write(self, definition: Definition, name: str, changes: Sequence[Change]) -> None:
        """Write the changes into the definition's file; a failure leaves that file as it is."""
        if not changes:
            return
        file = Path(definition.file)
        try:
            workspace = self.account.workspace
            others = [
                other.name
                for other in workspace.environments.values()
                if other.name != self.account.name and other.api != "sandbox"  # which calls no one
            ]
            content = content_of(file)
            edited = adopted(definition.file, content, changes, workspace.shared, others)
            rewrite(file, edited.content)
        except CampaignSyncError as error:
            self._fail(error)
            return
        self._note(definition, edited.notes)
        self.done.append((definition, name, changes))

    def _leave(self, definition: Definition, changes: Sequence[Change], why: str) -> None:
        paths = [change.field for change in changes]
        more = " ".join(f"--field {path}" for path in paths) + self.account.option
        self._fail(
            ConfigurationError(
                f"{definition.file}: {', '.join(paths)} not adopted: {why}",
                hint=f"to take the live value: campaignsync adopt {definition.id} {more}",
                code="NOT_CHOSEN",
            )
        )

    def _fail(self, error: CampaignSyncError) -> None:
        print_error(error)
        invalid = error.code == "WOULD_BE_INVALID"
        code = ConfigurationError.exit_code if invalid else error.exit_code
        self.exit_code = max(self.exit_code, code)

    def _note(self, definition: Definition, notes: Sequence[str]) -> None:
        for text in notes if not self.quiet else ():
            print_note(f"{definition.file}: {text}")


def _sides_ahead(
    inventory: Inventory,
    definitions: Sequence[Definition],
    live: Mapping[int, LiveCampaign],
    journal: Path | None,
    progress: Progress,
) -> Mapping[FieldKey, Ahead]:
    """Return the side that changed for each field that differs, as `drift` finds it."""
    account = inventory.account
    desired = Desired(tuple(definitions))
    plan = make_plan(
        desired,
        Live(live),
        environment=account.name,
        base_url=account.base_url,
        created_at=f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
    )
    records = read_runs(journal_folder(account.workspace, journal), progress)
    with progress.count("reading git history", "campaigns") as counted:
        evidence = evidence_for(
            desired, plan, account.workspace, records, FileHistories(), counted=counted
        )
    return {
        (campaign.id, field.field): field.ahead
        for campaign in drift(desired, plan, evidence).campaigns
        for field in campaign.fields
    }


def _ask_for_fields(id_: int, name: str, changes: Sequence[Change]) -> tuple[Change, ...]:
    """Ask for each field whether to take it; the end of input skips the rest."""
    taken: list[Change] = []
    for place, change in enumerate(changes):
        print_message(text_lists.offer(id_, name, change))
        answer = ""
        while answer not in ("t", "k", "s", "a"):
            print_message(QUESTION, nl=False)
            answer = (sys.stdin.readline() or "s").strip().lower()[:1]
        if answer == "a":
            return (*taken, *changes[place:])
        if answer == "s":
            break
        if answer == "t":
            taken.append(change)
    return tuple(taken)


def _managed_definitions(inventory: Inventory, ids: tuple[int, ...]) -> list[Definition]:
    """Return the selected definitions; raises ConfigurationError if one or all are missing."""
    option = inventory.account.option
    if missing := [id_ for id_ in ids if id_ not in inventory.managed]:
        raise ConfigurationError(
            f"no definition manages campaign {', '.join(map(str, missing))}",
            hint=f"first run `campaignsync export {' '.join(map(str, missing))}{option}`",
            code="NO_DEFINITION",
        )
    if not inventory.managed:
        raise ConfigurationError(
            "no definition found",
            hint=f"first run `campaignsync export{option}`",
            code="NO_DEFINITION",
        )
    return [inventory.managed[id_] for id_ in sorted(set(ids) or inventory.managed)]


def _refuse_unknown(fields: tuple[str, ...]) -> None:
    known = dict.fromkeys(field.path.partition(".")[0] for field in MANAGEABLE)
    for name in fields:
        if not any(name in groups_of(field.path) for field in MANAGEABLE):
            raise ConfigurationError(
                f"`{name}` is not a field of a definition",
                hint=suggest_key(name, name, known),
                code="UNKNOWN_FIELD",
            )
