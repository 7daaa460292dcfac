"""The slow verdict beside the first: has the level begun to drift, or the value stopped moving?

A drift hides every single step in the noise, so no rule on single steps finds it without flagging the noise. It is
measured by the bend of means of 20 over two hours (`drift.bend`, zero on a straight line), and called a drift where
the bend is greater than all of

    5.5 standard errors of white noise as large as the differences of the newest 240 columns show,
    4 root mean squares of the window's bends up to an hour ago,
    1.5 times the greatest of them,

and no two means of three values side by side within those two hours lie more than 3.2 sizes of the noise apart: a jump
is the first verdict's business, and five standard errors of such a difference are what noise and ramps never reach. Its
onset is where a straight line with one kink, fitted by least squares to the newest four hours, has its kink. A stuck
value is `stuck.is_stuck`, with the first of the equal values as onset. docs/decisions/a-slow-verdict.md has the choice.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from ad_stream.detectors.drift import bend
from ad_stream.detectors.kernels import gaps, residuals
from ad_stream.detectors.kernels.cadence import on_own_cadence
from ad_stream.detectors.kernels.scaling import divided
from ad_stream.detectors.stuck import SHORTEST, TIMES_LONGEST, is_stuck, runs
from ad_stream.detectors.window_detector import CHUNK_BYTES, UNJUDGED, chunks

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ad_stream.model import Bools, Floats, OwnCadence, Windows

    Ints = NDArray[np.int64]

AVERAGE, GAP, NOISE_OVER = 20, 60, 240
STANDARD_ERRORS, OF_RMS, OF_GREATEST = 5.5, 4.0, 1.5
SIDE, JUMP = 3, 3.2
FEWEST = AVERAGE + 4 * GAP
NO_ONSET = -1
FITTED, NEAREST_KINK = 240, 10


@dataclass(frozen=True)
class SlowVerdict:
    """The second verdict on the last column, each field (...).

    slow_score       bend over what makes it a drift, or length of the still run over what makes it stuck; flagged from 1
                     on; NaN where the history is too short
    slow_is_anomaly  drift or stuck
    slow_reason      'drift', 'stuck', 'normal', 'sudden' (a bend that a single jump explains: not flagged), or why it was
                     not judged
    slow_onset       columns of the window back to where it began, -1 without a flag
    slow_deviation   the bend, unit of the values, signed: how far the level has left its line; 0 where it is stuck
    """

    slow_score: Floats
    slow_is_anomaly: Bools
    slow_reason: NDArray[np.object_]
    slow_onset: Ints
    slow_deviation: Floats


def judge_slowly(windows: Windows, *, points: int = 1501, max_gap: int = 5) -> SlowVerdict:
    """(..., n) -> each field (...); row i depends on row i only; judged from 260 readings since the last long gap on.

    Slow series are judged on their own cadence, as by every detector. Raises ValueError where the windows have no time
    axis.
    """
    values = np.asarray(windows.values, dtype=np.float64)
    if values.ndim == 0 or values.shape[-1] == 0:
        raise ValueError(f"windows need a time axis with at least one column, got the shape {values.shape}")
    rows = values[..., -points:].reshape(-1, min(points, values.shape[-1]))
    answer = not_judged(len(rows))
    moved, cadence = on_own_cadence(rows) if windows.own is None else (rows, windows.own.cadence.reshape(-1))
    dense = gaps.fill(moved, max_gap=max_gap, min_points=FEWEST)
    for state, (_, reason) in UNJUDGED.items():
        answer.slow_reason[dense.state == state] = reason
    for index, group in dense.groups():
        for part in chunks(*group.shape, size=CHUNK_BYTES):
            with np.errstate(all="ignore"):
                _put(answer, index[part], group[part])
    slow = np.flatnonzero(answer.slow_is_anomaly & (cadence > 1))
    behind = _behind(rows[slow]) if windows.own is None else _last_columns(windows.own, rows.shape[1])[slow]
    answer.slow_onset[slow] = _in_windows(behind, answer.slow_onset[slow])
    lead = values.shape[:-1]
    return SlowVerdict(**{field.name: getattr(answer, field.name).reshape(lead) for field in fields(SlowVerdict)})


def _put(answer: SlowVerdict, index: Ints, rows: Floats) -> None:
    """Judge dense rows (m, L) of the data and write the verdicts to their places."""
    exponent = np.frexp(np.abs(rows).max(axis=1))[1]
    verdict = judge_rows(divided(rows, exponent))
    for field in fields(SlowVerdict):
        getattr(answer, field.name)[index] = getattr(verdict, field.name)
    answer.slow_deviation[index] = np.ldexp(verdict.slow_deviation, exponent)


def judge_rows(rows: Floats) -> SlowVerdict:
    """(m, L) dense, L at least FEWEST, at most 1 in size -> each field (m,)."""
    bends = bend(rows, AVERAGE, GAP)
    past = np.abs(bends[:, :-GAP])
    noise = residuals.scale(residuals.differences(rows[:, -NOISE_OVER - 1 :])) / np.sqrt(2)
    size = np.maximum(STANDARD_ERRORS * noise * np.sqrt(6 / AVERAGE), OF_RMS * residuals.scale(past))
    score = np.abs(bends[:, -1]) / np.maximum(size, OF_GREATEST * past.max(axis=1))
    bent = np.flatnonzero(score >= 1)
    sudden = np.zeros(len(rows), dtype=np.bool_)
    sudden[bent] = _greatest_jump(rows[bent]) > JUMP * noise[bent]
    stuck = is_stuck(rows)
    drifts = (score >= 1) & ~sudden & ~stuck
    reason = np.where(sudden, "sudden", np.where(drifts, "drift", "normal")).astype(object)
    reason[stuck] = "stuck"
    onset = np.full(len(rows), NO_ONSET, dtype=np.int64)
    onset[drifts] = _kinks(rows[drifts])
    length, longest, _ = runs(rows[stuck])
    onset[stuck] = length - 1
    score[stuck] = length / np.maximum(SHORTEST, TIMES_LONGEST * longest)
    return SlowVerdict(
        slow_score=score,
        slow_is_anomaly=drifts | stuck,
        slow_reason=reason,
        slow_onset=onset,
        slow_deviation=np.where(stuck, 0.0, bends[:, -1]),
    )


def _greatest_jump(rows: Floats) -> Floats:
    """(m, L) -> (m,): the greatest distance of two means of SIDE values side by side, over what the bend covers."""
    recent = rows[:, -(AVERAGE + 2 * GAP) - 2 * SIDE + 1 :]
    sums = residuals.totals(recent)
    means = (sums[:, SIDE:] - sums[:, :-SIDE]) / SIDE
    return np.asarray(np.abs(means[:, SIDE:] - means[:, :-SIDE]).max(axis=1))


def _behind(rows: Floats) -> Ints:
    """Slow rows (m, n) -> (m, n): as `OwnCadence.behind`."""
    places = np.where(np.isnan(rows), np.nan, np.arange(rows.shape[1] - 1, -1, -1, dtype=np.float64))
    return np.nan_to_num(on_own_cadence(places)[0], nan=-1.0).astype(np.int64)


def _last_columns(own: OwnCadence, width: int) -> Ints:
    return own.behind[..., -width:].reshape(-1, width)


def _in_windows(behind: Ints, back: Ints) -> Ints:
    """(m, n) as `OwnCadence.behind`, columns back to an onset (m,) -> windows back to the first reading from there on."""
    width = behind.shape[1]
    known = (behind >= 0) & (np.arange(width) >= (width - 1 - back)[:, None])
    return np.asarray(behind[np.arange(len(behind)), known.argmax(axis=1)], dtype=np.int64)


def _kinks(rows: Floats) -> Ints:
    """(m, L) -> (m,): columns back to the kink of the line that fits the newest FITTED columns best."""
    recent = rows[:, -FITTED:]
    hinges = _hinges(recent.shape[1])
    # Row by row and not as one product, whose rounding depends on how many rows it has.
    explained = [np.abs((hinges * row).sum(axis=1)) for row in recent - recent[:, :1]]
    return np.array([NEAREST_KINK + int(np.argmax(one)) for one in explained], dtype=np.int64)


@cache
def _hinges(length: int) -> Floats:
    """(kinks, length): unit vectors max(0, t - kink), each orthogonal to every straight line; kinks from NEAREST_KINK
    columns back on."""
    time = np.arange(length, dtype=np.float64)
    lines, _ = np.linalg.qr(np.stack([np.ones(length), time], axis=1))
    kinks = length - 1 - np.arange(NEAREST_KINK, length - NEAREST_KINK)
    hinge = np.maximum(0.0, time - kinks[:, None])
    hinge -= (hinge @ lines) @ lines.T
    unit: Floats = hinge / np.linalg.norm(hinge, axis=1, keepdims=True)
    return unit


def not_judged(count: int) -> SlowVerdict:
    """No verdict on any of (count,) rows."""
    return SlowVerdict(
        slow_score=np.full(count, np.nan),
        slow_is_anomaly=np.zeros(count, dtype=np.bool_),
        slow_reason=np.full(count, "", dtype=object),
        slow_onset=np.full(count, NO_ONSET, dtype=np.int64),
        slow_deviation=np.full(count, np.nan),
    )
