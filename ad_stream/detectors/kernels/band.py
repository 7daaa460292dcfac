"""From scaled residuals to a verdict: threshold by sensitivity, expected value, band, severity."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ad_stream.detectors.window_detector import Judgement

if TYPE_CHECKING:
    from ad_stream.model import Bools, Floats


STUCK_SCORE = 1.05
"""A stuck value has no distance; it ranks just above the limit."""


def threshold(base: float, sensitivity: float) -> float:
    """`base` at sensitivity 95; falls with sensitivity: 2.7 times base at 0, 1.6 at 80, 0.6 at 99."""
    return float(base * ((100.0 - sensitivity) / 5.0) ** (1 / 3))


def judgement(
    value: Floats,
    expected: Floats,
    size: Floats,
    *,
    limit: float,
    ratio: Floats | None = None,
    score: Floats | None = None,
    sr: Floats | None = None,
    stuck: Bools | None = None,
) -> Judgement:
    """All (m,) -> Judgement: outside the band `expected` +- `limit` * `size`, where nothing silences it.

    ratio is what decides, by default the distance in units of `size`; a caller hands a smaller one to silence it.
    score is what ranks, by default the ratio. severity is 0 at the limit and nears 1 far beyond it.
    """
    distance = np.abs(value - expected) / size
    ratio = distance if ratio is None else ratio
    stuck = np.zeros(len(value), dtype=np.bool_) if stuck is None else stuck
    out = ratio > limit
    frozen = stuck & ~out
    margin = limit * size
    plain = np.where((distance > limit) & ~out, "quiet_spectrum", "")
    return Judgement(
        expected=expected,
        upper_margin=margin,
        lower_margin=margin.copy(),
        score=np.where(frozen, STUCK_SCORE * limit, ratio if score is None else score),
        sr_score=np.zeros(len(value)) if sr is None else sr,
        severity=np.where(frozen, 0.5, np.clip(1 - limit / np.maximum(ratio, limit), 0.0, 1.0)),
        stands_out=out | frozen,
        reason=np.where(frozen, "stuck", plain).astype(object),
    )
