"""The command line: parse, connect the rooms, print, choose the exit code.

No rule about campaigns lives here. A command's module is imported when the command runs, and the
rooms behind it inside its function, so that `--help` costs what click costs.
"""

import gc
import os
import signal
import stat
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from importlib import import_module
from itertools import pairwise
from pathlib import Path

import click

from campaignsync import __version__
from campaignsync.cli.folder import working_folder
from campaignsync.cli.streams import all_said, fill_closed, log_as, note, put, tell, tell_error
from campaignsync.errors import CampaignSyncError, ConfigurationError

COMMANDS = {
    "init": "Make a config repo that works at once.",
    "validate": "Check definitions offline: no key, no network.",
    "render": "Show definitions with all that they share resolved.",
    "plan": "Show what apply would change, and change nothing.",
    "drift": "Show where live differs, and who is ahead.",
    "apply": "Make live match the definitions, exactly as planned.",
    "export": "Write live campaigns as definitions.",
    "adopt": "Take live values into the definitions that manage them.",
    "fmt": "Bring definitions into the house style.",
    "list": "List live campaigns beside their definitions.",
    "history": "List the applies of a workspace, or one apply's writes.",
    "undo": "Plan what puts an apply back.",
    "show": "Render a saved plan in any format, offline.",
    "comment": "Put a saved plan on a pull or merge request.",
    "explain": "Say what a code means, and what to do.",
    "schema": "Print the JSON Schema of a definition or of an output.",
    "sandbox": "Serve or reset the imitation of the API.",
    "demo": "Validate, plan, apply and plan again, on the sandbox.",
    "completion": "Print the script of a shell's completion.",
}

# A module's name becomes one of this package's: `list` would hide Python's own.
MODULES = {"list": "listing"}

COMPLETE = "_CAMPAIGNSYNC_COMPLETE"
"""The variable by which a shell's completion script asks, instead of running a command."""


def _add_folder_option(command: click.Command) -> None:
    """Give a command, and those below it, the option -C."""
    if working_folder not in command.params:
        command.params.append(working_folder)
    for below in command.commands.values() if isinstance(command, click.Group) else ():
        _add_folder_option(below)


