"""Click classes of this program: help in sections, and the options that every command has."""

import os
import stat
from collections.abc import Iterable, Sequence
from contextlib import chdir
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal

import click
from click.core import ParameterSource

from campaignsync.cli.streams import set_log_format
from campaignsync.errors import CampaignSyncError, ConfigurationError
from campaignsync.suggest import suggestion

if TYPE_CHECKING:
    from pathlib import Path

    from campaignsync.cli.account import Timing

Section = Literal["What", "Where", "Safety", "Output", "Other"]
"""The titles of the groups of options in a command's help."""
SECTIONS: Sequence[Section] = ("What", "Where", "Safety", "Output", "Other")

LONGEST_NAME = 255
"""Maximum bytes of a file name on Linux and macOS."""
COMPLETE = "_CAMPAIGNSYNC_COMPLETE"
"""The environment variable that a completion script sets to request completions."""


@dataclass
class Invocation:
    """The facts of a command line that an error report needs, even if the line is wrong.

    `plan_file` is the file of --out if it exists, `plan_status` its status before the command.
    `timing` is what a test passes instead of the API's pace.
    """

    command: str = ""
    format: str = ""
    plan_file: "Path | None" = None
    plan_status: os.stat_result | None = None
    timing: "Timing | None" = None

    def remember(self, command: str, values: dict[str, Any]) -> None:
        """Store the facts of a command and its parameter values."""
        self.command = command
        self.format = values.get("format_") or ""
        if out := values.get("out"):
            self.plan_file = out
            self.plan_status = _status_of(out.absolute())
            self._place = out.absolute()

    def has_earlier_plan(self) -> bool:
        """Return whether the plan file still is the one from before the command."""
        if self.plan_status is None:
            return False
        now = _status_of(self._place)
        return now is not None and os.path.samestat(self.plan_status, now)


def _status_of(file: "Path") -> os.stat_result | None:
    """Return the status of a regular file, None for anything else. Saving replaces the file."""
    try:
        status = file.stat()
    except (OSError, ValueError):
        return None
    return status if stat.S_ISREG(status.st_mode) else None


class Option(click.Option):
    """An option that belongs to a section of the help, which shows its environment variable."""

    def __init__(self, *args: Any, section: Section = "Other", **settings: Any) -> None:
        super().__init__(*args, **{"show_envvar": True, **settings})
        self.section = section

    def get_error_hint(self, ctx: click.Context | None) -> str:
        """Return the option, with its variable if the value comes from there."""
        name = max(self.opts, key=len)
        source = ctx.get_parameter_source(self.name or "") if ctx else None
        return f"{name} ({self.envvar})" if source is ParameterSource.ENVIRONMENT else name


class Choice(click.Choice[str]):
    """One of some words. The error for another word suggests the nearest one."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if value in self.choices:
            return str(value)
        name = param.get_error_hint(ctx).strip("'[].") if param and ctx else ""
        where = f" for {name}" if name else ""
        hint = suggestion(str(value), self.choices)
        raise ConfigurationError(f"invalid value{where}: `{value}`", hint=hint)


class WholeNumber(click.IntRange):
    """A whole number in a range, named as such in click's errors."""

    name = "whole number"


class Number(click.FloatRange):
    """A number in a range, named as such in click's errors."""

    name = "number"


def _change_folder(ctx: click.Context, _: click.Parameter, folder: str | None) -> None:
    """Change to another folder until the command line has run."""
    if folder is None or ctx.resilient_parsing:
        return
    try:
        ctx.find_root().with_resource(chdir(folder))
    except OSError as error:
        raise ConfigurationError(
            f"cannot change to the folder {folder}: {error.strerror}",
            hint="-C requires an existing folder",
        ) from None


def _set_log_format(ctx: click.Context, param: click.Parameter, value: str | None) -> None:
    # Both the program and the command have the option. The program has read the variable, which
    # must not override the program's option.
    source = ctx.get_parameter_source(param.name or "")
    if value and not (ctx.parent and source is ParameterSource.ENVIRONMENT):
        set_log_format(value)


