"""From the surprise of the signals to the score of the device, and back to the shares of the signals.

The surprise of a signal is the greatest of its three |residual| / size, times 1 + ln(distance from the middle of its past
range, in half ranges) where a value leaves that range. Two views of it are each brought to nats by the device's own tail, and
the score is 0.6 times the first and 0.4 times the second:

    sizes    each residual over (its 99.99 % quantile of training / 4.5) ** 0.4, the logarithm taken beyond 12, power mean
             with exponent 4 over the signals: many signals a little off weigh as much as one far off
    nats     each signal on its own tail first (beyond its 99 % quantile, xi drawn towards 0.25), power mean with
             exponent 4: a signal that bursts by nature counts for little

A signal's share is the square of its surprise, smoothed over three rows, over the sum of all.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ad_stream.detectors.joint.smoothing import average, lagged
from ad_stream.detectors.joint.tail import SMALLEST

if TYPE_CHECKING:
    from ad_stream.model import Bools, Floats

HIGH, HIGH_USUAL, HIGH_POWER = 0.9999, 4.5, 0.4
LINEAR_UP_TO, SIZES_EXPONENT = 12.0, 4.0
SIGNAL_SHARE, SIGNAL_LEAST, SIGNAL_XI, SIGNAL_WORTH = 0.01, 2.0, 0.25, 100
NATS_EXPONENT, OFFSET = 4.0, 0.05
FARTHEST, FINEST_RANGE = 20.0, 1e-3
SHARE_WEIGHT, SHARE_POWER, FROZEN_WEIGHT = 1 / 3, 0.4, 4.0


@dataclass(frozen=True)
class SignalTails:
    """high (m, 3, d): quantiles of the three residuals' sizes in training; of the surprise: highest (m, d), threshold and
    xi (m, d) of its tail."""

    high: Floats
    highest: Floats
    threshold: Floats
    xi: Floats


def learned(size: Floats, surprise: Floats) -> SignalTails:
    """Sizes (m, 3, d, n) and surprise (m, d, n) of the training stretch -> SignalTails."""
    threshold = np.maximum(np.quantile(surprise, 1.0 - SIGNAL_SHARE, axis=-1), SIGNAL_LEAST)
    beyond = surprise > threshold[..., None]
    excess = np.log(np.where(beyond, surprise, 1.0) / np.where(beyond, threshold[..., None], 1.0)).sum(axis=-1)
    xi = (excess + SIGNAL_WORTH * SIGNAL_XI) / (beyond.sum(axis=-1) + SIGNAL_WORTH)
    return SignalTails(
        np.quantile(size, HIGH, axis=-1), np.quantile(surprise.astype(np.float64), HIGH, axis=-1), threshold, xi
    )


def outside(held: Floats, before: tuple[Floats, Floats]) -> tuple[Floats, tuple[Floats, Floats]]:
    """Held values (m, d, n), the lowest and highest before them (m, d) -> the factor for leaving that range (m, d, n), and
    the range after them."""
    low = np.minimum(np.minimum.accumulate(held, axis=-1), before[0][..., None])
    high = np.maximum(np.maximum.accumulate(held, axis=-1), before[1][..., None])
    lowest, highest = lagged(low, before[0]), lagged(high, before[1])
    known = lowest <= highest
    lowest, highest = np.where(known, lowest, 0.0), np.where(known, highest, 0.0)
    half = np.maximum((highest - lowest) / 2, FINEST_RANGE)
    distance = np.clip(np.abs(held - (lowest + highest) / 2) / half, 1.0, FARTHEST)
    return np.where(known, 1.0 + np.log(distance), 1.0), (low[..., -1], high[..., -1])


def by_sizes(size: Floats, factor: Floats, tails: SignalTails) -> Floats:
    """Sizes (m, 3, d, n), factor (m, d, n) -> (m, n)."""
    usual = np.where(tails.high > SMALLEST, tails.high / HIGH_USUAL, 1.0) ** HIGH_POWER
    size = (size / usual[..., None]).max(axis=1) * factor
    size = np.where(size > LINEAR_UP_TO, LINEAR_UP_TO * (1 + np.log(np.maximum(size, 1.0) / LINEAR_UP_TO)), size)
    return np.asarray((size**SIZES_EXPONENT).mean(axis=1) ** (1 / SIZES_EXPONENT))


def by_nats(surprise: Floats, tails: SignalTails) -> Floats:
    """Surprise (m, d, n) -> (m, n)."""
    excess = np.log(np.maximum(surprise, SMALLEST) / tails.threshold[..., None]) / tails.xi[..., None]
    nats = np.maximum(excess - np.log(SIGNAL_SHARE), 0.0)
    return np.asarray((nats**NATS_EXPONENT).mean(axis=1) ** (1 / NATS_EXPONENT) + OFFSET)


def shares(
    surprise: Floats, frozen: Floats, counts: Bools, tails: SignalTails, before: Floats
) -> tuple[Floats, Floats]:  # fmt: skip
    """Surprise and nats of standing still (m, d, n), the signals that count in each row (m, d, n) -> shares that add up to
    one (m, d, n), NaN where none counts, and the smoothed squares after them (m, d).

    A value that is missing adds nothing, and what its signal showed just before fades from row to row: a culprit whose value
    is lost in the row of the alarm is still named.
    What bursts by nature is a little more often the cause of what it shows, hence the power of its high quantile.
    """
    squares = smoothed(surprise, tails, before)
    seen = np.where(counts, squares + FROZEN_WEIGHT * frozen**2, 0.0)
    total = seen.sum(axis=1, keepdims=True)
    number = counts.sum(axis=1, keepdims=True)
    even = counts / np.maximum(number, 1)
    share = np.where(total > 0, seen / np.where(total > 0, total, 1.0), even)
    return np.where(number > 0, share, np.nan), squares[..., -1]


def smoothed(surprise: Floats, tails: SignalTails, before: Floats) -> Floats:
    """Surprise (m, d, n), the smoothed squares before it (m, d) -> weighted squares, smoothed over three rows (m, d, n)."""
    weight = np.maximum(tails.highest, 1.0)[..., None] ** SHARE_POWER
    return average(surprise**2 * weight, SHARE_WEIGHT, before)
