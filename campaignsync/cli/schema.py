"""`campaignsync schema`."""

import json
from pathlib import Path

import click

from campaignsync.cli import options

KINDS = (
    "definition",
    "workspace",
    "plan",
    "drift",
    "apply",
    "validate",
    "error",
    "history",
    "run",
    "export",
    "list",
    "render",
    "explain",
)


@click.command("schema")
@click.argument("kind", type=click.Choice(KINDS), default="definition")
@options.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="A file.")
def command(kind: str, output: Path | None) -> None:
    """Print the JSON Schema of a definition, of the workspace, or of an output.

    \b
    Example: campaignsync schema -o campaign.schema.json
    """
    from campaignsync.schema import schema

    options.emit(json.dumps(schema(kind), indent=2, ensure_ascii=False), output)