COMMON_OPTIONS: Sequence[click.Parameter] = (
    Option(
        ["-C", "working_folder"],
        type=click.Path(file_okay=False),
        metavar="DIR",
        is_eager=True,
        expose_value=False,
        callback=_change_folder,
        section="Where",
        help="Run as if started in this folder. All paths are relative to it.",
    ),
    Option(
        ["--log-format"],
        type=Choice(("text", "json")),
        envvar="CAMPAIGNSYNC_LOG_FORMAT",
        is_eager=True,
        expose_value=False,
        callback=_set_log_format,
        section="Output",
        help="Format of messages on stderr: text, or one JSON object per line.",
    ),
)
"""The options of the program that every command has, too."""


def _refuse_long_names(values: Iterable[Any]) -> None:
    """Raise ConfigurationError for a path with a name that no file can have."""
    for value in values:
        for path in value if isinstance(value, tuple) else (value,):
            names = os.fspath(path).split(os.sep) if isinstance(path, os.PathLike) else ()
            if long := next((name for name in names if len(os.fsencode(name)) > LONGEST_NAME), ""):
                raise ConfigurationError(
                    f"file name too long: {long[:40]}…",
                    hint=f"a file name has at most {LONGEST_NAME} bytes",
                )


def _refuse_empty_words(command: str, words: Sequence[str]) -> None:
    """Raise ConfigurationError for an empty argument, or an option with an empty value.

    It comes from an unset shell variable, as in `apply "$plan"`, and would widen the command: to
    the whole workspace, the default environment, all shards or the default API.
    """
    for before, word in pairwise((command, *words)):
        option, equals, value = word.partition("=") if word.startswith("--") else (word, "", "")
        if equals and not value:
            message = f"`{option}` has an empty value"
        elif not word:
            message = f"the argument after `{before}` is empty"
        else:
            continue
        raise ConfigurationError(
            message, hint="check that the shell variable is set, or remove the argument"
        )


class CommandBase(click.Command):
    """A command or group with the common options, and with its options in sections."""

    def __init__(
        self, name: str | None, *, params: Sequence[click.Parameter] = (), **settings: Any
    ) -> None:
        super().__init__(name, params=[*params, *COMMON_OPTIONS], **settings)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options in their sections."""
        rows: dict[str, list[tuple[str, str]]] = {section: [] for section in SECTIONS}
        for each in self.get_params(ctx):
            record = each.get_help_record(ctx)
            if record and isinstance(each, click.Option):
                rows[each.section if isinstance(each, Option) else "Other"].append(record)
        for section, records in rows.items():
            if records:
                with formatter.section(section):
                    formatter.write_dl(records)


class Command(CommandBase):
    """A command that remembers what an error report needs of its command line."""

    def make_context(
        self,
        info_name: str | None,
        args: list[str],
        parent: click.Context | None = None,
        **extra: Any,
    ) -> click.Context:
        """Parse the command line, and remember what an error report needs of it."""
        words = list(args)
        try:
            if not extra.get("resilient_parsing"):
                _refuse_empty_words(self.name or "", words)
            ctx = super().make_context(info_name, args, parent, **extra)
        except (click.ClickException, CampaignSyncError):
            # Parse once more, without errors: click stops at the first one, which may come
            # before --format.
            extra |= {"ignore_unknown_options": True, "allow_extra_args": True}
            extra |= {"resilient_parsing": True}
            self._remember(super().make_context(info_name, words, parent, **extra))
            raise
        self._remember(ctx)
        _refuse_long_names(ctx.params.values())
        return ctx

    def _remember(self, ctx: click.Context) -> None:
        if invocation := ctx.find_object(Invocation):
            invocation.remember(self.name or "", ctx.params)


class CommandGroup(CommandBase, click.Group):
    """A group of commands with the common options."""

    command_class = Command

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        super().format_options(ctx, formatter)
        self.format_commands(ctx, formatter)
