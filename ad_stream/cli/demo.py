"""The command that shows it at work, on simulated devices or on a person's file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from ad_stream.cli.options import (
    Decimal,
    DeviceColumn,
    Devices,
    Minutes,
    Order,
    Out,
    Seed,
    Sheet,
    SignalColumn,
    Time,
    TimeZone,
    Value,
    detect_line,
    read_options_of,
)  # fmt: skip
from ad_stream.cli.output.progress import bars
from ad_stream.cli.settings import grid_of, writable
from ad_stream.errors import InputError
from ad_stream.grid import MINUTE


def add_to(app: typer.Typer) -> None:
    """The command."""
    app.command()(demo)


def demo(
    seed: Seed = 0,
    devices: Devices = 50,
    minutes: Minutes = 1440,
    every: Annotated[
        str, typer.Option(help="Windows of the simulated run: 10 seconds, 5 minutes, 1 hour.")
    ] = MINUTE.text,
    data: Annotated[Path | None, typer.Option(help="Your own file instead: CSV, JSON lines, Parquet, xlsx.")] = None,
    time: Time = None,
    value: Value = [],  # noqa: B006 (typer wants the list)
    device: DeviceColumn = None,
    signal: SignalColumn = None,
    time_zone: TimeZone = None,
    date_order: Order = None,
    decimal: Decimal = None,
    sheet: Sheet = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the numbers to this file.")] = None,
    out: Out = Path(".ad_stream/demo"),
) -> None:
    """Send a simulated day, or your own file, through the real stream; print what it found and write a report."""
    from ad_stream.cli.output.console import show
    from ad_stream.cli.output.demo import own_numbers, simulated_numbers
    from ad_stream.demo import demo as run_demo
    from ad_stream.demo import own

    writable("--json", json_file)
    grid = grid_of(every)
    if data is not None and grid != MINUTE:
        raise InputError("--every is for the simulated run: of a file the times themselves tell how far apart they are")
    with bars() as steps:
        if data is None:
            result = run_demo(out, devices=devices, minutes=minutes, seed=seed, grid=grid, steps=steps)
            text, numbers = simulated_numbers(result), result.as_dict()
        else:
            read_options = read_options_of(time, value, device, signal, time_zone, date_order, decimal, sheet)
            mine = own(data, out, read_options=read_options, command=detect_line(data, read_options), steps=steps)
            text, numbers = own_numbers(mine), mine.as_dict()
    if json_file is not None:
        json_file.write_text(json.dumps(numbers, indent=1) + "\n", encoding="utf-8")
    show(text)
