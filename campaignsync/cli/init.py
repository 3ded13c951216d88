"""`campaignsync init`."""

import os
import shlex
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import click
from click.core import ParameterSource

from campaignsync.api.pace import share
from campaignsync.authoring.init import (
    WORKSPACE,
    Division,
    JobTarget,
    RepoFile,
    create_files,
    refuse_unusable,
)
from campaignsync.cli import concurrency, options
from campaignsync.cli.command import Choice, Command, WholeNumber
from campaignsync.cli.export import SCHEMA, export, note_incomplete
from campaignsync.cli.inventory import FOLDER, Inventory, Selected, folder_of
from campaignsync.cli.messages import print_note
from campaignsync.cli.options import Target
from campaignsync.cli.progress import Progress
from campaignsync.cli.streams import print_message, print_result
from campaignsync.errors import ConfigurationError
from campaignsync.load.workspace import Environment, Workspace, find_workspace
from campaignsync.model.definitions import Selection
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
    type=WholeNumber(2, MOST_PARTS),
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
    workspace = find_workspace(folder) if (folder / WORKSPACE).exists() else None
    jobs = JobTarget.of(workspace, for_jobs=bool(ci)) if workspace else None
    division = _division(shards, ci) if shards else None
    if not from_live:
        _refuse_account()
    live = _read_live(folder, workspace, target, progress) if from_live else None
    exported = _export(folder, *live) if live else ()
    if jobs and ci and not progress.quiet:
        print_note(f"the jobs use the environment `{jobs.environment}` and {jobs.key}")
    files = create_files(folder, ci, from_live=from_live, division=division, target=jobs)
    created = kept = 0
    for each in chain(files, exported):
        print_result(
            f"{'created' if each.created else 'kept   '}  {words.line(str(folder / each.path))}"
        )
        if each.lacks and not progress.quiet:
            print_note(f"{folder / each.path} exists and lacks: {each.lacks}")
        if each.created and each.path == "requirements.txt" and not progress.quiet:
            print_note(
                f"{folder / each.path} pins this version; if your package index does not have it,"
                " pin a commit of the repository instead"
            )
        created, kept = created + each.created, kept + (not each.created)
    left = f", {kept} kept unchanged" if kept else ""
    print_result(f"Init: {created} created{left}.")
    if live and not (live[0].managed or live[1].campaigns):
        print_note("the account has no campaign: there is nothing to plan yet")
    elif created and not progress.quiet:
        option = "--sandbox " if target.sandbox or not from_live else ""
        print_message(f"Try it: campaignsync plan {option}{shlex.quote(words.line(str(folder)))}")


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
    for parameter in context.command.params:
        if parameter.name not in ("environments", "sandbox", "base_url", "rate"):
            continue
        if context.get_parameter_source(parameter.name) is ParameterSource.COMMANDLINE:
            option = max(parameter.opts, key=len)
            raise click.UsageError(f"{option} requires --from-live")


def _read_live(
    folder: Path, workspace: Workspace | None, target: Target, progress: Progress
) -> tuple[Inventory, Selected]:
    """Read the live campaigns; without a workspace, there is one account."""
    refuse_unusable(folder)
    workspace = workspace or Workspace(
        root=str(folder),
        definitions=(str(folder / FOLDER),),
        environments={"production": Environment("production")},
        default_environment="production",
    )
    inventory = Inventory.load(workspace, folder_of(workspace), target, progress)
    return inventory, concurrency.run(inventory.read(Selection()))


def _export(folder: Path, inventory: Inventory, selected: Selected) -> Iterator[RepoFile]:
    """Write a definition for each campaign without one."""
    exported = export(inventory, selected.campaigns, folder_of(inventory.account.workspace))
    if not inventory.progress.quiet:
        note_incomplete(exported, (), folder / SCHEMA, selected.left_out)
    for campaign in exported.campaigns:
        managed = inventory.managed.get(campaign.id)
        if file := managed.file if managed else campaign.file:
            yield RepoFile(os.path.relpath(file, folder), created=campaign.outcome == "written")
