"""The command that says how the stream is."""

from __future__ import annotations

import json

import typer

from ad_stream.cli.options import File, Folder, Json, RunConfig
from ad_stream.cli.settings import one_of, tables_of


def add_to(app: typer.Typer) -> None:
    """The command."""
    app.command()(status)


def status(file: File = None, config: RunConfig = None, tables: Folder = None, as_json: Json = False) -> None:
    """Print what the tables of a running or stopped stream say about its health."""
    from ad_stream.cli.output.console import show
    from ad_stream.cli.output.status import status_page
    from ad_stream.monitoring.status import status as look

    found = look(tables_of(one_of(file, config), tables))
    if as_json:
        print(json.dumps(found.as_dict()))
    else:
        show(status_page(found))
