"""Rows brought to at most 1 in size by a power of two, so that no square overflows and no digit is lost."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ad_stream.model import Floats

    Ints = NDArray[np.int64]


def divided(rows: Floats, exponent: Ints) -> Floats:
    """(m, L), (m,) -> rows / 2 ** exponent; a product is ten times as fast as ldexp, where the factor is a double."""
    if len(exponent) and np.abs(exponent).max() > 1000:
        return np.asarray(np.ldexp(rows, -exponent[:, None]))
    return np.asarray(rows * np.ldexp(1.0, -exponent)[:, None])


def scaled(rows: Floats) -> Floats:
    """(m, L) -> the rows over the power of two that brings each to at most 1 in size."""
    return divided(rows, np.frexp(np.abs(rows).max(axis=1))[1])
