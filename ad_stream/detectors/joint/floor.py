"""`relation`, the floor: the plain rule that `joint` was built from, kept to be measured beside it.

Per signal the greatest of change, innovation and level (smoothed over four rows), each over the root of the greater of its
trained and its slowly moving mean square (weight 0.002); fourth-power mean over the signals; nats by the tail of the 1 % of
training rows that score highest. A contribution is the squared surprise, smoothed over three rows.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from ad_stream.detectors.joint import relation as relations
from ad_stream.detectors.joint import schedule, state
from ad_stream.detectors.joint.residuals import Maps, Sizes, mean_squares, residuals_of, scaled, sized
from ad_stream.detectors.joint.smoothing import average, hold
from ad_stream.detectors.joint.tail import Tail, row_tail

if TYPE_CHECKING:
    from ad_stream.model import Floats

SIZES = Sizes(level=1 / 4, forget=0.002, floor=1.0)
CUT, RIDGE, SHARE, SMOOTH = 6.0, 0.02, 0.01, 1 / 3


def relation(train: Floats, test: Floats) -> tuple[Floats, Floats]:
    """Training rows (d, n) and the rows that follow them (d, m), NaN = none -> scores (m,), contributions (d, m)."""
    median, spread = relations.scale_of(train)
    n = train.shape[1]
    rows = scaled(np.concatenate([train, test], axis=1)[None], median[None], spread[None])
    maps = _maps(rows[..., :n], np.isfinite(spread))
    start = state.stacked([state.blank(len(train), schedule.SHORTEST_DAY)])
    trained = mean_squares(residuals_of(rows[..., :n], maps, start, SIZES))
    start = replace(start, power=trained)
    size = sized(residuals_of(rows, maps, start, SIZES), trained, start, SIZES)[0]
    surprise = size.max(axis=1)[0] * np.isfinite(spread)[:, None]
    score = (surprise**4).mean(axis=0) ** 0.25
    threshold, xi = row_tail(score[:n], SHARE)
    nats = Tail(np.array([threshold]), np.array([xi])).nats(score[None], SHARE)[0]
    return nats[n:], average(surprise**2, SMOOTH, surprise[:, 0] ** 2)[:, n:]


def _maps(rows: Floats, live: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> Maps:
    """Scaled training rows (1, d, n) -> the maps of one device that holds a value for ever."""
    d = rows.shape[1]
    held = hold(rows, np.zeros((1, d)))
    start = np.repeat(held[:, None, :, 0], len(relations.TAUS), axis=1)
    mean, covariance = relations.covariance_of(relations.features(held, start)[0][0], cut=CUT, ridge=RIDGE)
    innovation, level = relations.maps(covariance, live)
    for_ever = np.full((1, d), 2 * state.NEVER)
    return Maps(covariance[None], mean[None], innovation[None], level[None], live[None], for_ever)
