"""The command that answers for a person's file in seconds, without Spark."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from ad_stream.cli.options import (
    Decimal,
    DeviceColumn,
    Json,
    Order,
    RunConfig,
    Sheet,
    SignalColumn,
    Time,
    TimeZone,
    Value,
    detect_line,
    read_options_of,
)  # fmt: skip


def add_to(app: typer.Typer) -> None:
    """The command."""
    app.command()(detect)


def detect(
    file: Annotated[
        Path,
        typer.Argument(help="CSV of any separator, JSON lines, Parquet or a workbook; .gz too.", show_default=False),
    ],
    time: Time = None,
    value: Value = [],  # noqa: B006 (typer wants the list)
    device: DeviceColumn = None,
    signal: SignalColumn = None,
    time_zone: TimeZone = None,
    date_order: Order = None,
    decimal: Decimal = None,
    sheet: Sheet = None,
    set_: Annotated[list[str], typer.Option("--set", help="sensitivity=90, detector=ar, points=240, ...")] = [],  # noqa: B006
    config: RunConfig = None,
    out: Annotated[Path, typer.Option("--out", help="The page to write.")] = Path("report.html"),
    as_json: Json = False,
) -> None:
    """Judge a file of your own, without Spark: print alarms with their reasons and write a report."""
    from ad_stream.cli.output.console import show
    from ad_stream.cli.output.own_data import next_lines, own_answer
    from ad_stream.cli.settings import detection_of, writable
    from ad_stream.own_data.judge import judge
    from ad_stream.own_data.next_steps import next_steps
    from ad_stream.own_data.page import page
    from ad_stream.report import write

    writable("--out", out)
    read_options = read_options_of(time, value, device, signal, time_zone, date_order, decimal, sheet)
    verdicts = judge(file, detection_of(config, set_), read_options=read_options)
    line = detect_line(file, read_options, set_=set_, config=config)
    written = write(page(verdicts, command=line), out)
    if as_json:
        index = verdicts.index
        print(
            json.dumps(
                {
                    "rows": index.rows,
                    "devices": index.devices,
                    "signals": list(index.signals),
                    "understood": dict(index.understood),
                    "rows_scored": verdicts.rows_scored,
                    "flagged": verdicts.flagged,
                    "alarms": verdicts.alarm_rows(),
                    "report": str(written),
                }
            )
        )
        return
    show(own_answer(verdicts))
    show("")
    show(next_lines(next_steps(verdicts, line)))
    print(f"\nreport  {written}")
