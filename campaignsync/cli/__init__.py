"""The command line: parse it, run the command, report errors, return the exit code.

A command's module is imported when the command runs, so that `--help` costs what click costs. Each
command has a module of its own name. The other modules hold what commands share:

    command.py          click classes: help in sections, and the options that every command has
    options.py          the options that commands share, and the objects that hold their values
    output.py           the output of a command: its options, formats and files
    streams.py          stdin, stdout and stderr
    messages.py         notes and errors on stderr
    progress.py         progress of long work
    concurrency.py      asynchronous work, one job per environment; signals
    keys.py             the API key, and the key that seals plans
    account.py          an environment's account, and the connection to it
    journals.py         the journals of earlier runs
    session.py          one environment: its definitions, account and guards
    guard_facts.py      what guards need to know of an account
    planning.py         plan every environment, with guards
    plan_files.py       save plans, and read them
    plan_check.py       check a saved plan against its workspace
    environment_run.py  the apply of one environment
    inventory.py        the live campaigns of an account, and the options that select them
"""

import os
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from importlib import import_module
from typing import TYPE_CHECKING

import click
from click.shell_completion import CompletionItem

from campaignsync import __version__
from campaignsync.cli.command import COMPLETE, CommandGroup, Invocation
from campaignsync.cli.streams import (
    flush_stdout,
    open_closed_streams,
    print_message,
    print_result,
    set_log_format,
)
from campaignsync.errors import CampaignSyncError, ConfigurationError
from campaignsync.suggest import suggestion

if TYPE_CHECKING:
    from campaignsync.cli.account import Timing

GROUPS = {
    "Start": {
        "init": "Create a config repo, or add CI jobs to one.",
        "demo": "Try the main commands on a copy of the example.",
        "sandbox": "Serve or reset the bundled imitation of the API.",
        "completion": "Print the completion script of a shell.",
    },
    "Every day": {
        "validate": "Check definitions offline.",
        "render": "Show definitions with shared values resolved.",
        "plan": "Show what apply would change, and change nothing.",
        "apply": "Make live match the definitions, exactly as planned.",
        "show": "Render a saved plan in any format, offline.",
        "list": "List live campaigns and their definitions.",
        "history": "List earlier applies, or the writes of one.",
        "undo": "Plan how to undo an apply.",
    },
    "Adopt": {
        "export": "Write live campaigns as definitions.",
        "adopt": "Write live values into existing definitions.",
        "fmt": "Format definitions.",
    },
    "CI": {
        "drift": "Show where live differs, and which side changed.",
        "comment": "Post a saved plan on a pull or merge request.",
    },
    "Look up": {
        "explain": "Explain error codes.",
        "schema": "Print the JSON Schema of a definition or document.",
    },
}
COMMANDS = {name: text for group in GROUPS.values() for name, text in group.items()}

MODULES = {"list": "listing"}
"""Modules with another name than their command: `list` would hide Python's own."""


