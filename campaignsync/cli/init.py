"""`campaignsync init`."""

import os
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import click
from click.core import ParameterSource

from campaignsync.api.pace import share
from campaignsync.authoring.init import WORKSPACE, Division, JobTarget, Laid, lay_out, refuse_unfit
from campaignsync.cli import export_files as exports
from campaignsync.cli import options, signals
from campaignsync.cli.command import Choice, Command
from campaignsync.cli.live_listing import FOLDER, Listed, Survey, folder_of
from campaignsync.cli.messages import note
from campaignsync.cli.options import Target
from campaignsync.cli.progress import Progress
from campaignsync.cli.streams import put, tell
from campaignsync.errors import ConfigurationError
from campaignsync.load.workspace import Environment, Workspace, find_workspace
from campaignsync.model.values import Selection
from campaignsync.report import wording as words

PLACES = ("github", "gitlab", "kubernetes", "cron")
DIVISIBLE = PLACES[:3]
"""Places whose jobs can run in parallel parts."""
MOST_PARTS = 12
"""The API's requests per second: with more parts, it would refuse some requests."""


@click.command("init", cls=Command)
@click.argument("folder", type=click.Path(path_type=Path), default=".", metavar="[DIR]")
@options.option(
    "--ci",
    multiple=True,
    type=Choice(PLACES),
    section="What",
    help="Add the jobs for this place. Repeatable.",
)
@options.option(
    "--from-live",
    is_flag=True,
    section="What",
    help="Start with the account's campaigns instead of an example.",
)
@options.option(
    "--shards",
    type=click.IntRange(2, MOST_PARTS),
    metavar="N",
    section="What",
    help="Split the jobs into N parallel parts (2-12), by campaign id.",
)
@options.account
@options.progress
def command(
    folder: Path,
    ci: tuple[str, ...],
    *,
    from_live: bool,
    shards: int | None,
    target: Target,
    progress: Progress,
) -> None:
    """Create a config repo that works at once, or add what an existing one lacks.

    Creates an example definition, the editor's schema, .gitignore, a README and a pre-commit hook.
    An existing file is never changed. --ci adds the jobs that validate, plan, apply and check for
    drift; in an existing workspace they use its environment. --from-live writes a definition for
    each campaign of the account that is neither archived nor finished; `plan` then finds no
    changes. --shards splits the jobs: a matrix on GitHub, parallel jobs on GitLab, an indexed Job
    on Kubernetes.

    \b
    Examples: campaignsync init my-campaigns --ci github
              campaignsync init my-campaigns --ci gitlab --shards 4
              campaignsync init my-campaigns --from-live
    """
    is_there = (folder / WORKSPACE).exists()
    jobs = JobTarget.of(find_workspace(folder), for_jobs=bool(ci)) if is_there else None
    division = _division(shards, ci) if shards else None
    if not from_live:
        _refuse_account()
    read = _read(folder, target, progress) if from_live else None
    exported = _exported(folder, *read) if read else ()
    if jobs and ci and not progress.quiet:
        note(f"the jobs use the environment `{jobs.environment}` and {jobs.key}")
    laid = lay_out(folder, ci, from_live=from_live, division=division, target=jobs)
    made = kept = 0
    for each in chain(laid, exported):
        put(f"{'made' if each.made else 'kept'}  {words.line(str(folder / each.path))}")
        if each.lacks and not progress.quiet:
            note(f"{folder / each.path} exists and lacks: {each.lacks}")
        if each.made and each.path == "requirements.txt" and not progress.quiet:
            note(
                f"{folder / each.path} pins this version; if your package index does not have it,"
                " pin a commit of the repository instead"
            )
        made, kept = made + each.made, kept + (not each.made)
    left = f", {kept} kept unchanged" if kept else ""
    put(f"Init: {made} made{left}.")
    if read and not (read[0].managed or read[1].chosen):
        note("the account has no campaign: there is nothing to plan yet")
    elif made and not progress.quiet:
        there = "--sandbox " if target.sandbox or not from_live else ""
        tell(f"Try it: campaignsync plan {there}{words.line(str(folder))}")


def _division(parts: int, places: tuple[str, ...]) -> Division:
    """Return how jobs are divided; raises ConfigurationError if no job can be."""
    if not set(places) & set(DIVISIBLE):
        why = "cron cannot split its jobs" if places else "no job was requested"
        hint = f"add --ci {', '.join(DIVISIBLE[:-1])} or {DIVISIBLE[-1]}"
        raise ConfigurationError(f"--shards has no effect: {why}", hint=hint)
    return Division(parts, share(parts))


def _refuse_account() -> None:
    """Raise UsageError for an account's option without --from-live; variables are ignored."""
    context = click.get_current_context()
    for name in ("environment", "sandbox", "base_url", "rate"):
        if context.get_parameter_source(name) is ParameterSource.COMMANDLINE:
            option = name.replace("_", "-")
            raise click.UsageError(f"--{option} requires --from-live")


def _read(folder: Path, target: Target, progress: Progress) -> tuple[Survey, Listed]:
    """Read the live campaigns; a folder without a workspace stands for one account."""
    refuse_unfit(folder)
    new = Workspace(
        root=str(folder),
        definitions=(str(folder / FOLDER),),
        environments={"production": Environment("production")},
        default_environment="production",
    )
    workspace = find_workspace(folder) if (folder / WORKSPACE).exists() else new
    survey = Survey.of(workspace, folder_of(workspace), target, progress)
    return survey, signals.run(survey.read(Selection()))


def _exported(folder: Path, survey: Survey, listed: Listed) -> Iterator[Laid]:
    """Write a definition for each campaign without one."""
    found = exports.exported(survey, listed.chosen, folder_of(survey.account.workspace))
    if not survey.progress.quiet:
        exports.note_incomplete(found, (), folder / exports.SCHEMA, listed.left_out)
    for campaign in found.campaigns:
        managed = survey.managed.get(campaign.id)
        if file := managed.file if managed else campaign.file:
            yield Laid(os.path.relpath(file, folder), made=campaign.outcome == "written")
