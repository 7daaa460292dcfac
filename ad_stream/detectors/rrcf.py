"""`rrcf`: robust random cut forest over shingles, how much would the newest shingle's removal change the trees?

Guha, Mishra, Roy, Schrijvers: Robust Random Cut Forest Based Anomaly Detection on Streams, ICML 2016: a cut falls on
dimension i with probability proportional to its range (definition 1); the score is the collusive displacement
(definition 4) in the form of the authors' implementation: the largest ratio, over the ancestors of the leaf, of the
sibling's size to the size of the subtree that holds the leaf; averaged over the trees.

Only the path of the newest shingle through each tree matters, so only the path is drawn: at each step the box of the
points still beside it, a random cut, the side it falls on. That has the distribution of the whole tree's path. All
windows use the same random numbers, which come from `seed`: a verdict depends on its window only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from ad_stream.detectors.kernels import band
from ad_stream.detectors.kernels.residuals import SMALLEST
from ad_stream.detectors.window_detector import Judgement, WindowDetector, chunks, join
from ad_stream.errors import ConfigError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ad_stream.model import Floats

    Ints = NDArray[np.int64]

BASE = 0.25
"""At sensitivity 95 a shingle stands out whose removal moves a quarter of the sample."""
WORKING_SET = 2**22


def shingles(rows: Floats, width: int) -> Floats:
    """(m, L) -> (m, L-width+1, width): every stretch of `width` values, the newest last."""
    return np.lib.stride_tricks.sliding_window_view(rows, width, axis=1)


def displacement(others: Floats, point: Floats, cuts: Floats) -> Floats:
    """Collusive displacement of one point in one random cut tree each.

    others (m, s, d), point (m, d), cuts (steps, 2) uniform random numbers -> (m,), 0 .. s. The path ends when
    nothing is left beside the point, or what is left equals it.
    """
    beside = np.ones(others.shape[:2], dtype=np.bool_)
    best = np.zeros(len(others))
    for which, where in cuts:
        low = np.minimum(np.min(np.where(beside[:, :, None], others, np.inf), axis=1), point)
        high = np.maximum(np.max(np.where(beside[:, :, None], others, -np.inf), axis=1), point)
        ranges = high - low
        ends = np.cumsum(ranges, axis=1)
        open_ = ends[:, -1] > 0
        if not open_.any():
            break
        axis = np.minimum(np.sum(ends <= which * ends[:, -1:], axis=1), others.shape[2] - 1)
        pick = axis[:, None]
        cut = np.take_along_axis(low, pick, 1) + where * np.take_along_axis(ranges, pick, 1)
        left = np.take_along_axis(others, axis[:, None, None], 2)[:, :, 0] <= cut
        own = np.take_along_axis(point, pick, 1) <= cut
        stays = beside & (left == own) & open_[:, None]
        kept = stays.sum(axis=1) + 1
        parted = (beside.sum(axis=1) + 1) - kept
        best = np.where(open_, np.maximum(best, parted / kept), best)
        beside = np.where(open_[:, None], stays, beside)
    return best


@dataclass(frozen=True, kw_only=True)
class RandomCutForest(WindowDetector):
    """Options beside those of `WindowDetector`.

    shingle  values per point of the forest, 1..64
    trees    1..500
    sample   shingles per tree, 8..1024, drawn without replacement from the window
    seed     of all random numbers
    """

    name: ClassVar[str] = "rrcf"

    points: int = 256
    shingle: int = 4
    trees: int = 40
    sample: int = 128
    seed: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        for key, low, high in (("shingle", 1, 64), ("trees", 1, 500), ("sample", 8, 1024)):
            if not low <= getattr(self, key) <= high:
                value = getattr(self, key)
                raise ConfigError(f"{key} of the detector rrcf is {value}, it must lie between {low} and {high}")
        if self.min_points < 2 * self.shingle:
            raise ConfigError(
                f"min_points of the detector rrcf is {self.min_points}, it must be {2 * self.shingle} or more,"
                " twice the shingle"
            )

    def judge(self, rows: Floats, unit: Floats) -> Judgement:  # noqa: ARG002 - free of scale
        """(m, L) -> Judgement; score = mean collusive displacement."""
        width = self.sample * self.shingle
        return join([self._judge_chunk(rows[part]) for part in chunks(len(rows), width, size=WORKING_SET)])

    def _judge_chunk(self, rows: Floats) -> Judgement:
        score = self._scores(rows)
        value = rows[:, -1]
        expected = np.median(rows[:, -self.shingle - 10 : -1], axis=1)
        distance = np.maximum(np.abs(value - expected), SMALLEST)
        usual = BASE * min(self.sample, rows.shape[1] - self.shingle)
        limit = band.threshold(usual, self.sensitivity)
        size = distance / np.maximum(score, SMALLEST)
        return band.judgement(value, expected, size, limit=limit, ratio=score, usual=usual)

    def _scores(self, rows: Floats) -> Floats:
        """(m, L) -> (m,)."""
        every = shingles(rows, self.shingle)
        rng = np.random.default_rng(self.seed)
        count = every.shape[1] - 1
        total = np.zeros(len(rows))
        for _ in range(self.trees):
            chosen = rng.permutation(count)[: min(self.sample, count)]
            cuts = rng.random((4 * int(np.log2(self.sample)) + 16, 2))
            total += displacement(every[:, chosen], every[:, -1], cuts)
        return total / self.trees
