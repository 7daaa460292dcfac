"""`default`: the shipped rule. Two scaled residuals, the larger one counts, the spectral residual can silence it.

The last value is compared with the value before it and with the mean of the 30 before it, each distance in units
of its own root mean square over the window; the product with clip(SR / 3, 0, 1) ** (1/4) is the score.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from ad_stream.detectors import band, residuals
from ad_stream.detectors.rule import CHUNK_BYTES, Judgement, Rule, chunks
from ad_stream.detectors.saliency import last_score

if TYPE_CHECKING:
    from ad_stream.model import Floats

MEAN_OVER = 30
SPECTRUM_OVER = 251
FULL_GATE = 3.0
BASE = 4.0


@dataclass(frozen=True, kw_only=True)
class Default(Rule):
    """See the module and `Rule` for the options."""

    name: ClassVar[str] = "default"

    def judge(self, rows: Floats, unit: Floats) -> Judgement:
        """(m, L) -> Judgement."""
        parts = [self._judge_chunk(rows[part]) for part in chunks(*rows.shape, CHUNK_BYTES)]
        return Judgement(*(np.concatenate(columns) for columns in zip(*(vars(part).values() for part in parts))))

    def _judge_chunk(self, rows: Floats) -> Judgement:
        value = rows[:, -1]
        steps = residuals.differences(rows)
        levels = residuals.moving_average(rows, min(MEAN_OVER, rows.shape[1] // 3))
        step_size, level_size = residuals.scale(steps), residuals.scale(levels)
        by_step = np.abs(steps[:, -1]) / step_size > np.abs(levels[:, -1]) / level_size
        sr = last_score(rows[:, -SPECTRUM_OVER:])
        gate = np.sqrt(np.sqrt(np.clip(sr / FULL_GATE, 0.0, 1.0)))
        limit = band.threshold(BASE, self.sensitivity)
        flagged_by_step = by_step & (np.abs(steps[:, -1]) > limit * step_size)
        residual = np.where(flagged_by_step, steps[:, -1], levels[:, -1])
        size = np.where(flagged_by_step, step_size, level_size)
        verdict = band.judgement(value, value - residual, size, limit=limit, gate=gate, sr=sr)
        return verdict
