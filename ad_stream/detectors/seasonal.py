"""`seasonal`: the default rule on what a learned season leaves of the window.

    expected   season(t) + what the default rule expects of the values less their season
    band       that of the default rule on these, with the profile of what the season left of the past

season(t) are the daily, weekly and holiday terms that `season_fit` learned from weeks of stored windows; level and trend
are the window's, so that neither a trend that has ended nor a new level since the training makes alarms. A series of which no
season is known, or whose season did not help on a day that the fit had not seen, is judged by the default rule alone, and so
is a counter, whose season would be one of its total.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from ad_stream.detectors.default import Default
from ad_stream.detectors.kernels.season import DAY, TERMS, back_of, of_holidays, seen_from
from ad_stream.detectors.window_detector import BLOCK_BYTES, chunks

if TYPE_CHECKING:
    from ad_stream.model import Floats, LastPoint, Windows


@dataclass(frozen=True, kw_only=True)
class Seasonal(Default):
    """See the module for the rule and `WindowDetector` for the options."""

    name: ClassVar[str] = "seasonal"
    version: ClassVar[int] = 1
    learns: ClassVar[str] = "seasonal"

    def detect_last(self, windows: Windows) -> LastPoint:
        """(..., n) -> each field (...); `windows.profiles` as `Seasons.rows` gives them, `windows.end` in UTC."""
        if windows.profiles is None or windows.end is None or windows.profiles.shape[-1] < TERMS + 2:
            return super().detect_last(replace(windows, profiles=None))
        season = season_of(windows)
        values = np.asarray(windows.values, dtype=np.float64)
        tails = windows.profiles[..., TERMS + 1 : TERMS + 2]
        verdict = super().detect_last(replace(windows, values=values - season, profiles=tails))
        return replace(verdict, expected=verdict.expected + season[..., -1])


def season_of(windows: Windows) -> Floats:
    """(..., n): the season at every column, 0 where none is known."""
    assert windows.profiles is not None and windows.end is not None
    shape = windows.values.shape
    known = np.asarray(windows.profiles, dtype=np.float64).reshape(-1, windows.profiles.shape[-1])
    ends = np.broadcast_to(windows.end, shape[:-1]).reshape(-1).astype("datetime64[s]").astype(np.float64)
    step = windows.step.total_seconds()
    lags: Floats = np.arange(shape[-1] - 1, -1, -1) * step
    behind = None
    if windows.own is not None:
        behind = windows.own.behind.reshape(-1, shape[-1]).astype(np.float64) * step
    out = np.zeros((len(ends), shape[-1]))
    there = np.flatnonzero(np.isfinite(known[:, 0]) & known[:, :TERMS].any(axis=1))
    for part in chunks(len(there), shape[-1], size=BLOCK_BYTES):
        rows = there[part]
        back = lags if behind is None else behind[rows]
        out[rows] = back_of(seen_from(known[rows, :TERMS], ends[rows]), back)
        out[rows] += _of_holidays(known[rows, TERMS], known[rows, TERMS + 2 :], ends[rows], back)
    return out.reshape(shape)


def _of_holidays(effect: Floats, days: Floats, ends: Floats, back: Floats) -> Floats:
    """(m,), (m, h), (m,), (n,) or (m, n) seconds back -> (m, n), all 0 where no day of the windows is one."""
    dates = np.unique(days[np.isfinite(days)])
    near = dates[(dates * DAY <= ends.max()) & ((dates + 1) * DAY > ends.min() - back.max())]
    if not len(near):
        return np.zeros((len(ends), back.shape[-1]))
    return np.asarray(effect[:, None] * of_holidays(ends[:, None] - back, near))
