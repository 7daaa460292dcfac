"""Detectors beside each other (`detection.compare`): read, counted, and as a table of the report."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ad_stream.errors import InputError
from ad_stream.report.page import PageTable
from ad_stream.tables.comparisons import COMPARISONS
from ad_stream.tables.reader import read_rows

if TYPE_CHECKING:
    import pandas as pd

    from ad_stream.grid import Grid

SHOWN = ("device_id", "signal", "minute", "detector", "score", "is_anomaly", "status", "model")


def read_comparisons(
    tables: str | Path, *, device: str, first: datetime, last: datetime, signal: str | None = None, most: int | None = None
) -> pd.DataFrame:  # fmt: skip
    """Verdicts of first <= minute < last, by signal, detector and time; none where the tables are of before comparisons.

    InputError where there are more than `most` rows.
    """
    import pandas as pd

    where: list[tuple[str, str, str | datetime]] = [("device_id", "=", device), ("minute", ">=", first), ("minute", "<", last)]  # fmt: skip
    if signal is not None:
        where.append(("signal", "=", signal))
    if not Path(tables, COMPARISONS.name).is_dir():
        nothing: pd.DataFrame = pd.DataFrame(columns=list(SHOWN))
        return nothing
    rows: pd.DataFrame = read_rows(tables, COMPARISONS.name, SHOWN, where, most)
    ordered: pd.DataFrame = rows.sort_values(["signal", "detector", "minute"], ignore_index=True)
    return ordered


def side_by_side(own: pd.DataFrame, others: pd.DataFrame) -> list[dict[str, Any]]:
    """Verdicts of the run (signal, minute, is_anomaly, status) and rows of `read_comparisons` -> for each signal and detector how many
    windows it scored and flagged, how many of these the run flags, too, and of those that the run flags how many it does not."""
    flagged = {signal: set(rows["minute"]) for signal, rows in own[own["is_anomaly"].eq(True)].groupby("signal")}
    out = []
    for (signal, detector), rows in others.groupby(["signal", "detector"], sort=True):
        ours, theirs = flagged.get(signal, set()), set(rows["minute"][rows["is_anomaly"].eq(True)])
        judged = ours & set(rows["minute"][rows["status"] == "scored"])
        models = rows["model"].dropna()
        out.append({
            "signal": str(signal), "detector": str(detector), "scored": int((rows["status"] == "scored").sum()),
            "flagged": len(theirs), "both": len(theirs & ours), "only_run": len(judged - theirs),
            "model": None if models.empty else str(models.iloc[-1]),
        })  # fmt: skip
    return out


def comparison_table_of(
    tables: str | Path, device: str, rows: pd.DataFrame, grid: Grid, most: int | None = None
) -> PageTable | None:
    """The table beside the verdicts `rows` of a device; None where nothing is compared, or too much to read."""
    first, last = rows["minute"].min().to_pydatetime(), rows["minute"].max().to_pydatetime() + grid.every
    try:
        others = read_comparisons(tables, device=device, first=first, last=last, most=most)
    except InputError:
        return None
    if others.empty:
        return None
    return PageTable(
        title="Detectors side by side",
        header=("signal", "detector", "scored", "flagged", "flagged by the run, too", "only by the run", "model"),
        rows=[
            (one["signal"], one["detector"], *(f"{one[name]:,}" for name in ("scored", "flagged", "both", "only_run")),
             one["model"] or "none")
            for one in side_by_side(rows, others)
        ],
        note=f"{grid.plural.capitalize()} that detection.compare judged beside the run's own detector; nobody was told of them.",
    )  # fmt: skip
