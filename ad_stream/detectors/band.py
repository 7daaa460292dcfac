"""From scaled residuals to a verdict: threshold by sensitivity, expected value, band, severity."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ad_stream.detectors.rule import Judgement

if TYPE_CHECKING:
    from ad_stream.model import Floats


def threshold(base: float, sensitivity: float) -> float:
    """`base` at sensitivity 95; falls with sensitivity: 2.7 times base at 0, 1.6 at 80, 0.6 at 99."""
    return base * ((100.0 - sensitivity) / 5.0) ** (1 / 3)


def judgement(value: Floats, expected: Floats, size: Floats, *, limit: float, gate: Floats, sr: Floats) -> Judgement:
    """All (m,) -> Judgement: outside the band `expected` +- `limit` * `size` and not silenced by `gate` (0..1).

    score is the distance in units of `size` times the gate; severity is 0 at the limit and nears 1 far beyond it.
    """
    ratio = np.abs(value - expected) / size
    score = ratio * gate
    margin = limit * size
    quiet = (ratio > limit) & (score <= limit)
    return Judgement(
        expected=expected,
        upper_margin=margin,
        lower_margin=margin.copy(),
        score=score,
        sr_score=sr,
        severity=np.clip(1 - limit / np.maximum(score, limit), 0.0, 1.0),
        stands_out=score > limit,
        reason=np.where(quiet, "quiet_spectrum", "").astype(object),
    )