class Commands(CommandGroup):
    """The commands with one line of help for each, without importing them."""

    def list_commands(self, _ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return super().get_command(ctx, cmd_name)
        module = MODULES.get(cmd_name, cmd_name)
        command: click.Command = import_module(f"campaignsync.cli.{module}").command
        return command

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Complete the names of commands; click's own way would import them all."""
        commands = [
            CompletionItem(name, help=text)
            for name, text in COMMANDS.items()
            if name.startswith(incomplete)
        ]
        return commands + click.Command.shell_complete(self, ctx, incomplete)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args[0] in COMMANDS or args[0] in self.commands or args[0].startswith("-"):
            return super().resolve_command(ctx, args)
        raise ConfigurationError(f"no command `{args[0]}`", hint=suggestion(args[0], COMMANDS))

    def format_commands(self, _ctx: click.Context, formatter: click.HelpFormatter) -> None:
        width = max(map(len, COMMANDS))
        for title, commands in GROUPS.items():
            with formatter.section(title):
                formatter.write_dl([(name.ljust(width), text) for name, text in commands.items()])

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        self.format_commands(ctx, formatter)
        with formatter.section("Options"):
            formatter.write_dl(
                [row for each in self.get_params(ctx) if (row := each.get_help_record(ctx))]
            )


@click.group(
    cls=Commands,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="`campaignsync help COMMAND` shows the options of a command, most of which can also be"
    " set as environment variables.",
)
@click.version_option(
    __version__, "-V", "--version", prog_name="campaignsync", message="%(prog)s %(version)s"
)
@click.pass_context
def cli(ctx: click.Context) -> None:
    """Keep Altur outbound campaigns as YAML in git.

    Compare definitions with the live campaigns, review the plan, and apply exactly that plan.

    \b
    Without an account:   campaignsync demo
    With your account:    export ALTUR_API_KEY=...
                          campaignsync init DIR --from-live
    Documentation:        README.md and docs/ in the project's repository
    """
    if ctx.invoked_subcommand is None:
        print_result(ctx.get_help())


@cli.command("help")
@click.argument("command", nargs=-1)
@click.pass_context
def _help(ctx: click.Context, command: tuple[str, ...]) -> None:
    """Show the help of a command."""
    context = ctx.find_root()
    for name in command:
        group = context.command
        assert isinstance(group, click.Group)  # noqa: S101 - else the loop has ended
        _, member, _ = group.resolve_command(context, [name])
        assert member is not None  # noqa: S101 - resolve_command raises for an unknown name
        context = click.Context(member, context, name)
        if not isinstance(member, click.Group):
            break
    print_result(context.get_help())


def run(arguments: Sequence[str], timing: "Timing | None" = None) -> int:
    """Run one command line and return its exit code; report every error, raise none.

    `timing` overrides how long requests wait; the default is what the API requires.
    """
    set_log_format("text")
    invocation = Invocation(timing=timing)
    try:
        code = cli.main(
            list(arguments), prog_name="campaignsync", standalone_mode=False, obj=invocation
        )
    except (click.ClickException, CampaignSyncError) as error:
        invocation.format = invocation.format or _requested_format(arguments)
        return _report(_with_our_exit_code(error), invocation)
    except (click.Abort, KeyboardInterrupt):
        print_message("Stopped.", level="warning")
        return 130
    except SystemExit as ended:
        if ended.code:
            raise
        # click exits with 0 after completing. Any other exit with 0 cut the command short.
        return 0 if COMPLETE in os.environ else 1
    except Exception as error:  # noqa: BLE001 - a bug is reported, too
        return _report(_describe_bug(error), invocation)
    return code if isinstance(code, int) else 0


def _requested_format(arguments: Sequence[str]) -> str:
    """Return the value of `--format`, even if the command is unknown or has no formats."""
    only_format = click.Command(
        "",
        params=[click.Option(["--format", "format_"])],
        context_settings={"ignore_unknown_options": True, "allow_extra_args": True},
    )
    values = only_format.make_context("", list(arguments), resilient_parsing=True).params
    return values["format_"] or ""


def _describe_bug(error: Exception) -> CampaignSyncError:
    """Return the error for a bug, with the exception and its place in one line."""
    place = error.__traceback__
    while place and place.tb_next:
        place = place.tb_next
    file = place.tb_frame.f_code.co_filename.rpartition(os.sep)[2] if place else ""
    return CampaignSyncError(
        f"{type(error).__name__}: {error} (at {file}:{place.tb_lineno if place else 0})",
        hint="please report this bug; the next apply checks any write that this run began",
    )


def _with_our_exit_code(error: click.ClickException | CampaignSyncError) -> CampaignSyncError:
    """Return click's errors with our exit code: click's own 2 would mean pending changes."""
    if isinstance(error, CampaignSyncError):
        return error
    context = error.ctx if isinstance(error, click.UsageError) else None
    hint = f"see `{context.command_path} --help`" if context else ""
    message = error.format_message()
    return ConfigurationError(message[:1].lower() + message[1:].rstrip("."), hint=hint)


def _report(error: CampaignSyncError, invocation: Invocation) -> int:
    """Report an error on stderr, and, if JSON was requested, as a document on stdout."""
    from campaignsync.cli.messages import print_error, print_note
    from campaignsync.report import json as documents

    print_error(error)
    if invocation.has_earlier_plan():
        print_note(f"{invocation.plan_file} is from an earlier run: this run saved no plan")
    if invocation.format == "json":
        with suppress(CampaignSyncError):  # stderr and the exit code report it already
            print_result(documents.error(error))
    if invocation.command == "plan":
        from campaignsync.cli.plan import write_step_error

        write_step_error(error)
    return error.exit_code


def _exit_for(number: int, _frame: object) -> None:
    sys.exit(128 + number)


def main() -> None:
    """Run as the program `campaignsync`."""
    # Outside of requests there is nothing to finish: exit with the shell's code for the signal.
    signal.signal(signal.SIGTERM, _exit_for)
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # as nohup leaves it
        signal.signal(signal.SIGHUP, _exit_for)
    if closed := open_closed_streams():
        error = ConfigurationError(
            f"{' and '.join(closed)} is closed",
            hint="redirect it to /dev/null to discard the output",
            code="OUTPUT",
        )
        sys.exit(_report(error, Invocation()))
    code = run(sys.argv[1:])
    sys.exit(code if flush_stdout() else code or 1)
