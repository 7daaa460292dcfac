"""How many incidents verdicts make: the fold over a frame of them, for comparing what was with what would have been."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from ad_stream.incidents.alarms import with_slow_flags
from ad_stream.incidents.events import VALUE
from ad_stream.incidents.window_rows import WindowRows, rows_of_frame
from ad_stream.series_config.limits import muted_and_floor

if TYPE_CHECKING:
    import pandas as pd

    from ad_stream.grid import Grid
    from ad_stream.incidents.fold import Fold
    from ad_stream.series_config.rules import Rules

SERIES = ["device_id", "signal"]


def opened(rows: pd.DataFrame, fold: Fold, rules: Rules, grid: Grid) -> int:
    """Incidents of values that open in verdicts of many windows, in any order: names, `minute`, MEASURES, flags, reason.

    fold: an empty one; rules: mutes and smallest deviations. Silences are none of it.
    """
    rows = with_slow_flags(rows)
    flagged = rows.loc[rows["is_anomaly"].eq(True), SERIES].drop_duplicates()
    rows = rows.merge(flagged, on=SERIES).sort_values(["minute", *SERIES], ignore_index=True)
    step = rows["minute"].to_numpy(dtype="datetime64[s]").astype(np.int64) // grid.seconds
    windows, names = _windows(rows, step * grid.seconds, rules), set()
    for first, last in pairwise(np.flatnonzero(np.diff(step, prepend=-1, append=-1)).tolist()):
        events = fold.step(int(step[first]), windows.where(slice(first, last)))
        names |= {one["incident_id"] for one in events if one["event"] == "opened" and one["kind"] == VALUE}
    return len(names)


def _windows(rows: pd.DataFrame, begins: np.ndarray[tuple[int], np.dtype[np.int64]], rules: Rules) -> WindowRows:
    device, signal = (rows[name].to_numpy(dtype=object) for name in SERIES)
    muted, floor = muted_and_floor(rules, device, signal, rows["expected"].to_numpy(dtype=np.float64), begins)
    return rows_of_frame(rows, muted, floor)
