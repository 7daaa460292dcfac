"""The command that shows a stream live: dashboard."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from ad_stream.cli.jobs import centre_of
from ad_stream.cli.options import File, RunConfig
from ad_stream.cli.settings import TABLES, one_of, tables_of
from ad_stream.secrets import redact


def add_to(app: typer.Typer) -> None:
    """The commands in the order in which `--help` lists them."""
    app.command()(dashboard)


def dashboard(
    file: File = None,
    config: RunConfig = None,
    tables: Annotated[str | None, typer.Option(help=f"Folder or address of the tables; by default {TABLES}.")] = None,
    host: Annotated[
        str, typer.Option(help="Address to listen on; others than this machine need a token.")
    ] = "127.0.0.1",
    sites: Annotated[
        str | None, typer.Option(help="Pattern of the site in a device's name: '(?P<site>[^-]+)-'.", show_default=False)
    ] = None,
    jobs: Annotated[
        str | None,
        typer.Option(
            help="Show the jobs of this configuration: of the workspace, where its tables are in a catalog.",
            show_default=False,
        ),
    ] = None,
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port to listen on.")] = 8010,
) -> None:
    """Show a stream live in the browser until stopped: fleet, incidents, anomalies, each series with its band, pipeline health."""
    from ad_stream import config as settings
    from ad_stream.dashboard.server import serve

    config = one_of(file, config)
    place = tables_of(config, tables)

    def ready(address: str, token: bool) -> None:
        asks = " and asks for the token" if token else ""
        print(f"{address} shows the tables in {redact(place)}{asks}; Ctrl-C ends it", file=sys.stderr, flush=True)

    base = settings.usual(place) if config is None else settings.load(config)
    if sites is not None:
        named = settings.usual(place, {"dimensions": {"device": sites}})
        base = base.model_copy(update={"dimensions": named.dimensions})
    centre = None if jobs is None else centre_of(jobs)
    serve(place, config=config or "conf/local.yaml", host=host, port=port, ready=ready, base=base, jobs=centre)
