"""The spectral residual transform and its scores: Ren et al., KDD 2019 (arXiv 1906.03821), equations 1 to 10.

As the retired service ran it, which differs from the paper in four places: the log spectrum is averaged over the
three trailing frequencies (a geometric mean of amplitudes); the series is extended by a value that leaves the last
point out, which would otherwise mask itself; the saliency is compared with the mean of the 100 points up to and
including it; and where fewer than 100 exist, the earlier ones stand in for the missing ones.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import fft

if TYPE_CHECKING:
    from ad_stream.model import Floats

EXTENSION = 5
LOOK_BACK = 6
LOCAL = 100
TINY = 1e-8


def next_value(rows: Floats) -> Floats:
    """(m, L) -> (m,): the value that extends each row, from the points before the last one.

    Equations 8 and 9 with the last point left out: the median of six points plus 0.7 times the sum of the five
    slopes between the newest of them and the others. Shorter rows use what they have.
    """
    recent = rows[:, max(0, rows.shape[1] - 1 - LOOK_BACK) : -1]
    count = recent.shape[1]
    distance = np.arange(count - 1, 0, -1, dtype=np.float64)
    slopes = np.sum((recent[:, -1:] - recent[:, :-1]) / distance, axis=1)
    middle = np.sort(recent, axis=1)
    median = (middle[:, (count - 1) // 2] + middle[:, count // 2]) / 2
    return np.asarray(median + slopes * (0.5 * (count + 1) / (count - 1)))


def saliency(rows: Floats, newest: int | None = None) -> Floats:
    """(m, L) -> (m, L): the saliency map, equations 1 to 7, no unit; or its `newest` columns only.

    The trailing mean runs over the full spectrum and is not symmetric, so the half spectrum alone gives other
    numbers: the amplitudes come from the real transform and are mirrored, the way back is complex.
    """
    length = rows.shape[1] + EXTENSION
    extended = np.empty((rows.shape[0], length))
    extended[:, :-EXTENSION] = rows
    extended[:, -EXTENSION:] = next_value(rows)[:, None]
    half = fft.rfft(extended, axis=1)
    size = half.shape[1]
    mirror = slice((length - 1) // 2, 0, -1)
    # The logarithm of the squared amplitude is twice that of the amplitude: no square root is needed.
    power = half.real * half.real
    power += half.imag * half.imag
    log = np.empty((rows.shape[0], length))
    np.log(np.where(power > 0, power, 1.0), out=log[:, :size])
    log[:, size:] = log[:, mirror]
    mean = log.copy()
    mean[:, 1:] += log[:, :-1]
    mean[:, 2:] += log[:, :-2]
    mean *= -1 / 6
    mean[:, 0] *= 3
    mean[:, 1] *= 1.5
    shrink = np.exp(mean, out=mean)
    spectrum = np.empty((rows.shape[0], length), dtype=np.complex128)
    np.multiply(half, shrink[:, :size], out=spectrum[:, :size])
    np.multiply(np.conj(half[:, mirror]), shrink[:, size:], out=spectrum[:, size:])
    wave = fft.ifft(spectrum, axis=1, overwrite_x=True)
    stop = length - EXTENSION
    wave = wave[:, 0 if newest is None else max(0, stop - newest) : stop]
    squared: Floats = wave.real * wave.real
    squared += wave.imag * wave.imag
    return np.sqrt(squared, out=squared)


def scores(rows: Floats) -> Floats:
    """(m, L) -> (m, L): relative distance of the saliency from its local mean, equation 10; no unit."""
    return _compare(saliency(rows))


def last_score(rows: Floats) -> Floats:
    """(m, L) -> (m,): the bare one-pass spectral residual score of the last point."""
    salient = saliency(rows, newest=LOCAL)
    local = (salient[:, -1] + (LOCAL - 1) * np.mean(salient[:, :-1], axis=1)) / LOCAL
    local = np.where(local <= 2 * TINY, TINY, local)
    return np.asarray(np.abs(salient[:, -1] - local) / local)


def _compare(salient: Floats) -> Floats:
    length = salient.shape[1]
    total = np.cumsum(salient, axis=1)
    local = np.empty_like(salient)
    first = min(length, LOCAL)
    missing = (LOCAL - 1) / np.arange(1, first)
    local[:, 0] = salient[:, 0]
    local[:, 1:first] = (salient[:, 1:first] + total[:, : first - 1] * missing) / LOCAL
    local[:, LOCAL:] = (total[:, LOCAL:] - total[:, :-LOCAL]) / LOCAL if length > LOCAL else local[:, LOCAL:]
    local = np.where(local <= 2 * TINY, TINY, local)
    return np.asarray(np.abs(salient - local) / local)
