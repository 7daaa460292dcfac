"""The command line; each command loads what it needs when it runs.

Exit codes: 0, 1 = it ran and failed, 2 = bad input. An error of ours is one sentence on stderr; AD_STREAM_DEBUG=1
shows where it came from.
"""

from __future__ import annotations

import os
import sys

import typer

from ad_stream.cli import look, stream
from ad_stream.errors import AdStreamError

app = typer.Typer(
    name="ad-stream",
    help="Scores every minute of every device: finds anomalies in device telemetry as it streams in.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
look.add_to(app)
stream.add_to(app)


def main() -> None:
    """The console script `ad-stream`."""
    try:
        app()
    except AdStreamError as error:
        if os.environ.get("AD_STREAM_DEBUG"):
            raise
        print(f"ad-stream: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
