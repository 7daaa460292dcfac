"""The command that compares the detectors on a person's own labelled file."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from ad_stream.cli.output.progress import bars


def add_to(app: typer.Typer) -> None:
    """The command."""
    app.command()(evaluate)


def evaluate(
    data: Annotated[Path, typer.Option(help="CSV or Parquet: device, timestamp, value, label.", show_default=False)],
    detectors: Annotated[str, typer.Option(help="Names with commas between; empty takes the usual ones.")] = "",
    points: Annotated[int | None, typer.Option(min=12, max=10080, help="Window for all of them.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The rows as JSON on standard output.")] = False,
) -> None:
    """Compare the detectors on your own labelled data: F1, events found per false alarm, cost."""
    from ad_stream.cli.output.console import show
    from ad_stream.cli.output.evaluation import comparison
    from ad_stream.evaluation.compare import USUAL, compare

    names = [name.strip() for name in detectors.split(",") if name.strip()] or list(USUAL)
    with bars() as steps:
        rows = compare(
            data,
            detectors=names,
            points=points,
            progress=lambda name: steps("evaluating", names.index(name) / len(names)),
        )
        steps("evaluating", 1.0)
    if as_json:
        print(json.dumps([asdict(row) for row in rows]))
    else:
        show(comparison(rows))
