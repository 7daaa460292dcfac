"""The command that says how the stream is."""

from __future__ import annotations

import json
from pathlib import Path

import typer

from ad_stream.cli.options import Json, TablesFolder


def add_to(app: typer.Typer) -> None:
    """The command."""
    app.command()(status)


def status(tables: TablesFolder = Path(".ad_stream/tables"), as_json: Json = False) -> None:
    """Print what the tables of a running or stopped stream say about its health."""
    from ad_stream.cli.output.console import show
    from ad_stream.cli.output.status import status_page
    from ad_stream.monitoring.status import status as look

    found = look(tables)
    if as_json:
        print(json.dumps(found.as_dict()))
    else:
        show(status_page(found))
