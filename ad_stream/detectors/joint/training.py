"""A stretch of rows -> a model: the relation, then one pass over the same rows for sizes, tails and the state after them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from ad_stream.detectors.joint import frozen, relation, schedule, score
from ad_stream.detectors.joint.judging import SIZES, Surprise, scores_of, surprise_of
from ad_stream.detectors.joint.model import JointArrays, JointModel, stacked
from ad_stream.detectors.joint.residuals import Maps, mean_squares, residuals_of, scaled
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
        raise ValueError(f"values must have the shape (signals, rows), {len(signals)} signals were named: {values.shape}")
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
    arrays = _related(rows, median, spread, values)
    return _calibrated(rows, values, arrays, JointModel(
        tuple(map(str, signals)), float(step_seconds), values.shape[1], arrays,
        blank(len(values), schedule.rows_of_day(step_seconds), arrays.power),
    ))  # fmt: skip


def _related(rows: Floats, median: Floats, spread: Floats, values: Floats) -> JointArrays:
    """Scaled rows (1, d, n) -> arrays with scale, maps, power, patience; what the second pass learns is neutral."""
    d = rows.shape[1]
    first = np.take_along_axis(rows, np.isfinite(rows).argmax(axis=-1)[..., None], axis=-1)[..., 0]
    held = hold(rows, np.nan_to_num(first))
    start = np.repeat(held[:, None, :, 0], len(relation.TAUS), axis=1)
    mean, covariance = relation.covariance_of(relation.features(held, start)[0][0], cut=CUT, ridge=RIDGE)
    live = np.isfinite(spread)
    innovation, level = relation.maps(covariance, live)
    patience = _patience(np.isfinite(values))
    maps = Maps(covariance[None], mean[None], innovation[None], level[None], live[None], patience[None])
    found = residuals_of(rows, maps, stacked_states([blank(d, 0, np.zeros((3, d)))]), SIZES)
    ones = np.ones(d)
    return JointArrays(
        median, spread, mean, covariance, innovation, level, mean_squares(found)[0],
        high=np.ones((3, d)), highest=ones, signal_threshold=ones, signal_xi=ones, tails=np.ones((2, 2)),
        frozen_rate=np.zeros(d), patience=patience, band=ones,
    )  # fmt: skip


def _calibrated(rows: Floats, values: Floats, arrays: JointArrays, model: JointModel) -> JointModel:
    """The pass over the training rows (1, d, n): tails, bands, stillness; then the state after them."""
    many, start = stacked([arrays]), stacked_states([model.state])
    surprise = surprise_of(rows, many, start)
    surprise.factor[..., :UNSETTLED] = 1.0
    tails = score.learned(surprise.size, surprise.surprise)
    device = [
        block_tail(score.by_sizes(surprise.size, surprise.factor, tails)[0]),
        block_tail(score.by_nats(surprise.surprise, tails)[0]),
    ]
    arrays = replace(
        arrays,
        high=tails.high[0],
        highest=tails.highest[0],
        signal_threshold=tails.threshold[0],
        signal_xi=tails.xi[0],
        tails=np.array(device),
        frozen_rate=frozen.rate_of(surprise.runs, surprise.found.present)[0] * arrays.live,
        band=_band(surprise),
    )
    after = apart(scores_of(values[None], stacked([arrays]), start)[1])[0]
    return replace(model, arrays=arrays, state=after)


def _band(surprise: Surprise) -> Floats:
    """(d,) sizes of the innovation that nearly all rows kept."""
    return np.asarray(np.quantile(surprise.size[0, 1], BAND, axis=-1))


def _patience(known: NDArray[np.bool_]) -> Ints:
    """(d, n) -> (d,): an hour of minutes, or five times the usual distance of a signal's own values."""
    gaps = [np.median(np.diff(np.flatnonzero(row))) if row.sum() > 1 else 1.0 for row in known]
    return np.maximum(PATIENCE, OF_OWN_GAPS * np.ceil(np.array(gaps))).astype(np.int64)
