"""From scaled residuals to a verdict: threshold by sensitivity, expected value, band, severity."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ad_stream.detectors.window_detector import Judgement

if TYPE_CHECKING:
    from ad_stream.model import Bools, Floats


SEVERITY_AT = (0.5, 0.8, 1.0, 1.25, 1.5, 2.0, 2.5, 4.0)
SEVERITY = (0.02, 0.12, 0.25, 0.36, 0.44, 0.55, 0.6, 0.65)
"""Share of alarms at this multiple of the usual limit or above that were events; docs/detectors.md, Severity."""

STUCK_SEVERITY = 0.5
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
    usual: float | None = None,
) -> Judgement:
    """All (m,) -> Judgement: outside the band `expected` +- `limit` * `size`, where nothing silences it.

    ratio is what decides, by default the distance in units of `size`; a caller hands a smaller one to silence it.
    score is what ranks, by default the ratio. usual is the limit at sensitivity 95, by default `limit`; the severity of
    a flag goes by the ratio in units of it.
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
        severity=np.where(frozen, STUCK_SEVERITY, np.where(out, severity(ratio / (usual or limit)), 0.0)),
        stands_out=out | frozen,
        reason=np.where(frozen, "stuck", plain).astype(object),
    )


def severity(multiple: Floats) -> Floats:
    """(m,) ratios in units of the usual limit -> (m,) 0..1: the share of alarms like this or greater that were events.

    Measured, not promised: the mean over five labelled sets. Web curves and files label many of their jumps as usual,
    so even a far one is an event in two of three cases only.
    """
    return np.asarray(np.interp(multiple, SEVERITY_AT, SEVERITY))
