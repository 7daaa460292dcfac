"""A stretch of rows -> a model: the relation, then one pass over the same rows for sizes, tails and the state after them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from ad_stream.detectors.joint import frozen, relation, schedule, score
from ad_stream.detectors.joint.judging import SIZES, Surprise, measured, surprise_of
from ad_stream.detectors.joint.model import JointArrays, JointModel, stacked
from ad_stream.detectors.joint.residuals import mean_squares, residuals_of, scaled
from ad_stream.detectors.joint.smoothing import hold
from ad_stream.detectors.joint.state import apart, blank
from ad_stream.detectors.joint.state import stacked as stacked_states
from ad_stream.detectors.joint.tail import block_tail
from ad_stream.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ad_stream.model import Floats

    Ints = NDArray[np.int64]

FEWEST_ROWS = 200
CUT, RIDGE = 5.0, 0.01
PATIENCE, OF_OWN_GAPS = 60, 5
BAND = 0.999
UNSETTLED = 50
"""Rows at the beginning of the stretch in which every value may be a new record."""


def train(values: Floats, signals: Sequence[str], *, step_seconds: float = 60.0) -> JointModel:
    """(d, n) rows of usual operation at even steps, NaN = no value; d names -> JointModel.

    The rows may hold a few faults. InputError: too few rows, or no signal that moves.
    """
    values = np.asarray(values, dtype=np.float64)
    if values.ndim != 2 or len(values) != len(signals):
        raise ValueError(
            f"values must have the shape (signals, rows), {len(signals)} signals were named: {values.shape}"
        )
    if values.shape[1] < FEWEST_ROWS:
        raise InputError(
            f"the training stretch has {values.shape[1]} rows and a joint model needs {FEWEST_ROWS}: take a longer stretch"
        )
    median, spread = relation.scale_of(values)
    if not np.isfinite(spread).any():
        raise InputError(
            f"no signal moves in the training stretch ({', '.join(map(str, signals))}): take a stretch where one does"
        )
    rows = scaled(values[None], median[None], spread[None])
    arrays = _related(rows, median, spread)
    start = stacked_states([blank(len(values), schedule.rows_of_day(step_seconds))])
    found = residuals_of(rows, stacked([arrays]).maps, start, SIZES)
    arrays, start = replace(arrays, power=mean_squares(found)[0]), replace(start, power=mean_squares(found))
    surprise = surprise_of(found, start.power, arrays.live[None], start)
    surprise.factor[..., :UNSETTLED] = 1.0
    arrays = _calibrated(arrays, surprise)
    after = apart(measured(surprise, stacked([arrays]), start)[1])[0]
    return JointModel(tuple(map(str, signals)), float(step_seconds), values.shape[1], arrays, after)


def _related(rows: Floats, median: Floats, spread: Floats) -> JointArrays:
    """Scaled rows (1, d, n) -> arrays with scale, maps and patience; what the pass over the rows learns is neutral."""
    d = rows.shape[1]
    present = np.isfinite(rows)
    first = np.take_along_axis(rows, present.argmax(axis=-1)[..., None], axis=-1)[..., 0]
    held = hold(rows, np.nan_to_num(first))
    start = np.repeat(held[:, None, :, 0], len(relation.TAUS), axis=1)
    mean, covariance = relation.covariance_of(relation.features(held, start)[0][0], cut=CUT, ridge=RIDGE)
    innovation, level = relation.maps(covariance, np.isfinite(spread))
    ones = np.ones(d)
    return JointArrays(
        median, spread, mean, covariance, innovation, level, power=np.ones((3, d)), high=np.ones((3, d)), highest=ones,
        signal_threshold=ones, signal_xi=ones, tails=np.ones((2, 2)), frozen_rate=np.zeros(d),
        patience=_patience(present[0]), band=ones,
    )  # fmt: skip


def _calibrated(arrays: JointArrays, surprise: Surprise) -> JointArrays:
    """The arrays with what the training rows say of their own surprise: tails, bands, stillness."""
    tails = score.learned(surprise.size, surprise.surprise)
    device = [
        block_tail(score.by_sizes(surprise.size, surprise.factor, tails)[0]),
        block_tail(score.by_nats(surprise.surprise, tails)[0]),
    ]
    return replace(
        arrays,
        high=tails.high[0],
        highest=tails.highest[0],
        signal_threshold=tails.threshold[0],
        signal_xi=tails.xi[0],
        tails=np.array(device),
        frozen_rate=frozen.rate_of(surprise.runs, surprise.found.present)[0] * arrays.live,
        band=_band(surprise),
    )


def _band(surprise: Surprise) -> Floats:
    """(d,) sizes of the innovation that nearly all values kept."""
    rows = zip(surprise.size[0, 1], surprise.found.present[0], strict=True)
    return np.array([np.quantile(size[there], BAND) if there.any() else 0.0 for size, there in rows])


def _patience(known: NDArray[np.bool_]) -> Ints:
    """(d, n) -> (d,): an hour of minutes, or five times the usual distance of a signal's own values."""
    gaps = [np.median(np.diff(np.flatnonzero(row))) if row.sum() > 1 else 1.0 for row in known]
    return np.array([max(PATIENCE, OF_OWN_GAPS * math.ceil(gap)) for gap in gaps], dtype=np.int64)
