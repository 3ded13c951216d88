"""`campaignsync adopt`."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from campaignsync.cli import options
from campaignsync.cli.streams import put, tell, tell_error

if TYPE_CHECKING:
    from campaignsync.adopt import Offer
    from campaignsync.cli.survey import Survey
    from campaignsync.model.plans import Change
    from campaignsync.model.values import Definition, Shared

QUESTION = "  take it, keep the definition's, skip the rest, or take all the rest? [t/k/s/a] "


@click.command("adopt")
@click.argument("ids", nargs=-1, type=click.IntRange(min=1), metavar="[ID]...")
@options.option(
    "--field",
    "fields",
    multiple=True,
    metavar="PATH",
    help="Take this field, or group of fields, without asking; may be repeated.",
)
@options.option("--all", "everything", is_flag=True, help="Take every field that differs.")
@options.connection
@options.option("--no-color", is_flag=True, help="No colour, whatever the terminal.")
@options.chatter
def command(
    ids: tuple[int, ...],
    fields: tuple[str, ...],
    *,
    everything: bool,
    no_color: bool,
    quiet: bool,
    **given: Any,
) -> int:
    """Take live values into the definitions that manage them.

    Only the lines of adopted fields change: comments, order, quotes and line ends stay. On a
    terminal each field is asked for. Afterwards `campaignsync plan` finds nothing to do for them.

    \b
    Examples: campaignsync adopt 1234
              campaignsync adopt --field scheduling.fri
              campaignsync adopt --all
    """
    from campaignsync.adopt import offer
    from campaignsync.cli import signals
    from campaignsync.cli.progress import Progress
    from campaignsync.cli.survey import Survey
    from campaignsync.errors import CampaignSyncError, ConfigurationError
    from campaignsync.report import inventory, words

    _refuse_unknown(fields)
    asks = not (everything or fields)
    if asks:
        _refuse_to_hang()
    survey = Survey.at(None, quiet=quiet, **given)
    definitions = _managed(survey, ids)
    live = signals.run(survey.live(definitions, in_full=bool(ids and fields)))
    done, code = [], 0
    # Nothing is painted over a question.
    with Progress(quiet=quiet or asks).count("adopting", "campaigns") as counted:
        for definition in counted(definitions):
            if not (campaign := live.get(definition.id)):
                options.note(f"{definition.source_of('id')}: the account has no such campaign")
                continue
            found = offer(definition, campaign, fields, also_new=bool(ids))
            name = words.text(campaign.values.get("name")) or ""
            changes = _asked(definition.id, name, found) if asks else found.changes
            if not quiet:
                _note(definition, found.notes)
            if not changes:
                continue
            try:
                _write(definition, changes, survey.account.workspace.shared, quiet=quiet)
            except CampaignSyncError as error:
                # The other campaigns' files have nothing to do with this one.
                tell_error(error)
                invalid = error.code == "WOULD_BE_INVALID"
                code = max(code, ConfigurationError.exit_code if invalid else error.exit_code)
            else:
                done.append((definition, name, changes))
    put(inventory.adopted(done, colour=options.coloured(no_color=no_color)), colour=True)
    return code


def _write(
    definition: "Definition", changes: "tuple[Change, ...]", shared: "Shared", *, quiet: bool
) -> None:
    from campaignsync.adopt import adopted
    from campaignsync.files import rewrite
    from campaignsync.load import content_of

    file = Path(definition.file)
    made = adopted(definition.file, content_of(file), changes, shared)
    rewrite(file, made.content)
    if not quiet:
        _note(definition, made.notes)


def _note(definition: "Definition", notes: tuple[str, ...]) -> None:
    for text in notes:
        options.note(f"{definition.file}: {text}")


def _asked(id_: int, name: str, found: "Offer") -> "tuple[Change, ...]":
    """Ask for each field what to do with it; the end of input keeps all that is left."""
    from campaignsync.report import inventory

    taken: list[Change] = []
    for place, change in enumerate(found.changes):
        tell(inventory.offer(id_, name, change))
        answer = ""
        while answer not in ("t", "k", "s", "a"):
            tell(QUESTION, nl=False)
            # Nobody answers any more: as if to skip.
            answer = (sys.stdin.readline() or "s").strip().lower()[:1]
        if answer == "a":
            return (*taken, *found.changes[place:])
        if answer == "s":
            break
        if answer == "t":
            taken.append(change)
    return tuple(taken)


def _managed(survey: "Survey", ids: tuple[int, ...]) -> "list[Definition]":
    """Give the definitions that are meant; raises ConfigurationError where there is none."""
    from campaignsync.errors import ConfigurationError

    if missing := [id_ for id_ in ids if id_ not in survey.managed]:
        raise ConfigurationError(
            f"no definition manages campaign {', '.join(map(str, missing))}",
            hint=f"campaignsync export {' '.join(map(str, missing))}",
            code="NO_DEFINITION",
        )
    if not survey.managed:
        raise ConfigurationError(
            "no definition found", hint="see `campaignsync export`", code="NO_DEFINITION"
        )
    return [survey.managed[id_] for id_ in sorted(set(ids) or survey.managed)]


def _refuse_unknown(fields: tuple[str, ...]) -> None:
    from campaignsync.adopt import belongs
    from campaignsync.errors import ConfigurationError
    from campaignsync.load.hints import key_meant
    from campaignsync.model.fields import MANAGEABLE

    known = dict.fromkeys(field.path.partition(".")[0] for field in MANAGEABLE)
    for name in fields:
        if not any(belongs(field.path, name) for field in MANAGEABLE):
            raise ConfigurationError(
                f"`{name}` is no field of a definition",
                hint=key_meant(name, name, known),
                code="UNKNOWN_FIELD",
            )


def _refuse_to_hang() -> None:
    from campaignsync.errors import ConfigurationError

    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise ConfigurationError(
            "nobody is here to choose the fields",
            hint="pass --all, or --field PATH",
            code="NOT_CHOSEN",
        )
