"""Commands for those who come from the retired service: serve, migrate."""

from __future__ import annotations

import sys
from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from ad_stream.cli.settings import writable


def add_to(app: typer.Typer) -> None:
    """The commands in the order in which `--help` lists them."""
    app.command()(serve)
    app.command()(migrate)


def serve(
    host: Annotated[str, typer.Option(help="Address to listen on; others than this machine need keys.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port to listen on.")] = 5000,
) -> None:
    """Serve the retired service's REST API until stopped; its keys come from AD_STREAM_KEYS."""
    from ad_stream.azure_api.server import serve as serve_until_stopped

    def ready(address: str, keys: bool) -> None:
        who = (
            "asks for a key of AD_STREAM_KEYS"
            if keys
            else "asks for no key, so only this machine may call (AD_STREAM_KEYS sets keys)"
        )
        print(f"{address} serves the retired service's REST API and {who}; Ctrl-C ends it", file=sys.stderr, flush=True)

    serve_until_stopped(host=host, port=port, ready=ready)


class MigrateCompute(str, Enum):
    """Which compute a migrated job is for."""

    AUTO = "auto"
    CLASSIC = "classic"
    SERVERLESS = "serverless"


def migrate(
    file: Annotated[Path, typer.Argument(help="Notebook or script written for the service.", show_default=False)],
    databricks: Annotated[
        bool, typer.Option("--databricks", help="For `ad-stream submit`: catalog, secret scope, volume, signals.")
    ] = False,
    catalog: Annotated[str, typer.Option(help="Catalog of the tables, with --databricks.")] = "main",
    schema: Annotated[str, typer.Option(help="Schema of the tables, with --databricks.")] = "iot",
    scope: Annotated[
        str | None, typer.Option(help="Secret scope, else the one that the file reads from, else ad-stream.")
    ] = None,
    compute: Annotated[
        MigrateCompute, typer.Option(help="serverless reads a hub through its Kafka endpoint; auto keeps the source.")
    ] = MigrateCompute.AUTO,
    out: Annotated[Path | None, typer.Option(help="File for the configuration, else standard output.")] = None,
) -> None:
    """Print the configuration that replaces a notebook or script, and on stderr what differs and why."""
    from ad_stream.azure_api.migrate import migrate as find
    from ad_stream.azure_api.migrate_databricks import JobPlace, commands, to_databricks
    from ad_stream.azure_api.notebook_files import read_cells
    from ad_stream.errors import InputError

    writable("--out", out)
    where = JobPlace(catalog=catalog, schema=schema, scope=scope, compute=compute.value)
    cells = read_cells(file)
    found = find(cells)
    if not found.found:
        raise InputError(
            f"nothing to migrate here: {file} holds no call of the service and no streaming job; name the notebook or"
            " script that has it"
        )
    if databricks:
        found = to_databricks(found, "\n".join(cells), where)
    for note in found.notes:
        print(f"{note.place}{note.text}", file=sys.stderr)
    if out is None:
        print(found.yaml().rstrip())
    else:
        out.write_text(found.yaml(), encoding="utf-8")
    if databricks:
        named = str(out or f"{file.stem}.yaml")
        lines = commands(found.config, file=named, job=file.stem, compute=where.compute)
        kept = "" if out else f" (with the configuration above in {named})"
        print(f"Now type{kept}:", *(f"  {line}" for line in lines), sep="\n", file=sys.stderr)
