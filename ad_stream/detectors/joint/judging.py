"""Rows of many devices -> verdicts, in one pass: residuals, sizes, surprise, score, shares.

Devices lead, time is last. The same bits come out for a device alone and among others, and a stretch judged in pieces, each
from the state that the last one left, gives what it gives as a whole.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ad_stream.detectors.joint import frozen, schedule, score
from ad_stream.detectors.joint.residuals import Residuals, Sizes, residuals_of, scaled, sized
from ad_stream.detectors.joint.state import JointState

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ad_stream.detectors.joint.model import JointArrays
    from ad_stream.model import Bools, Floats

    Objects = NDArray[np.object_]

SIZES = Sizes()
SIZES_SHARE = 0.6
"""Of the two views in the score (see `score`)."""

WARM_ROWS = 32
"""After a break the averages have to fill first."""


@dataclass(frozen=True)
class Surprise:
    """What the rows say before any tail of the device: size (m, 3, d, n), factor, surprise, frozen nats (m, d, n), runs,
    the size of the innovation in scaled units (m, d, n), and parts of the next state."""

    found: Residuals
    size: Floats
    factor: Floats
    runs: frozen.Runs
    innovation_size: Floats
    power: Floats
    weight: Floats
    range: tuple[Floats, Floats]

    @property
    def surprise(self) -> Floats:
        return np.asarray(self.size.max(axis=1) * self.factor)


@dataclass(frozen=True)
class JointScores:
    """score (m, n) in nats, NaN where it could not be judged; share, expected, margin (m, d, n), the last two in the unit of
    the values; present, vanished (m, d, n); frozen, relation_only (m, n): what the leading signal's surprise rests on;
    warming (m, n) rows after a break."""

    score: Floats
    share: Floats
    expected: Floats
    margin: Floats
    present: Bools
    vanished: Bools
    frozen: Bools
    relation_only: Bools
    warming: Bools


def surprise_of(found: Residuals, power: Floats, live: Bools, state: JointState) -> Surprise:
    """Residuals, trained mean squares (m, 3, d), live signals (m, d), stacked states -> Surprise."""
    size, innovation_size, after, weight = sized(found, power, state, SIZES)
    size *= live[:, None, :, None]
    factor, span = score.outside(found.held, (state.low, state.high))
    runs = frozen.runs_of(found.held, found.present, found.before, state)
    return Surprise(found, size, factor, runs, innovation_size, after, weight, span)


def scores_of(values: Floats, arrays: JointArrays, state: JointState) -> tuple[JointScores, JointState]:
    """Values (m, d, n) in their units, NaN = none; stacked arrays and states -> scores, the states after the last row."""
    found = residuals_of(scaled(values, arrays.median, arrays.spread), arrays.maps, state, SIZES)
    return measured(surprise_of(found, arrays.power, arrays.live, state), arrays, state)


def passed(values: Floats, arrays: JointArrays, state: JointState) -> JointState:
    """The state that `scores_of` leaves, without the scores: what rows before the judged ones need."""
    if state.recent.shape[-1]:  # what came at this time of day rests on the scores
        return scores_of(values, arrays, state)[1]
    found = residuals_of(scaled(values, arrays.median, arrays.spread), arrays.maps, state, SIZES)
    surprise = surprise_of(found, arrays.power, arrays.live, state)
    squares = score.smoothed(surprise.surprise, arrays.signal_tails, state.share)[..., -1]
    return _after(surprise, squares, state.recent, state.rows + values.shape[-1])


def measured(surprise: Surprise, arrays: JointArrays, state: JointState) -> tuple[JointScores, JointState]:
    """Surprise, stacked arrays, the states before it -> scores, the states after it."""
    found, tails = surprise.found, arrays.signal_tails
    still = frozen.nats(surprise.runs, found.present, arrays.frozen_rate)
    total, stillness, recent = _total(surprise, still.max(axis=1), arrays, state)
    judged = _judged(found, arrays.live)
    counts = ~found.vanished & arrays.live[..., None] & judged[:, None]
    share, squares = score.shares(surprise.surprise, still, counts, tails, state.share)
    expected, margin = _bands(surprise, arrays)
    rows = state.rows[:, None] + np.arange(1, total.shape[-1] + 1)
    scores = JointScores(
        score=np.where(judged, total, np.nan),
        share=share,
        expected=expected,
        margin=margin,
        present=found.present,
        vanished=found.vanished,
        frozen=stillness,
        relation_only=_relation_only(surprise, share),
        warming=rows <= WARM_ROWS,
    )
    return scores, _after(surprise, squares, recent, rows[:, -1])


def _total(
    surprise: Surprise, still: Floats, arrays: JointArrays, state: JointState
) -> tuple[Floats, Bools, Floats]:  # fmt: skip
    """Nats of standing still (m, n) -> score (m, n), where it rests on standing still, the scores of three days after."""
    tails = arrays.signal_tails
    sizes = arrays.tail(0).nats(score.by_sizes(surprise.size, surprise.factor, tails))
    nats = arrays.tail(1).nats(score.by_nats(surprise.surprise, tails))
    mean = SIZES_SHARE * np.maximum(sizes, 0.0) + (1 - SIZES_SHARE) * np.maximum(nats, 0.0)
    lower, recent = schedule.lowered(np.where(_judged(surprise.found, arrays.live), mean, 0.0), state.recent)
    stands = (still > 0) & (still >= lower)
    return np.where(stands, still, lower), stands, recent


def _judged(found: Residuals, live: Bools) -> Bools:
    """(m, n): a value is there, and at most half of the signals are gone."""
    here = (found.present & live[..., None]).any(axis=1)
    gone = (found.vanished & live[..., None]).sum(axis=1)
    return np.asarray(here & (2 * gone <= live.sum(axis=1)[:, None]))


def _bands(surprise: Surprise, arrays: JointArrays) -> tuple[Floats, Floats]:
    """Expected value and margin of each signal given the others and all pasts (m, d, n), in the unit of the values; NaN
    where the signal is gone."""
    live = arrays.live[..., None]
    spread = np.where(live, arrays.spread[..., None], 0.0)
    expected = arrays.median[..., None] + (surprise.found.held - surprise.found.innovation) * spread
    margin = arrays.band[..., None] * surprise.innovation_size * spread
    gone = surprise.found.vanished
    return np.where(gone, np.nan, expected), np.where(gone, np.nan, margin)


def _relation_only(surprise: Surprise, share: Floats) -> Bools:
    """(m, n): the leading signal is inside its past range, and its step alone would not have been the surprise."""
    leader = np.nan_to_num(share).argmax(axis=1)[:, None]
    size = np.take_along_axis(surprise.size, leader[:, None], axis=2)[:, :, 0]
    factor = np.take_along_axis(surprise.factor, leader, axis=1)[:, 0]
    return np.asarray((factor == 1.0) & (2 * size[:, 0] < size[:, 1:].max(axis=1)))


def _after(surprise: Surprise, squares: Floats, recent: Floats, rows: NDArray[np.int64]) -> JointState:
    found = surprise.found
    return JointState(
        held=found.held[..., -1],
        absent=found.absent,
        averages=found.averages,
        level=found.level,
        power=surprise.power,
        weight=surprise.weight,
        low=surprise.range[0],
        high=surprise.range[1],
        run=surprise.runs.run[..., -1],
        longest=surprise.runs.longest[..., -1],
        share=squares,
        recent=recent,
        rows=rows,
    )
