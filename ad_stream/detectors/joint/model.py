"""A trained model as data: the arrays of one device, which stack to those of many."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import numpy as np

from ad_stream.detectors.joint.residuals import Maps
from ad_stream.detectors.joint.score import SignalTails
from ad_stream.detectors.joint.state import JointState
from ad_stream.detectors.joint.tail import Tail

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ad_stream.model import Bools, Floats

    Ints = NDArray[np.int64]


@dataclass(frozen=True)
class JointArrays:
    """Of one device with d signals; stacked, m devices lead.

    median, spread        (d,) the unit of a signal; the spread is infinite where it did not move
    mean, covariance      (4 d,), (4 d, 4 d) of the features (see `relation`); innovation, level (d, 4 d) the maps
    power                 (3, d) mean squares of the residuals in training
    high, highest, signal_threshold, signal_xi    tails of the signals (see `score`), (3, d) and (d,)
    tails                 (2, 2) threshold and xi of the two scores of the device
    frozen_rate           (d,) nats a row of standing still (see `frozen`)
    patience              (d,) rows that a value is held before its signal counts as gone
    band                  (d,) sizes of the innovation that 999 of 1,000 training values kept
    """

    median: Floats
    spread: Floats
    mean: Floats
    covariance: Floats
    innovation: Floats
    level: Floats
    power: Floats
    high: Floats
    highest: Floats
    signal_threshold: Floats
    signal_xi: Floats
    tails: Floats
    frozen_rate: Floats
    patience: Ints
    band: Floats

    @property
    def live(self) -> Bools:
        """(..., d) the signals that moved in training."""
        return np.isfinite(self.spread)

    @property
    def maps(self) -> Maps:
        return Maps(self.covariance, self.mean, self.innovation, self.level, self.live, self.patience)

    @property
    def signal_tails(self) -> SignalTails:
        return SignalTails(self.high, self.highest, self.signal_threshold, self.signal_xi)

    def tail(self, which: int) -> Tail:
        """0: of the sizes, 1: of the nats; of stacked arrays."""
        return Tail(self.tails[:, which, 0], self.tails[:, which, 1])


@dataclass(frozen=True)
class JointModel:
    """What was learned of one device: signals (d names), step in seconds, rows of training, arrays, and the state after the
    last training row."""

    signals: tuple[str, ...]
    step_seconds: float
    rows: int
    arrays: JointArrays
    state: JointState


def stacked(arrays: Sequence[JointArrays]) -> JointArrays:
    """The arrays of m devices with equally many signals."""
    names = [one.name for one in fields(JointArrays)]
    return JointArrays(**{name: np.stack([getattr(one, name) for one in arrays]) for name in names})
