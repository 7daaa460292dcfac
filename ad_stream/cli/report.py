"""The command that draws a device."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ad_stream.cli.options import Folder, RunConfig
from ad_stream.cli.settings import tables_of, writable


def add_to(app: typer.Typer) -> None:
    """The command."""
    app.command()(report)


def report(
    device: Annotated[str, typer.Argument(help="Device to draw.", show_default=False)],
    config: RunConfig = None,
    tables: Folder = None,
    signal: Annotated[str | None, typer.Option(help="One signal of it; without it all.")] = None,
    start: Annotated[str | None, typer.Option("--from", help="Start of the first window, UTC.")] = None,
    end: Annotated[str | None, typer.Option("--to", help="Start of the first window left out.")] = None,
    out: Annotated[Path, typer.Option("--out", help="The page to write.")] = Path("report.html"),
    png: Annotated[Path | None, typer.Option(help="Folder for a PNG picture of each signal.")] = None,
) -> None:
    """Write one HTML page, and pictures, with a device's values, expected band and flags; without times its last day."""
    from ad_stream.report import series_report
    from ad_stream.times import moment

    first, last = (moment(text) if text else None for text in (start, end))
    writable("--out", out)
    written = series_report(
        tables_of(config, tables), out, device=device, signal=signal, start=first, end=last, pictures=png
    )
    print(*written, sep="\n")
