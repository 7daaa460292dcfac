"""The joint verdicts on a device as a strip over a stretch of time, and its alarms with the signals that made them."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ad_stream.dashboard.formatting import MOST_STORED, iso
from ad_stream.model import REASONS
from ad_stream.monitoring.joint import MUCH, drifted
from ad_stream.report.joint import read_joint

if TYPE_CHECKING:
    from ad_stream.dashboard.watcher import Watch
    from ad_stream.grid import Grid

CELLS, ALARMS = 180, 50


def joint_strip(watch: Watch, *, device: str, first: datetime, last: datetime) -> dict[str, Any]:
    """cells: from start to end, the greatest score and how many windows were flagged, null where none was judged; alarms: the
    newest flagged windows with their contributors; drift: set where the model no longer fits. No cells without a model."""
    grid = watch.grid
    rows = read_joint(watch.tables, device=device, first=first, last=last, most=MOST_STORED)
    if rows.empty:
        return {"cells": [], "alarms": [], "drift": None, "threshold": None}
    begin, end = grid.step(grid.next_start(first)), grid.step(grid.next_start(last))
    steps = (rows["minute"].astype("int64").to_numpy() // unit_of(rows)) // grid.seconds - begin
    width = -(-(end - begin) // CELLS)
    cells = cells_of(rows, steps // width, begin, width, -(-(end - begin) // width), grid)
    flagged = rows[rows["is_anomaly"].eq(True)]
    return {
        "cells": cells,
        "alarms": [_alarm(row, grid) for row in flagged.iloc[::-1][:ALARMS].to_dict("records")],
        "flagged": len(flagged),
        "drift": _drift(watch.tables, device),
        "threshold": float(rows["threshold"].iloc[-1]),
    }


def cells_of(rows: Any, cell: Any, begin: int, width: int, count: int, grid: Grid) -> list[dict[str, Any]]:
    score = np.full(count, -np.inf)
    np.maximum.at(score, cell, np.nan_to_num(rows["score"].to_numpy(dtype=np.float64), nan=-np.inf))
    flags = np.bincount(cell, weights=rows["is_anomaly"].eq(True), minlength=count).astype(int)
    return [
        {
            "start": iso(begin + width * k, grid), "end": iso(begin + width * (k + 1), grid),
            "score": round(float(score[k]), 2) if np.isfinite(score[k]) else None, "flagged": int(flags[k]),
        }
        for k in range(count)
    ]  # fmt: skip


def _alarm(row: dict[Any, Any], grid: Grid) -> dict[str, Any]:
    at = int(row["minute"].timestamp()) // grid.seconds
    return {
        "minute": iso(at, grid), "score": row["score"], "severity": row["severity"], "reason": row["reason"],
        "meaning": REASONS.get(row["reason"], row["reason"]), "flagged_signals": int(row["flagged_signals"]),
        "contributors": [dict(one) for one in row["contributors"]] if row["contributors"] is not None else [],
    }  # fmt: skip


def _drift(tables: str | Path, device: str) -> float | None:
    share = drifted(tables, device=device).get(device, 0.0)
    return share if share >= MUCH else None


def unit_of(rows: Any) -> int:
    return {"ns": 10**9, "us": 10**6, "ms": 10**3, "s": 1}[rows["minute"].dtype.unit]
