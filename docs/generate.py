"""Write the generated pages: commands, errors, and the last column of the faults.

python docs/generate.py           # write all three
python docs/generate.py --check   # exit 1 if a file is out of date
"""

import ast
import inspect
import re
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import click

from campaignsync.cli import cli
from campaignsync.cli.explain import explanations
from campaignsync.model.results import ExplainedCode

DOCS = Path(__file__).parent
TESTS = DOCS.parent / "tests"
FAULT = re.compile(r"^(\| ([A-Z][0-9]+) \|.*\|)[^|]*\|$", re.MULTILINE)
VARIABLE = re.compile(r"  \[env var: [A-Z_]+\]|(?<=\[)env var: [A-Z_]+; ")
"""The environment variable in an option's help: the table has a column for it."""
GENERATED = "<!-- Written by docs/generate.py. Change the command line or codes.md instead. -->"


PREAMBLE = """\
PATH is a workspace folder, a folder of definitions, or one file. The default is the current folder.
A flag wins over its environment variable, and a variable over `campaignsync.yaml`. Variables of
repeatable options hold one value per line. `-h` and `--help` work with every command."""

EXIT_CODES = """
# Errors

## Exit codes

| code | when | written |
|---|---|---|
| 0 | nothing to do, or done | everything that was planned |
| 1 | unexpected error, or the server's responses are invalid | nothing, or see the report |
| 2 | changes are pending (`--detailed-exitcode`), or a file is not formatted (`fmt --check`) | nothing |
| 3 | definitions, configuration or usage are wrong, or no definition was found | nothing |
| 4 | the key is missing, malformed or refused | nothing |
| 5 | the API cannot be reached, or kept refusing past the retry budget | nothing |
| 6 | refused: a blocked change, or a guard | nothing |
| 7 | stale: live, the plan or the definitions changed since the review | nothing |
| 8 | partly applied: something was written, and something else was blocked, stale, failed or skipped | some |
| 9 | the outcome of a write could not be determined | unknown |
| 10 | another run holds the lock | nothing |
| 129, 130, 143 | stopped by SIGHUP, SIGINT or SIGTERM, cleanly | see the report |

Codes 3 to 7 and 10 always mean that nothing was written. If several apply, the highest of 10 to 3 wins.
Code 2 yields to all others.

## Error codes

Every error has a code in brackets. `campaignsync explain CODE` prints its section of this page.
"""  # noqa: E501 - a table of Markdown has one line per row


def commands() -> str:
    """Return a section for each command: its usage, what it does, and its options."""
    context = click.Context(cli, info_name="campaignsync")
    parts = ["# Commands", GENERATED, PREAMBLE]
    for name, command in children(cli, context):
        parts += _command(command, click.Context(command, context, name))
    return "\n\n".join(parts) + "\n"


def children(group: click.Group, context: click.Context) -> Iterator[tuple[str, click.Command]]:
    """Yield the commands of a group by name, in the order of its help."""
    for name in group.list_commands(context):
        if command := group.get_command(context, name):
            yield name, command


def _command(command: click.Command, context: click.Context) -> Iterator[str]:
    yield f"## {context.command_path}"
    if isinstance(command, click.Group):
        yield from _help(command.help or "")
        for name, inner in children(command, context):
            yield from _command(inner, click.Context(inner, context, name))
        return
    usage = command.get_usage(context).removeprefix("Usage: ")
    yield f"    {' '.join(usage.split())}"
    yield from _help(command.help or "")
    for argument in command.params:
        if isinstance(argument, click.Argument) and isinstance(argument.type, click.Choice):
            name = (argument.name or "").upper()
            yield f"{name} is one of {', '.join(map(_code, argument.type.choices))}."
    rows = [row for each in command.params if (row := _option(each, context))]
    if rows:
        yield "\n".join(["| option | environment variable | |", "|---|---|---|", *rows])


def _code(text: object) -> str:
    return f"`{text}`"


def _help(text: str) -> Iterator[str]:
    """Yield the paragraphs of a help text; lines that click must not wrap are examples."""
    for paragraph in inspect.cleandoc(text).split("\n\n"):
        if not paragraph.startswith("\b"):
            yield " ".join(paragraph.split())
            continue
        lines = [line.strip() for line in paragraph.removeprefix("\b").splitlines() if line.strip()]
        title, is_titled, first = lines[0].partition(": ")
        if is_titled and title in {"Example", "Examples"}:
            yield f"{title}:"
            lines[0] = first
        yield "\n".join(f"    {line}" for line in lines)


def _option(parameter: click.Parameter, context: click.Context) -> str | None:
    record = parameter.get_help_record(context)
    if record is None or not isinstance(parameter, click.Option):
        return None
    names, text = (VARIABLE.sub("", part).replace("|", "\\|") for part in record)
    variable = _code(parameter.envvar) if parameter.envvar else ""
    return f"| `{names}` | {variable} | {text} |"


def errors() -> str:
    """Return the exit codes, then a section for each error code."""
    parts = [EXIT_CODES.strip(), GENERATED]
    for explanation in explanations().values():
        parts += _explanation(explanation)
    return "\n\n".join(parts) + "\n"


def _explanation(code: ExplainedCode) -> Iterator[str]:
    yield f"### {code.code}"
    yield f"{code.meaning}\n\n{code.why}\n\n**Fix:** {code.fix}"
    if code.before:
        yield f"Before:\n\n{_indented(code.before)}"
        yield f"After:\n\n{_indented(code.after)}"


def _indented(text: str) -> str:
    return "\n".join(f"    {line}" if line else "" for line in text.splitlines())


def faults() -> str:
    """Return docs/faults.md with the test files of each row in its last column."""
    files = defaultdict(set)
    for file in TESTS.rglob("test_*.py"):
        for row in rows_marked(file):
            files[row].add(f"`{file.name}`")
    text = (DOCS / "faults.md").read_text(encoding="utf-8")
    return FAULT.sub(lambda row: f"{row[1]} {' '.join(sorted(files[row[2]]))} |", text)


def rows_marked(file: Path) -> Iterator[str]:
    """Yield the rows that the marks `pytest.mark.fault` in a test file name."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "pytest.mark.fault":
            yield from (ast.literal_eval(argument) for argument in node.args)


def main() -> int:
    """Write the files, or with --check name those that are out of date."""
    pages = {"commands.md": commands(), "errors.md": errors(), "faults.md": faults()}
    check = "--check" in sys.argv[1:]
    stale = [
        name
        for name, text in pages.items()
        if not (DOCS / name).exists() or (DOCS / name).read_text(encoding="utf-8") != text
    ]
    for name in stale:
        if check:
            sys.stderr.write(f"docs/{name} is out of date: run `python docs/generate.py`\n")
        else:
            (DOCS / name).write_text(pages[name], encoding="utf-8")
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
