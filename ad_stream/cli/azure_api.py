"""Commands for those who come from the retired service: serve, migrate."""

from __future__ import annotations

import sys
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ad_stream.cli.settings import writable
from ad_stream.errors import ConfigError, InputError

if TYPE_CHECKING:
    from ad_stream.azure_api.multivariate.settings import MultivariateSettings


def add_to(app: typer.Typer) -> None:
    """The commands in the order in which `--help` lists them."""
    app.command()(serve)
    app.command()(migrate)


def serve(
    host: Annotated[str, typer.Option(help="Address to listen on; others than this machine need keys.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port to listen on.")] = 5000,
    state: Annotated[
        Path | None, typer.Option(help="Folder that keeps models and results; with it the multivariate API is served.")
    ] = None,
    data_root: Annotated[
        Path | None, typer.Option(help="Folder below which requests may name files as their data, with --state.")
    ] = None,
    data_host: Annotated[
        list[str] | None,
        typer.Option(
            help="Host from which data may be fetched, with --state; host:port, *.blob.core.windows.net. Repeatable."
        ),
    ] = None,
    job_memory: Annotated[
        float, typer.Option(min=0.25, help="GiB that a training or detection may take, with --state.")
    ] = 4.0,
    tables: Annotated[
        Path | None, typer.Option(help="Folder of a run's tables, for /telemetry/<device>/<days>.")
    ] = None,
    config: Annotated[
        str | None, typer.Option("--config", "-c", help="The YAML file whose sources GET /detect may read.")
    ] = None,
) -> None:
    """Serve the retired service's REST API until stopped; its keys come from AD_STREAM_KEYS."""
    from ad_stream.azure_api.server import serve as serve_until_stopped

    multivariate = _multivariate(state, data_root, data_host or [], job_memory)
    if tables is not None and not tables.is_dir():
        raise InputError(f"--tables {str(tables)!r} is no folder: name the one that a run wrote")

    def ready(address: str, keys: bool) -> None:
        who = (
            "asks for a key of AD_STREAM_KEYS"
            if keys
            else "asks for no key, so only this machine may call (AD_STREAM_KEYS sets keys)"
        )
        print(f"{address} serves the retired service's REST API and {who}; Ctrl-C ends it", file=sys.stderr, flush=True)

    serve_until_stopped(host=host, port=port, multivariate=multivariate, tables=tables, config=config, ready=ready)


def _multivariate(
    state: Path | None, data_root: Path | None, hosts: list[str], job_memory: float
) -> MultivariateSettings | None:
    """What the multivariate part may do, None without a state folder; a folder that cannot be is refused at once."""
    from ad_stream.azure_api.multivariate.settings import GIB, MultivariateSettings

    if state is None:
        if data_root is not None or hosts:
            raise ConfigError("--data-root and --data-host belong to the multivariate API: give --state FOLDER too")
        return None
    try:
        state.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(
            f"--state {str(state)!r} is no folder that can be made ({error.strerror}): name another"
        ) from None
    if data_root is not None and not data_root.is_dir():
        raise ConfigError(f"--data-root {str(data_root)!r} is no folder: name the one that holds the data")
    memory = int(job_memory * GIB)
    return MultivariateSettings(state=state.resolve(), data_root=data_root, hosts=tuple(hosts), process_bytes=memory)


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
