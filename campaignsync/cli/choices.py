"""A click type for one of some words: it suggests the nearest one."""

from typing import Any

import click


class Choice(click.Choice[str]):
    """One of some words; who mistypes one is told the nearest."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if value in self.choices:
            return str(value)
        from campaignsync.errors import ConfigurationError
        from campaignsync.load.hints import nearest

        what = param.get_error_hint(ctx).strip("'[]") if param and ctx else "the option"
        hint = nearest(str(value), self.choices)
        raise ConfigurationError(f"{what} takes no `{value}`", hint=hint)
