"""How well scores find labelled events, as an operator counts it.

A score is final when its minute closes; one threshold serves all series. An event is a run of labelled points. It
counts as found if its score reaches the threshold within `delay` points of its start, and then as found whole (Ren
et al., KDD 2019). False alarms are counted in buckets of ten points, so that one disturbance is one alarm.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ad_stream.model import Bools, Floats

    Ints = NDArray[np.int64]

BUCKET = 10


def points_in_time(step: float) -> int:
    """Points of `step` seconds after an event's start within which it must be found: 7 up to ten minutes, 3 hourly, 1 daily."""
    return 7 if step <= 600 else 3 if step <= 7200 else 1


@dataclass(frozen=True)
class Curve:
    """One labelled series: scores (n,), NaN or -inf = not judged; labels (n,); step in seconds."""

    scores: Floats
    labels: Bools
    step: float

    @property
    def delay(self) -> int:
        """Points after an event's start within which it must be found: 7 up to ten minutes, 3 hourly, 1 daily."""
        return points_in_time(self.step)


@dataclass(frozen=True)
class OperatorView:
    """At each threshold, falling: share of events found, false alarms per series and day; each (k,)."""

    thresholds: Floats
    found: Floats
    false_alarms: Floats

    def found_at(self, alarms: float) -> float:
        """Largest share of events found at no more than `alarms` false alarms per series and day."""
        return float(np.max(self.found[self.false_alarms <= alarms], initial=0.0))

    def alarms_at(self, share: float) -> float:
        """Fewest false alarms per series and day at which `share` of the events is found; inf where none is."""
        return float(np.min(self.false_alarms[self.found >= share], initial=np.inf))


def events(labels: Bools) -> tuple[Ints, Ints]:
    """(n,) -> first and last index of each run of labelled points."""
    edges = np.diff(np.concatenate([[0], labels.astype(np.int8), [0]]))
    return np.flatnonzero(edges == 1), np.flatnonzero(edges == -1) - 1


def adjusted(curve: Curve) -> Floats:
    """(n,): the scores, each event's points replaced by its best score within the delay; not judged = -inf."""
    scores = np.nan_to_num(curve.scores, nan=-np.inf, posinf=np.inf, neginf=-np.inf)
    for first, last in zip(*events(curve.labels), strict=True):
        scores[first : last + 1] = scores[first : min(first + curve.delay, last) + 1].max()
    return scores


def best_f1(curves: list[Curve]) -> tuple[float, float]:
    """Delay-adjusted F1 at the threshold that suits it best, and that threshold; (nan, nan) without a label."""
    scores = np.concatenate([adjusted(curve) for curve in curves])
    labels = np.concatenate([curve.labels for curve in curves])
    order = np.argsort(-scores, kind="stable")
    ranked, hits = scores[order], np.cumsum(labels[order])
    ends = np.flatnonzero(np.r_[ranked[1:] != ranked[:-1], True] & np.isfinite(ranked))
    if len(ends) == 0 or hits[-1] == 0:
        return np.nan, np.nan
    f1 = 2 * hits[ends] / (ends + 1 + hits[-1])
    best = int(np.argmax(f1))
    return float(f1[best]), float(ranked[ends[best]])


def f1_at(curves: list[Curve], threshold: float) -> float:
    """Delay-adjusted F1 where every score of `threshold` or more is a flag."""
    flags = np.concatenate([adjusted(curve) >= threshold for curve in curves])
    labels = np.concatenate([curve.labels for curve in curves])
    return float(2 * np.sum(flags & labels) / max(1, np.sum(flags) + np.sum(labels)))


def operator_view(curves: list[Curve]) -> OperatorView:
    """Every threshold at which something changes."""
    onsets, alarms = [np.empty(0)], [np.empty(0)]
    for curve in curves:
        first, _ = events(curve.labels)
        onsets.append(adjusted(curve)[first])
        alarms.append(loudest(curve))
    days = sum(len(curve.scores) * curve.step for curve in curves) / 86_400
    found, false = np.sort(np.concatenate(onsets)), np.sort(np.concatenate(alarms))
    levels = np.concatenate([found, false])
    thresholds = np.unique(levels[np.isfinite(levels)])[::-1]
    return OperatorView(
        thresholds=thresholds,
        found=(len(found) - np.searchsorted(found, thresholds)) / max(1, len(found)),
        false_alarms=(len(false) - np.searchsorted(false, thresholds)) / max(days, 1e-9),
    )


def loudest(curve: Curve) -> Floats:
    """The highest score among the unlabelled points of each bucket."""
    scores = np.where(curve.labels, -np.inf, np.nan_to_num(curve.scores, nan=-np.inf, posinf=np.inf, neginf=-np.inf))
    padded = np.concatenate([scores, np.full(-len(scores) % BUCKET, -np.inf)])
    return np.asarray(padded.reshape(-1, BUCKET).max(axis=1))
