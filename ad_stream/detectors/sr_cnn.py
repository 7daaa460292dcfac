"""`sr_cnn`: a small network reads the spectral residual's saliency map and says whether its last point is a fault.

Ren et al., KDD 2019 (arXiv 1906.03821), sections 3.2 and 3.3, written from the paper:

    map        `kernels.saliency.plain_map` of the last WIDTH points, over its own mean without the last point; the logarithm
    network    two convolutions whose filters are as wide as the window, so that each has one position, and twice the channels in
               the second; two dense layers; ReLU between them -> z, the logarithm of the odds that the last point is a fault
    ratio      4 ln(1 + e^z) / ln(1 + e^LIMIT), so that 4 is the limit at sensitivity 95 as for other detectors

The weights were trained once on faults injected into simulated curves (`benchmarks/train_sr_cnn.py`) and are part of the package;
nothing is learned of the series that are judged. Two things differ from the paper: the last point stays out of what extends the
series, which otherwise masks it, and the level of a window takes no part.
"""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from ad_stream.detectors.kernels import band, residuals
from ad_stream.detectors.kernels.saliency import LOOK_BACK, TINY, plain_map
from ad_stream.detectors.window_detector import CHUNK_BYTES, Judgement, WindowDetector, chunks, join
from ad_stream.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ad_stream.model import Floats

    Singles = NDArray[np.float32]
    Layers = tuple[tuple[Singles, Singles], ...]

WIDTH = 128
BASE = 4.0
WEIGHTS = Path(__file__).with_name("sr_cnn.npz")
SHA256 = "25e25630072dbb68d418619d77bde47b0d61c5994b5ac94dc89d90ccaed8eba1"
LIMIT = 5.0
"""Of z: the best F1 on `kpi` lies at 5.8 over the last 5,000 points of its curves, at 3.5 over the last 40,000."""
LEAST = 0.5
"""A band is at most so wide as if the ratio were this."""


@dataclass(frozen=True, kw_only=True)
class SaliencyNetwork(WindowDetector):
    """See the module for the rule and `WindowDetector` for the options; of a longer window the last 128 points are read."""

    name: ClassVar[str] = "sr_cnn"

    points: int = WIDTH

    def judge(self, rows: Floats, unit: Floats) -> Judgement:  # noqa: ARG002 - free of scale
        """(m, L) -> Judgement; score = the ratio."""
        newest = rows[:, -WIDTH:]
        return join([self._judge_chunk(newest[part]) for part in chunks(*newest.shape, size=CHUNK_BYTES)])

    def _judge_chunk(self, rows: Floats) -> Judgement:
        limit = band.threshold(BASE, self.sensitivity)
        odds = apply(layers(), features(rows)).astype(np.float64)
        ratio = BASE * np.logaddexp(0.0, odds) / np.logaddexp(0.0, LIMIT)
        expected = np.median(rows[:, -1 - LOOK_BACK : -1], axis=1)
        distance = np.maximum(np.abs(rows[:, -1] - expected), np.finfo(np.float64).tiny)
        usual = np.maximum(distance, residuals.scale(residuals.differences(rows)))
        size = np.where(ratio > limit, distance, usual) / np.maximum(ratio, LEAST)
        return band.judgement(rows[:, -1], expected, size, ratio=ratio, limit=limit, usual=BASE)


def features(rows: Floats) -> Singles:
    """(m, L), L at most WIDTH -> (m, WIDTH): the map as the network reads it, 0 where it is as usual and before the first point."""
    salient = plain_map(rows - rows.mean(axis=1, keepdims=True), level=False)
    relative = salient / np.maximum(salient[:, :-1].mean(axis=1, keepdims=True), TINY**1.5)
    out = np.zeros((len(rows), WIDTH), dtype=np.float32)
    out[:, WIDTH - rows.shape[1] :] = np.log1p(relative) - np.log(2.0)
    return out


def apply(network: Layers, inputs: Singles) -> Singles:
    """(m, WIDTH) -> (m,) z. Each row is a product of its own, so that its bits do not depend on how many there are."""
    rows = inputs[:, None, :]
    for place, (weights, bias) in enumerate(network):
        rows = rows @ weights + bias
        if place < len(network) - 1:
            np.maximum(rows, 0, out=rows)
    return np.asarray(rows[:, 0, 0])


@cache
def layers() -> Layers:
    """The network of the package, read once."""
    return read(WEIGHTS.read_bytes(), SHA256)


def read(blob: bytes, sha256: str) -> Layers:
    """What `benchmarks/train_sr_cnn.py` wrote; InputError for any other bytes. Reading runs no code (no pickle)."""
    found = hashlib.sha256(blob).hexdigest()
    if found != sha256:
        raise InputError(
            f"the weights of the detector sr_cnn have the SHA-256 {found[:12]}… and should have {sha256[:12]}…: install"
            " ad-stream again"
        )
    with np.load(io.BytesIO(blob), allow_pickle=False) as archive:
        count = len(archive.files) // 2
        return tuple(
            (archive[f"weights_{place}"].astype(np.float32), archive[f"bias_{place}"]) for place in range(count)
        )
