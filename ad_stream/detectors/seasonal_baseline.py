"""`seasonal_baseline`: where a cycle exists, the median of the same phase of earlier cycles is what is expected.

profile   median over the cycles of the window at each phase, a robust form of the classical decomposition
          (Hyndman and Athanasopoulos, section 3.4)
level     median of what the last hour lies above the profile
size      1.4826 times the median absolute deviation (the normal's sigma) of the values from profile and level
The cycle counts as existing where the profile takes away half of the window's mean absolute deviation or more;
elsewhere the profile is the window's median, and the rule is a robust local level.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from ad_stream.detectors.kernels import band
from ad_stream.detectors.kernels.residuals import SMALLEST
from ad_stream.detectors.scaled import check_period
from ad_stream.detectors.window_detector import CHUNK_BYTES, Judgement, WindowDetector, chunks, join

if TYPE_CHECKING:
    from ad_stream.model import Bools, Floats

BASE = 6.0
LEVEL_OVER = 60
SIGMA = 1.4826
EXPLAINS = 0.5


def baseline(history: Floats, period: int) -> tuple[Floats, Bools]:
    """(m, n), n a multiple of period -> profile (m, period), is there a cycle (m,).

    The first phase of the profile is that of the point that follows the history.
    """
    cycles = history.reshape(len(history), -1, period)
    profile = np.median(cycles, axis=1)
    flat = np.median(history, axis=1, keepdims=True)
    left = np.mean(np.abs(cycles - profile[:, None, :]), axis=(1, 2))
    exists = left <= EXPLAINS * np.mean(np.abs(history - flat), axis=1)
    return np.where(exists[:, None], profile, flat), exists


@dataclass(frozen=True, kw_only=True)
class SeasonalBaseline(WindowDetector):
    """`period` in columns: 1440 for a day of minutes, 10080 for a week; min_points must hold two of them and 30."""

    name: ClassVar[str] = "seasonal_baseline"

    period: int = 1440
    points: int = 4321
    min_points: int = 2910

    def __post_init__(self) -> None:
        check_period(self, self.period, cycles=2)

    def judge(self, rows: Floats, unit: Floats) -> Judgement:  # noqa: ARG002 - free of scale
        """(m, L) -> Judgement; score = distance from the baseline in sigmas."""
        return join([self._judge_chunk(rows[part]) for part in chunks(*rows.shape, size=CHUNK_BYTES)])

    def _judge_chunk(self, rows: Floats) -> Judgement:
        whole = (rows.shape[1] - 1) // self.period * self.period
        history = np.ascontiguousarray(rows[:, -whole - 1 : -1])
        profile, _ = baseline(history, self.period)
        off = history.reshape(len(rows), -1, self.period) - profile[:, None, :]
        off = off.reshape(len(rows), -1)
        level = np.median(off[:, -min(LEVEL_OVER, self.period) :], axis=1)
        spread = off - np.median(off, axis=1, keepdims=True)
        size = np.maximum(SIGMA * np.median(np.abs(spread), axis=1), SMALLEST)
        limit = band.threshold(BASE, self.sensitivity)
        return band.judgement(rows[:, -1], profile[:, 0] + level, size, limit=limit, usual=BASE)
