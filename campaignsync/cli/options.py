"""The options that commands share, and where a command's result goes."""

import os
import sys
from collections.abc import Callable, Mapping, Sequence, Sized
from functools import reduce, wraps
from pathlib import Path
from typing import Any, TextIO, TypeVar

import click

from campaignsync.cli.choices import Choice
from campaignsync.cli.streams import is_terminal, put
from campaignsync.errors import ConfigurationError
from campaignsync.files import write_whole
from campaignsync.guards import NAMES as GUARDS
from campaignsync.model.values import Selection
from campaignsync.report.format import BY_NAME

Command = TypeVar("Command", bound=Callable[..., Any])
Decorator = Callable[[Command], Command]

STATUSES = ("pending", "ready", "active", "inactive", "cooldown", "finished")
CHANNELS = ("phone_call", "whatsapp")
UNDO_ELSEWHERE = "undo-elsewhere"
"""What lets apply put back a run of another workspace's journal."""
FORMATS = ("text", "json", "markdown")
YAML = (".yaml", ".yml")
SUFFIXES: Mapping[str, Sequence[str]] = {
    ".json": ("json", "gitlab", "gitlab-widget", "sarif"),
    ".html": ("html",),
    ".xml": ("junit",),
    ".sarif": ("sarif",),
    **dict.fromkeys(YAML, ("yaml",)),
}
"""The formats that a file of such a name may hold."""


class Word(click.types.StringParamType):
    """A text that may hold spaces: in an environment variable each stands on a line of its own."""

    def split_envvar_value(self, rv: str) -> list[str]:
        return [line for line in rv.splitlines() if line.strip()]


class Format(Choice):
    """A format of a report; a file's name in its place is recognised."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if value not in self.choices and ("." in value or "/" in value):
            raise ConfigurationError(
                f"invalid value for --format: `{value}` is a file name",
                hint=f"--format names the format, -o the file: --format json -o {value}",
            )
        return super().convert(value, param, ctx)


class OutputFile(click.Path):
    """A file that a command writes; what is certainly not meant as its name is refused."""

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
    """A file that a plan is saved in: never a definition."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if Path(value).suffix.lower() in YAML:
            raise ConfigurationError(
                f"a saved plan is JSON, and {value} would replace or become a definition",
                hint=f"write --out {Path(value).with_suffix('.json')}",
            )
        return super().convert(value, param, ctx)


def refuse_other_suffix(file: Path, format_: str) -> None:
    """Raise ConfigurationError where a file's suffix promises another format than it would get."""
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
    raise ConfigurationError(f"{file} would hold the report as {format_}", hint=hint)


def _checked_output(command: Command) -> Command:
    """Refuse a file whose suffix contradicts --format before the command runs."""

    @wraps(command)
    def wrapped(*values: Any, **given: Any) -> Any:
        if given.get("output"):
            refuse_other_suffix(given["output"], given["format_"])
        return command(*values, **given)

    return wrapped  # type: ignore[return-value] # the same parameters


def option(*names: str, **settings: Any) -> Decorator[Any]:
    """Give a click option its environment variable: --rate is CAMPAIGNSYNC_RATE."""
    longest = max((name for name in names if name.startswith("-")), key=len).partition("/")[0]
    variable = "CAMPAIGNSYNC_" + longest.lstrip("-").replace("-", "_").upper()
    return click.option(*names, envvar=variable, **settings)


def together(*decorators: Decorator[Any]) -> Decorator[Any]:
    return lambda command: reduce(lambda inner, outer: outer(inner), reversed(decorators), command)


paths = click.argument("paths", nargs=-1, type=click.Path(path_type=Path), metavar="[PATH]...")


def output_as(formats: Sequence[str]) -> Decorator[Any]:
    """Return the options of a result that is available in these formats."""
    return together(
        option(
            "--format",
            "format_",
            type=Format(formats),
            default="text",
            show_default=True,
            help="The format of the report.",
        ),
        option(
            "-o",
            "--output",
            type=OutputFile(),
            help="Write the report to a file, in the format of --format.",
        ),
        _checked_output,
        option("--no-color", is_flag=True, help="Disable colour."),
        option(
            "--log-format",
            type=Choice(("text", "json")),
            default="text",
            expose_value=False,  # it is looked for before the command line is read
            help="The shape of what goes to stderr: for people, or one JSON object a line.",
        ),
    )


output = output_as(FORMATS)

plan_file = option(
    "--out",
    type=PlanFile(),
    help="Save the plan as JSON, for review and for `campaignsync apply FILE`.",
)

quiet = option("-q", "--quiet", is_flag=True, help="No progress, no notes.")

chatter = together(
    option("-q", "--quiet", is_flag=True, help="No progress, no warnings."),
    option("-v", "--verbose", is_flag=True, help="Say what is being done, on stderr."),
)

environment = option(
    "-e", "--environment", metavar="NAME", help="The environment of campaignsync.yaml."
)

