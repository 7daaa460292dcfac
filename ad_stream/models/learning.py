"""Windows of the series of one bucket -> the row of the table `models` that holds what was learned of them, and a row for
each series of which nothing could be learned for a cause of its own."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from ad_stream.models.kinds import KINDS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ad_stream.model import Floats
    from ad_stream.models.kinds import Kind
    from ad_stream.models.known import SeriesName

    Ints = NDArray[np.int64]
    Objects = NDArray[np.object_]

MOST_CELLS = 8_000_000
"""Series are laid out so many together that their matrix takes 64 MB."""


def learn_bucket(
    group: str, names: list[SeriesName], codes: Ints, steps: Ints, values: Floats, *, kind: Kind = KINDS["profile"],
    step_seconds: int = 60, options: Mapping[str, Any] | None = None, clock: Callable[[], float] = time.monotonic,
) -> list[dict[str, Any]]:  # fmt: skip
    """names (m,); codes, steps, values (k,): whose windows, which (numbers since 1970), and what they held, in any order; kind
    and options: what to fit -> rows of `models` without name, version and span."""
    began = clock()
    learned, failed = _learned(kind, len(names), codes, steps, values, step_seconds, options or {})
    readings = np.bincount(codes[np.isfinite(values)], minlength=len(names))
    known = kind.known(learned)
    reasons = dict(failed)
    for one in np.flatnonzero(~known & (readings >= kind.enough)):
        reasons.setdefault(int(one), kind.why_not)
    blob, sha256 = kind.encode(names, learned)
    figures = {
        "series": len(names), "learned": int(known.sum()), "too_short": int((~known).sum()) - len(reasons),
        "failed": len(reasons), **kind.figures(learned),
    }  # fmt: skip
    whole = {"group": group, "rows": len(codes), "state": "candidate", "figures": json.dumps(figures),
             "format": kind.format, "blob": blob, "sha256": sha256, "seconds": clock() - began}  # fmt: skip
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


def _learned(
    kind: Kind, count: int, codes: Ints, steps: Ints, values: Floats, seconds: int, options: Mapping[str, Any]
) -> tuple[Any, dict[int, str]]:  # fmt: skip
    """What was learned of `count` series, and why those failed that raised."""
    failed: dict[int, str] = {}
    first = int(steps.min()) if len(steps) else 0
    width = int(steps.max()) - first + 1 if len(steps) else 1
    order = np.argsort(codes, kind="stable")
    ends = np.searchsorted(codes[order], np.arange(count + 1))
    each = max(1, MOST_CELLS // width)
    parts = []
    for low in range(0, max(count, 1), each):
        high = min(low + each, count)
        mine = order[ends[low] : ends[high]]
        matrix = np.full((high - low, width), np.nan)
        matrix[codes[mine] - low, steps[mine] - first] = values[mine]
        parts += _fitted(kind, matrix, low, failed, first=first * seconds, step=seconds, **options)
    return kind.together(parts), failed


def _fitted(kind: Kind, matrix: Floats, low: int, failed: dict[int, str], **options: Any) -> list[Any]:
    """All series at once; where that raises one by one, so that one cannot cost the others what is known of them."""
    try:
        return [kind.fit(matrix, **options)]
    except Exception:  # told below, of the series that raises
        parts = []
    for place, row in enumerate(matrix):
        try:
            parts.append(kind.fit(row[None], **options))
        except Exception as error:
            failed[low + place] = f"{type(error).__name__}: {error}"
            parts.append(kind.fit(np.full_like(row[None], np.nan), **options))
    return parts
