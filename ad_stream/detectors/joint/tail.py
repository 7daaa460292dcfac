"""From sizes to nats: how rare a score is by the tail of the training stretch.

A threshold means a rate of alarms only if the score of every device is measured on its own tail. Alarms come in bursts, so
the tail is that of the greatest score of ten rows, not of the row: the log of the excess over the 95 % quantile u of these
maxima is exponential with mean xi (Hill, Annals of Statistics 3, 1975), and a score s is worth ln(s / u) / xi + ln 20 nats:
one block of ten rows in e^nats reaches it. A few dozen maxima tell little of xi, so it is drawn towards what is usual, and a
tail lighter than that is not believed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from ad_stream.model import Floats

BLOCK_ROWS = 10
QUANTILE = 0.95
USUAL_XI, WORTH = 0.25, 30
"""The usual tail, and how many excesses it is worth."""

SMALLEST = 1e-9


@dataclass(frozen=True)
class Tail:
    """threshold and xi (m,) of m devices."""

    threshold: Floats
    xi: Floats

    def nats(self, score: Floats, share: float = 1.0 - QUANTILE) -> Floats:
        """(m, n) -> (m, n)."""
        excess = np.log(np.maximum(score, SMALLEST) / self.threshold[:, None]) / self.xi[:, None]
        return np.asarray(excess - np.log(share))


def block_tail(score: Floats) -> tuple[float, float]:
    """(n,) scores of the training stretch -> threshold, xi; stretches under ten rows count as one block."""
    rows = min(BLOCK_ROWS, len(score))
    maxima = score[len(score) % rows :].reshape(-1, rows).max(axis=1)
    threshold = max(float(np.quantile(maxima, QUANTILE)), SMALLEST)
    excess = np.log(maxima[maxima > threshold] / threshold)
    drawn = (float(excess.sum()) + WORTH * USUAL_XI) / (len(excess) + WORTH)
    return threshold, max(float(excess.mean()) if len(excess) else 0.0, drawn)


def row_tail(score: Floats, share: float) -> tuple[float, float]:
    """(n,) -> threshold that `share` of the rows pass, and Hill's xi of those rows."""
    threshold = max(float(np.quantile(score, 1.0 - share)), SMALLEST)
    excess = np.log(np.maximum(score[score > threshold], SMALLEST) / threshold)
    return threshold, max(float(excess.mean()) if len(excess) else 1.0, 0.02)
