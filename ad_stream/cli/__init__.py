"""The command line; each command loads what it needs when it runs.

Exit codes: 0, 1 = it ran and failed, 2 = bad input. An error of ours is one sentence on stderr; AD_STREAM_DEBUG=1
shows where it came from.
"""

from __future__ import annotations

import os
import sys
from typing import Annotated, NoReturn

import typer

from ad_stream.cli import (
    azure_api,
    convert,
    dashboard,
    databricks,
    demo,
    detect,
    evaluate,
    incidents,
    infer,
    jobs,
    models,
    power_bi,
    report,
    series_config,
    simulate,
    sources,
    status,
    stream,
    tables,
    tasks,
    tune,
    whatif,
)
from ad_stream.errors import AdStreamError

app = typer.Typer(
    name="ad-stream",
    help="Scores every window of every device, a minute by default: finds anomalies in device telemetry as it streams in.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        from ad_stream import __version__

        print(f"ad-stream {__version__}")
        raise typer.Exit


@app.callback()
def every_command(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and end.")
    ] = False,
) -> None:
    """What stands before the name of a command."""


detect.add_to(app)
convert.add_to(app)
demo.add_to(app)
app.add_typer(simulate.app)
status.add_to(app)
report.add_to(app)
stream.add_to(app)
app.add_typer(sources.app, name="sources")
infer.add_to(app)
dashboard.add_to(app)
tables.add_to(app)
databricks.add_to(app)
evaluate.add_to(app)
series_config.add_to(app)
incidents.add_to(app)
whatif.add_to(app)
tune.add_to(app)
app.add_typer(models.train_app, name="train")
app.add_typer(models.models_app, name="models")
jobs.add_to(app)
app.add_typer(tasks.app, name="tasks")
azure_api.add_to(app)
app.add_typer(power_bi.app)

EXTRAS = {
    "pyspark": "local",
    "deltalake": "local",
    "matplotlib": "report",
    "databricks": "databricks",
    "databricks.sdk": "databricks",
    "apscheduler": "schedule",
    "fastapi": "serve",
    "uvicorn": "serve",
}
"""Import -> the extra of pyproject.toml that brings it."""


def main() -> None:
    """The console script `ad-stream`."""
    try:
        app()
    except AdStreamError as error:
        if os.environ.get("AD_STREAM_DEBUG"):
            raise
        _fail(str(error), error.exit_code)
    except OSError as error:
        if os.environ.get("AD_STREAM_DEBUG") or error.filename is None:
            raise
        _fail(f"{str(error.filename)!r} cannot be used ({error.strerror}): name another place", 2)
    except ModuleNotFoundError as error:
        if error.name not in EXTRAS or os.environ.get("AD_STREAM_DEBUG"):
            raise
        _fail(f"the package {error.name} is missing: pip install 'ad-stream[{EXTRAS[error.name]}]'", 2)


def _fail(sentence: str, code: int) -> NoReturn:
    print(f"ad-stream: {sentence}", file=sys.stderr)
    sys.exit(code)
