"""Write the generated pages: commands, errors, and the last column of the faults.

python docs/generate.py           # write all three
python docs/generate.py --check   # exit 1 if a file is out of date
"""

import ast
import re
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import click

from campaignsync.cli import COMMANDS, cli
from campaignsync.explain import Explanation, explanations

DOCS = Path(__file__).parent
TESTS = DOCS.parent / "tests"
FAULT = re.compile(r"^(\| ([A-Z][0-9]+) \|.*\|)[^|]*\|$", re.MULTILINE)
VARIABLE = re.compile(r"  \[env var: [A-Z_]+\]|(?<=\[)env var: [A-Z_]+; ")
"""The environment variable in an option's help: the table has a column for it."""
GENERATED = "<!-- Written by docs/generate.py. Change the command line or codes.md instead. -->"


PREAMBLE = """\
PATH is a workspace folder, a folder of definitions, or one file; the default is the current folder.
A flag wins over its environment variable, and a variable over `campaignsync.yaml`."""


def commands() -> str:
    """Return a section for each command: its usage, what it does, and its options."""
    context = click.Context(cli, info_name="campaignsync")
    parts = ["# Commands", GENERATED, PREAMBLE]
    for name in COMMANDS:
        command = cli.get_command(context, name)
        assert command is not None  # noqa: S101 - it is in the list
        parts += _command(command, click.Context(command, context, name))
    return "\n\n".join(parts) + "\n"


def _command(command: click.Command, context: click.Context) -> Iterator[str]:
    yield f"## {context.command_path}"
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            assert inner is not None  # noqa: S101 - it is in the list
            yield from _command(inner, click.Context(inner, context, name))
        return
    usage = command.get_usage(context).removeprefix("Usage: ")
    yield f"    {' '.join(usage.split())}"
    yield from _help(command.help or "")
    rows = [row for each in command.params if (row := _option(each, context))]
    if rows:
        yield "\n".join(["| option | environment variable | |", "|---|---|---|", *rows])


def _help(text: str) -> Iterator[str]:
    """Return the paragraphs of a help text; lines that click must not wrap are code."""
    for paragraph in text.split("\n\n"):
        if paragraph.lstrip().startswith("\b"):
            lines = paragraph.replace("\b", "").strip("\n").splitlines()
            yield "\n".join(f"    {line}" for line in lines if line.strip())
        else:
            yield " ".join(paragraph.split())


def _option(parameter: click.Parameter, context: click.Context) -> str | None:
    record = parameter.get_help_record(context)
    if record is None or not isinstance(parameter, click.Option):
        return None
    names, text = (VARIABLE.sub("", part).replace("|", "\\|") for part in record)
    variable = f"`{parameter.envvar}`" if parameter.envvar else ""
    return f"| `{names}` | {variable} | {text} |"


def errors() -> str:
    """Return the exit codes, then a section for each error code."""
    table = (DOCS / "exit-codes.md").read_text(encoding="utf-8")
    parts = [table.strip(), GENERATED]
    for explanation in explanations().values():
        parts += _explanation(explanation)
    return "\n\n".join(parts) + "\n"


def _explanation(code: Explanation) -> Iterator[str]:
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
    """Yield the rows of the marks `pytest.mark.fault` in a test file."""
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
