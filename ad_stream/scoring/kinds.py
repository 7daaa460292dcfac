"""Windows judged as what their series are: a gauge by its readings, a counter by its rate, a state by the time it lasts.

Where a counter's rate r is expected to be e within +- m, its reading x = base + r * columns is expected to be base + e * columns
within +- m * columns, and so say the columns: value, expected value and band stay in the unit of the readings.

    a state is flagged  after more than 1.5 times the longest of its whole stays in the window, of which it needs 3 (score: stay
                        over longest),
                        where a change ends a stay shorter than 1 / 2 of the shortest of 8 others of that state, once, and
                        where one is entered that a window of 6 whole stays has never seen, once

The factors are those at sensitivity 95 (`band.threshold`). Only the window is looked at.
"""

from __future__ import annotations

from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from ad_stream.detectors.kernels import band
from ad_stream.detectors.kernels.kinds import kinds_of
from ad_stream.detectors.kernels.rates import rates
from ad_stream.detectors.kernels.stays import stays
from ad_stream.detectors.slow import SlowVerdict, judge_slowly, not_judged
from ad_stream.detectors.window_detector import FLAGS, MEASURES, blank
from ad_stream.model import AUTO, COUNTER, DECLINED, GAUGE, RATE, SCORED, STATE, WARMING_UP, LastPoint, Windows

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ad_stream.detectors.base import Detector
    from ad_stream.detectors.kernels.stays import Stays
    from ad_stream.model import Bools, Floats

    Ints = NDArray[np.int64]
    Both = tuple[LastPoint, SlowVerdict | None]

TOO_LONG, FEWEST_STAYS = 1.5, 3
TOO_SHORT, FEWEST_OTHERS = 2.0, 8
KNOWN_STAYS = 6
CHANGE_SEVERITY = 0.5
"""Of a state that is new, or was left too soon: neither has a measured scale."""

Answer = TypeVar("Answer", LastPoint, SlowVerdict)


def judge_kinds(windows: Windows, detector: Detector, *, slow: bool) -> Both:
    """(m, n) -> the verdicts (m,), of the kind that the detector's `kind` says; the slow one None where it is not wanted."""
    kind = getattr(detector, "kind", GAUGE)
    if kind != AUTO:
        return _JUDGE[kind](windows, detector, slow)
    kinds = kinds_of(windows.values)
    places = [np.flatnonzero(kinds == one) for one in _JUDGE]
    parts = [
        judge(_chosen(windows, place), detector, slow)
        for judge, place in zip(_JUDGE.values(), places, strict=True)
        if len(place)
    ]
    if len(parts) == 1:
        return parts[0]
    places = [place for place in places if len(place)]
    slowly = [second for _, second in parts if second is not None]
    return joined([first for first, _ in parts], places), joined(slowly, places) if slow else None


def looks_like(values: Floats) -> str:
    """(n,) the readings of one series in order -> GAUGE, COUNTER or STATE, by all of them."""
    return str(kinds_of(values[None])[0])


def of_readings(verdict: LastPoint, detector: Detector) -> Bools:
    """(m,): the verdict is on the readings themselves, not on their rate or on how long they last."""
    kind = getattr(detector, "kind", GAUGE)
    if kind != AUTO:
        return np.full(len(verdict.reason), kind == GAUGE)
    return np.array([not one.startswith(("rate_", "state_")) for one in verdict.reason], dtype=np.bool_)


def joined(parts: list[Answer], places: list[Ints]) -> Answer:
    """The parts as one, in the order of their places."""
    back = np.argsort(np.concatenate(places))
    names = [field.name for field in fields(parts[0])]
    return type(parts[0])(**{name: np.concatenate([getattr(part, name) for part in parts])[back] for name in names})


def _chosen(windows: Windows, place: Ints) -> Windows:
    return replace(
        windows,
        values=windows.values[place],
        end=None if windows.end is None else windows.end[place],
        profiles=None if windows.profiles is None else windows.profiles[place],
        own=None if windows.own is None else windows.own.of(place),
    )


def _at(windows: Windows) -> Ints | None:
    """(m, n): the window in which each column was read, counted from the judged one; None: its column."""
    return None if windows.own is None else -windows.own.behind


