"""Minutely series: the spectral residual of Ren et al., KDD 2019 (arXiv 1906.03821), as the service ran it.

Against the paper: the last point takes no part in the extension, the log spectrum is averaged over three trailing
frequencies, the saliency is compared with the mean of the 100 points up to and including it, the threshold is 3.5.
For the last point the history is cut at the first suspicious recent point and the score computed again.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from ad_stream.detectors.azure.arrays import ZERO, median, trailing_mean
from ad_stream.detectors.azure.method_result import Judged
from ad_stream.detectors.azure.trend import spline_trend

if TYPE_CHECKING:
    from ad_stream.model import Bools, Floats

EXTENSION = 5
LOOK_BACK = 6
LOCAL = 100
QUIET = 1.0
SUSPICIOUS = 1.5
NEAR_MEAN = 1.5
SCORE_OFFSET = 3.5 / (15.0 - 3.5)


def judge(values: Floats, *, threshold: float, ratio: float, last: bool, need_trend: bool) -> Judged:
    """(n,), n >= 12 -> Judged; at most max(n * ratio, 1) points are flagged, those with the highest scores."""
    limit = max(int(len(values) * ratio), 1)
    score, near = last_scores(values, limit) if last else (scores(values, robust_tail(values)), False)
    quiet = score <= QUIET
    expected = _expected_last(values, quiet) if last else _expected_entire(values, quiet)
    flagged = np.zeros(len(values), dtype=np.bool_)
    candidates = np.flatnonzero(score >= threshold)
    flagged[candidates[np.argsort(-score[candidates], kind="stable")[:limit]]] = True
    return Judged(
        values=values,
        expected=expected,
        flagged=flagged,
        trend=spline_trend(expected) if need_trend else None,
        score=np.clip(score - SCORE_OFFSET, 0.0, 1.0),
        raw_score=score,
        by_score=not near,
    )


def last_scores(values: Floats, limit: int) -> tuple[Floats, bool]:
    """(n,) -> scores (n,) with the last one computed again; is the last point within 1.5 sigma of the mean?"""
    n = len(values)
    score = scores(values, values[-LOOK_BACK - 1 : -1])
    recent = n - min(max(limit, int(n * 0.1)), int(n * 0.45))
    suspicious = np.flatnonzero(score[recent:] >= SUSPICIOUS)
    cut = recent + int(suspicious[0]) if len(suspicious) else n - 1
    score[cut:-1] = 2 * QUIET
    near = bool(abs(values[-1] - values.mean()) < NEAR_MEAN * values.std())
    if near:
        score[-1] = 0.0
    elif cut < n - 1:
        kept = np.append(values[:cut], values[-1])
        score[-1] = scores(kept, kept[-LOOK_BACK - 1 : -1])[-1]
    return score, near


def scores(values: Floats, tail: Floats) -> Floats:
    """(n,), the points (6,) that the extension follows -> (n,) relative distance of the saliency from its mean."""
    n = len(values)
    extended = np.empty(n + EXTENSION)
    extended[:n] = values
    extended[n:] = next_value(tail)
    salient = saliency(extended)[:n]
    total = salient.cumsum()
    local = salient / LOCAL
    local[0] = salient[0]
    early = min(n, LOCAL)
    # Where fewer than 100 points exist, the mean of the earlier ones stands in for the missing ones.
    local[1:early] += total[: early - 1] * _stand_in(early)
    local[LOCAL:] = (total[LOCAL:] - total[:-LOCAL]) / LOCAL if n > LOCAL else 0.0
    local[local <= 2 * ZERO] = ZERO
    return np.asarray(np.abs(salient - local) / local)


@lru_cache(maxsize=128)
def _stand_in(early: int) -> Floats:
    """(early - 1,): what the sum of the earlier points counts at the places 1, 2, ... of a local mean."""
    return (LOCAL - 1) / LOCAL / np.arange(1, early)


def saliency(values: Floats) -> Floats:
    """(n,) -> (n,) equations 1 to 7; the trailing mean is not symmetric, so the way back is complex."""
    spectrum = np.fft.fft(values)
    amplitude = np.abs(spectrum)
    log = np.log(np.where(amplitude > 0, amplitude, 1.0))
    mean = log.copy()
    mean[1:] += log[:-1]
    mean[2:] += log[:-2]
    mean[1] /= 2
    mean[2:] /= 3
    return np.asarray(np.abs(np.fft.ifft(spectrum * np.exp(-mean))))


def next_value(recent: Floats) -> float:
    """(m,) -> the value that extends the series: median plus the mean slope to the newest point, halved, times m."""
    m = len(recent)
    *others, newest = recent.tolist()
    slopes = sum((newest - value) / (m - 1 - i) for i, value in enumerate(others))
    return median(recent) + float(slopes) * 0.5 * (m + 1) / (m - 1)


def robust_tail(values: Floats) -> Floats:
    """The last six points within 1.5 quartile ranges of the quartiles, the median for those that are missing."""
    high, middle, low = np.quantile(values, [0.75, 0.5, 0.25])
    reach = 1.5 * (high - low)
    inside = values[(values >= low - reach) & (values <= high + reach)][-LOOK_BACK:]
    return np.concatenate([np.full(LOOK_BACK - len(inside), middle), inside])


def _expected_last(values: Floats, quiet: Bools) -> Floats:
    """The last point: mean of the later half of the quiet points; the others are what they are."""
    chosen = values[quiet]
    expected = values.copy()
    expected[-1] = chosen[len(chosen) // 2 :].mean() if len(chosen) else 0.0
    return np.asarray(expected)


def _expected_entire(values: Floats, quiet: Bools) -> Floats:
    """Quiet points as they are, others the mean of the quiet ones in the later half of the past; then smoothed."""
    place = np.arange(len(values))
    count = np.concatenate([[0], np.cumsum(quiet)])
    total = np.concatenate([[0.0], np.cumsum(values * quiet)])
    among = count[1:] - count[place // 2]
    mean = (total[1:] - total[place // 2]) / np.maximum(among, 1)
    so_far = np.cumsum(values) / (place + 1)
    return trailing_mean(np.where(quiet, values, np.where(among > 0, mean, so_far)), 5)