target = together(
    option("--sandbox", is_flag=True, help="Talk to the bundled imitation of the API instead."),
    click.option(
        "--base-url",
        envvar="ALTUR_BASE_URL",
        metavar="URL",
        help="Another address of the API; plain http only to loopback.",
    ),
    option(
        "--rate",
        type=click.FloatRange(min=0, min_open=True, max=12),
        default=12.0,
        show_default=True,
        help="The most requests in any second; the API allows 12, all users of a key together.",
    ),
)

connection = together(environment, target)

environments = together(
    option(
        "-e",
        "--environment",
        "environments",
        multiple=True,
        metavar="NAME",
        help="The environment of campaignsync.yaml; several run side by side.",
    ),
    option(
        "--all-environments",
        "every",
        is_flag=True,
        help="Every account of campaignsync.yaml, side by side; no sandbox.",
    ),
)

choice = together(
    option(
        "--select",
        "chosen",
        type=Word(),
        multiple=True,
        metavar="WORD",
        help="Only these: an id, a label (team=collections), a name ('Q2 *'); may be repeated.",
    ),
    option(
        "--exclude",
        "excluded",
        type=Word(),
        multiple=True,
        metavar="WORD",
        help="Not these; as --select.",
    ),
)

part = option(
    "--shard",
    "part",
    metavar="K/N",
    help="Only this part, 2/5, of the definitions; a campaign stays in its part.",
)


def writing(*allowable: str) -> Decorator[Any]:
    """Return the options of what may be written; `allowable` are further words for --allow."""
    return together(
        option(
            "--send-unreadable",
            is_flag=True,
            help="Send managed fields whose live value the API does not say.",
        ),
        option(
            "--allow",
            multiple=True,
            type=Choice((*GUARDS, *allowable)),
            help="Lift one guard for this run. Repeatable.",
        ),
        option(
            "--guards-from",
            metavar="REVISION",
            help="Also apply the guards of campaignsync.yaml at this git revision: origin/main.",
        ),
    )


account = together(connection, writing())
accounts = together(environments, target, writing())
applying = together(environments, target, writing(UNDO_ELSEWHERE))

selection = together(
    click.argument("ids", nargs=-1, type=click.IntRange(min=1), metavar="[ID]..."),
    option(
        "--status",
        "statuses",
        multiple=True,
        type=Choice(STATUSES),
        help="Campaigns of this status; may be repeated, as may the next three.",
    ),
    option(
        "--name",
        "names",
        type=Word(),
        multiple=True,
        metavar="PATTERN",
        help="Of such a name: 'Q2 *'.",
    ),
    option("--agent", "agents", multiple=True, metavar="ID", help="Of this agent."),
    option("--channel", "channels", multiple=True, type=Choice(CHANNELS), help="Of this channel."),
    option("--archived", is_flag=True, help="Archived campaigns, too."),
    option("--finished", is_flag=True, help="Finished campaigns, too."),
)

journal = option(
    "--journal",
    type=click.Path(file_okay=False, path_type=Path),
    help="The folder of the journals, instead of .campaignsync/journal.",
)


def settle_environments(given: dict[str, Any]) -> None:
    """Resolve -e beside --all-environments: the command line wins over a variable.

    Raises UsageError if both are on the command line.
    """
    if given["environments"] and given["every"]:
        source = click.get_current_context().get_parameter_source
        typed = [
            name
            for name in ("environments", "every")
            if source(name) is click.core.ParameterSource.COMMANDLINE
        ]
        if len(typed) != 1:
            raise click.UsageError("-e and --all-environments exclude each other")
        given.update({"every": False} if typed == ["environments"] else {"environments": ()})


def selected(given: dict[str, Any]) -> Selection:
    """Take the selection's options out of those given, and make of them what they mean."""
    return Selection(
        ids=frozenset(given.pop("ids")),
        statuses=frozenset(given.pop("statuses")),
        names=given.pop("names"),
        agents=frozenset(given.pop("agents")),
        channels=frozenset(given.pop("channels")),
        archived=given.pop("archived"),
        finished=given.pop("finished"),
    )


def refuse_nothing(selection: Selection, found: Sized) -> None:
    """Raise ConfigurationError where something was asked for, and nothing is such."""
    if selection.is_narrow and not found:
        hint = "archived and finished ones need --archived and --finished"
        raise ConfigurationError("no campaign is such", hint=hint, code="NOTHING_SELECTED")


def emit(text: str, to: Path | None) -> None:
    """Print a result, or write it to a file whole."""
    if to is None:
        put(text, colour=True)  # the report is coloured already, or not at all
    else:
        write_whole(to, text + "\n")


def coloured(*, no_color: bool, to: Path | TextIO | None = None) -> bool:
    """Return whether to colour: the flag, NO_COLOR, FORCE_COLOR, then the terminal decide.

    `to` is the file or the stream that the text goes to; stdout by default.
    """
    if no_color or isinstance(to, Path) or os.environ.get("NO_COLOR"):
        return False
    return bool(os.environ.get("FORCE_COLOR")) or is_terminal(to or sys.stdout)
