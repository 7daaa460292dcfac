"""A series without a season, and not minutely: outliers among the values themselves, around a smooth trend."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ad_stream.detectors.azure.arrays import bridge, normalise
from ad_stream.detectors.azure.method_result import Judged
from ad_stream.detectors.azure.outliers import Sorted, find_outliers
from ad_stream.detectors.azure.trend import spline_trend

if TYPE_CHECKING:
    from ad_stream.model import Floats


def judge(values: Floats, trend: Floats, *, ratio: float, alpha: float, last: bool) -> Judged:
    """(n,), trend (n,) -> Judged; the trend counts where nothing is flagged, else one without the flagged points."""
    flagged = find_outliers(Sorted.of(normalise(values), last=last), None, ratio=ratio, alpha=alpha)
    if flagged.any():
        trend = spline_trend(bridge(values, flagged))
    return Judged(values=values, expected=trend, flagged=flagged, trend=trend)
