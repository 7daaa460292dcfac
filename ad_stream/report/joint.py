"""Joint verdicts on one device for people: read, put into words, and as a table of the report."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ad_stream.errors import InputError
from ad_stream.model import REASONS
from ad_stream.report.page import PageTable
from ad_stream.tables.joint import JOINT_DETECTIONS
from ad_stream.tables.reader import read_rows
from ad_stream.tables.schema import PAGE

if TYPE_CHECKING:
    import pandas as pd

    from ad_stream.grid import Grid

SHOWN = (*JOINT_DETECTIONS.named(PAGE), "threshold", "model")


def read_joint(
    tables: str | Path, *, device: str, first: datetime, last: datetime, most: int | None = None
) -> pd.DataFrame:
    """The latest revisions of first <= minute < last, in order; none where the tables are of before joint detection.

    InputError where there are more than `most` rows.
    """
    import pandas as pd

    where: list[tuple[str, str, str | datetime]] = [
        ("device_id", "=", device),
        ("minute", ">=", first),
        ("minute", "<", last),
    ]
    if not Path(tables, JOINT_DETECTIONS.name).is_dir():
        nothing: pd.DataFrame = pd.DataFrame(columns=list(SHOWN))
        return nothing
    rows: pd.DataFrame = read_rows(tables, JOINT_DETECTIONS.name, SHOWN, where, most)
    latest: pd.DataFrame = rows.sort_values(["minute", "revision"]).drop_duplicates("minute", keep="last")
    return latest


def told_of(row: Mapping[Any, Any]) -> str:
    """'power 62 %: 4.1, expected 2 to 3; flow 21 %: …'."""
    return "; ".join(
        f"{one['signal']} {one['share']:.0%}: {_number(one['value'])}, expected {_number(one['lower'])} to {_number(one['upper'])}"
        for one in (row["contributors"] if row["contributors"] is not None else ())
    )


def joint_table(rows: pd.DataFrame, grid: Grid) -> PageTable | None:
    """The flagged windows of `read_joint`; None where nothing was judged."""
    if rows.empty:
        return None
    flagged = rows[rows["is_anomaly"].eq(True)]
    return PageTable(
        title=f"Signals together: {len(flagged)} flagged of {int((rows['status'] == 'scored').sum())} {grid.plural}",
        header=(grid.plural[:-1], "score", "severity", "signals flagged by themselves", "first contributors", "why"),
        rows=[_row(row, grid) for row in flagged.to_dict("records")],
    )


def joint_table_of(
    tables: str | Path, device: str, rows: pd.DataFrame, grid: Grid, most: int | None = None
) -> PageTable | None:
    """The table beside the verdicts `rows` of a device; None where it would be too long to read."""
    last = rows["minute"].max().to_pydatetime() + grid.every
    try:
        return joint_table(
            read_joint(tables, device=device, first=rows["minute"].min().to_pydatetime(), last=last, most=most), grid
        )
    except InputError:
        return None


def _row(row: Mapping[Any, Any], grid: Grid) -> tuple[str, ...]:
    return (
        f"{row['minute']:{grid.format()}}", f"{row['score']:.3g}", f"{row['severity']:.2f}", f"{row['flagged_signals']:.0f}",
        told_of(row), REASONS.get(row["reason"], row["reason"]),
    )  # fmt: skip


def _number(value: float | None) -> str:
    return "none" if value is None or value != value else f"{value:.5g}"
