"""Anomalies as events: a flag and the flags that continue it, newest first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ad_stream.dashboard.formatting import Asked, iso, number, page_of, words
from ad_stream.incidents.alarms import continues

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ad_stream.dashboard.overview import Overview
    from ad_stream.dashboard.watcher import Watch

    Ints = NDArray[np.int64]


def anomalies(
    watch: Watch, overview: Overview, asked: Asked, *, first: int = 0, last: int | None = None
) -> dict[str, Any]:
    """A page of the events that have a flag in the windows first to last (their steps); None is up to now."""
    with watch.lock:
        rows, starts = watch.flags.rows, watch.flags.starts
        ends = np.append(starts[1:], len(rows)) - 1 if len(starts) else starts
        newest = watch.fleet.newest if last is None else last
        chosen = (rows.minute[ends] >= first) & (rows.minute[starts] <= newest)
        if len(starts):
            chosen &= overview.matching(asked)[rows.series[starts]]
        events = np.flatnonzero(chosen)
        events = events[
            np.lexsort((rows.series[starts[events]], -rows.minute[starts[events]], -rows.minute[ends[events]]))
        ]
        shown = [_event(watch, int(starts[one]), int(ends[one]) + 1) for one in events[asked.slice()]]
        return page_of(shown, len(events), asked) | {"dropped": watch.flags.dropped}


def _event(watch: Watch, start: int, end: int) -> dict[str, Any]:
    rows, names = watch.flags.rows, watch.fleet.names
    worst = start + int(np.argmax(np.nan_to_num(rows.severity[start:end])))
    series = int(rows.series[start])
    reason = names.reasons[int(rows.reason[worst])]
    return {
        "device": names.devices[names.device_of[series]],
        "signal": names.signals[names.signal_of[series]],
        "first": iso(int(rows.minute[start]), watch.grid),
        "last": iso(int(rows.minute[end - 1]), watch.grid),
        "worst": iso(int(rows.minute[worst]), watch.grid),
        "minutes": end - start,
        "open": bool(continues(watch.fleet.newest - rows.minute[end - 1], watch.refractory)),
        **{
            name: number(float(getattr(rows, name)[worst])) for name in ("value", "expected", "lower", "upper", "score")
        },
        "severity": number(float(rows.severity[worst]), 3),
        "flag": int(rows.flag[worst]),
        "reason": reason,
        "why": words(reason),
    }
