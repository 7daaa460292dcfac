"""Which flags continue an alarm that already rang."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ad_stream.model import Bools

    Ints = NDArray[np.int64]

REFRACTORY = 10


def mark_continuing(
    series: Ints,
    minutes: Ints,
    is_anomaly: Bools,
    *,
    refractory: int = REFRACTORY,
    earlier: tuple[Ints, Ints] | None = None,
) -> Bools:
    """True where a flagged row's series was flagged within the `refractory` minutes before it.

    series (k,) codes, minutes (k,) counts of minutes, is_anomaly (k,), in any order; earlier = (series, minutes) of
    flags from before these rows. -> (k,). With refractory 0 nothing continues.
    """
    flagged = np.flatnonzero(is_anomaly)
    old = earlier or (np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64))
    codes = np.concatenate([old[0], series[flagged]])
    times = np.concatenate([old[1], minutes[flagged]])
    order = np.lexsort((times, codes))
    codes, times = codes[order], times[order]
    since = np.full(len(order), refractory + 1, dtype=np.int64)
    same = codes[1:] == codes[:-1]
    since[1:] = np.where(same, times[1:] - times[:-1], since[1:])
    close = np.empty(len(order), dtype=np.bool_)
    close[order] = since <= refractory
    answer = np.zeros(len(is_anomaly), dtype=np.bool_)
    answer[flagged] = close[len(old[0]) :]
    return answer
