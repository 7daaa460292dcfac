"""A series with a season: decompose, then look for outliers in what is left without the season, and in the rest.

Seasonal hybrid ESD (Vallis, Hochenbaum, Kejariwal, HotCloud 2014) on a robust STL with a trend instead of a median:
spikes are taken out and the series decomposed again; a logarithmic decomposition replaces a bad fit if it is good.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ad_stream.detectors.azure.arrays import bridge, normalise
from ad_stream.detectors.azure.method_result import Judged
from ad_stream.detectors.azure.outliers import Sorted, find_outliers
from ad_stream.detectors.azure.stl import decompose

if TYPE_CHECKING:
    from ad_stream.model import Bools, Floats

BAD_FIT, GOOD_FIT = 0.10, 0.05
SPIKE = 3.0


@dataclass(frozen=True)
class Parts:
    """A decomposition, arrays (n,): season + trend + remainder = values (shifted by a constant if logarithmic)."""

    season: Floats
    trend: Floats
    remainder: Floats


def judge(values: Floats, *, period: int, ratio: float, alpha: float, last: bool) -> Judged:
    """(n,), n > 2 * period -> Judged; `last`: only the verdict on the last point counts."""
    n = len(values)
    parts = best_parts(values, period, last=last)
    without_season = values - parts.season
    main = Sorted.of(normalise(without_season), last=last)
    rest = Sorted.of(normalise(without_season - parts.trend), last=last)
    flagged = find_outliers(main, rest, ratio=max(ratio, 1 / n), alpha=alpha)
    trend = bridge(parts.trend, _untrusted(flagged, period))
    return Judged(values=values, expected=trend + parts.season, flagged=flagged, trend=trend)


def _untrusted(flagged: Bools, period: int) -> Bools:
    """Where the trend was bent by outliers: at them, and all over the last half period if half of it is flagged."""
    holes = flagged.copy()
    tail = period // 2
    if flagged[-tail:].sum() >= 0.5 * tail:
        holes[-tail:] = True
    return np.asarray(holes)


def best_parts(values: Floats, period: int, *, last: bool) -> Parts:
    """The plain decomposition, or the logarithmic one where the plain one fits badly and the other well."""
    plain = without_spikes(values, period, last=last, logarithmic=False)
    if _misfit(plain, values) > BAD_FIT:
        log = without_spikes(values, period, last=last, logarithmic=True)
        if _misfit(log, values) < GOOD_FIT:
            return log
    return plain


def _misfit(parts: Parts, values: Floats) -> float:
    """Mean absolute remainder as a share of the value; 0 / 0 counts for nothing."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        share = np.abs(parts.remainder / values)
    share = share[~np.isnan(share)]
    return float(share.mean()) if len(share) else float("nan")


def without_spikes(values: Floats, period: int, *, last: bool, logarithmic: bool) -> Parts:
    """A decomposition, made again without the spikes that the first one shows."""
    parts = _split(values, period, last=last, logarithmic=logarithmic)
    level = parts.remainder + parts.season
    spikes = _spikes(level, period)
    if not spikes.any():
        return parts
    return _split(_hold(level, spikes) + parts.trend, period, last=last, logarithmic=logarithmic)


def _spikes(level: Floats, period: int) -> Bools:
    """Points 3 sigma from the mean, unless their phase has them in more than half of the cycles."""
    spread = level.std()
    if spread == 0:
        return np.zeros(len(level), dtype=np.bool_)
    spikes: Bools = np.abs(level - level.mean()) / spread >= SPIKE
    phase = np.arange(len(level)) % period
    often = np.bincount(phase[spikes], minlength=period) > int(len(level) / period / 2)
    return spikes & ~often[phase]


def _hold(level: Floats, spikes: Bools) -> Floats:
    """Each spike replaced by the value before it, at the start by the first one that is none."""
    source = np.maximum.accumulate(np.where(spikes, -1, np.arange(len(level))))
    source[source < 0] = int(np.argmin(spikes))
    return np.asarray(level[source])


def _split(values: Floats, period: int, *, last: bool, logarithmic: bool) -> Parts:
    """For the last point the series is also decomposed with one more point, the median of its phase.

    Whichever leaves the smaller remainder there counts: the end of a loess trend is its weakest place.
    """
    parts = _decompose(values, period, logarithmic=logarithmic)
    if not last:
        return parts
    n = len(values)
    longer = np.append(values, np.median(values[-period::-period]))
    other = _decompose(longer, period, logarithmic=logarithmic)
    if abs(parts.remainder[-1]) <= abs(other.remainder[n - 1]):
        return parts
    return Parts(other.season[:n], other.trend[:n], other.remainder[:n])


def _decompose(values: Floats, period: int, *, logarithmic: bool) -> Parts:
    if not logarithmic:
        season, trend = decompose(values, period)
        return Parts(season, trend, values - trend - season)
    low = min(float(values.min()), 1.0)
    shifted = values - low + 1
    season, trend = decompose(np.log(shifted), period)
    level = np.exp(trend)
    swing = np.exp(trend + season) - level
    return Parts(swing, level - 1 + low, shifted - level - swing)
