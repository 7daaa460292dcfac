"""One isolation tree, node by node: as `detectors.forest_fit` grows a hundred of each series together."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
LEVELS = 8


@dataclass
class Node:
    """A cut, or the depth at which a search ends here."""

    depth: float = math.nan
    feature: int = 0
    cut: float = math.nan
    left: Node | None = None
    right: Node | None = None

    def path(self, row: Floats) -> float:
        """How deep a row ends."""
        if self.left is None or self.right is None:
            return self.depth
        return (self.left if row[self.feature] <= self.cut else self.right).path(row)


def unsuccessful(size: int) -> float:
    """Equation 1 of Liu, Ting and Zhou (2008): the mean depth of an unsuccessful search among `size` rows."""
    if size <= 1:
        return 0.0
    harmonic = math.log(size - 1) + 0.5772156649015329 if size > 2 else 1.0
    return 2 * harmonic - 2 * (size - 1) / size


def grown(rows: NDArray[np.float32], draws: Floats, place: int = 0, level: int = 0) -> Node:
    """rows (n, f); draws (2, nodes): which feature and where, node by node of the whole tree, place 0 its root."""
    varies = [one for one in range(rows.shape[1]) if rows[:, one].max() > rows[:, one].min()]
    if level == LEVELS or not varies:
        return Node(depth=level + unsuccessful(len(rows)))
    wanted = float(draws[0, place]) * rows.shape[1]
    feature = int(wanted)
    if feature not in varies:
        feature = varies[int(wanted % 1.0 * len(varies))]
    own = rows[:, feature]
    cut = np.float32(own.min() + draws[1, place] * (float(own.max()) - own.min()))
    cut = cut if cut < own.max() else own.min()
    sides = [
        grown(rows[side], draws, 2 * place + number, level + 1) for number, side in ((1, own <= cut), (2, own > cut))
    ]
    return Node(feature=feature, cut=float(cut), left=sides[0], right=sides[1])


def score(trees: list[Node], row: Floats, sample: int = 256) -> float:
    """Equation 2."""
    return float(2.0 ** (-np.mean([tree.path(row) for tree in trees]) / unsuccessful(sample)))
