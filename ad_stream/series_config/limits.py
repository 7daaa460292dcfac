"""What rules say of rows that were judged already: whether they are muted, and the smallest deviation that counts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ad_stream.series_config.assign import assign

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ad_stream.model import Bools, Floats
    from ad_stream.series_config.rules import Rules

    Ints = NDArray[np.int64]
    Objects = NDArray[np.object_]


def muted_at(rules: Rules, series: Sequence[tuple[str, str]], begins: int) -> Bools:
    """(device, signal) of k series, the start of a window, seconds since 1970 -> whether each is muted there, (k,)."""
    devices, signals = (np.array([one[place] for one in series], dtype=object) for place in (0, 1))
    return muted_and_floor(
        rules, devices, signals, np.zeros(len(series)), np.full(len(series), begins, dtype=np.int64)
    )[0]


def muted_and_floor(
    rules: Rules, devices: Objects, signals: Objects, expected: Floats, begins: Ints
) -> tuple[Bools, Floats]:
    """All (m,); begins: start of each window, seconds since 1970 -> muted (m,), floor (m,), in the unit of the value."""
    codes_of: dict[tuple[str, str], int] = {}
    codes = np.array(
        [codes_of.setdefault(pair, len(codes_of)) for pair in zip(devices, signals, strict=True)], dtype=np.int64
    )
    names = [np.array([pair[place] for pair in codes_of], dtype=object) for place in (0, 1)]
    found = assign(rules, *names)
    muted = (begins >= found.mute_from[codes]) & (begins < found.mute_to[codes])
    relative = found.min_relative_deviation[codes] * np.abs(np.nan_to_num(expected))
    return muted, np.maximum(found.min_deviation[codes], relative)
