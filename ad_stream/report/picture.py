"""The data of one picture: value, expected band and flags of a series over a stretch of windows."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from ad_stream.grid import MINUTE, Grid
from ad_stream.model import INSIDE, REASONS

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]

TIME = "%Y-%m-%d %H:%M"
PLAIN = (None, *INSIDE)


@dataclass(frozen=True)
class Picture:
    """What is drawn. The lists are as long as `times`; None is a window without a row or without a band.

    id       anchor on the page
    flags    'above', 'below' or None for each time
    why      reason in words for each time, None for a plain 'inside the band'
    span     first and last time of the marked stretch (a fault, an alarm), None where nothing is marked
    """

    id: str
    title: str
    caption: str
    times: list[str]
    value: list[float | None]
    expected: list[float | None]
    lower: list[float | None]
    upper: list[float | None]
    flags: list[str | None]
    why: list[str | None] = field(default_factory=list)
    span: tuple[str, str] | None = None
    kind: str = field(default="")

    def as_dict(self) -> dict[str, Any]:
        """For the page's script."""
        return asdict(self)


def draw(
    rows: pd.DataFrame,
    *,
    id: str,  # noqa: A002 (the name HTML gives it)
    title: str,
    caption: str,
    first: datetime,
    last: datetime,
    span: tuple[datetime, datetime] | None = None,
    kind: str = "",
    shown_as: Callable[[datetime], str] | None = None,
    grid: Grid = MINUTE,
) -> Picture:
    """Verdicts of one series -> the picture of the windows that begin at first to last (UTC, both inclusive).

    rows: of `read_detections`, one device and signal. shown_as: start of a window -> its text on the time axis, such as a
    person's own timestamp; without it the start in UTC.
    """
    import pandas as pd

    starts = pd.date_range(grid.next_start(first), last, freq=grid.every)
    cells = rows.set_index("minute").reindex(starts).astype({"reason": object})
    return _picture(cells, shown_as or _utc(grid), id=id, title=title, caption=caption, span=span, kind=kind)


def overview(
    rows: pd.DataFrame,
    *,
    id: str,  # noqa: A002
    title: str,
    caption: str,
    kind: str = "",
    shown_as: Callable[[datetime], str] | None = None,
    grid: Grid = MINUTE,
    most: int = 3000,
) -> Picture:
    """Verdicts of one series -> a picture of all of them, however many: of more than `most` the lowest and the highest of
    each stretch, every flag, and where rows are missing a gap."""
    import pandas as pd

    rows = rows.sort_values("minute")
    at = rows["minute"].to_numpy(dtype="datetime64[s]").astype(np.int64)
    behind = np.flatnonzero(np.diff(at) > 1.5 * grid.seconds)
    kept = _outline(rows, behind, most)
    holes = pd.DatetimeIndex(rows["minute"].iloc[behind] + grid.every)
    cells = rows.iloc[kept].set_index("minute")
    cells = cells.reindex(cells.index.union(holes)).astype({"reason": object})
    return _picture(cells, shown_as or _utc(grid), id=id, title=title, caption=caption, span=None, kind=kind)


def _outline(rows: pd.DataFrame, behind: Ints, most: int) -> Ints:
    """Places of the rows that a narrow picture cannot do without: extremes of each stretch, flags, both sides of a gap."""
    count = len(rows)
    if count <= most:
        return np.arange(count)
    stretch = np.arange(count) * (most // 2) // count
    values = rows["value"].reset_index(drop=True).groupby(stretch)
    flagged = np.flatnonzero(rows["is_anomaly"].eq(True).fillna(False).to_numpy(dtype=bool))
    ends = np.concatenate([behind, behind + 1, [0, count - 1]])
    extremes = _places(values.idxmin()), _places(values.idxmax())
    return np.unique(np.concatenate([*extremes, flagged, ends]).astype(np.int64))


def _places(column: pd.Series[int]) -> Ints:
    """The places a group-by found; a stretch without a number has none."""
    return column.dropna().to_numpy(dtype=np.int64)


def _utc(grid: Grid) -> Callable[[datetime], str]:
    return lambda moment: f"{moment:{grid.format()}}"


def _picture(
    cells: pd.DataFrame,
    shown_as: Callable[[datetime], str],
    *,
    id: str,  # noqa: A002
    title: str,
    caption: str,
    span: tuple[datetime, datetime] | None,
    kind: str,
) -> Picture:
    """cells: a row per time of the picture, by time; empty where there is none."""
    cells["reason"] = cells["reason"].where(cells["reason"].notna(), None)
    flags = [
        None if flagged is not True else "above" if up is True else "below"
        for flagged, up in zip(cells["is_anomaly"], cells["is_positive"], strict=True)
    ]
    return Picture(
        id=id,
        title=title,
        caption=caption,
        times=[shown_as(moment) for moment in cells.index],
        value=_numbers(cells["value"]),
        expected=_numbers(cells["expected"]),
        lower=_numbers(cells["expected"] - cells["lower_margin"]),
        upper=_numbers(cells["expected"] + cells["upper_margin"]),
        flags=flags,
        why=[None if reason in PLAIN else REASONS.get(str(reason), str(reason)) for reason in cells["reason"]],
        span=(shown_as(span[0]), shown_as(span[1])) if span else None,
        kind=kind,
    )


def _numbers(column: pd.Series[float]) -> list[float | None]:
    """Six digits are more than a picture shows; NaN and infinite become None."""
    return [float(f"{value:.6g}") if math.isfinite(value) else None for value in column.astype(float)]
