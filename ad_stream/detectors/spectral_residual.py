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

from ad_stream.detectors.rule import CHUNK_BYTES, Judgement, Rule, chunks
from ad_stream.detectors.saliency import EXTENSION, last_score, scores

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

    cut         columns of history that are kept for the second score
    one_pass    score of the last point on the whole window, no unit
    without, including  expected value where the last point is not quiet, and where it is
    low, high   range of the points that are plainly normal (low > high where there are none)
    """

    cut: Ints
    one_pass: Floats
    without: Floats
    including: Floats
    low: Floats
    high: Floats


@dataclass(frozen=True, kw_only=True)
class SpectralResidual(Rule):
    """Flags the last point where its spectral residual score reaches 3.5 and it lies 1.5 sigma from the mean.

    As with the service, sensitivity narrows the band of a flagged point and decides nothing else: below it, at 0
    only, nothing is flagged. See `Rule` for the options.
    """

    name: ClassVar[str] = "spectral_residual"

    def judge(self, rows: Floats, unit: Floats) -> Judgement:
        """(m, L) -> Judgement."""
        first = _first_pass(rows)
        score = _second_score(rows, first)
        value = rows[:, -1]
        near = np.abs(value - rows.mean(axis=1)) < NEAR_MEAN * rows.std(axis=1)
        score = np.where(near, 0.0, score)
        expected = np.where(score <= QUIET, first.including, first.without)
        same = np.abs(value - expected) < SAME / unit
        stands_out = (score >= THRESHOLD) & ~same
        margin = self._margin(value, expected, score, near, first)
        upper, lower, inside = _clip_margins(rows, expected, margin)
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

    def _margin(self, value: Floats, expected: Floats, score: Floats, near: Bools, first: _FirstPass) -> Floats:
        share = 1 - self.sensitivity / 100
        normalised = np.clip(score - SCORE_OFFSET, 0.0, 1.0)
        by_score = np.abs(value - expected) / np.where(normalised > 0, normalised, 1.0) * share
        spread = np.maximum(first.high, value) - np.minimum(first.low, value)
        margin = np.where(normalised <= SAME, 0.01 * spread, by_score)
        return np.asarray(np.where(near, np.abs(expected) * share, margin))


def _first_pass(rows: Floats) -> _FirstPass:
    parts = [_first_pass_chunk(rows[part]) for part in chunks(*rows.shape, size=CHUNK_BYTES)]
    return _FirstPass(
        **{field.name: np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(_FirstPass)}
    )


def _first_pass_chunk(rows: Floats) -> _FirstPass:
    length = rows.shape[1]
    score = scores(rows)
    recent = length - min(max(int(length * RECENT), int(length * 0.1), 1), int(length * 0.45))
    suspicious = score[:, recent:] >= SUSPICIOUS
    cut = np.where(suspicious.any(axis=1), recent + suspicious.argmax(axis=1), length - 1)
    cut = np.minimum(cut, length - 1)
    kept = np.arange(length - 1) < cut[:, None]
    history, past = rows[:, :-1], score[:, :-1]
    normal = kept & (past <= SCORE_OFFSET + SAME)
    without, including = _later_halves(rows, kept & (past <= QUIET))
    return _FirstPass(
        cut=cut,
        one_pass=score[:, -1],
        without=without,
        including=including,
        low=np.min(np.where(normal, history, np.inf), axis=1),
        high=np.max(np.where(normal, history, -np.inf), axis=1),
    )


def _later_halves(rows: Floats, quiet: Bools) -> tuple[Floats, Floats]:
    """Mean of the later half of the quiet history: without the last point, and with it as the newest quiet one.

    rows (m, L), quiet (m, L-1) -> (m,), (m,); where nothing is quiet, the mean of the whole history stands in.
    """
    history = rows[:, :-1]
    totals = np.zeros(rows.shape)
    np.cumsum(history * quiet, axis=1, out=totals[:, 1:])
    rank = np.cumsum(quiet, axis=1, dtype=np.int32)
    count = rank[:, -1].astype(np.int64)
    row = np.arange(len(rows))

    def later(skipped: Ints) -> Floats:
        return np.asarray(totals[:, -1] - totals[row, np.count_nonzero(rank <= skipped[:, None], axis=1)])

    size = count - count // 2
    fallback = np.mean(history, axis=1)
    without: Floats = np.where(size > 0, later(count // 2) / np.maximum(size, 1), fallback)
    including: Floats = (later((count + 1) // 2) + rows[:, -1]) / ((count + 1) - (count + 1) // 2)
    return without, including


def _second_score(rows: Floats, first: _FirstPass) -> Floats:
    """The score of the last point behind the kept history only; rows that keep all of it are done already."""
    score: Floats = first.one_pass.copy()
    for cut in np.unique(first.cut):
        index = np.flatnonzero(first.cut == cut)
        if cut == rows.shape[1] - 1:
            continue
        for part in chunks(len(index), int(cut) + EXTENSION + 1, size=CHUNK_BYTES):
            chosen = index[part]
            shortened = np.concatenate([rows[chosen, :cut], rows[chosen, -1:]], axis=1)
            score[chosen] = last_score(shortened)
    return score


def _clip_margins(rows: Floats, expected: Floats, margin: Floats) -> tuple[Floats, Floats, Bools]:
    """The band ends where the data end; -> upper margin, lower margin, is the last point inside?"""
    value = rows[:, -1]
    upper = np.minimum(expected + margin, np.maximum(rows.max(axis=1), expected))
    lower = np.maximum(expected - margin, np.minimum(rows.min(axis=1), expected))
    inside: Bools = (lower <= value) & (value <= upper)
    return upper - expected, expected - lower, inside


def _severity(value: Floats, expected: Floats, unit: Floats) -> Floats:
    """V1: the deviation as a share of the expected value, at most 1."""
    size = np.abs(expected)
    base = np.where(size * unit <= SAME, SMALLEST_BASE / unit, size)
    return np.asarray(np.minimum(np.abs(value - expected) / base, 1.0))
