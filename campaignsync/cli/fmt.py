"""`campaignsync fmt`."""

from collections.abc import Iterator
from difflib import unified_diff
from pathlib import Path

import click

from campaignsync.authoring.format import formatted
from campaignsync.cli import options
from campaignsync.cli.command import Command
from campaignsync.cli.messages import problem_facts
from campaignsync.cli.progress import Progress
from campaignsync.cli.streams import print_message, print_result
from campaignsync.errors import DefinitionError
from campaignsync.load import content_of
from campaignsync.load.files import display_path
from campaignsync.load.workspace import find_definitions
from campaignsync.report import text
from campaignsync.report import wording as words
from campaignsync.report.terminal import joined
from campaignsync.write_files import rewrite
from campaignsync.yamltree.text import decode


@click.command("fmt", cls=Command)
@options.paths
@options.option(
    "--check",
    is_flag=True,
    section="What",
    help="Write nothing. Exit with 2 if a file would change.",
)
@options.option(
    "--diff", is_flag=True, section="What", help="Write nothing. Show the changes as a diff."
)
@options.quiet
def command(paths: tuple[Path, ...], *, check: bool, diff: bool, progress: Progress) -> int:
    """Format definitions: keys in order, weekday ranges, no needless quotes.

    Values and comments stay as they are. A definition with problems is not changed.

    \b
    Examples: campaignsync fmt
              campaignsync fmt campaigns/ --check
    """
    changed, broken = 0, 0
    with progress.count("formatting", "definitions") as counted:
        workspace, files = find_definitions(paths)
        for file in counted(files):
            try:
                before = content_of(file)
                after = formatted(display_path(file), before, workspace.shared)
            except DefinitionError as error:
                broken += 1
                report = joined(text.problems([display_path(file)], error.problems))
                print_message(report, level="error", facts=problem_facts(error.problems))
                continue
            if after == before:
                continue
            changed += 1
            if not (check or diff):
                rewrite(file, after)
            if diff:
                print_result("\n".join(_difference(display_path(file), before, after)))
            else:
                print_result(f"~ {words.line(display_path(file))}")
    verb = "To format" if check or diff else "Formatted"
    not_touched = f", {words.count(broken, 'file')} with problems not touched" if broken else ""
    print_result(f"{verb}: {changed} of {words.count(len(files), 'definition')}{not_touched}.")
    return 3 if broken else 2 if check and changed else 0


def _difference(file: str, before: bytes, after: bytes) -> Iterator[str]:
    """Return the changes as a diff, with terminal control characters escaped."""
    old, new = (decode(content).splitlines() for content in (before, after))
    yield from map(words.line, unified_diff(old, new, file, file, lineterm=""))
