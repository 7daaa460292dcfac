"""How far apart the rows of a series are and where some are missing, in words."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np

from ad_stream.grid import length

if TYPE_CHECKING:
    import pandas as pd

    from ad_stream.own_data.verdicts import OwnVerdicts


def step_and_gaps(verdicts: OwnVerdicts, device: str, rows: pd.DataFrame) -> tuple[str, str]:
    """('5 minutes', '3, the longest 2 hours before 2026-11-02 06:00'); the device's own step."""
    index = verdicts.index
    step, months = timedelta(milliseconds=index.origin[device][1]), index.months.get(device, 0)
    said = {0: length(step), 1: "1 month", 3: "3 months", 12: "1 year"}[months]
    minute = rows["minute"].reset_index(drop=True)
    seconds = minute.to_numpy(dtype="datetime64[s]").astype(np.int64)
    places = np.asarray(np.diff(seconds) / index.every, dtype=np.float64)
    gaps = np.flatnonzero(np.greater(places, 1.5))
    if not len(gaps):
        return said, "none"
    longest = gaps[int(places[gaps].argmax())]
    width = "" if months else f" {length(step * round(places[longest]))}"
    return (
        said,
        f"{len(gaps):,}, the longest{width} before {verdicts.shown(device, minute.iloc[longest + 1].to_pydatetime())}",
    )
