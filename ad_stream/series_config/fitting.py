"""Which of the series that have been seen a pattern fits: said back to who writes a rule."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import numpy as np

from ad_stream.errors import InputError
from ad_stream.series_config.patterns import NameList
from ad_stream.tables.reader import grid_of, read_rows

SEEN = timedelta(days=1)
"""Before the newest window, or 1,440 windows where these are longer."""


def fitting(tables: Path, device: str, signal: str) -> tuple[list[str], int]:
    """('pump-1 temperature', ...) in order of their names, and how many series were seen; nothing where there is no table."""
    try:
        newest = read_rows(tables, "minutes", ["minute"])["minute"].max()
        if newest != newest or newest is None:
            return [], 0
        since = newest.to_pydatetime() - max(SEEN, 1440 * grid_of(tables).every)
        rows = read_rows(tables, "minutes", ["device_id", "signal"], [("minute", ">=", since)])
    except InputError:
        return [], 0
    known = rows.drop_duplicates().sort_values(["device_id", "signal"])
    names = [known[name].to_numpy(dtype=object) for name in ("device_id", "signal")]
    fits = NameList(names[0]).matching(device) & NameList(names[1]).matching(signal)
    return [f"{one} {other}" for one, other in zip(names[0][fits], names[1][fits], strict=True)], len(np.asarray(fits))
