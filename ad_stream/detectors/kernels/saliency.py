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
    from numpy.typing import NDArray

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
    recent = np.array(rows[:, max(0, rows.shape[1] - 1 - LOOK_BACK) : -1].T)
    count = len(recent)
    slopes = np.zeros(len(rows))
    for place in range(count - 1):
        slopes += (recent[-1] - recent[place]) / (count - 1 - place)
    recent.sort(axis=0)
    median = (recent[(count - 1) // 2] + recent[count // 2]) / 2
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
    size, middle = half.shape[1], (length - 1) // 2
    shrink = _shrink(half, middle)
    spectrum = np.empty((rows.shape[0], length), dtype=np.complex128)
    np.multiply(half, shrink[:, :size], out=spectrum[:, :size])
    # What trails a mirrored frequency are its mirrored successors, so its factor is the one two places on.
    half *= shrink[:, 2:]
    np.conjugate(half[:, middle:0:-1], out=spectrum[:, size:])
    wave = fft.ifft(spectrum, axis=1, overwrite_x=True)
    stop = length - EXTENSION
    return np.asarray(np.abs(wave[:, 0 if newest is None else max(0, stop - newest) : stop]))


def _shrink(half: NDArray[np.complex128], middle: int) -> Floats:
    """(m, k) half spectrum -> (m, k+2): one over the geometric mean of the amplitudes k-2, k-1, k.

    Two columns more, mirrored at the end of the half spectrum, make the means that the mirrored half needs. The three
    neighbours are added up in the flat array, where a row's first two columns, which have fewer, hold garbage until
    they are written.
    """
    size = half.shape[1]
    log = np.empty((half.shape[0], size + 2))
    amplitude = np.abs(half, out=log[:, :size])
    if not amplitude.all():
        amplitude[amplitude == 0] = 1.0
    np.log(amplitude, out=amplitude)
    log[:, size], log[:, size + 1] = log[:, middle], log[:, middle - 1]
    mean = np.empty_like(log)
    flat, sums = log.reshape(-1), mean.reshape(-1)
    np.add(flat[2:], flat[1:-1], out=sums[2:])
    sums[2:] += flat[:-2]
    mean[:, 0] = 3 * log[:, 0]
    mean[:, 1] = 1.5 * (log[:, 0] + log[:, 1])
    mean *= -1 / 3
    return np.exp(mean, out=mean)


def scores(rows: Floats) -> Floats:
    """(m, L) -> (m, L): relative distance of the saliency from its local mean, equation 10; no unit."""
    salient = saliency(rows)
    local = local_mean(salient)
    return np.asarray(np.abs(salient - local) / local)


def last_score(rows: Floats) -> Floats:
    """(m, L) -> (m,): the bare one-pass spectral residual score of the last point."""
    salient = saliency(rows, newest=LOCAL)
    local = (salient[:, -1] + (LOCAL - 1) * np.mean(salient[:, :-1], axis=1)) / LOCAL
    local[local <= 2 * TINY] = TINY
    return np.asarray(np.abs(salient[:, -1] - local) / local)


def local_mean(salient: Floats) -> Floats:
    """(m, L) -> (m, L): mean of the LOCAL newest up to each point, the mean of the earlier ones where they are fewer."""
    length = salient.shape[1]
    local = trailing_sums(salient, min(length, LOCAL))
    first = min(length, LOCAL)
    missing = (LOCAL - 1) / np.arange(1, first)
    local[:, 1:first] = salient[:, 1:first] + local[:, : first - 1] * missing
    local *= 1 / LOCAL
    local[:, 0] = salient[:, 0]
    tiny = local <= 2 * TINY
    if tiny.any():
        local[tiny] = TINY
    return local


def trailing_sums(rows: Floats, width: int) -> Floats:
    """(m, L) -> (m, L): sum of the `width` newest values up to each, of all where they are fewer.

    Sums of 1, 2, 4, ... values, of which the binary digits of `width` choose: a few passes over flat memory, which
    take less than a running sum, whose every step waits for the one before.
    """
    padded = np.empty((rows.shape[0], rows.shape[1] + width - 1))
    padded[:, : width - 1] = 0.0
    padded[:, width - 1 :] = rows
    sums = padded.reshape(-1)
    total = np.empty_like(sums)
    covered, size = 0, 1
    while True:
        if width & size and covered:
            total[: len(sums) - covered] += sums[covered:]
        elif width & size:
            total[: len(sums)] = sums
        covered += width & size
        if covered == width:
            return np.asarray(total.reshape(padded.shape)[:, : rows.shape[1]])
        sums = sums[:-size] + sums[size:]
        size *= 2


def contrast(rows: Floats, local: int = 21) -> Floats:
    """(m, L) -> (m,): the plain spectral residual score of the last point, relative to the `local` points before it.

    Equations 1 to 7 as printed, see `plain_map`; shorter rows use what they have.
    """
    wave = plain_map(rows)
    last = rows.shape[1] - 1
    before = wave[:, max(0, last - local) : last].mean(axis=1)
    return np.asarray((wave[:, last] - before) / np.maximum(before, TINY**1.5))


def plain_map(rows: Floats, *, level: bool = True) -> Floats:
    """(m, L) -> (m, L): the saliency map of equations 1 to 7 as printed, the log spectrum averaged over three neighbours on both
    sides, the series extended by the median of the six points before the last. level: whether the mean of a row takes part; else
    the map is that of the rows whatever is added to them."""
    past = rows[:, max(0, rows.shape[1] - 1 - LOOK_BACK) : -1]
    guess = np.median(past, axis=1)[:, None]
    extended = np.concatenate([rows, np.repeat(guess, EXTENSION, axis=1)], axis=1)
    length = extended.shape[1]
    half = fft.rfft(extended, axis=1)
    if not level:
        half[:, 0] = 0.0
    amplitude = np.maximum(np.abs(half), TINY**1.5)
    log = np.log(amplitude)
    if not level:
        log[:, 0] = log[:, 1]
    beyond = log[:, -2:-1] if length % 2 == 0 else log[:, -1:]
    padded = np.concatenate([log[:, 1:2], log, beyond], axis=1)
    mean = (padded[:, :-2] + padded[:, 1:-1] + padded[:, 2:]) / 3
    return np.asarray(np.abs(fft.irfft(half * np.exp(-mean), length, axis=1))[:, : rows.shape[1]])
