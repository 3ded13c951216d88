"""`campaignsync explain`."""

import click

from campaignsync.cli.command import Command
from campaignsync.cli.output import Output, result
from campaignsync.errors import ConfigurationError
from campaignsync.explain import explanations
from campaignsync.suggest import suggestion


@click.command("explain", cls=Command)
@click.argument("codes", nargs=-1, metavar="[CODE]...")
@result("explained", steps=False)
def command(codes: tuple[str, ...], result: Output) -> None:
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
    chosen = [known[code.upper()] for code in codes] or [*known.values()]
    result.write(lambda to: to.explained(chosen, bool(codes)))
