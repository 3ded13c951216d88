"""`campaignsync explain`."""

from pathlib import Path

import click

from campaignsync.cli import options


@click.command("explain")
@click.argument("codes", nargs=-1, metavar="[CODE]...")
@options.output
def command(codes: tuple[str, ...], *, format_: str, output: Path | None, no_color: bool) -> None:
    """Say what a code means, why there is such a rule, and what to do.

    Without CODE all of them are listed, a line each.

    \b
    Example: campaignsync explain IMMUTABLE_FIELD
    """
    from campaignsync import report
    from campaignsync.errors import ConfigurationError
    from campaignsync.explain import explanations
    from campaignsync.load.hints import nearest

    known = explanations()
    for code in codes:
        if code.upper() not in known:
            hint = nearest(code.upper(), known)
            hint = hint if hint.startswith("did") else "campaignsync explain, for a list"
            raise ConfigurationError(f"no code `{code}`", hint=hint, code="NOTHING_SELECTED")
    chosen = [known[code.upper()] for code in codes] or [*known.values()]
    colour = options.coloured(no_color=no_color, to=output)
    text = report.explained(chosen, format_, colour=colour, whole=bool(codes))
    options.emit(text, output)
