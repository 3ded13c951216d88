"""`campaignsync init`."""

import os
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from campaignsync.cli import options
from campaignsync.cli.choices import Choice
from campaignsync.cli.streams import put, tell

if TYPE_CHECKING:
    from campaignsync.cli.survey import Listed, Survey
    from campaignsync.scaffold import Division, Laid

PLACES = ("github", "gitlab", "kubernetes", "cron")
DIVISIBLE = PLACES[:3]
"""Where jobs can run in parts side by side."""
MOST_PARTS = 12
"""As many as the API's requests a second: of more, each with one at once, it would refuse some."""


@click.command("init")
@click.argument("folder", type=click.Path(path_type=Path), default=".", metavar="[DIR]")
@options.option(
    "--ci",
    multiple=True,
    type=Choice(PLACES),
    help="Add the jobs for a place where they run; may be repeated.",
)
@options.option(
    "--from-live",
    is_flag=True,
    help="Begin with the campaigns that the account has, instead of an example.",
)
@options.option(
    "--shards",
    type=click.IntRange(2, MOST_PARTS),
    metavar="N",
    help="Divide the jobs into 2 to 12 parts side by side, each with its share of the rate.",
)
@options.connection
@options.chatter
def command(
    folder: Path,
    ci: tuple[str, ...],
    *,
    from_live: bool,
    shards: int | None,
    quiet: bool,
    **account: Any,
) -> None:
    """Make a config repo that works at once, and change nothing that exists.

    An example definition, the editor's schema, .gitignore, a README and a pre-commit hook; with
    --ci the jobs that validate, plan, apply and watch for drift, with --shards as a matrix (on
    GitHub and GitLab) or as an indexed Job (on Kubernetes). With --from-live there is a
    definition for each campaign of the account, but for archived and finished ones, and a plan
    finds no change; the account is asked before any file is made.

    \b
    Examples: campaignsync init my-campaigns --ci github
              campaignsync init my-campaigns --ci gitlab --shards 4
              campaignsync init my-campaigns --from-live
    """
    from campaignsync.report import words
    from campaignsync.scaffold import lay_out

    division = _division(shards, ci) if shards else None
    if not from_live:
        _refuse_account()
    read = _read(folder, quiet=quiet, **account) if from_live else None
    exported = _exported(folder, *read, quiet=quiet) if read else ()
    laid = lay_out(folder, ci, from_live=from_live, division=division)
    made = kept = 0
    for each in chain(laid, exported):
        put(f"{'made' if each.made else 'kept'}  {words.line(str(folder / each.path))}")
        if each.lacks and not quiet:
            options.note(f"{folder / each.path} was there already; it needs: {each.lacks}")
        made, kept = made + each.made, kept + (not each.made)
    left = f", {kept} left as they were" if kept else ""
    put(f"Init: {made} made{left}.")
    if read and not (read[0].managed or read[1].chosen):
        options.note("the account has no campaign to begin with: there is nothing to plan yet")
    elif made and not quiet:
        there = "--sandbox " if account["sandbox"] or not from_live else ""
        tell(f"Try it: campaignsync plan {there}{words.line(str(folder))}")


def _division(parts: int, places: tuple[str, ...]) -> "Division":
    """Say how jobs are divided; raises ConfigurationError where there are none that can be."""
    from campaignsync.api.pace import share
    from campaignsync.errors import ConfigurationError
    from campaignsync.scaffold import Division

    if not set(places) & set(DIVISIBLE):
        why = "cron runs them whole" if places else "none are asked for"
        hint = f"add --ci {', '.join(DIVISIBLE[:-1])} or {DIVISIBLE[-1]}"
        raise ConfigurationError(f"--shards divides jobs, and {why}", hint=hint)
    return Division(parts, share(parts))


def _refuse_account() -> None:
    """Raise UsageError for an option about an account where none is asked; variables may stay."""
    context = click.get_current_context()
    for name in ("environment", "sandbox", "base_url", "rate"):
        if context.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE:
            option = name.replace("_", "-")
            raise click.UsageError(f"--{option} is for --from-live: nothing else asks an account")


def _read(folder: Path, **options: Any) -> "tuple[Survey, Listed]":
    """Read what is live; a folder that is no workspace yet becomes one of a single account."""
    from campaignsync.cli import signals
    from campaignsync.cli.survey import FOLDER, Survey, folder_of
    from campaignsync.model.values import Selection
    from campaignsync.scaffold import WORKSPACE, refuse_unfit
    from campaignsync.workspace import Environment, Workspace, find_workspace

    refuse_unfit(folder)
    new = Workspace(
        root=str(folder),
        definitions=(str(folder / FOLDER),),
        environments={"production": Environment("production")},
        default_environment="production",
    )
    workspace = find_workspace(folder) if (folder / WORKSPACE).exists() else new
    survey = Survey.of(workspace, folder_of(workspace), **options)
    return survey, signals.run(survey.read(Selection()))


def _exported(folder: Path, survey: "Survey", listed: "Listed", *, quiet: bool) -> "Iterator[Laid]":
    """Write a definition for each campaign that has none."""
    from campaignsync.cli.exports import SCHEMA, exported, note
    from campaignsync.cli.survey import folder_of
    from campaignsync.scaffold import Laid

    found = exported(survey, listed.chosen, folder_of(survey.account.workspace))
    if not quiet:
        note(found, (), folder / SCHEMA, listed.left_out)
    for campaign in found.campaigns:
        managed = survey.managed.get(campaign.id)
        if file := managed.file if managed else campaign.file:
            yield Laid(os.path.relpath(file, folder), made=campaign.outcome == "written")
