"""Whether joint models still fit: how much of the last day lies where a twentieth of the training days lay.

By its own tail, one block of ten usual windows in twenty reaches a score of ln 20 nats. A device of which far more blocks do is
no longer what it was trained on (an overhaul, a new setting, a drift of a sensor): train it again.
"""

from __future__ import annotations

import math
from datetime import timedelta
from pathlib import Path

from ad_stream.errors import InputError
from ad_stream.tables.joint import JOINT_DETECTIONS
from ad_stream.tables.reader import grid_of, read_rows

NATS, USUAL, MUCH = math.log(20), 0.05, 0.2
"""The score, the share of blocks that reaches it on days like those of training, and the share from which on training is advised."""
BLOCK = 10


def drifted(tables: str | Path, *, device: str | None = None) -> dict[str, float]:
    """Device -> share of its blocks of the last day (or 1440 windows) at NATS or above, where that is MUCH or more, most first;
    with `device` that of one device, whatever it is. Tables of before joint detection have none."""
    grid = grid_of(tables)
    stretch = max(timedelta(days=1), 1440 * grid.every)
    mine: list[tuple[str, str, str]] = [] if device is None else [("device_id", "=", device)]
    try:
        # What lies high is little; the newest window is among it or a little later, and a day is long.
        rows = read_rows(
            tables,
            JOINT_DETECTIONS.name,
            ["device_id", "minute", "score"],
            [*mine, ("score", ">=", NATS), ("revision", "=", 0)],
        )
    except InputError:
        return {}
    if rows.empty:
        return {} if device is None else {device: 0.0}
    rows = rows[rows["minute"] > rows["minute"].max() - stretch]
    blocks = rows["minute"].dt.floor(BLOCK * grid.every)
    share = blocks.groupby(rows["device_id"]).nunique() * BLOCK / (stretch / grid.every)
    found = {str(name): float(one) for name, one in share.sort_values(ascending=False).items()}
    return found if device is not None else {name: one for name, one in found.items() if one >= MUCH}
