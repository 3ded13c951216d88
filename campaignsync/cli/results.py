"""A command's result: its options, and the way to stdout and into files, several formats at once.

Whatever can be wrong with a format or a file is a usage error, before a request is made.
"""

import os
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial, wraps
from pathlib import Path
from typing import Any

import click

from campaignsync import report
from campaignsync.cli.options import (
    coloured,
    emit,
    in_window,
    note,
    option,
    output_as,
    refuse_other_suffix,
    together,
)
from campaignsync.cli.progress import Progress
from campaignsync.cli.streams import put, redact, tell_error
from campaignsync.errors import CampaignSyncError
from campaignsync.files import write_whole
from campaignsync.report import OFFERED


@dataclass(frozen=True, slots=True)
class Result:
    """The shape that a result is to have, where it goes, and the reports to write beside it.

    `progress` tells what is done until then.
    """

    format_: str
    output: Path | None
    reports: tuple[tuple[str, Path], ...]
    no_color: bool
    progress: Progress

    def give(self, render: Callable[..., str]) -> None:
        """Give the result, then write the further reports.

        `render` makes the text of a format, with or without `colour`. Raises CampaignSyncError for
        the first that cannot be written.
        """
        colour = coloured(no_color=self.no_color, to=self.output)
        with self.progress.watch("writing the report"):
            text = render(self.format_, colour=colour)
            if self.format_ == "text" and not self.output:
                text = in_window(text, sys.stdout)
        emit(text, self.output)
        for format_, file in self.reports:
            with self.progress.watch(f"writing the report as {format_}"):
                write_whole(file, render(format_) + "\n")

    def give_error(self, error: CampaignSyncError) -> None:
        """Give why a command stops to who was to read its result, in formats that can say it.

        JSON and text on the standard streams are not given here: any command's error has those.
        A file in a format that cannot is left as it was, and named.
        """
        redact(error)
        told = self.format_ in ("text", "json") and not self.output
        asked = [] if told else [(self.format_, self.output)]
        for format_, file in (*asked, *self.reports):
            try:
                if format_ in OFFERED["error"]:
                    text = report.error(error, format_)
                    write_whole(file, text + "\n") if file else put(text)
                elif file:
                    note_left(file, f"`{format_}` cannot say why this one stops")
            except CampaignSyncError as unwritten:  # why the command stops matters more
                tell_error(unwritten)


def note_left(file: Path, why: str) -> None:
    """Say that a file was left as it was, and why."""
    left = "is of an earlier run" if file.exists() else "was not written"
    note(f"{file} {left}: {why}")


def result(what: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Give a command the options of its result, and a parameter `result` that they are.

    `what` is a key of report.OFFERED.
    """

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(command)
        def wrapped(
            *values: Any,
            format_: str,
            output: Path | None,
            reports: tuple[tuple[str, Path], ...],
            no_color: bool,
            **others: Any,
        ) -> Any:
            named = [
                output,
                others.get("out"),
                others.get("metrics"),
                *(file for _, file in reports),
            ]
            _refuse_unwritable([file for file in named if file])
            for report_format, file in reports:
                refuse_other_suffix(file, report_format)
            progress = Progress(quiet=others.get("quiet", False))
            result = Result(format_, output, reports, no_color, progress)
            try:
                return command(*values, result=result, **others)
            except CampaignSyncError as error:
                result.give_error(error)
                if metrics := others.get("metrics"):
                    note_left(metrics, "this run stops with an error")
                raise

        formats = OFFERED[what]
        further = option(
            "--report",
            "reports",
            multiple=True,
            metavar="FORMAT=FILE",
            callback=partial(_formats_and_files, formats),
            help="Write the result to a file in that format, too; may be repeated.",
        )
        decorated: Callable[..., Any] = together(output_as(formats), further)(wrapped)
        return decorated

    return decorate


def _formats_and_files(
    formats: Sequence[str], ctx: click.Context, param: click.Parameter, given: Iterable[str]
) -> tuple[tuple[str, Path], ...]:
    """Read each `html=plan.html`; raises BadParameter."""
    found = [text.partition("=") for text in given]
    for format_, _, file in found:
        if format_ not in formats:
            message = f"no such format: `{format_}`; one of {', '.join(formats)}"
            raise click.BadParameter(message, ctx, param)
        if not file:
            raise click.BadParameter(f"no file: write `{format_}=FILE`", ctx, param)
    return tuple((format_, Path(file)) for format_, _, file in found)


def _refuse_unwritable(files: Iterable[Path]) -> None:
    """Raise UsageError where a file cannot be written, or would be written twice."""
    seen = set[Path]()
    for file in files:
        place = file.resolve()
        if place in seen:
            raise click.UsageError(f"two outputs would be written to {file}")
        seen.add(place)
        if file.exists() and not file.is_file():
            raise click.UsageError(f"{file} is there, and is no file")
        if not os.access(file.parent, os.W_OK | os.X_OK):
            raise click.UsageError(f"no file can be written in the folder {file.parent}")
