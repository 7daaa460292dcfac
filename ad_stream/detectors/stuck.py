"""`stuck`: a value that has not moved for far longer than this series ever stood still.

The run of exactly equal values at the end of the window is compared with the longest run before it. Signals that
stand still by nature (counters, switches, coarse integers) are left alone: more than 5 % of their steps are zero.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from ad_stream.detectors.window_detector import Judgement, WindowDetector

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ad_stream.model import Bools, Floats

    Ints = NDArray[np.int64]

SHORTEST = 12
TIMES_LONGEST = 4
STILL_BY_NATURE = 0.05
FEWEST_BEFORE = 20


def runs(rows: Floats) -> tuple[Ints, Ints, Floats]:
    """(m, L) -> how many equal values end the row, the longest run before them, the share of zero steps there."""
    column = np.arange(1, rows.shape[1])
    moved = rows[:, 1:] != rows[:, :-1]
    since = column - np.maximum.accumulate(np.where(moved, column, 0), axis=1)
    last = since[:, -1] + 1
    before = column < (rows.shape[1] - last + 1)[:, None]
    longest = np.max(np.where(before, since, 0), axis=1) + 1
    still = np.sum(~moved & before, axis=1) / np.maximum(rows.shape[1] - last - 1, 1)
    return last, longest, still


def is_stuck(rows: Floats) -> Bools:
    """(m, L) -> (m,); rows whose last SHORTEST values are not all equal cost next to nothing."""
    answer = np.zeros(len(rows), dtype=np.bool_)
    if rows.shape[1] < SHORTEST + FEWEST_BEFORE:
        return answer
    candidates = np.flatnonzero((rows[:, -SHORTEST:-1] == rows[:, -1:]).all(axis=1))
    if len(candidates):
        last, longest, still = runs(rows[candidates])
        enough = rows.shape[1] - last >= FEWEST_BEFORE
        answer[candidates] = enough & (last >= TIMES_LONGEST * longest) & (still <= STILL_BY_NATURE)
    return answer


@dataclass(frozen=True, kw_only=True)
class Stuck(WindowDetector):
    """Flags a stuck value and nothing else; sensitivity and direction play no part. The band is the value itself.

    score is the length of the run over the length that it takes, 1 or more where flagged.
    """

    name: ClassVar[str] = "stuck"

    def judge(self, rows: Floats, unit: Floats) -> Judgement:  # noqa: ARG002 - no scale in it
        """(m, L) -> Judgement."""
        last, longest, _ = runs(rows)
        stuck = is_stuck(rows)
        needed = np.maximum(SHORTEST, TIMES_LONGEST * longest)
        none = np.zeros(len(rows))
        score = np.where(stuck, last / needed, np.minimum(last / needed, 1.0) * 0.99)
        return Judgement(
            expected=rows[:, -1].copy(),
            upper_margin=none,
            lower_margin=none,
            score=score,
            sr_score=none,
            severity=np.where(stuck, 1 - needed / np.maximum(2 * last, needed), 0.0),
            stands_out=stuck,
            reason=np.where(stuck, "stuck", "").astype(object),
        )
