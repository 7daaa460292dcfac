"""`drift`: a level that bends away slowly, over an hour or two, where each single step drowns in the noise.

bend   mean of the newest `average` columns, less twice that of the same stretch one `gap` earlier, plus that of the
       stretch two gaps earlier: the second difference of means. It is zero on a straight line, so the slope of a daily
       cycle does not count, and neither does noise, of which `average` columns are averaged
size   the larger of 1.5 standard errors of the bend (white noise of the size that the differences of the newest 240
       columns show) and a third of the greatest bend up to one gap ago
At sensitivity 95 the bend of 4 sizes is flagged: 6 standard errors, and a third beyond every earlier bend of the
window. The expected value is the judged one without the bend. The bend is a contrast of means with the weights 1, -2, 1
(Scheffe, The Analysis of Variance, 1959, chapter 3); its standard error is sigma * sqrt(6 / average).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from ad_stream.detectors.kernels import band, residuals
from ad_stream.detectors.window_detector import CHUNK_BYTES, Judgement, WindowDetector, check_options, chunks, join
from ad_stream.errors import ConfigError

if TYPE_CHECKING:
    from ad_stream.model import Floats

BASE = 4.0
STANDARD_ERRORS = 1.5
RECORD_SHARE = 1 / 3
NOISE_OVER = 240


@dataclass(frozen=True, kw_only=True)
class Drift(WindowDetector):
    """`average` and `gap` in columns, 2 or more; min_points must hold one average and four gaps."""

    name: ClassVar[str] = "drift"

    average: int = 20
    gap: int = 60
    points: int = 1201
    min_points: int = 260

    def __post_init__(self) -> None:
        check_options(self)
        needed = self.average + 4 * self.gap
        if min(self.average, self.gap) < 2 or self.min_points < needed:
            raise ConfigError(
                f"min_points of the detector drift is {self.min_points}, with average {self.average} and gap {self.gap}"
                f" it must be at least {needed}, and both of them at least 2"
            )

    def judge(self, rows: Floats, unit: Floats) -> Judgement:  # noqa: ARG002 - free of scale
        """(m, L) -> Judgement; score = size of the bend in sizes."""
        return join([self._judge_chunk(rows[part]) for part in chunks(*rows.shape, size=CHUNK_BYTES)])

    def _judge_chunk(self, rows: Floats) -> Judgement:
        bends = bend(rows, self.average, self.gap)
        noise = residuals.scale(residuals.differences(rows)[:, -NOISE_OVER:]) / np.sqrt(2)
        error = noise * np.sqrt(6 / self.average)
        greatest = np.abs(bends[:, : -self.gap]).max(axis=1)
        size = np.maximum(STANDARD_ERRORS * error, RECORD_SHARE * greatest)
        limit = band.threshold(BASE, self.sensitivity)
        return band.judgement(rows[:, -1], rows[:, -1] - bends[:, -1], size, limit=limit, usual=BASE)


def bend(rows: Floats, average: int, gap: int) -> Floats:
    """(m, L) -> (m, L - average - 2 gap + 1), unit of the rows, last column the judged point."""
    sums = residuals.totals(rows)
    mean = sums[:, average:] - sums[:, :-average]
    mean /= average
    out: Floats = 2.0 * mean[:, gap:-gap]
    np.subtract(mean[:, 2 * gap :], out, out=out)
    out += mean[:, : -2 * gap]
    return out
