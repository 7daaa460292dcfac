"""The command that shows a stream live: dashboard."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from ad_stream.errors import ConfigError
from ad_stream.secrets import redact

TABLES = ".ad_stream/tables"


def add_to(app: typer.Typer) -> None:
    """The commands in the order in which `--help` lists them."""
    app.command()(dashboard)


def dashboard(
    config: Annotated[str | None, typer.Option("--config", "-c", help="YAML file of the run to watch.")] = None,
    tables: Annotated[str | None, typer.Option(help=f"Folder or address of the tables; by default {TABLES}.")] = None,
    host: Annotated[
        str, typer.Option(help="Address to listen on; others than this machine need a token.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port to listen on.")] = 8010,
) -> None:
    """Show a stream live in the browser until stopped: fleet, anomalies, each series with its band, pipeline health."""
    from ad_stream.dashboard.server import serve

    place = _tables(config, tables)
    shown = f"[{host}]" if ":" in host else host
    print(f"http://{shown}:{port}/ shows the tables in {redact(place)}; Ctrl-C ends it", file=sys.stderr, flush=True)
    serve(place, config=config or "conf/local.yaml", host=host, port=port)


def _tables(config: str | None, tables: str | None) -> str:
    if tables is not None and config is not None:
        raise ConfigError("--config and --tables both say where the tables are: give one of them")
    if config is None:
        return tables or TABLES
    from ad_stream import config as settings

    found = settings.load(config).tables
    if found.path is None:
        raise ConfigError(
            f"{config!r} keeps its tables in the catalog {found.catalog}.{found.schema_}, which only Databricks can open: "
            "give their storage address, --tables abfss://…"
        )
    return found.path
