"""`differences`, `moving_average`, `seasonal_naive`: the last residual in units of its root mean square.

The plainest rules there are, and the floors every other detector is measured against. Forecasts as in Hyndman and
Athanasopoulos, Forecasting: Principles and Practice (3rd ed.), section 5.2 (naive, mean, seasonal naive); the scale
is the root mean square of the same residual over the window, the judged point included.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from ad_stream.detectors.kernels import band, residuals
from ad_stream.detectors.window_detector import CHUNK_BYTES, Judgement, WindowDetector, chunks, join
from ad_stream.errors import ConfigError

if TYPE_CHECKING:
    from ad_stream.model import Floats

BASE = 4.0
SEASONS_SPARE = 30


@dataclass(frozen=True, kw_only=True)
class _Scaled(WindowDetector):
    """A rule whose subclass names its residual."""

    def residual(self, rows: Floats) -> Floats:
        """(m, L) -> (m, k), unit of the rows, last column the judged point."""
        raise NotImplementedError

    def judge(self, rows: Floats, unit: Floats) -> Judgement:  # noqa: ARG002 - free of scale
        """(m, L) -> Judgement; score = |residual| / its root mean square."""
        return join([self._judge_chunk(rows[part]) for part in chunks(*rows.shape, size=CHUNK_BYTES)])

    def _judge_chunk(self, rows: Floats) -> Judgement:
        residual = self.residual(rows)
        limit = band.threshold(BASE, self.sensitivity)
        return band.judgement(
            rows[:, -1], rows[:, -1] - residual[:, -1], residuals.scale(residual), limit=limit, usual=BASE
        )


@dataclass(frozen=True, kw_only=True)
class Differences(_Scaled):
    """Expects the value before."""

    name: ClassVar[str] = "differences"

    def residual(self, rows: Floats) -> Floats:
        """(m, L) -> (m, L-1)."""
        return residuals.differences(rows)


@dataclass(frozen=True, kw_only=True)
class MovingAverage(_Scaled):
    """Expects the mean of the `width` values before (1 or more; at most a third of the window is used)."""

    name: ClassVar[str] = "moving_average"

    width: int = 30

    def residual(self, rows: Floats) -> Floats:
        """(m, L) -> (m, L-width)."""
        width = max(1, min(self.width, rows.shape[1] // 3))
        return residuals.moving_average(rows, residuals.totals(rows), width)


@dataclass(frozen=True, kw_only=True)
class SeasonalNaive(_Scaled):
    """Expects the value one `period` (in columns, 2 or more) ago; min_points must leave 30 columns beside it."""

    name: ClassVar[str] = "seasonal_naive"

    period: int = 1440
    points: int = 2881
    min_points: int = 1500

    def __post_init__(self) -> None:
        check_period(self, self.period, cycles=1)

    def residual(self, rows: Floats) -> Floats:
        """(m, L) -> (m, L-period)."""
        return np.asarray(rows[:, self.period :] - rows[:, : -self.period])


def check_period(rule: WindowDetector, period: int, *, cycles: int) -> None:
    """The options of any rule, and that min_points holds so many periods and 30 columns more."""
    WindowDetector.__post_init__(rule)
    if period < 2 or rule.min_points < cycles * period + SEASONS_SPARE:
        raise ConfigError(
            f"min_points of the detector {rule.name} is {rule.min_points}, with a period of {period} it must be at"
            f" least {cycles * max(2, period) + SEASONS_SPARE}, and the period at least 2"
        )
