"""Slow and obvious: Dickey-Fuller by least squares for every lag, KPSS by its sums."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def regression(values: Floats, lags: int, skip: int) -> tuple[Floats, Floats]:
    steps = np.diff(values)
    rows = range(skip, len(steps))
    x = np.array([[1.0, values[t]] + [steps[t - k] for k in range(1, lags + 1)] for t in rows])
    return x, steps[skip:]


def adf(values: Floats) -> float:
    n = len(values)
    most = min(math.ceil(12 * (n / 100) ** 0.25), (n - 1) // 2 - 2)
    criteria = []
    for lags in range(most + 1):
        x, y = regression(values, lags, most)
        b = np.linalg.lstsq(x, y, rcond=None)[0]
        criteria.append(len(y) * math.log(float(((y - x @ b) ** 2).sum())) + 2 * lags)
    lags = int(np.argmin(criteria))
    x, y = regression(values, lags, lags)
    b = np.linalg.lstsq(x, y, rcond=None)[0]
    variance = float(((y - x @ b) ** 2).sum()) / (len(y) - x.shape[1])
    return float(b[1] / math.sqrt(variance * np.linalg.inv(x.T @ x)[1, 1]))


def kpss(values: Floats) -> float:
    n = len(values)
    e = [v - sum(values) / n for v in values]

    def lagged(k: int) -> float:
        return sum(e[t] * e[t - k] for t in range(k, n))

    first = int(n ** (2 / 9))
    s0 = lagged(0) / n + sum(2 * lagged(k) / n for k in range(1, first + 1))
    s1 = sum(k * 2 * lagged(k) / n for k in range(1, first + 1))
    lags = min(n, int(1.1447 * ((s1 / s0) ** 2) ** (1 / 3) * n ** (1 / 3)))
    variance = lagged(0) / n + sum(2 * (1 - k / (lags + 1)) * lagged(k) / n for k in range(1, lags + 1))
    return sum(sum(e[: t + 1]) ** 2 for t in range(n)) / n**2 / variance
