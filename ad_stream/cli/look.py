"""Commands to see it work: demo, simulate, report, status."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from ad_stream.cli import simulate
from ad_stream.cli.arguments import Devices, Minutes, Seed
from ad_stream.cli.progress import bars

Out = Annotated[Path, typer.Option("--out", help="Folder for messages, tables and the report.")]
TablesFolder = Annotated[Path, typer.Option("--tables", help="Folder that a run wrote its tables to.")]
Json = Annotated[bool, typer.Option("--json", help="The answer as JSON on standard output.")]


def add_to(app: typer.Typer) -> None:
    """The commands in the order in which `--help` lists them."""
    app.command()(demo)
    app.add_typer(simulate.app)
    app.command()(status)
    app.command()(report)


def demo(
    seed: Seed = 0,
    devices: Devices = 50,
    minutes: Minutes = 1440,
    data: Annotated[Path | None, typer.Option(help="Your own CSV instead: device, timestamp, value.")] = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the numbers to this file.")] = None,
    out: Out = Path(".ad_stream/demo"),
) -> None:
    """Send a simulated day, or your own CSV, through the real stream; print what it found and write a report."""
    from ad_stream.cli import printed
    from ad_stream.demo import demo as run_demo
    from ad_stream.demo import own

    with bars() as steps:
        if data is None:
            result = run_demo(out, devices=devices, minutes=minutes, seed=seed, steps=steps)
            text, numbers = printed.simulated(result), result.as_dict()
        else:
            mine = own(data, out, steps=steps)
            text, numbers = printed.own(mine), mine.as_dict()
    if json_file is not None:
        json_file.write_text(json.dumps(numbers, indent=1) + "\n", encoding="utf-8")
    printed.show(text)


def status(tables: TablesFolder = Path(".ad_stream/tables"), as_json: Json = False) -> None:
    """Print what the tables of a running or stopped stream say about its health."""
    from ad_stream.cli import printed
    from ad_stream.status import status as look

    found = look(tables)
    if as_json:
        print(json.dumps(found.as_dict()))
    else:
        printed.show(printed.status(found))


def report(
    device: Annotated[str, typer.Argument(help="Device to draw.", show_default=False)],
    tables: TablesFolder = Path(".ad_stream/tables"),
    signal: Annotated[str | None, typer.Option(help="One signal of it; without it all.")] = None,
    start: Annotated[str | None, typer.Option("--from", help="First minute, UTC.")] = None,
    end: Annotated[str | None, typer.Option("--to", help="First minute that is left out.")] = None,
    out: Annotated[Path, typer.Option("--out", help="The page to write.")] = Path("report.html"),
    png: Annotated[Path | None, typer.Option(help="Folder for a PNG picture of each signal.")] = None,
) -> None:
    """Write one HTML page, and pictures, with a device's values, expected band and flags; without times its last day."""
    from ad_stream.arguments import moment
    from ad_stream.report import series_report

    first, last = (moment(text) if text else None for text in (start, end))
    written = series_report(tables, out, device=device, signal=signal, start=first, end=last, pictures=png)
    print(*written, sep="\n")
