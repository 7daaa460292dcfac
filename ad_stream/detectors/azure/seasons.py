"""How well a season of a given length explains a series: generalised cross-validation.

Each phase of the season is predicted by the mean of its other cycles (leave one out, closed form), as in the
package `seasonal` (Will Welch, MIT).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ad_stream.detectors.azure.arrays import ZERO

if TYPE_CHECKING:
    from ad_stream.model import Floats


def error_of_season(values: Floats, period: int) -> float:
    """(n,), 1 < period <= n / 2 -> mean squared error of prediction, squared unit; 0 where it is rounding noise.

    Sums run in single precision in the order of time, as the service's kernel did: where several multiples of a
    period fit equally well it is the rounding that picks one.
    """
    single = values.astype(np.float32)
    n = len(single)
    whole = n // period
    rest = n - whole * period
    table = single[: whole * period].reshape(whole, period)
    total = table.sum(axis=0)
    squares = (table * table).sum(axis=0)
    cycles = np.full(period, float(whole))
    if rest:
        tail = single[whole * period :]
        total[:rest] += tail
        squares[:rest] += tail * tail
        cycles[:rest] += 1
    inner = squares - total * total / cycles.astype(np.float32)
    error = float(((cycles / (cycles - 1.0)) ** 2 * inner).sum() / n)
    return 0.0 if abs(error) <= ZERO else error


def explained(values: Floats, period: int) -> float:
    """The share of the variance that a season of this length explains, at most 1."""
    error = error_of_season(values, period)
    return 1.0 if error == 0.0 else 1.0 - error / float(values.var())
