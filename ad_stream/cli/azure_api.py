"""Commands for those who come from the retired service: serve, migrate."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer


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


def migrate(
    file: Annotated[Path, typer.Argument(help="Notebook or script written for the service.", show_default=False)],
) -> None:
    """Print the configuration that replaces a notebook or script, and on stderr what differs and why."""
    from ad_stream.azure_api.migrate import migrate as find
    from ad_stream.azure_api.notebook_files import read_cells
    from ad_stream.errors import InputError

    found = find(read_cells(file))
    if not found.found:
        raise InputError(
            f"nothing to migrate here: {file} holds no call of the service and no streaming job; name the notebook or"
            " script that has it"
        )
    for note in found.notes:
        print(f"{note.place}{note.text}", file=sys.stderr)
    print(found.yaml().rstrip())
