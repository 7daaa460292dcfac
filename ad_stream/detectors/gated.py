"""`gated`: the floor of three lines that the default has to beat on curves nobody chose on.

The greater of the last step and the distance from the mean of 30, each over its own root mean square in the window,
times the fourth root of the spectral residual score / 3, cut to 0..1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from ad_stream.detectors.kernels import band, residuals
from ad_stream.detectors.kernels.saliency import contrast
from ad_stream.detectors.window_detector import CHUNK_BYTES, Judgement, WindowDetector, chunks, join

if TYPE_CHECKING:
    from ad_stream.model import Floats

MEAN_OVER = 30
SPECTRUM_OVER = 251
FULL_GATE = 3.0
BASE = 4.0


@dataclass(frozen=True, kw_only=True)
class Gated(WindowDetector):
    """See the module for the rule and `WindowDetector` for the options."""

    name: ClassVar[str] = "gated"

    points: int = 1501

    def judge(self, rows: Floats, unit: Floats) -> Judgement:  # noqa: ARG002 - free of scale
        """(m, L) -> Judgement; score = the gated ratio."""
        return join([self._judge_chunk(rows[part]) for part in chunks(*rows.shape, size=CHUNK_BYTES)])

    def _judge_chunk(self, rows: Floats) -> Judgement:
        step = residuals.differences(rows)
        mean = residuals.moving_average(rows, residuals.totals(rows), min(MEAN_OVER, rows.shape[1] // 3))
        step_size, mean_size = residuals.scale(step), residuals.scale(mean)
        by_step = np.abs(step[:, -1]) / step_size >= np.abs(mean[:, -1]) / mean_size
        residual = np.where(by_step, step[:, -1], mean[:, -1])
        size = np.where(by_step, step_size, mean_size)
        sr = contrast(rows[:, -SPECTRUM_OVER:])
        ratio = np.abs(residual) / size * np.sqrt(np.sqrt(np.clip(sr / FULL_GATE, 0.0, 1.0)))
        limit = band.threshold(BASE, self.sensitivity)
        return band.judgement(rows[:, -1], rows[:, -1] - residual, size, ratio=ratio, limit=limit, usual=BASE, sr=sr)