def _gauge(windows: Windows, detector: Detector, slow: bool) -> Both:
    max_gap = int(getattr(detector, "max_gap", 0))
    return detector.detect_last(windows), judge_slowly(
        windows, points=detector.points, max_gap=max_gap
    ) if slow else None


def _counter(windows: Windows, detector: Detector, slow: bool) -> Both:
    """Profiles are of readings and know nothing of a rate."""
    found = rates(windows.values, _at(windows))
    first, second = _gauge(replace(windows, values=found.rate, profiles=None), detector, slow)
    with np.errstate(all="ignore"):
        told = {
            "expected": found.base + first.expected * found.columns,
            "upper_margin": first.upper_margin * found.columns,
            "lower_margin": first.lower_margin * found.columns,
        }
    lost = (first.status == SCORED) & ~np.all([np.isfinite(column) for column in told.values()], axis=0)
    alone = np.isnan(found.rate[:, -1]) & np.isfinite(windows.values[:, -1])  # the first reading has no rate
    columns = {name: getattr(first, name) for name in LastPoint.columns()} | told
    for name in MEASURES:
        columns[name] = np.where(lost, np.nan, columns[name])
    for name in FLAGS:
        columns[name] = columns[name] & ~lost
    columns["status"] = np.where(lost, DECLINED, np.where(alone, WARMING_UP, first.status)).astype(object)
    columns["reason"] = np.array([RATE.get(one, one) for one in first.reason], dtype=object)
    columns["reason"][lost], columns["reason"][alone] = "overflow", "few_points"
    if second is not None:
        second.slow_reason[alone] = "few_points"
    return LastPoint(**columns), second


def _state(windows: Windows, detector: Detector, slow: bool) -> Both:
    """What the slow verdict asks for, drifts and values that stand still, a state has no more of."""
    values = np.asarray(windows.values, dtype=np.float64)
    value, readings = values[:, -1], np.isfinite(values).sum(axis=1)
    absent, infinite = np.isnan(value), np.isinf(value)
    readings[absent | infinite] = 0
    few = readings < detector.min_points
    columns = blank(len(values)) | {"points": readings}
    columns["status"] = np.where(absent | infinite, DECLINED, np.where(few, WARMING_UP, SCORED)).astype(object)
    conditions = [absent, infinite, few]
    columns["reason"] = np.select(conditions, ["no_value", "not_finite", "few_points"], "").astype(object)
    there = np.flatnonzero(columns["status"] == SCORED)
    if len(there):
        max_gap, at = int(getattr(detector, "max_gap", 0)), _at(windows)
        found = stays(values[there], None if at is None else at[there], max_gap=max_gap)
        told = _of_stays(found, value[there], float(getattr(detector, "sensitivity", 95.0)))
        for name, column in told.items():
            columns[name][there] = column
    return LastPoint(**columns), not_judged(len(values)) if slow else None


def _of_stays(found: Stays, value: Floats, sensitivity: float) -> dict[str, NDArray[Any]]:
    """The columns of LastPoint, each (m,), that the stays decide."""
    long, short = band.threshold(TOO_LONG, sensitivity), band.threshold(TOO_SHORT, sensitivity)
    ratio = found.lasted / np.maximum(found.longest, 1)
    new = found.fresh & ~found.known & (found.whole >= KNOWN_STAYS)
    hasty = found.fresh & ~new & (found.left > 0) & (found.left_same >= FEWEST_OTHERS)
    hasty &= found.left * short < found.left_shortest
    timed = found.same >= FEWEST_STAYS
    late = timed & ~hasty & (ratio > long)
    few = ~(timed | new | hasty)
    sudden = new | hasty
    nothing = np.where(few, np.nan, 0.0)
    severity = np.where(late, band.severity(ratio / TOO_LONG), np.where(sudden, CHANGE_SEVERITY, 0.0))
    names = ["state_new", "state_short", "state_long", "state_few"]
    return {
        "expected": nothing + value,
        "upper_margin": nothing,
        "lower_margin": nothing,
        "score": nothing + np.where(sudden, np.maximum(ratio, short), ratio),
        "sr_score": nothing,
        "severity": nothing + severity,
        "is_anomaly": late | sudden,
        "status": np.where(few, WARMING_UP, SCORED).astype(object),
        "reason": np.select([new, hasty, late, few], names, "state_normal").astype(object),
    }


_JUDGE = {GAUGE: _gauge, COUNTER: _counter, STATE: _state}
