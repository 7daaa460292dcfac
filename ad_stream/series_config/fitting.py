"""Which of the series that have been seen a pattern fits: said back to who writes a rule."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import numpy as np

from ad_stream.errors import InputError
from ad_stream.series_config.patterns import NameList
from ad_stream.tables.reader import grid_of, series_since, stored_span

SEEN = timedelta(days=1)
"""Before the newest window, or 1,440 windows where these are longer."""


def fitting(tables: Path, device: str, signal: str) -> tuple[list[str], int]:
    """('pump-1 temperature', ...) in order of their names, and how many series were seen; nothing where there is no table."""
    try:
        span = stored_span(tables)
        known = [] if span is None else series_since(tables, span[1] - max(SEEN, 1440 * grid_of(tables).every))
    except InputError:
        return [], 0
    names = [np.array([one[part] for one in known], dtype=object) for part in (0, 1)]
    fits = NameList(names[0]).matching(device) & NameList(names[1]).matching(signal)
    return [f"{one} {other}" for one, other in zip(names[0][fits], names[1][fits], strict=True)], len(known)
