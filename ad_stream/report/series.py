"""The report of one device: a picture of each signal over a stretch of time, and its anomalies with their reasons."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ad_stream.errors import InputError
from ad_stream.grid import MINUTE, Grid
from ad_stream.incidents.alarms import with_slow_flags
from ad_stream.model import REASONS
from ad_stream.report.comparisons import comparison_table_of
from ad_stream.report.joint import joint_table_of
from ad_stream.report.page import Fact, Page, PageSection, PageTable, render
from ad_stream.report.picture import TIME, Picture, draw
from ad_stream.report.png import png
from ad_stream.secrets import redact
from ad_stream.tables.reader import grid_of, read_detections, read_rows

if TYPE_CHECKING:
    import pandas as pd


def series_report(
    tables: str | Path,
    out: Path,
    *,
    device: str,
    signal: str | None = None,
    start: datetime | None = None,
    end: datetime | None = None,
    pictures: Path | None = None,
) -> list[Path]:
    """Write the page of one device, and a PNG for each signal into the folder `pictures`; -> the files.

    signal: None takes all. start <= minute < end, UTC; without them the last day that has rows, of long windows the
    last 1440. InputError where the
    tables hold no such windows.
    """
    rows = read_series(tables, device=device, signal=signal, start=start, end=end)
    grid = grid_of(tables)
    drawn = pictures_of(device, rows, grid)
    more = [table_of(tables, device, rows, grid) for table_of in (joint_table_of, comparison_table_of)]
    files = {out: render(series_page(device, rows, drawn, grid, more)).encode()}
    if pictures is not None:
        files |= {pictures / file_name(picture.title): png(picture) for picture in drawn}
    for path, content in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return list(files)


def read_series(
    tables: str | Path,
    *,
    device: str,
    signal: str | None = None,
    start: datetime | None = None,
    end: datetime | None = None,
    most: int | None = None,
) -> pd.DataFrame:
    """The verdicts on one device, as `series_report` picks them; InputError where there are none, or more than `most`."""
    where: list[tuple[str, str, str | datetime]] = [("device_id", "=", device)]
    if signal is not None:
        where.append(("signal", "=", signal))
    if start is None and end is None:
        newest = read_rows(tables, "detections", ["minute"], where)["minute"].max()
        back = max(timedelta(days=1), 1440 * grid_of(tables).every)
        start = newest.to_pydatetime() - back if newest == newest else None
    where += [("minute", ">=", start)] if start else []
    where += [("minute", "<", end)] if end else []
    rows = with_slow_flags(read_detections(tables, where, most))
    if rows.empty:
        asked = f"device {device!r}" + (f", signal {signal!r}" if signal else "")
        raise InputError(
            f"{redact(str(tables))} holds no verdicts on {asked} in that time: `ad-stream status` shows what is there"
        )
    return rows


def pictures_of(device: str, rows: pd.DataFrame, grid: Grid = MINUTE) -> list[Picture]:
    """Rows of `read_series` -> a picture of each signal, in the order of their names."""
    return [
        draw(
            one,
            id=f"signal-{number}",
            title=f"{device} · {signal}",
            caption=f"{int(_flagged(one).sum())} flagged of {(one['status'] == 'scored').sum()} scored {grid.plural}",
            first=one["minute"].iloc[0].to_pydatetime(),
            last=one["minute"].iloc[-1].to_pydatetime(),
            grid=grid,
        )
        for number, (signal, one) in enumerate(rows.groupby("signal", sort=True))
    ]


def series_page(
    device: str, rows: pd.DataFrame, pictures: list[Picture], grid: Grid = MINUTE, more: Sequence[PageTable | None] = ()
) -> Page:  # fmt: skip
    """The page with the pictures of `pictures_of` and the flagged windows; more: tables below these, where there are such."""
    flagged = rows[_flagged(rows)]
    first, last = rows["minute"].min(), rows["minute"].max()
    return Page(
        title=f"ad_stream: {device}",
        note=f"{first:{TIME}} to {last:{TIME}} UTC; drag over a picture to look closer, double-click to go back.",
        facts=[
            Fact("signals", str(len(pictures))),
            Fact(f"{grid.plural} scored", f"{int((rows['status'] == 'scored').sum()):,}"),
            Fact(f"flagged {grid.plural}", f"{len(flagged):,}"),
        ],
        tables=[
            PageTable(
                title=f"Flagged {grid.plural}",
                header=(grid.plural[:-1], "signal", "value", "expected band", "score", "why"),
                rows=[_row(row, grid) for row in flagged.to_dict("records")],
            ),
            *(table for table in more if table is not None),
        ],
        sections=[
            PageSection(
                "Signals", "Value, expected band and flags, on one time axis.", pictures, wide=True, linked=True
            )
        ],
    )


def file_name(title: str) -> str:
    """'pump 7 · temperature' -> 'pump-7-temperature.png'."""
    return "-".join(re.findall(r"[\w.]+", title)).strip(".") + ".png"


def _flagged(rows: pd.DataFrame) -> pd.Series[bool]:
    flagged: pd.Series[bool] = rows["is_anomaly"].eq(True).fillna(False).astype(bool)
    return flagged


def _row(row: dict[Any, Any], grid: Grid) -> tuple[str, ...]:
    low, high = row["expected"] - row["lower_margin"], row["expected"] + row["upper_margin"]
    why = REASONS.get(row["reason"], row["reason"]) + (" (continuing)" if row["continuing"] else "")
    band = f"{low:.6g} to {high:.6g}"
    return f"{row['minute']:{grid.format()}}", row["signal"], f"{row['value']:.6g}", band, f"{row['score']:.3g}", why
