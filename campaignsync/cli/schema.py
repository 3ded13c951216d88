"""`campaignsync schema`."""

import json
from pathlib import Path

import click

from campaignsync.cli import options
from campaignsync.cli.command import Choice, Command
from campaignsync.cli.output import OutputFile
from campaignsync.cli.streams import print_result
from campaignsync.schema import SCHEMAS, schema
from campaignsync.write_files import write_whole


@click.command("schema", cls=Command)
@click.argument("kind", type=Choice(SCHEMAS), default="definition", metavar="[KIND]")
@options.option(
    "-o",
    "--output",
    type=OutputFile(),
    section="Output",
    help="Write the schema to a file.",
)
def command(kind: str, output: Path | None) -> None:
    """Print the JSON Schema of a definition, of the workspace, or of a document.

    KIND is definition, workspace, or the `kind` of a JSON document: plan, drift, apply, validate,
    error, history, run, export, list, render, explain.

    \b
    Example: campaignsync schema -o campaign.schema.json
    """
    text = json.dumps(schema(kind), indent=2, ensure_ascii=False)
    if output:
        write_whole(output, text + "\n")
    else:
        print_result(text, colour=True)
