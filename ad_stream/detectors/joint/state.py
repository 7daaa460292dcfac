"""What a device's signals were before the first judged row: every recursion's last value, as arrays that stack."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING

import numpy as np

from ad_stream.detectors.joint.relation import TAUS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ad_stream.model import Floats

    Ints = NDArray[np.int64]

RESIDUALS = 3
NEVER = 1 << 40
"""Rows since the last value of a signal that has had none."""

MEMORY_DAYS = 3


@dataclass(frozen=True)
class JointState:
    """One device: d signals, m of them stacked: (m, ...).

    held         (d,) last value, scaled
    absent       (d,) rows since it came, 0 = in the last row
    averages     (3, d) moving averages of the held values
    level        (d,) smoothed level residual
    power        (3, d) weighted sums of squares of the three residuals, weight (d,) the sum of their weights
    low, high    (d,) range so far, scaled
    run, longest (d,) rows that the value has stood still, and the longest that it did so before
    share        (d,) smoothed squares of the surprise
    recent       (3 * rows of a day,) scores of the last three days, 0 where nothing was judged
    rows         () rows since the beginning or the last break
    """

    held: Floats
    absent: Ints
    averages: Floats
    level: Floats
    power: Floats
    weight: Floats
    low: Floats
    high: Floats
    run: Ints
    longest: Ints
    share: Floats
    recent: Floats
    rows: Ints

    def afresh(self) -> JointState:
        """The same sizes, ranges and longest runs, for rows that do not follow the last ones."""
        return replace(
            self,
            absent=np.full_like(self.absent, NEVER),
            level=np.zeros_like(self.level),
            run=np.zeros_like(self.run),
            share=np.zeros_like(self.share),
            recent=np.zeros_like(self.recent),
            rows=np.zeros_like(self.rows),
        )


NAMES = tuple(one.name for one in fields(JointState))


def blank(d: int, day: int) -> JointState:
    """The state of a device with d signals and `day` rows a day of which nothing has been seen."""
    zeros, none = np.zeros(d), np.zeros(d, dtype=np.int64)
    return JointState(
        held=zeros,
        absent=np.full(d, NEVER),
        averages=np.zeros((len(TAUS), d)),
        level=zeros,
        power=np.ones((RESIDUALS, d)),
        weight=np.ones(d),
        low=np.full(d, np.inf),
        high=np.full(d, -np.inf),
        run=none,
        longest=none,
        share=zeros,
        recent=np.zeros(MEMORY_DAYS * day),
        rows=np.array(0),
    )


def stacked(states: Sequence[JointState]) -> JointState:
    """One state of m devices."""
    return JointState(**{name: np.stack([getattr(state, name) for state in states]) for name in NAMES})


def apart(state: JointState) -> list[JointState]:
    """A state of m devices -> one each."""
    count = len(state.held)
    columns = [getattr(state, name) for name in NAMES]
    return [JointState(*(column[i] for column in columns)) for i in range(count)]
