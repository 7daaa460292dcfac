"""`ar`: an autoregressive model of each window, its one-step error in units of its root mean square.

Box, Jenkins: Time Series Analysis, section 3.2: x_t - mu = sum_k phi_k (x_(t-k) - mu) + e_t, the coefficients from
the Yule-Walker equations on the window without the judged point.
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
RIDGE = 1e-6
MOST = 20


def coefficients(history: Floats, order: int) -> Floats:
    """(m, n) -> (m, order): phi_1 .. phi_order by Yule-Walker, no unit; the ridge keeps flat series solvable."""
    centred = history - history.mean(axis=1, keepdims=True)
    length = centred.shape[1]
    covariance = np.stack(
        [np.sum(centred[:, lag:] * centred[:, : length - lag], axis=1) for lag in range(order + 1)], axis=1
    )
    covariance /= np.maximum(covariance[:, :1], np.finfo(float).tiny)
    lags = np.abs(np.subtract.outer(np.arange(order), np.arange(order)))
    matrix = covariance[:, lags] + RIDGE * np.eye(order)
    return np.asarray(np.linalg.solve(matrix, covariance[:, 1:, None])[:, :, 0])


def errors(rows: Floats, order: int) -> Floats:
    """(m, L) -> (m, L-order): one-step errors of the model fitted to all but the last point, unit of the rows."""
    phi = coefficients(rows[:, :-1], order)
    centred = rows - rows[:, :-1].mean(axis=1, keepdims=True)
    length = rows.shape[1]
    error: Floats = centred[:, order:].copy()
    for lag in range(1, order + 1):
        error -= phi[:, lag - 1 : lag] * centred[:, order - lag : length - lag]
    return error


@dataclass(frozen=True, kw_only=True)
class Autoregressive(WindowDetector):
    """`order` 1..20 past values predict the next one; at most a sixth of the window is used. See `WindowDetector`."""

    name: ClassVar[str] = "ar"

    order: int = 6

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 1 <= self.order <= MOST:
            raise ConfigError(f"order of the detector ar is {self.order}, it must lie between 1 and {MOST}")

    def judge(self, rows: Floats, unit: Floats) -> Judgement:  # noqa: ARG002 - free of scale
        """(m, L) -> Judgement; score = |error| / root mean square of the errors."""
        return join([self._judge_chunk(rows[part]) for part in chunks(*rows.shape, size=CHUNK_BYTES)])

    def _judge_chunk(self, rows: Floats) -> Judgement:
        # A row whose history is constant has no autocovariance; its verdict is replaced by the caller.
        error = errors(rows, min(self.order, rows.shape[1] // 6))
        limit = band.threshold(BASE, self.sensitivity)
        return band.judgement(rows[:, -1], rows[:, -1] - error[:, -1], residuals.scale(error), limit=limit, usual=BASE)
