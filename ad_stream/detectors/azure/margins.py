"""From a method's verdict to the band, the final flags and the severity, by sensitivity and boundary version."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ad_stream.detectors.azure.arrays import ZERO

if TYPE_CHECKING:
    from ad_stream.detectors.azure.method_result import Judged
    from ad_stream.model import Bools, Floats

SMALLEST_BASE = 0.3
NORMAL_SHARE = 0.01
JUST_OUTSIDE = 1.01


@dataclass(frozen=True)
class Band:
    """Arrays (n,): margins >= 0 in the unit of the values, flags, severity 0..1."""

    upper: Floats
    lower: Floats
    is_anomaly: Bools
    is_positive: Bools
    is_negative: Bools
    severity: Floats


def factors() -> Floats:
    """(101,): how many units wide the band of V2 and V3 is, by sensitivity; 532 at 0, 0 at 100.

    A parabola down to 24, then lines between the sensitivities at which the service's table has its corners.
    """
    corners = [25, 45, 55, 65, 75, 85, 92, 93, 94, 95, 99, 100]
    heights = [30.0, 5.0, 1.0, 0.6, 0.3, 0.15, 0.74 / 11, 0.48 / 11, 0.012, 0.008, 0.0003, 0.0]
    table = np.interp(np.arange(101.0), corners, heights)
    table[:25] = 0.8 * (25 - np.arange(25)) ** 2 + 32
    return np.asarray(table)


FACTORS = factors()


def draw(judged: Judged, *, sensitivity: int, version: str) -> Band:
    """sensitivity 0..100; version V1, V2 or V3 (the last two are the same)."""
    if version == "V1":
        margin = _margin_by_score(judged, sensitivity) if judged.by_score else _margin_by_size(judged, sensitivity)
        return _fit_to_data(judged, margin, sensitivity)
    return _by_trend(judged, sensitivity)


def _margin_by_size(judged: Judged, sensitivity: int) -> Floats:
    return np.asarray(np.abs(judged.expected) * (100 - sensitivity) / 100)


def _margin_by_score(judged: Judged, sensitivity: int) -> Floats:
    """Spectral residual: the higher the score the narrower; 1 % of the normal range where there is no score."""
    assert judged.score is not None
    normal = judged.score <= ZERO
    distance = np.abs(judged.values - judged.expected)
    by_score = distance / np.where(normal, 1.0, judged.score) * (1 - sensitivity / 100)
    spread = float(np.ptp(judged.values[normal])) if normal.any() else 0.0
    return np.asarray(np.where(normal, NORMAL_SHARE * spread, by_score))


def _fit_to_data(judged: Judged, margin: Floats, sensitivity: int) -> Band:
    """V1: the band ends where the data end; a flagged point inside it is none; an unflagged one outside widens it."""
    values, expected = judged.values, judged.expected
    top = np.minimum(expected + margin, max(values.max(), expected.max()))
    bottom = expected - margin
    # Where all of it lies below the data, the service lifts the bottom to its own highest point.
    bottom = np.minimum(np.maximum(bottom, min(values.min(), expected.min())), bottom.max())
    inside = judged.flagged & (bottom <= values) & (values <= top)
    outside = ~judged.flagged & ((values > top) | (values < bottom))
    wide = np.abs(values - expected) * JUST_OUTSIDE
    upper = np.where(outside, wide, top - expected)
    lower = np.where(outside, wide, expected - bottom)
    flagged = judged.flagged
    if sensitivity == 100:
        upper, lower = np.where(inside, 0.0, upper), np.where(inside, 0.0, lower)
    else:
        flagged = flagged & ~inside
    size = np.abs(expected)
    share = np.abs(values - expected) / np.where(size <= ZERO, SMALLEST_BASE, size)
    positive = judged.is_positive()
    return Band(
        upper=upper,
        lower=lower,
        is_anomaly=flagged,
        is_positive=flagged & positive,
        is_negative=flagged & ~positive,
        severity=np.where(flagged, np.minimum(share, 1.0), 0.0),
    )


def units(trend: Floats, flagged: Bools) -> Floats:
    """(n,) half the local and half the mean size of the trend, at least 0.3; the unit of FACTORS."""
    normal = np.abs(trend[~flagged])
    if not (normal >= ZERO).any():
        return np.full(len(trend), SMALLEST_BASE)
    return np.asarray(np.maximum(np.abs(trend) * 0.5 + normal.mean() * 0.5, SMALLEST_BASE))


def _by_trend(judged: Judged, sensitivity: int) -> Band:
    """V2, V3: a flagged point must leave a band whose width follows the trend; others lie inside by definition."""
    assert judged.trend is not None
    values, expected = judged.values, judged.expected
    unit = units(judged.trend, judged.flagged)
    distance = np.abs(values - expected)
    width = unit * FACTORS[sensitivity]
    if sensitivity == 99:
        width = np.where(judged.flagged & (width * 1e-4 < distance) & (distance < width), distance * 0.5, width)
    near = distance + width * 0.5
    above = values > expected
    upper = np.where(judged.flagged, width, np.where(above, near, near / 3))
    lower = np.where(judged.flagged, width, np.where(above, near / 3, near))
    positive = judged.flagged & (values > expected + upper)
    negative = judged.flagged & (values < expected - lower)
    score = np.interp(distance / unit, FACTORS[::-1], np.arange(101.0))
    return Band(
        upper=upper,
        lower=lower,
        is_anomaly=positive | negative,
        is_positive=positive,
        is_negative=negative,
        severity=np.where(positive | negative, score / 100, 0.0),
    )
