"""How the signals of a device hang together: one covariance, and the linear maps that it implies.

Each row has 4 d features: the d scaled values and their moving averages (2, 8 and 32 rows) up to the row before. From one
precision matrix P, the inverse of their covariance, come two residuals of every signal j (Lauritzen, Graphical Models,
1996, 5.1: the conditional mean of a normal vector):

    innovation  x_j less what the other values and all averages let expect:  (P f)_j / P_jj
    level       x_j less what the other signals alone let expect, its own averages left out: with B = the four features of
                j, the first of  P_BB^-1 (P f)_B

Training rows are cut at 5 standard deviations before the covariance is taken, so that a fault of the past does not become a
relation, and 1 % of each variance is added to itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ad_stream.detectors.joint.smoothing import average, lagged

if TYPE_CHECKING:
    from ad_stream.model import Bools, Floats

TAUS = (2, 8, 32)
BLOCK = 1 + len(TAUS)
FEWEST = 30
"""A signal with fewer values in the training stretch is not learned."""

FINEST = 1e-12
"""A spread below this share of the values is their rounding, and no movement."""


@dataclass(frozen=True)
class Relation:
    """Of one device: median, spread (d,), the spread infinite where a signal did not move or was hardly there;
    mean (4 d,), covariance (4 d, 4 d) of the features, the ridge included."""

    median: Floats
    spread: Floats
    mean: Floats
    covariance: Floats

    @property
    def live(self) -> Bools:
        """(d,) the signals that moved in training."""
        return np.isfinite(self.spread)


def scale_of(values: Floats) -> tuple[Floats, Floats]:
    """(d, n) with NaN -> median and spread (d,): the quartiles' distance over 1.349, the standard deviation where that is
    hardly anything; infinite where nothing moves."""
    known = np.isfinite(values)
    enough = known.sum(axis=-1) >= FEWEST
    filled = np.where(known, values, np.nan)
    filled[~enough] = 0.0
    # By a power of two, which is exact, so that no square overflows.
    exponent = np.frexp(np.nanmax(np.abs(filled), axis=-1))[1]
    filled = np.ldexp(filled, -exponent[:, None])
    low, median, high = np.nanpercentile(filled, [25, 50, 75], axis=-1)
    deviation, quartiles = np.nanstd(filled, axis=-1), (high - low) / 1.349
    spread = np.where(quartiles > 0.1 * deviation, quartiles, deviation)
    moves = enough & (spread > FINEST * np.nanmax(np.abs(filled), axis=-1))
    return np.ldexp(np.where(enough, median, 0.0), exponent), np.where(moves, np.ldexp(spread, exponent), np.inf)


def features(values: Floats, averages: Floats) -> tuple[Floats, Floats]:
    """Held scaled values (m, d, n), averages before them (m, 3, d) -> features (m, 4 d, n), averages after them."""
    parts, after = [values], []
    for k, tau in enumerate(TAUS):
        smooth = average(values, 1.0 / (1.0 + tau), averages[:, k])
        parts.append(lagged(smooth, averages[:, k]))
        after.append(smooth[..., -1])
    return np.concatenate(parts, axis=1), np.stack(after, axis=1)


def covariance_of(rows: Floats, *, cut: float, ridge: float) -> tuple[Floats, Floats]:
    """(k, n) -> mean (k,) and covariance (k, k) of rows cut at `cut` standard deviations, with `ridge` of each variance."""
    mean = rows.mean(axis=-1)
    centred = rows - mean[:, None]
    most = cut * np.maximum(centred.std(axis=-1), 1e-9)[:, None]
    centred = np.clip(centred, -most, most)
    covariance = centred @ centred.T / rows.shape[-1]
    variance = covariance.diagonal().copy()
    variance[variance < 1e-8] = 1.0
    return mean, covariance + np.diag(ridge * variance)


def maps(covariance: Floats, use: Bools) -> tuple[Floats, Floats]:
    """(4 d, 4 d), the signals that count (d,) -> the maps of innovation and level, (d, 4 d) each, 0 for the others."""
    d = len(use)
    chosen = np.flatnonzero(use)
    innovation, level = np.zeros((d, BLOCK * d)), np.zeros((d, BLOCK * d))
    if not len(chosen):
        return innovation, level
    places = np.concatenate([chosen + k * d for k in range(BLOCK)])
    precision = np.linalg.inv(covariance[np.ix_(places, places)])
    count = len(chosen)
    own = precision.reshape(BLOCK, count, BLOCK, count)
    blocks = np.einsum("ajbj->jab", own)
    weights = np.linalg.inv(blocks)[:, 0]
    innovation[np.ix_(chosen, places)] = precision[:count] / precision.diagonal()[:count, None]
    level[np.ix_(chosen, places)] = np.einsum("ja,ajk->jk", weights, precision.reshape(BLOCK, count, -1))
    return innovation, level
