"""The stored windows that are tuned on: of so many series, drawn by the hash of their devices' names, as one matrix."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ad_stream.errors import InputError
from ad_stream.series_config.patterns import ANY, NameList
from ad_stream.tables.reader import read_rows, series_since

if TYPE_CHECKING:
    from ad_stream.grid import Grid
    from ad_stream.model import Floats
    from ad_stream.models.known import SeriesName
    from ad_stream.series_config.rules import Rules

CELLS = 8_000_000
"""Most values of the matrix, 64 MB."""
AT_ONCE = 1_000_000
"""Most rows that are read in one go."""
SEEN = timedelta(days=1)
"""Series are those that had a window so shortly before the end."""


@dataclass(frozen=True)
class Drawn:
    """names: the series that are looked at, all of their devices; of: series that fit; ruled: series that a person gave a
    sensitivity of their own, which are none of them."""

    names: list[SeriesName]
    of: int
    ruled: int


@dataclass(frozen=True)
class Past:
    """values (m, n), NaN = no reading, of the windows from `first` on (a number of the grid)."""

    names: list[SeriesName]
    values: Floats
    first: int
    grid: Grid

    def part(self, start: datetime, end: datetime) -> tuple[Floats, int]:
        """start <= window < end -> values (m, k) and the seconds since 1970 of the first."""
        low, high = (min(max(self.grid.step(at) - self.first, 0), self.values.shape[1]) for at in (start, end))
        return self.values[:, low:high], (self.first + low) * self.grid.seconds


def draw(tables: Path, newest: datetime, rules: Rules, *, device: str, most: int, windows: int) -> Drawn:
    """At most `most` series, and no more than CELLS hold over so many windows each; InputError where none fits."""
    every = series_since(tables, newest - SEEN)
    names = [np.array([one[place] for one in every], dtype=object) for place in (0, 1)]
    fits = NameList(names[0]).matching(device) if every else np.zeros(0, dtype=np.bool_)
    ruled = np.zeros_like(fits)
    for rule in rules.rules:
        if any(name == "sensitivity" for name, _ in rule.settings):
            ruled |= NameList(names[0]).matching(rule.device) & NameList(names[1]).matching(rule.signal)
    free = [every[one] for one in np.flatnonzero(fits & ~ruled)]
    if not free:
        of = "" if device == ANY else f" of devices like {device!r}"
        own = f" ({int((fits & ruled).sum())} have a sensitivity of their own)" if (fits & ruled).any() else ""
        raise InputError(f"no series{of} had a window in the last day before {newest:%Y-%m-%d %H:%M} UTC{own}")
    chosen: list[SeriesName] = []
    for name in _shuffled({one for one, _ in free}):
        own_series = [one for one in free if one[0] == name]
        if chosen and len(chosen) + len(own_series) > min(most, CELLS // windows):
            break
        chosen += own_series
    return Drawn(sorted(chosen), len(free), int((fits & ruled).sum()))


def devices_in(names: Sequence[SeriesName]) -> list[str]:
    """The devices of series, each once, in the order of the series."""
    return list(dict.fromkeys(device for device, _ in names))


def read_past(tables: Path, names: Sequence[SeriesName], start: datetime, end: datetime, grid: Grid) -> Past:
    """What is stored of these series, read some devices at a time."""
    first, width = grid.step(start), grid.step(end) - grid.step(start)
    values = np.full((len(names), width), np.nan)
    row_of = {name: row for row, name in enumerate(names)}
    devices = devices_in(names)
    each = max(1, AT_ONCE * len(devices) // (width * len(names)))
    for some in (devices[low : low + each] for low in range(0, len(devices), each)):
        rows = read_rows(
            tables, "minutes", ["device_id", "signal", "minute", "value"],
            [("device_id", "IN", tuple(some)), ("revision", "=", 0), ("minute", ">=", start), ("minute", "<", end)],
        )  # fmt: skip
        at = (
            rows["minute"].dt.tz_convert(None).to_numpy().astype("datetime64[s]").astype(np.int64) // grid.seconds
            - first
        )
        of = np.array(
            [row_of.get(pair, -1) for pair in zip(rows["device_id"], rows["signal"], strict=True)], dtype=np.int64
        )
        values[of[of >= 0], at[of >= 0]] = rows["value"].to_numpy(dtype=np.float64)[of >= 0]
    return Past(list(names), values, first, grid)


def _shuffled(names: Iterable[str]) -> list[str]:
    """An order that has nothing to do with the devices, and is the same each time."""
    return sorted(names, key=lambda name: hashlib.sha256(f"tune {name}".encode()).hexdigest())
