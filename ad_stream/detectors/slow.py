"""The slow verdict beside the first: has the level begun to drift, or the value stopped moving?

A drift hides every single step in the noise, so no rule on single steps finds it without flagging the noise. It is
measured by the bend of means of 20 over two hours (`drift.bend`, zero on a straight line), and called a drift where
the bend is greater than all of

    5.5 standard errors of white noise as large as the differences of the newest 240 columns show,
    4 root mean squares of the window's bends up to an hour ago,
    1.7 times the greatest of them,

and no single step of those two hours was greater than 6 sizes of the noise: a jump is the first verdict's business. Its
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
from ad_stream.detectors.kernels.scaling import scaled
from ad_stream.detectors.stuck import SHORTEST, TIMES_LONGEST, is_stuck, runs
from ad_stream.detectors.window_detector import CHUNK_BYTES, chunks

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ad_stream.model import Bools, Floats, Windows

    Ints = NDArray[np.int64]

AVERAGE, GAP, NOISE_OVER = 20, 60, 240
STANDARD_ERRORS, OF_RMS, OF_GREATEST, SUDDEN = 5.5, 4.0, 1.7, 6.0
FEWEST = AVERAGE + 4 * GAP
NO_ONSET = -1
FITTED, NEAREST_KINK = 240, 10


@dataclass(frozen=True)
class SlowVerdict:
    """The second verdict on the last column, each field (...).

    slow_score       bend over what makes it a drift, or length of the still run over what makes it stuck; flagged from 1
                     on; NaN where the history is too short
    slow_is_anomaly  drift or stuck
    slow_reason      'drift', 'stuck', 'normal', or 'sudden' (a bend that a single jump explains: not flagged); '' = not judged
    slow_onset       columns back to where it began, -1 without a flag
    """

    slow_score: Floats
    slow_is_anomaly: Bools
    slow_reason: NDArray[np.object_]
    slow_onset: Ints


def judge_slowly(windows: Windows, *, points: int = 1501, max_gap: int = 5) -> SlowVerdict:
    """(..., n) -> each field (...); row i depends on row i only; judged from 260 values since the last long gap on.

    Raises ValueError where the windows have no time axis.
    """
    values = np.asarray(windows.values, dtype=np.float64)
    if values.ndim == 0 or values.shape[-1] == 0:
        raise ValueError(f"windows need a time axis with at least one column, got the shape {values.shape}")
    rows = values[..., -points:].reshape(-1, min(points, values.shape[-1]))
    answer = _blank(len(rows))
    dense = gaps.fill(rows, max_gap=max_gap, min_points=FEWEST)
    for index, group in dense.groups():
        for part in chunks(*group.shape, size=CHUNK_BYTES):
            with np.errstate(all="ignore"):
                verdict = judge_rows(scaled(group[part]))
            for field in fields(SlowVerdict):
                getattr(answer, field.name)[index[part]] = getattr(verdict, field.name)
    lead = values.shape[:-1]
    return SlowVerdict(**{field.name: getattr(answer, field.name).reshape(lead) for field in fields(SlowVerdict)})


def judge_rows(rows: Floats) -> SlowVerdict:
    """(m, L) dense, L at least FEWEST, at most 1 in size -> each field (m,)."""
    bends = np.abs(bend(rows, AVERAGE, GAP))
    past = bends[:, :-GAP]
    steps = residuals.differences(rows[:, -NOISE_OVER - 1 :])
    noise = residuals.scale(steps) / np.sqrt(2)
    size = np.maximum(STANDARD_ERRORS * noise * np.sqrt(6 / AVERAGE), OF_RMS * residuals.scale(past))
    score = bends[:, -1] / np.maximum(size, OF_GREATEST * past.max(axis=1))
    sudden = np.abs(steps[:, -AVERAGE - 2 * GAP :]).max(axis=1) > SUDDEN * noise
    stuck = is_stuck(rows)
    drifts = (score >= 1) & ~sudden & ~stuck
    reason = np.where((score >= 1) & sudden, "sudden", np.where(drifts, "drift", "normal")).astype(object)
    reason[stuck] = "stuck"
    onset = np.full(len(rows), NO_ONSET, dtype=np.int64)
    onset[drifts] = _kinks(rows[drifts])
    length, longest, _ = runs(rows[stuck])
    onset[stuck] = length - 1
    score[stuck] = length / np.maximum(SHORTEST, TIMES_LONGEST * longest)
    return SlowVerdict(slow_score=score, slow_is_anomaly=drifts | stuck, slow_reason=reason, slow_onset=onset)


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


def _blank(count: int) -> SlowVerdict:
    return SlowVerdict(
        slow_score=np.full(count, np.nan),
        slow_is_anomaly=np.zeros(count, dtype=np.bool_),
        slow_reason=np.full(count, "", dtype=object),
        slow_onset=np.full(count, NO_ONSET, dtype=np.int64),
    )