class Commands(click.Group):
    """Knows every command's name and one line about it without importing it."""

    def list_commands(self, _ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, _ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = MODULES.get(cmd_name, cmd_name)
        command: click.Command = import_module(f"campaignsync.cli.{module}").command
        _add_folder_option(command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args[0] in COMMANDS or args[0].startswith("-"):
            return super().resolve_command(ctx, args)
        from campaignsync.load.hints import nearest

        hint = nearest(args[0], COMMANDS)
        raise ConfigurationError(f"no command `{args[0]}`", hint=hint)

    def format_commands(self, _ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(
    cls=Commands,
    no_args_is_help=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(__version__, prog_name="campaignsync", message="%(prog)s %(version)s")
def cli() -> None:
    """Keep Altur outbound campaigns as YAML in git.

    Definitions are planned against the live campaigns, reviewed, and applied exactly as reviewed.

    Try it without an account: campaignsync demo
    """


cli.params.append(working_folder)


def run(arguments: Sequence[str]) -> int:
    """Run one command line and give its exit code; every error is told, none is raised."""
    log_as(_asked(arguments, "--log-format"))
    file = _plan_file(arguments)
    before = _status(file)
    try:
        code = cli.main(list(arguments), prog_name="campaignsync", standalone_mode=False)
    except (click.ClickException, CampaignSyncError) as error:
        return _tell(_ours(error), arguments, file, before)
    except (click.Abort, KeyboardInterrupt):
        tell("Stopped.", level="warning")
        return 130
    except SystemExit as ended:
        if ended.code:
            raise
        # click ends so after completing; whatever else did, the command did not come to its end.
        return 0 if COMPLETE in os.environ else 1
    except Exception as error:  # noqa: BLE001 - the last line of defence
        return _tell(_unexpected(error), arguments, file, before)
    return code if isinstance(code, int) else 0


def _unexpected(error: Exception) -> CampaignSyncError:
    """Tell a mistake of ours in one line, with the place that a report of it needs."""
    import traceback

    place = traceback.extract_tb(error.__traceback__)[-1]
    return CampaignSyncError(
        f"{type(error).__name__}: {error} (at {Path(place.filename).name}:{place.lineno})",
        hint="please report this; what apply had begun, the next apply reads before it writes",
    )


def _ours(error: click.ClickException | CampaignSyncError) -> CampaignSyncError:
    """Give click's errors our exit code: its own 2 would read as "changes are pending"."""
    if isinstance(error, CampaignSyncError):
        return error
    context = error.ctx if isinstance(error, click.UsageError) else None
    hint = f"see `{context.command_path} --help`" if context else ""
    return ConfigurationError(error.format_message(), hint=hint)


def _tell(
    error: CampaignSyncError,
    arguments: Sequence[str],
    file: Path | None = None,
    before: os.stat_result | None = None,
) -> int:
    """Report on stderr; where JSON was asked for, as the one document on stdout too.

    This covers errors of a command, and errors that occur before one begins. A note says where the
    plan's `file` still is the one of `before`.
    """
    from campaignsync.cli import step_outputs
    from campaignsync.report import documents

    tell_error(error)
    if before and (now := _status(file)) and os.path.samestat(before, now):
        note(f"{_asked(arguments, '--out')} is of an earlier run: this one saved no plan")
    if _asked(arguments, "--format") == "json":
        with suppress(CampaignSyncError):  # it was told on stderr, and the code tells it, too
            put(documents.error(error))
    if _command(arguments) == "plan":
        step_outputs.write_error(error)
    return error.exit_code


def _folders(arguments: Sequence[str]) -> Iterator[str]:
    """Return the folders of every -C, in order."""
    for word, after in pairwise([*arguments, ""]):
        if word == "-C":
            yield after
        elif word.startswith("-C"):
            yield word.removeprefix("-C")


def _command(arguments: Sequence[str]) -> str:
    """Return the first word that is not an option, nor the folder of -C."""
    rest = list(arguments)
    while rest and rest[0].startswith("-"):
        del rest[: 2 if rest[0] == "-C" else 1]
    return rest[0] if rest else ""


def _plan_file(arguments: Sequence[str]) -> Path | None:
    """Return the file that a plan is to be saved in, whatever folder -C leads to."""
    file = _asked(arguments, "--out") if _command(arguments) in ("plan", "undo") else ""
    try:
        return Path.cwd().joinpath(*_folders(arguments), file) if file else None
    except OSError:  # the current folder was removed
        return None


def _status(file: Path | None) -> os.stat_result | None:
    """Look at a regular file; None where there is none.

    A saved plan takes the place of the file, and so has another status.
    """
    try:
        found = file.stat() if file else None
    except (OSError, ValueError):
        return None
    return found if found and stat.S_ISREG(found.st_mode) else None


def _asked(arguments: Sequence[str], option: str) -> str:
    """Look for an option's value by hand: the command line may be the very thing that is wrong."""
    joined = [
        word.removeprefix(f"{option}=") for word in arguments if word.startswith(f"{option}=")
    ]
    apart = [after for word, after in pairwise(arguments) if word == option]
    variable = "CAMPAIGNSYNC_" + option.removeprefix("--").replace("-", "_").upper()
    return (joined or apart or [os.environ.get(variable, "")])[-1]


def _exit_for(number: int, _frame: object) -> None:
    sys.exit(128 + number)


def main() -> None:
    """Run as the program `campaignsync`."""
    # Next to nothing of what a command makes is garbage that refers to itself, and looking for it
    # as often as Python does by default takes a twentieth of a plan's time.
    gc.set_threshold(200_000)
    # Outside of requests there is nothing to finish: exit with the shell's code for the signal.
    signal.signal(signal.SIGTERM, _exit_for)
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # as nohup leaves it
        signal.signal(signal.SIGHUP, _exit_for)
    log_as(_asked(sys.argv[1:], "--log-format"))
    if closed := fill_closed():
        error = ConfigurationError(
            f"{' and '.join(closed)} is closed",
            hint="lead it to /dev/null where nobody is to see it",
            code="OUTPUT",
        )
        sys.exit(_tell(error, sys.argv[1:]))
    code = run(sys.argv[1:])
    code = code if all_said() else code or 1
    # All is said and closed. To take apart what is in memory, piece by piece, takes as long as to
    # import click.
    os._exit(code)
