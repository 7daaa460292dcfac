"""Options that several commands share."""

from __future__ import annotations

import shlex
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ad_stream.readings import ReadOptions

Devices = Annotated[int, typer.Option(min=1, help="Devices of the fleet.")]
Minutes = Annotated[int, typer.Option(min=1, help="Length of the run.")]
Seed = Annotated[int, typer.Option(help="Another seed is another fleet with other faults.")]
Out = Annotated[Path, typer.Option("--out", help="Folder for messages, tables and the report.")]
Json = Annotated[bool, typer.Option("--json", help="The answer as JSON on standard output.")]
From = Annotated[
    str, typer.Option("--from", help="Start of the first window, UTC: 2026-11-01T00:00Z.", show_default=False)
]
To = Annotated[str, typer.Option("--to", help="Start of the first window left out.", show_default=False)]
File = Annotated[
    str | None, typer.Argument(metavar="[CONFIG]", help="YAML file, such as conf/local.yaml.", show_default=False)
]
Config = Annotated[
    str | None, typer.Option("--config", "-c", help="The YAML file, in place of the argument.", show_default=False)
]
RunConfig = Annotated[str | None, typer.Option("--config", "-c", help="The run's YAML file: its tables, its settings.")]
Folder = Annotated[Path | None, typer.Option("--tables", help="The folder with the tables, else that of --config.")]
Set = Annotated[list[str], typer.Option("--set", help="One setting over the file's: detection.sensitivity=90.")]


class DateOrder(str, Enum):
    """What comes first in 02/03/2026."""

    DAY = "day"
    MONTH = "month"


Time = Annotated[str | None, typer.Option("--time", help="Column of the time, where its name does not say so.")]
Value = Annotated[list[str], typer.Option("--value", help="Column of the numbers; several are several signals.")]
DeviceColumn = Annotated[
    str | None, typer.Option("--device", help="Column that names the device; of detect with --source the device.")
]
SignalColumn = Annotated[
    str | None, typer.Option("--signal", help="Column that names the signal; of detect with --source the signal.")
]
TimeZone = Annotated[str | None, typer.Option("--time-zone", help="Of times that name none: Europe/Berlin; else UTC.")]
Order = Annotated[DateOrder | None, typer.Option("--date-order", help="What comes first in 02/03/2026.")]
Decimal = Annotated[str | None, typer.Option("--decimal", help="The sign before fractions: , or .")]
Sheet = Annotated[str | None, typer.Option("--sheet", help="Of a workbook with several tables, the one to read.")]


def read_options_of(
    time: str | None,
    value: list[str],
    device: str | None,
    signal: str | None,
    time_zone: str | None,
    order: DateOrder | None,
    decimal: str | None,
    sheet: str | None,
) -> ReadOptions:
    """What the options of a file say; InputError for a sign that parts no fractions."""
    from ad_stream.errors import InputError
    from ad_stream.readings import ReadOptions

    if decimal not in (None, ",", "."):
        raise InputError(f"--decimal {decimal!r} parts no fractions: give , or .")
    first = None if order is None else f"{order.value} first"
    return ReadOptions(
        time=time, device=device, signal=signal, values=value, zone=time_zone, order=first, decimal=decimal, sheet=sheet
    )


def detect_line(file: Path, read_options: ReadOptions, *, set_: Sequence[str] = (), config: str | None = None) -> str:
    """`ad-stream detect FILE` with the options that say the same of the file, and how it was judged."""
    named = {
        "--time": read_options.time, "--device": read_options.device, "--signal": read_options.signal, "--time-zone": read_options.zone,
        "--date-order": read_options.order and read_options.order.split()[0], "--decimal": read_options.decimal,
        "--sheet": read_options.sheet,
    }  # fmt: skip
    pairs = [
        *((key, text) for key, text in named.items() if text),
        *(("--value", name) for name in read_options.values),
        *(("--config", name) for name in [config] if name),
        *(("--set", setting) for setting in set_),
    ]
    return shlex.join(["ad-stream", "detect", str(file), *(word for pair in pairs for word in pair)])
