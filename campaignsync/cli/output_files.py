"""Files that a command writes: refuse names that are mistakes, before any request is made."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from campaignsync.errors import ConfigurationError
from campaignsync.report.format import BY_NAME

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
        if text in BY_NAME:
            raise ConfigurationError(
                f"`{text}` is a format, and -o takes a file",
                hint=f"write --format {text}; for a file of that name write ./{text}",
            )
        return super().convert(value, param, ctx)


class PlanFile(OutputFile):
    """A file to save a plan in. Refuses the name of a definition."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if Path(value).suffix.lower() in YAML:
            raise ConfigurationError(
                f"a saved plan is JSON, and {value} would replace or become a definition",
                hint=f"write --out {Path(value).with_suffix('.json')}",
            )
        return super().convert(value, param, ctx)


def refuse_other_suffix(file: Path, format_: str) -> None:
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
