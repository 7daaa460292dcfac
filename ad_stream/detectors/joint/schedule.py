"""What comes at the same time of day on two of the last three days is somebody's schedule, and no alarm.

A score is lowered by what the second highest of the last three days reached at this time (two rows to either side) above
3.5 nats. A fault that returns at its hour is told of twice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ad_stream.detectors.joint.state import MEMORY_DAYS

if TYPE_CHECKING:
    from ad_stream.model import Floats

DAY_SECONDS = 86_400
NEAR_ROWS, USUAL_NATS = 2, 3.5
SHORTEST_DAY = 24
"""With fewer rows a day the same time of day is no place of its own."""


def rows_of_day(step_seconds: float) -> int:
    """Rows of a day, 0 where they are too few or the step does not divide it."""
    rows = round(DAY_SECONDS / step_seconds)
    return rows if rows >= SHORTEST_DAY and abs(rows * step_seconds - DAY_SECONDS) < 1 else 0


def lowered(score: Floats, recent: Floats) -> tuple[Floats, Floats]:
    """Scores (m, n), those of the three days before (m, 3 * day) -> scores (m, n), the new three days (m, 3 * day)."""
    day = recent.shape[1] // MEMORY_DAYS
    if day == 0:
        return score, recent
    n = score.shape[1]
    whole = np.concatenate([np.zeros((len(score), NEAR_ROWS)), recent, score], axis=1)
    days = np.stack([_near(whole[:, k * day : k * day + n + 2 * NEAR_ROWS], n) for k in range(MEMORY_DAYS)])
    usual = np.sort(days, axis=0)[-2]
    return score - np.maximum(usual - USUAL_NATS, 0.0), whole[:, -recent.shape[1] :]


def _near(part: Floats, n: int) -> Floats:
    """(m, n + 4) -> (m, n): the greatest of the five columns that begin at each."""
    shifted = [part[:, shift : shift + n] for shift in range(2 * NEAR_ROWS + 1)]
    return np.asarray(np.max(shifted, axis=0))
