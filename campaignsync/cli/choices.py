"""A click type for one of some words: it suggests the nearest one."""

from typing import Any

import click

from campaignsync.errors import ConfigurationError
from campaignsync.load.hints import nearest


class Choice(click.Choice[str]):
    """One of some words. The error for another word suggests the nearest one."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if value in self.choices:
            return str(value)
        where = f" for {param.get_error_hint(ctx)}" if param and ctx else ""
        hint = nearest(str(value), self.choices)
        raise ConfigurationError(f"invalid value{where}: `{value}`", hint=hint)
