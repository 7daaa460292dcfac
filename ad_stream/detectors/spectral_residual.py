"""`spectral_residual`: the retired service's verdict on the last point of minutely data, for all series at once.

Ren et al., KDD 2019, in the form the service gave it in last-point mode with boundary version V1: the score is
computed again on a history cut at its first suspicious recent point, a point near the mean is never an anomaly,
the expected value is the mean of the later half of the quiet points. It is the path the service took for minutely
data whose values vary; its period search and its passes over differences are in the detector `service`.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from ad_stream.detectors.kernels.saliency import EXTENSION, last_score, local_mean, saliency
from ad_stream.detectors.window_detector import CHUNK_BYTES, Judgement, WindowDetector, chunks

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ad_stream.model import Bools, Floats

    Ints = NDArray[np.int64]

THRESHOLD = 3.5
SUSPICIOUS = 1.5
QUIET = 1.0
NEAR_MEAN = 1.5
RECENT = 0.25
SCORE_OFFSET = 3.5 / (15.0 - 3.5)
SAME = 1e-8
SMALLEST_BASE = 0.3


@dataclass(frozen=True)
class _FirstPass:
    """What the scores of the whole window leave behind; every field (m,), unit of the rows unless said otherwise.

    near        is the last point within 1.5 standard deviations of the mean, and so no anomaly?
    cut         columns of history that are kept for the second score
    one_pass    score of the last point on the whole window, no unit
    without, including  expected value where the last point is not quiet, and where it is
    low, high   range of the points that are plainly normal (low > high where there are none, or the last is near)
    least, most range of all points
    """

    near: Bools
    cut: Ints
    one_pass: Floats
    without: Floats
    including: Floats
    low: Floats
    high: Floats
    least: Floats
    most: Floats


@dataclass(frozen=True, kw_only=True)
class SpectralResidual(WindowDetector):
    """Flags the last point where its spectral residual score reaches 3.5 and it lies 1.5 sigma from the mean.

    As with the service, sensitivity narrows the band of a flagged point and decides nothing else: below it, at 0
    only, nothing is flagged. See `WindowDetector` for the options.
    """

    name: ClassVar[str] = "spectral_residual"

    def judge(self, rows: Floats, unit: Floats) -> Judgement:
        """(m, L) -> Judgement."""
        first = _first_pass(rows)
        score = _second_score(rows, first)
        value = rows[:, -1]
        expected = np.where(score <= QUIET, first.including, first.without)
        same = np.abs(value - expected) < SAME / unit
        stands_out = (score >= THRESHOLD) & ~same
        margin = self._margin(value, expected, score, first)
        upper, lower, inside = _clip_margins(value, expected, margin, first)
        stands_out &= ~inside
        outside = ~stands_out & ~inside
        wide = np.abs(value - expected) * 1.01
        return Judgement(
            expected=expected,
            upper_margin=np.where(outside, wide, upper),
            lower_margin=np.where(outside, wide, lower),
            score=score,
            sr_score=first.one_pass,
            severity=_severity(value, expected, unit),
            stands_out=stands_out,
            reason=np.full(len(rows), "", dtype=object),
        )

    def _margin(self, value: Floats, expected: Floats, score: Floats, first: _FirstPass) -> Floats:
        share = 1 - self.sensitivity / 100
        normalised = np.clip(score - SCORE_OFFSET, 0.0, 1.0)
        by_score = np.abs(value - expected) / np.where(normalised > 0, normalised, 1.0) * share
        spread = np.maximum(first.high, value) - np.minimum(first.low, value)
        margin = np.where(normalised <= SAME, 0.01 * spread, by_score)
        return np.asarray(np.where(first.near, np.abs(expected) * share, margin))


def _first_pass(rows: Floats) -> _FirstPass:
    parts = [_first_pass_chunk(rows[part]) for part in chunks(*rows.shape, size=CHUNK_BYTES)]
    return _FirstPass(
        **{field.name: np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(_FirstPass)}
    )


def _first_pass_chunk(rows: Floats) -> _FirstPass:
    length = rows.shape[1]
    from_mean = rows - rows.mean(axis=1, keepdims=True)
    variance = np.einsum("ij,ij->i", from_mean, from_mean) / length
    near = np.abs(from_mean[:, -1]) < NEAR_MEAN * np.sqrt(variance)
    salient = saliency(rows)
    local = local_mean(salient)
    recent = length - min(max(int(length * RECENT), int(length * 0.1), 1), int(length * 0.45))
    # A score of s means a saliency of 1 + s local means: no quotient is needed for those far below it either.
    suspicious = salient[:, recent:] >= (1 + SUSPICIOUS) * local[:, recent:]
    cut = np.where(suspicious.any(axis=1), recent + suspicious.argmax(axis=1), length - 1)
    quiet = salient <= (1 + QUIET) * local
    quiet[:, recent:] &= np.arange(recent, length) < cut[:, None]
    without, including = _later_halves(rows, quiet)
    low, high = np.full(len(rows), np.inf), np.full(len(rows), -np.inf)
    far = np.flatnonzero(~near)
    low[far], high[far] = _normal_range(rows[far], _relative(salient[far], local[far]), cut[far])
    return _FirstPass(
        near=near,
        cut=cut,
        one_pass=_relative(salient[:, -1], local[:, -1]),
        without=without,
        including=including,
        low=low,
        high=high,
        least=rows.min(axis=1),
        most=rows.max(axis=1),
    )


def _relative(salient: Floats, local: Floats) -> Floats:
    return np.asarray(np.abs(salient - local) / local)


def _normal_range(rows: Floats, score: Floats, cut: Ints) -> tuple[Floats, Floats]:
    """(m, L), (m, L), (m,) -> (m,), (m,): the range of the kept history that is plainly normal."""
    history, normal = rows[:, :-1], score[:, :-1] <= SCORE_OFFSET + SAME
    normal &= np.arange(rows.shape[1] - 1) < cut[:, None]
    return np.where(normal, history, np.inf).min(axis=1), np.where(normal, history, -np.inf).max(axis=1)


def _later_halves(rows: Floats, quiet: Bools) -> tuple[Floats, Floats]:
    """Mean of the later half of the quiet history: without the last point, and with it as the newest quiet one.

    rows (m, L), quiet (m, L), false for the last point -> (m,), (m,); where nothing is quiet, the mean of the whole
    history stands in.
    """
    places = np.flatnonzero(quiet)
    ends = np.searchsorted(places, np.arange(1, len(rows) + 1) * rows.shape[1])
    starts = np.concatenate([[0], ends[:-1]])
    count = ends - starts
    half = starts + (count + 1) // 2
    values = np.append(rows.reshape(-1)[places], 0.0)
    later = np.add.reduceat(values, np.stack([half, ends], axis=1).reshape(-1))[::2]
    later[half == ends] = 0.0
    including = (later + rows[:, -1]) / (count + 1 - (count + 1) // 2)
    odd = count % 2 == 1
    without = (later + np.where(odd, values[half - odd], 0.0)) / np.maximum(count - count // 2, 1)
    none = count == 0
    if none.any():
        without[none] = rows[none, :-1].mean(axis=1)
    return without, including


def _second_score(rows: Floats, first: _FirstPass) -> Floats:
    """(m, L) -> (m,): the score of the last point behind the kept history only, 0 where it is near the mean."""
    score: Floats = np.where(first.near, 0.0, first.one_pass)
    again = np.flatnonzero(~first.near & (first.cut < rows.shape[1] - 1))
    again = again[np.argsort(first.cut[again], kind="stable")]
    cuts, places, counts = np.unique(first.cut[again], return_index=True, return_counts=True)
    for cut, place, count in zip(cuts, places, counts, strict=True):
        for part in chunks(count, int(cut) + EXTENSION + 1, size=CHUNK_BYTES):
            chosen = again[place : place + count][part]
            score[chosen] = last_score(np.concatenate([rows[chosen, :cut], rows[chosen, -1:]], axis=1))
    return score


def _clip_margins(value: Floats, expected: Floats, margin: Floats, first: _FirstPass) -> tuple[Floats, Floats, Bools]:
    """The band ends where the data end; -> upper margin, lower margin, is the last point inside?"""
    upper = np.minimum(expected + margin, np.maximum(first.most, expected))
    lower = np.maximum(expected - margin, np.minimum(first.least, expected))
    inside: Bools = (lower <= value) & (value <= upper)
    return upper - expected, expected - lower, inside


def _severity(value: Floats, expected: Floats, unit: Floats) -> Floats:
    """V1: the deviation as a share of the expected value, at most 1."""
    size = np.abs(expected)
    base = np.where(size * unit <= SAME, SMALLEST_BASE / unit, size)
    return np.asarray(np.minimum(np.abs(value - expected) / base, 1.0))
