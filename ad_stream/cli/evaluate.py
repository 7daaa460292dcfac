"""The command that compares the detectors on a person's own labelled file."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from ad_stream.cli.options import (
    Decimal,
    DeviceColumn,
    Order,
    Sheet,
    SignalColumn,
    Time,
    TimeZone,
    Value,
    read_options_of,
)
from ad_stream.cli.output.progress import bars


def add_to(app: typer.Typer) -> None:
    """The command."""
    app.command()(evaluate)


def evaluate(
    file: Annotated[
        Path | None, typer.Argument(help="Any file that detect reads, with a column label.", show_default=False)
    ] = None,
    data: Annotated[Path | None, typer.Option(help="The file, in place of the argument.", show_default=False)] = None,
    time: Time = None,
    value: Value = [],  # noqa: B006 (typer wants the list)
    device: DeviceColumn = None,
    signal: SignalColumn = None,
    time_zone: TimeZone = None,
    date_order: Order = None,
    decimal: Decimal = None,
    sheet: Sheet = None,
    detectors: Annotated[str, typer.Option(help="Names with commas between; empty takes the usual ones.")] = "",
    points: Annotated[int | None, typer.Option(min=12, max=10080, help="Window for all of them.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The rows as JSON on standard output.")] = False,
) -> None:
    """Compare the detectors on your own labelled data: F1, events found per false alarm, cost."""
    from ad_stream.cli.output.console import show
    from ad_stream.cli.output.evaluation import comparison
    from ad_stream.errors import InputError
    from ad_stream.evaluation.compare import USUAL, compare
    from ad_stream.evaluation.recommend import recommend

    labelled = file or data
    if labelled is None or (file and data and file != data):
        raise InputError("name one labelled file: ad-stream evaluate labelled.csv")
    names = [name.strip() for name in detectors.split(",") if name.strip()] or list(USUAL)
    with bars() as steps:
        rows = compare(
            labelled,
            detectors=names,
            points=points,
            options=read_options_of(time, value, device, signal, time_zone, date_order, decimal, sheet),
            progress=lambda name: steps("evaluating", names.index(name) / len(names)),
        )
        steps("evaluating", 1.0)
    if as_json:
        print(json.dumps([asdict(row) for row in rows]))
    else:
        advice = recommend(rows, points)
        show(comparison(rows))
        show(f"\n{advice.sentence}\n")
        print(advice.yaml, end="")
