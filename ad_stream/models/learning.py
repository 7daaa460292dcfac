"""Windows of the series of one bucket -> the row of the table `models` that holds their profiles, and a row for each series
of which nothing could be learned for a cause of its own."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from ad_stream.detectors.kernels.cadence import on_own_cadence
from ad_stream.detectors.profile import FEWEST_HOURS, WINDOW, Profiles, learn
from ad_stream.models.profiles import FORMAT, SeriesName, encode

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ad_stream.model import Floats

    Ints = NDArray[np.int64]
    Objects = NDArray[np.object_]

MOST_CELLS = 8_000_000
"""Series are laid out so many together that their matrix takes 64 MB."""
ENOUGH = WINDOW + 60 * FEWEST_HOURS
"""Readings that a profile wants: the window, and behind it so many hours."""


def learn_bucket(
    group: str, names: list[SeriesName], codes: Ints, steps: Ints, values: Floats, *, clock: Callable[[], float] = time.monotonic
) -> list[dict[str, Any]]:  # fmt: skip
    """names (m,); codes, steps, values (k,): whose windows, which, and what they held, in any order -> rows of `models`
    without name, version and span."""
    began = clock()
    profiles, failed = _learned(len(names), codes, steps, values)
    readings = np.bincount(codes[np.isfinite(values)], minlength=len(names))
    known = np.isfinite(profiles.tail)
    reasons = dict(failed)
    for one in np.flatnonzero(~known & (readings >= ENOUGH)):
        reasons.setdefault(int(one), "does not move, or most of its hours are empty")
    blob, sha256 = encode(names, profiles)
    figures = {
        "series": len(names), "learned": int(known.sum()), "too_short": int((~known).sum()) - len(reasons),
        "failed": len(reasons), "median_tail": float(np.median(profiles.tail[known])) if known.any() else None,
    }  # fmt: skip
    whole = {"group": group, "rows": len(codes), "state": "candidate", "figures": json.dumps(figures),
             "format": FORMAT, "blob": blob, "sha256": sha256, "seconds": clock() - began}  # fmt: skip
    return [whole] + [
        {"group": group, "device_id": names[one][0], "rows": int(readings[one]), "state": "retired",
         "reason": f"{names[one][1]}: {why}"}
        for one, why in sorted(reasons.items())
    ]  # fmt: skip


def series_of(devices: Objects, signals: Objects) -> tuple[list[SeriesName], Ints]:
    """Names of the series of each row (k,) -> the series (m,), sorted, and which of them each row is of."""
    device_names, device = np.unique(devices, return_inverse=True)
    signal_names, signal = np.unique(signals, return_inverse=True)
    pairs, codes = np.unique(device * len(signal_names) + signal, return_inverse=True)
    names = [(str(device_names[one // len(signal_names)]), str(signal_names[one % len(signal_names)])) for one in pairs]
    return names, codes


def _learned(count: int, codes: Ints, steps: Ints, values: Floats) -> tuple[Profiles, dict[int, str]]:
    """The profiles of `count` series, and why those failed that raised."""
    tail, hours, failed = np.full(count, np.nan), np.zeros(count, dtype=np.int64), dict[int, str]()
    first = int(steps.min()) if len(steps) else 0
    width = int(steps.max()) - first + 1 if len(steps) else 1
    order = np.argsort(codes, kind="stable")
    ends = np.searchsorted(codes[order], np.arange(count + 1))
    each = max(1, MOST_CELLS // width)
    for low in range(0, count, each):
        high = min(low + each, count)
        mine = order[ends[low] : ends[high]]
        matrix = np.full((high - low, width), np.nan)
        matrix[codes[mine] - low, steps[mine] - first] = values[mine]
        for row, series in zip(_one_column_a_reading(matrix), range(low, high), strict=True):
            try:
                found = learn(row[None])
            except Exception as error:  # one series must not cost the others their profiles
                failed[series] = f"{type(error).__name__}: {error}"
                continue
            tail[series], hours[series] = found.tail[0], found.hours[0]
    return Profiles(tail, hours), failed


def _one_column_a_reading(matrix: Floats) -> Floats:
    """(m, n) -> (m, n) with slow series on their own cadence; a series that ended earlier is moved to the end for that."""
    known = np.isfinite(matrix)
    back = np.where(known.any(axis=1), known[:, ::-1].argmax(axis=1), 0)
    columns = (np.arange(matrix.shape[1]) - back[:, None]) % matrix.shape[1]
    return on_own_cadence(np.take_along_axis(matrix, columns, axis=1))[0]
