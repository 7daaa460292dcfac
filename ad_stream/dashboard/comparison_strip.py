"""What the detectors of `detection.compare` say of a series, a strip each over a stretch of time, beside the run's own flags."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from ad_stream.dashboard.formatting import MOST_STORED
from ad_stream.dashboard.joint_strip import CELLS, cells_of, unit_of
from ad_stream.report.comparisons import read_comparisons, side_by_side
from ad_stream.tables.reader import read_detections

if TYPE_CHECKING:
    from ad_stream.dashboard.watcher import Watch


def comparison_strips(watch: Watch, *, device: str, signal: str, first: datetime, last: datetime) -> dict[str, Any]:
    """detectors: of each how many windows it scored, flagged, flagged as the run did and not, its model, and `cells` as the joint strip
    has them. None where nothing is compared."""
    grid = watch.grid
    asked: dict[str, Any] = {"device": device, "signal": signal, "first": first, "last": last}
    others = read_comparisons(watch.tables, **asked, most=MOST_STORED)
    if others.empty:
        return {"detectors": []}
    where: list[tuple[str, str, Any]] = [
        ("device_id", "=", device), ("signal", "=", signal), ("minute", ">=", first), ("minute", "<", last),
    ]  # fmt: skip
    own = read_detections(watch.tables, where, MOST_STORED)
    begin, end = grid.step(grid.next_start(first)), grid.step(grid.next_start(last))
    width = -(-(end - begin) // CELLS)
    count = -(-(end - begin) // width)
    told = side_by_side(own, others)
    for one in told:
        rows = others[others["detector"] == one["detector"]]
        steps = (rows["minute"].astype("int64").to_numpy() // unit_of(rows)) // grid.seconds - begin
        one["cells"] = cells_of(rows, steps // width, begin, width, count, grid)
    return {"detectors": told}
