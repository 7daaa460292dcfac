"""A signal that never stands still, and does: the value repeats for longer than it ever did.

Of a signal whose value was repeated in at most 1 % of the training rows, and never more than twice in a row, each further
row of the same value is -log(p) nats against it, p = how often it repeated, at most two. Sparse, rounded and slowly read
signals repeat by nature and are left alone. What counts is the longest run so far, so that a signal that begins to stand
still often is told of once, and a run is told of for its first 30 rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ad_stream.detectors.joint.smoothing import lagged

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ad_stream.detectors.joint.state import JointState
    from ad_stream.model import Bools, Floats

    Ints = NDArray[np.int64]

FEWEST, REPEATS, LONGEST, MARGIN, ROWS = 200, 0.01, 2, 1, 30
NATS_A_ROW, MOST_NATS = 2.0, 12.0


@dataclass(frozen=True)
class Runs:
    """run, longest (m, d, n): rows the value has stood still, and the longest such run that ended before."""

    run: Ints
    longest: Ints


def runs_of(held: Floats, present: Bools, before: Floats, state: JointState) -> Runs:
    """Held values (m, d, n) with their present rows, the values before (m, d) -> Runs; an absent row neither counts nor ends
    a run."""
    same = present & (held == lagged(held, before))
    moved = present & ~same
    count = np.cumsum(same, axis=-1)
    since = np.maximum.accumulate(np.where(moved, count, -state.run[..., None]), axis=-1)
    run = count - since
    ended = np.where(moved, lagged(run, state.run), 0)
    longest = np.maximum(np.maximum.accumulate(ended, axis=-1), state.longest[..., None])
    return Runs(run, longest)


def rate_of(runs: Runs, present: Bools) -> Floats:
    """Runs and present rows (m, d, n) of the training stretch -> nats a row (m, d), 0 where repeating is usual."""
    values = present.sum(axis=-1)
    repeated = (present & (runs.run > 0)).sum(axis=-1)
    share = (repeated + 1) / (values + 2)
    steady = (values >= FEWEST) & (share <= REPEATS) & (runs.run.max(axis=-1) <= LONGEST)
    return np.where(steady, np.minimum(-np.log(share), NATS_A_ROW), 0.0)


def nats(runs: Runs, present: Bools, rate: Floats) -> Floats:
    """Runs, present rows (m, d, n), rate (m, d) -> (m, d, n)."""
    over = np.where(present & (runs.run < runs.longest + ROWS), runs.run - runs.longest - MARGIN, 0)
    return np.minimum(np.maximum(over, 0) * rate[..., None], MOST_NATS)
