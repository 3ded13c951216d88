"""`campaignsync schema`."""

import json
from pathlib import Path

import click

from campaignsync.cli import options
from campaignsync.cli.choices import Choice
from campaignsync.schema import OUTPUTS

KINDS = ("definition", "workspace", *OUTPUTS)


@click.command("schema")
@click.argument("kind", type=Choice(KINDS), default="definition", metavar="[KIND]")
@options.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="A file.")
def command(kind: str, output: Path | None) -> None:
    """Print the JSON Schema of a definition, of the workspace, or of an output.

    KIND is definition, workspace, or what an output says its kind is: plan, plans, drift, drifts,
    apply, applies, validate, error, history, run, export, list, render, explain.

    \b
    Example: campaignsync schema -o campaign.schema.json
    """
    from campaignsync.schema import schema

    options.emit(json.dumps(schema(kind), indent=2, ensure_ascii=False), output)
