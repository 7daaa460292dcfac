"""With which other signals a contributor's relation changed: the terms of its innovation that moved it.

The innovation of signal j is a_j (f - mean), a sum over the features f of all signals (`detectors.joint.relation`). The part
that comes from signal i, its value and its averages together, is what i did to the expectation of j; the greatest of them,
j's own left out, are named, with their share of all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ad_stream.detectors.joint import relation
from ad_stream.detectors.joint.residuals import scaled
from ad_stream.detectors.joint.smoothing import hold

if TYPE_CHECKING:
    from ad_stream.detectors.joint import JointModel
    from ad_stream.model import Floats

MOST, LEAST = 3, 0.1
"""So many are named, of those that are this share of all at least."""


class RelationChanges:
    """Of one model and the rows (d, n) that it judged; the features are made when the first anomaly asks for them."""

    def __init__(self, model: JointModel, grid: Floats) -> None:
        self._model = model
        self._grid = grid
        self._features: Floats | None = None

    def of(self, signal: int, cell: int) -> list[tuple[int, float]]:
        """(other signal, its share of the change) in falling order."""
        arrays = self._model.arrays
        d = len(arrays.median)
        moved = self._centred()[:, cell]
        terms = np.abs((arrays.innovation[signal] * moved).reshape(relation.BLOCK, d).sum(axis=0))
        terms[signal] = 0.0
        total = float(terms.sum())
        if not total > 0:
            return []
        order = np.argsort(-terms, kind="stable")[:MOST]
        return [(int(i), float(terms[i] / total)) for i in order if terms[i] >= LEAST * total]

    def _centred(self) -> Floats:
        """(4 d, n) features less their means in training."""
        if self._features is None:
            arrays = self._model.arrays
            rows = scaled(self._grid[None], arrays.median[None], arrays.spread[None])
            first = np.take_along_axis(rows, np.isfinite(rows).argmax(axis=-1)[..., None], axis=-1)[..., 0]
            held = hold(rows, np.nan_to_num(first))
            start = np.repeat(held[:, None, :, 0], len(relation.TAUS), axis=1)
            self._features = relation.features(held, start)[0][0] - arrays.mean[:, None]
        return self._features
