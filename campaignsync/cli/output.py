"""The result of a command: its options, and how it reaches stdout and files in several formats.

A wrong format, or a file name that is a mistake, is a usage error before any request is made.
"""

import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial, wraps
from pathlib import Path
from typing import Any

import click

from campaignsync.cli.command import Choice
from campaignsync.cli.messages import print_error, print_note, redact_keys
from campaignsync.cli.options import no_color, option, passed_as, progress, quiet
from campaignsync.cli.progress import Progress
from campaignsync.cli.streams import is_coloured, logs_json, print_result, terminal_width
from campaignsync.errors import CampaignSyncError, ConfigurationError
from campaignsync.report.format import BY_NAME, Format, format_named, names_for
from campaignsync.write_files import write_whole

YAML = (".yaml", ".yml")
SUFFIXES: Mapping[str, Sequence[str]] = {
    ".json": ("json", "gitlab", "gitlab-widget", "sarif"),
    ".html": ("html",),
    ".xml": ("junit",),
    ".sarif": ("sarif",),
    **dict.fromkeys(YAML, ("yaml",)),
}
"""The formats that a file with this suffix may have."""


class OutputFile(click.Path):
    """A file that a command writes. Refuses a misspelt option and the name of a format."""

    def __init__(self) -> None:
        super().__init__(dir_okay=False, path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        text = os.fspath(value)
        for rest in ("ut", "utput"):
            if text == rest or text.startswith(f"{rest}="):
                raise ConfigurationError(
                    f"`-o{rest}` is read as `-o {rest}`: a long option takes two dashes",
                    hint=f"write --o{rest} FILE; for a file of that name write ./{rest}",
                )
        if text.lower() in BY_NAME:
            raise ConfigurationError(
                f"`{text}` is a format, and -o takes a file",
                hint=f"write --format {text.lower()}; for a file of that name write ./{text}",
            )
        return super().convert(value, param, ctx)


class FormatName(Choice):
    """The name of a format. Refuses a file name with a hint."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if value not in self.choices and ("." in value or "/" in value):
            raise ConfigurationError(
                f"invalid value for --format: `{value}` is a file name",
                hint=f"--format names the format, -o the file: --format json -o {value}",
            )
        return super().convert(value, param, ctx)


@dataclass(frozen=True, slots=True)
class Output:
    """The format of a command's result, where it goes, and the reports to write beside it."""

    format_: str
    file: Path | None
    reports: tuple[tuple[str, Path], ...]
    no_color: bool
    progress: Progress

    @property
    def is_for_programs(self) -> bool:
        """Return whether to print no advice: with -q, or with JSON on stdout or stderr."""
        return self.progress.quiet or logs_json() or (self.format_ == "json" and not self.file)

    def write(self, render: Callable[[Format], str]) -> None:
        """Write the result, then the further reports.

        `render` returns the result in a format. Raises CampaignSyncError for the first one that
        cannot be written.
        """
        colour = is_coloured(no_color=self.no_color, to=self.file)
        width = terminal_width(sys.stdout) if not self.file and sys.stdout.isatty() else 0
        with self.progress.watch("writing the report"):
            text = render(format_named(self.format_, colour=colour, width=width))
        if self.file:
            write_whole(self.file, text + "\n")
        else:
            print_result(text, colour=True)  # the report is coloured already, or not at all
        for name, file in self.reports:
            with self.progress.watch(f"writing the report as {name}"):
                write_whole(file, render(format_named(name)) + "\n")

    def write_error(self, error: CampaignSyncError) -> None:
        """Write the error that stops the command, in each requested format that can show errors.

        Text and JSON on stdout and stderr are left out: every command's error goes there. A file
        in a format that cannot show errors is not changed, and is named.
        """
        redact_keys(error)
        on_stdout = self.format_ in ("text", "json") and not self.file
        own = [] if on_stdout else [(self.format_, self.file)]
        for name, file in (*own, *self.reports):
            try:
                if BY_NAME[name].can_show("error"):
                    text = BY_NAME[name].error(error)
                    write_whole(file, text + "\n") if file else print_result(text)
                elif file:
                    note_unchanged(file, f"the {name} format cannot represent errors")
            except CampaignSyncError as unwritten:  # the command's own error matters more
                print_error(unwritten)


def note_unchanged(file: Path, why: str) -> None:
    """Print a note that a file was not written, and why."""
    state = "is from an earlier run" if file.exists() else "was not written"
    print_note(f"{file} {state}: {why}")


def output_options(
    what: str, *more_formats: str, steps: bool = True
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Add the options of a command's result, passed to it as the parameter `output`.

    `what` names the function of `report.format.Format` that shows the result. `more_formats` are
    those that the command renders itself. `steps` adds -v.
    """
    formats = (*names_for(what), *more_formats)
    as_output = passed_as(
        "output",
        Output,
        option(
            "--format",
            "format_",
            type=FormatName(formats),
            metavar="FORMAT",
            default="text",
            show_default=True,
            section="Output",
            help=f"Format of the report: {', '.join(formats)}.",
        ),
        option(
            "-o",
            "--output",
            "file",
            type=OutputFile(),
            section="Output",
            help="Write the report to a file, in the format of --format.",
        ),
        option(
            "--report",
            "reports",
            multiple=True,
            metavar="FORMAT=FILE",
            callback=partial(_formats_and_files, formats),
            section="Output",
            help="Also write the report to a file in another format. Repeatable.",
        ),
        no_color,
        progress if steps else quiet,
    )

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(command)
        def wrapped(*values: Any, output: Output, **others: Any) -> Any:
            files = [output.file, others.get("out"), others.get("metrics")]
            files += [file for _, file in output.reports]
            _refuse_unwritable([file for file in files if file])
            for format_, file in (*output.reports, (output.format_, output.file)):
                if file:
                    _refuse_other_suffix(file, format_)
            try:
                return command(*values, output=output, **others)
            except CampaignSyncError as error:
                output.write_error(error)
                if metrics := others.get("metrics"):
                    note_unchanged(metrics, "this run stopped with an error")
                raise

        decorated: Callable[..., Any] = as_output(wrapped)
        return decorated

    return decorate


def _formats_and_files(
    formats: Sequence[str], ctx: click.Context, param: click.Parameter, texts: Iterable[str]
) -> tuple[tuple[str, Path], ...]:
    """Return each `html=plan.html` as a pair; raises BadParameter."""
    parts = [text.partition("=") for text in texts]
    for format_, _, file in parts:
        if format_ not in formats:
            message = f"unknown format `{format_}`: expected one of {', '.join(formats)}"
            raise click.BadParameter(message, ctx, param)
        if not file:
            raise click.BadParameter(f"missing file: write `{format_}=FILE`", ctx, param)
    return tuple((format_, Path(file)) for format_, _, file in parts)


def _refuse_unwritable(files: Iterable[Path]) -> None:
    """Raise UsageError for a file that cannot be written, or would be written twice."""
    seen = set[Path]()
    for file in files:
        place = file.resolve()
        if place in seen:
            raise click.UsageError(f"two outputs would be written to {file}")
        seen.add(place)
        if file.exists() and not file.is_file():
            raise click.UsageError(f"{file} is not a regular file")
        if not file.parent.is_dir():
            raise click.UsageError(f"cannot write {file}: there is no folder {file.parent}")
        if not os.access(file.parent, os.W_OK | os.X_OK):
            raise click.UsageError(f"cannot write {file}: its folder is not writable")


def _refuse_other_suffix(file: Path, format_: str) -> None:
    """Raise ConfigurationError if a file's suffix belongs to another format."""
    suffix = file.suffix.lower()
    if format_ in SUFFIXES.get(suffix, (format_,)):
        return
    command = click.get_current_context().info_name
    wanted = SUFFIXES[suffix][0]
    if command in ("plan", "undo") and suffix in (".json", *YAML):
        hint = f"--out {file.with_suffix('.json')} saves the plan for `campaignsync apply`"
        hint += "; --format json writes the report as JSON"
    elif suffix in YAML:
        hint = "give the file another suffix: a YAML file may be read as a definition"
    else:
        hint = f"add --format {wanted}, or give the file another suffix"
    raise ConfigurationError(f"{file} would contain the report as {format_}", hint=hint)
