"""Is a series stationary, and after how many differences?

Stationary where the KPSS test does not reject that (5 %, level) or the augmented Dickey-Fuller test rejects a unit
root (5 %, constant). Kwiatkowski, Phillips, Schmidt, Shin, J. Econometrics 54 (1992) with the bandwidth of Hobijn,
Franses, Ooms (2004); Said & Dickey (1984) with lags by AIC. A test that cannot be run counts as "stationary".
Only which side of 5 % a statistic lies on matters, so the p-value surfaces shrink to one number each.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from ad_stream.model import Floats

KPSS_5_PERCENT = 0.4614
ADF_5_PERCENT = -2.8615927630969753
"""MacKinnon's (1994, 2010) response surface for one series with a constant gives p = 0.05 here."""

MOST_DIFFERENCES = 2
BLOCK = 256


def differenced(values: Floats) -> tuple[int, Floats]:
    """(n,) -> how often it takes differences to be stationary, and the differences (n,).

    0 or -1 (not even the second ones are): the series itself. The first differences are repeated to keep n.
    """
    series = values
    for order in range(MOST_DIFFERENCES + 1):
        if is_stationary(series):
            return order, series
        steps = np.diff(series)
        series = np.concatenate([np.full(order + 1, steps[order]), steps[order:]])
    return -1, values


def summed(start: float, order: int, steps: Floats) -> Floats:
    """(n,) -> (n,): the running sum that undoes one difference, `start` standing for the first `order` points."""
    return np.concatenate([np.full(order, start), start + np.cumsum(steps[order:])])


def is_stationary(values: Floats) -> bool:
    """(n,), n >= 12."""
    kpss = kpss_statistic(values)
    if kpss is None or kpss <= KPSS_5_PERCENT:
        return True
    adf = adf_statistic(values)
    return adf is None or adf < ADF_5_PERCENT


def kpss_statistic(values: Floats) -> float | None:
    """(n,) -> the level statistic, no unit; None where the residuals have no variance."""
    n = len(values)
    residual = values - values.mean()
    power = float(residual @ residual)
    lagged = [float(residual[k:] @ residual[:-k]) for k in range(1, int(n ** (2 / 9)) + 1)]
    total = (power + 2 * sum(lagged)) / n
    if total <= 0:
        return None
    slope = 2 * sum(k * product for k, product in enumerate(lagged, 1)) / n / total
    lags = min(n, int(1.1447 * (slope * slope) ** (1 / 3) * n ** (1 / 3)))
    variance = power
    for k in range(1, lags + 1):
        variance += 2 * (1 - k / (lags + 1)) * float(residual[k:] @ residual[:-k])
    if variance == 0:
        return None
    path = np.cumsum(residual)
    return float(path @ path) / n / variance


def adf_statistic(values: Floats) -> float | None:
    """(n,) -> t-value of the level in the Dickey-Fuller regression, lags by AIC; None where it is singular."""
    n = len(values)
    most = max(min(math.ceil(12.0 * (n / 100.0) ** 0.25), max((n - 1) // 2 - 1, 0) - 1), 0)
    steps = np.diff(values)
    table = _regression(values, steps, most)
    if _is_singular(table[:, :-1]):
        return None
    unexplained = np.cumsum(triangle(table)[::-1, -1] ** 2)[::-1][2:]
    with np.errstate(divide="ignore"):
        criterion = len(table) * np.log(unexplained) + 2 * np.arange(most + 1)
    return _level_t_value(_regression(values, steps, int(np.argmin(criterion))))


def triangle(table: Floats) -> Floats:
    """(m, k) -> (k, k) the R of its QR decomposition, by blocks: none is large enough for threads to pay."""
    columns = table.shape[1]
    block = max(BLOCK, 2 * columns)
    while len(table) > block:
        padded = np.zeros((-(-len(table) // block), block, columns))
        padded.reshape(-1, columns)[: len(table)] = table
        table = np.asarray(np.linalg.qr(padded, mode="r")).reshape(-1, columns)
    square = np.zeros((columns, columns))
    r = np.asarray(np.linalg.qr(table, mode="r"))
    square[: len(r)] = r
    return square


def _regression(values: Floats, steps: Floats, lags: int) -> Floats:
    """(rows, 3 + lags): constant, level before the step, the steps 1 .. lags before it, the step itself."""
    rows = len(steps) - lags
    columns = [np.ones(rows), values[lags:-1]]
    columns += [steps[lags - k : len(steps) - k] for k in range(1, lags + 1)]
    return np.stack([*columns, steps[lags:]], axis=1)


def _is_singular(regressors: Floats) -> bool:
    """More columns than rows, more than one constant column, or linearly dependent ones."""
    rows, columns = regressors.shape
    if columns > rows or np.count_nonzero(np.ptp(regressors, axis=0) == 0) > 1:
        return True
    sizes = np.linalg.svd(triangle(regressors), compute_uv=False)
    return bool(sizes[-1] <= sizes[0] * max(rows, columns) * np.finfo(np.float64).eps)


def _level_t_value(table: Floats) -> float | None:
    rows, columns = len(table), table.shape[1] - 1
    # The level goes last of the regressors: the triangle then holds its coefficient and its error in one row.
    r = triangle(np.concatenate([table[:, :1], table[:, 2:-1], table[:, 1:2], table[:, -1:]], axis=1))
    spread = abs(r[-1, -1]) / math.sqrt(rows - columns) if rows > columns else 0.0
    if spread == 0 or r[-2, -2] == 0:
        return None
    return float(r[-2, -1] / spread * np.sign(r[-2, -2]))
