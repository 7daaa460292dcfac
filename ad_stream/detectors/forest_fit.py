"""Isolation forests of many series, each series its own, grown together level by level.

Liu, Ting, Zhou: Isolation Forest, ICDM 2008. A tree isolates SAMPLE rows of the past by random cuts of random features; the
score of a row is 2 ** (-mean depth at which it ends / c(SAMPLE)), c(n) = 2 H(n - 1) - 2 (n - 1) / n the mean depth of an
unsuccessful search (equations 1 and 2), depth limited to log2(SAMPLE). Cuts are uniform between the least and the greatest
value of a feature among the rows of the node; features that are constant there are not drawn.

Trees are kept whole, (1, 2, 4, ... nodes a level), so that a row's way down is LEVELS gathers for all trees of all series at
once; a node that is isolated early sends everything left to one leaf. All series use the same random numbers, which come from
SEED, so what is learned of one does not depend on the others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import numpy as np

from ad_stream.detectors.kernels.season import DAY

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ad_stream.model import Floats

    Ints = NDArray[np.int64]
    Singles = NDArray[np.float32]

TREES, SAMPLE, LEVELS, SEED = 100, 256, 8, 1
NODES, LEAVES = 2**LEVELS - 1, 2**LEVELS
FEATURES = ("value", "change", "residual", "sine of the day", "cosine of the day")
FEWEST = 2 * SAMPLE
CHECKED, HIGH = 1024, 0.99
"""So many rows of the past say how high scores of this series usually are."""
TOGETHER = 8
"""Series that are grown at once: their samples stay in the cache."""


@dataclass(frozen=True)
class Forests:
    """Of m series. centre, size (m, 3): by which value, change and residual are scaled, NaN where nothing is known; feature (m, TREES,
    NODES) int8, cut the same float32, depth (m, TREES, LEAVES) float32; usual, high (m,): the median score of the past, and the one
    that a hundredth of it passes."""

    centre: Floats
    size: Floats
    feature: NDArray[np.int8]
    cut: Singles
    depth: Singles
    usual: Floats
    high: Floats

    @classmethod
    def together(cls, parts: Sequence[Forests]) -> Forests:
        """Those of several groups of series."""
        return cls(**{one.name: np.concatenate([getattr(part, one.name) for part in parts]) for one in fields(cls)})

    def scores(self, rows: Ints, features: Floats) -> Floats:
        """rows (k,): of which series each is; features (k, 5) as `scaled` gives them -> (k,) from 0 to 1."""
        return np.concatenate([
            self._scores(rows[first : first + LEAVES], features[first : first + LEAVES])
            for first in range(0, max(len(rows), 1), LEAVES)
        ])  # fmt: skip

    def _scores(self, rows: Ints, features: Floats) -> Floats:
        trees = rows[:, None] * TREES + np.arange(TREES)
        node = np.zeros_like(trees)
        point = features.astype(np.float32).ravel()
        lines = np.arange(len(rows))[:, None] * len(FEATURES)
        which, cut = self.feature.reshape(-1), self.cut.reshape(-1)
        for _ in range(LEVELS):
            place = trees * NODES + node
            node = 2 * node + 1 + (point[lines + which[place]] > cut[place])
        depth = self.depth.reshape(-1)[trees * LEAVES + node - NODES]
        return np.asarray(2.0 ** (-depth.mean(axis=1, dtype=np.float64) / _unsuccessful(np.array([SAMPLE]))[0]))

    def scaled(self, rows: Ints, features: Floats) -> Floats:
        """Raw features (k, 5) of series rows (k,) -> in units of their usual size."""
        out: Floats = features.copy()
        with np.errstate(all="ignore"):
            out[:, :3] = np.clip((features[:, :3] - self.centre[rows]) / self.size[rows], -1e30, 1e30)
        return out


def features_of(value: Floats, before: Floats, expected: Floats, seconds: Floats) -> Floats:
    """All (...,): a value, the reading before it, what its season expects, its time -> (..., 5) in the order of FEATURES."""
    angle = 2 * np.pi * (seconds % DAY) / DAY
    with np.errstate(all="ignore"):
        parts = [value, value - before, value - expected, np.sin(angle), np.cos(angle)]
    return np.stack(np.broadcast_arrays(*parts), axis=-1)


def learn_forests(values: Floats, expected: Floats, seconds: Floats) -> Forests:
    """values (m, n), NaN = no reading; expected (m, n); seconds (n,) since 1970 -> forests of the m series; never raises on data."""
    return Forests.together([
        _grown(values[first : first + TOGETHER], expected[first : first + TOGETHER], seconds)
        for first in range(0, max(len(values), 1), TOGETHER)
    ])  # fmt: skip


def _grown(values: Floats, expected: Floats, seconds: Floats) -> Forests:
    count = len(values)
    centre, size = np.full((count, 3), np.nan), np.full((count, 3), np.nan)
    samples = np.zeros((count, TREES, SAMPLE, len(FEATURES)), dtype=np.float32)
    checked = np.zeros((count, CHECKED, len(FEATURES)))
    for one in range(count):
        rows = past_rows(values[one], expected[one], seconds)
        if len(rows) < FEWEST or not np.ptp(rows[:, 0]) > 0:
            continue
        centre[one] = np.median(rows[:, :3], axis=0)
        spread = np.subtract(*np.quantile(rows[:, :3], [0.75, 0.25], axis=0))
        size[one] = np.where(spread > 0, spread, np.maximum(np.ptp(rows[:, :3], axis=0), 1e-300))
        rows[:, :3] = (rows[:, :3] - centre[one]) / size[one]
        samples[one] = rows[drawn(len(rows))]
        checked[one] = rows[np.linspace(0, len(rows) - 1, CHECKED).astype(np.int64)]
    feature, cut, depth = _trees(samples.reshape(count * TREES, SAMPLE, len(FEATURES)))
    forests = Forests(
        centre, size, feature.reshape(count, TREES, NODES), cut.reshape(count, TREES, NODES), depth.reshape(count, TREES, LEAVES),
        np.zeros(count), np.zeros(count),
    )  # fmt: skip
    scores = forests.scores(np.repeat(np.arange(count), CHECKED), checked.reshape(-1, len(FEATURES)))
    usual, high = np.quantile(scores.reshape(count, CHECKED), [0.5, HIGH], axis=1)
    return Forests(centre, size, forests.feature, forests.cut, forests.depth, usual, high)


def past_rows(values: Floats, expected: Floats, seconds: Floats) -> Floats:
    """(n,) each -> (k, 5): the features of the readings, from the second on."""
    there = np.flatnonzero(np.isfinite(values) & np.isfinite(expected))
    now, before = there[1:], there[:-1]
    return features_of(values[now], values[before], expected[now], seconds[now])


def drawn(count: int) -> Ints:
    """(TREES, SAMPLE) numbers below count, those of a tree all different."""
    rng = np.random.default_rng([SEED, count])
    trees = count // SAMPLE
    rounds = [rng.permutation(count)[: trees * SAMPLE].reshape(trees, SAMPLE) for _ in range(-(-TREES // trees))]
    return np.concatenate(rounds)[:TREES]


def _trees(samples: Singles) -> tuple[NDArray[np.int8], Singles, Singles]:
    """(b, SAMPLE, f), TREES of each series in turn -> feature, cut (b, NODES), depth (b, LEAVES)."""
    count = len(samples)
    feature = np.zeros((count, NODES), dtype=np.int8)
    cut = np.full((count, NODES), np.inf, dtype=np.float32)
    depth = np.zeros((count, LEAVES), dtype=np.float32)
    node = np.zeros((count, SAMPLE), dtype=np.int16)
    row = np.arange(count * SAMPLE).reshape(count, SAMPLE)
    ended = np.full((count, SAMPLE), -1.0, dtype=np.float32)
    draws = np.random.default_rng(SEED).random((2, TREES, NODES))
    begins = np.ones((count, SAMPLE), dtype=np.bool_)
    for level in range(LEVELS):
        order = np.argsort(node, axis=1, kind="stable") + SAMPLE * np.arange(count)[:, None]
        node, row, ended = (one.ravel()[order] for one in (node, row, ended))
        np.not_equal(node[:, 1:], node[:, :-1], out=begins[:, 1:])
        starts = np.flatnonzero(begins)
        sizes = np.diff(starts, append=node.size)
        which, where = starts // SAMPLE, node.ravel()[starts]
        place = 2**level - 1 + where
        chosen, at, own = _cuts(
            samples.reshape(-1, samples.shape[2]), row.ravel(), starts, sizes, draws[:, which % TREES, place]
        )
        told = np.where(np.isinf(at), level + _unsuccessful(sizes), -1.0).astype(np.float32)
        ended = np.where(ended < 0, np.repeat(told, sizes).reshape(ended.shape), ended)
        feature[which, place], cut[which, place] = chosen, at
        node = 2 * node + (own > np.repeat(at, sizes)).reshape(node.shape)
    tree = np.arange(count)[:, None]
    inside = np.bincount((tree * LEAVES + node).ravel(), minlength=count * LEAVES).reshape(count, LEAVES)
    depth[:] = LEVELS + _unsuccessful(inside)
    early = ended >= 0
    depth[np.broadcast_to(tree, node.shape)[early], node[early]] = ended[early]
    return feature, cut, depth


def _cuts(samples: Singles, row: Ints, starts: Ints, sizes: Ints, draws: Floats) -> tuple[Ints, Singles, Singles]:
    """samples (r, f), row (r,) in the order of their nodes, which begin at starts (k,); draws (2, k) -> a feature that varies in the
    node (k,), where it is cut (k,), not below its least and below its greatest, infinite where none varies, and each row's (r,)."""
    width = samples.shape[1]
    chosen = (draws[0] * width).astype(np.int64)
    own = samples.ravel()[row * width + np.repeat(chosen, sizes)]
    low, high = np.minimum.reduceat(own, starts), np.maximum.reduceat(own, starts)
    again = np.flatnonzero((low == high) & (sizes > 1))
    if len(again):  # drawn from all features, so what is left is drawn from those that vary
        lines = np.repeat(starts[again] - np.cumsum(sizes[again]) + sizes[again], sizes[again]) + np.arange(
            sizes[again].sum()
        )
        inner = np.cumsum(sizes[again]) - sizes[again]
        rows = samples[row[lines]]
        least, greatest = np.minimum.reduceat(rows, inner, axis=0), np.maximum.reduceat(rows, inner, axis=0)
        ranks = np.cumsum(greatest > least, axis=1)
        pick = np.argmax(ranks > (draws[0, again] * width % 1.0 * ranks[:, -1])[:, None], axis=1)
        chosen[again] = pick
        low[again], high[again] = least[np.arange(len(again)), pick], greatest[np.arange(len(again)), pick]
        own[lines] = rows[np.arange(len(lines)), np.repeat(pick, sizes[again])]
    at = (low + draws[1] * (high.astype(np.float64) - low)).astype(np.float32)
    return chosen, np.where(low == high, np.float32(np.inf), np.where(at < high, at, low)), own


def _unsuccessful(sizes: Ints) -> Floats:
    """c(n) of the paper, (k,) -> (k,): 0 for one row, 1 for two."""
    n = np.maximum(sizes, 2).astype(np.float64)
    mean = 2 * (np.log(n - 1) + np.euler_gamma) - 2 * (n - 1) / n
    return np.where(sizes <= 1, 0.0, np.where(sizes == 2, 1.0, mean))
