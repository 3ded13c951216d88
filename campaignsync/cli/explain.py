"""`campaignsync explain`: the meaning of each code, its reason, and the fix, from `codes.md`.

An example is a definition, several files under `# their/names.yaml`, or commands behind `$`.
"""

import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

import click

from campaignsync.cli.command import Command
from campaignsync.cli.output import Output, output_options
from campaignsync.errors import ConfigurationError
from campaignsync.model.results import ExplainedCode
from campaignsync.suggest import suggestion

SECTION = re.compile(
    r"^## (?P<code>[A-Z0-9_]+)\n(?P<meaning>.+)\nWhy: (?P<why>.+)\nFix: (?P<fix>.+)\n"
    r"(?:Before:\n(?P<before>(?:    .*\n)+)After:\n(?P<after>(?:    .*\n)+))?",
    re.MULTILINE,
)


@click.command("explain", cls=Command)
@click.argument("codes", nargs=-1, metavar="[CODE]...")
@output_options("explained", steps=False)
def command(codes: tuple[str, ...], output: Output) -> None:
    """Explain error codes: what they mean, why the rule exists, and what to do.

    Without CODE, all codes are listed.

    \b
    Example: campaignsync explain IMMUTABLE_FIELD
    """
    known = explanations()
    for code in codes:
        if code.upper() not in known:
            hint = suggestion(code.upper(), known)
            hint = hint if hint.startswith("did") else "`campaignsync explain` lists all codes"
            raise ConfigurationError(f"unknown code `{code}`", hint=hint, code="NOTHING_SELECTED")
    if codes:
        chosen = [known[code.upper()] for code in codes]
        output.write(lambda to: to.explained(chosen))
    else:
        output.write(lambda to: to.codes([*known.values()]))


@cache
def explanations() -> Mapping[str, ExplainedCode]:
    """Return the explanation of every code that the program can print, by code."""
    text = files("campaignsync").joinpath("codes.md").read_text(encoding="utf-8")
    return {section["code"]: _explanation(section) for section in SECTION.finditer(text)}


def _explanation(section: re.Match[str]) -> ExplainedCode:
    fields = {name: text or "" for name, text in section.groupdict().items()}
    for name in ("before", "after"):
        lines = fields[name].splitlines()
        fields[name] = "\n".join(line.removeprefix("    ") for line in lines)
    return ExplainedCode(**fields)
