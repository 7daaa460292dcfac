"""The plain data that crosses folders: windows in, verdicts out, and what the small codes mean.

Nothing here computes. Arrays are numpy, time is the last axis, series are the leading axes.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Bools = NDArray[np.bool_]

SCORED, WARMING_UP, DECLINED = "scored", "warming_up", "declined"
STATUSES = (SCORED, WARMING_UP, DECLINED)

REASONS: dict[str, str] = {
    "normal": "inside the expected band",
    "constant": "all values of the window are equal, the judged one too: normal",
    "jump_after_constant": "the history is constant and the judged value differs from it",
    "above": "above the expected band",
    "below": "below the expected band",
    "joint": "several signals together: at least one of them jumps, or leaves the range of its past",
    "relation": "several signals together: each alone looks usual, how they hang together does not",
    "too_few_signals": "several signals together: more than half of them are gone",
    "stuck": "the value has not moved for longer than this series ever stood still",
    "drift": "the level bends away slowly, with no single jump that explains it",
    "sudden": "the level bends away, and a single jump explains it, which is the first verdict's business: no drift",
    "quiet_spectrum": "outside the band, but the spectral residual of the window does not stand out: not flagged",
    "small_deviation": "outside the band, but the deviation is smaller than min_deviation: not flagged",
    "direction": "outside the band on the side that `direction` leaves out: not flagged",
    "muted": "outside the band, but the series is muted at this minute (series_config): not flagged",
    "rate_normal": "a counter: its rate is inside the expected band",
    "rate_constant": "a counter: its rate has not changed in the window: normal",
    "rate_above": "a counter: its rate is above the expected band",
    "rate_below": "a counter: its rate is below the expected band",
    "rate_jump": "a counter: its rate had not changed in the window, and does now",
    "rate_stuck": "a counter: its rate has not changed for longer than it ever did",
    "rate_quiet": "a counter: its rate is outside the band, but the spectral residual of the window does not stand out: not flagged",
    "state_normal": "a state: it has lasted no longer than it usually does",
    "state_long": "a state: it has lasted far longer than it ever did in this window",
    "state_short": "a state: the one before was left far sooner than ever in this window",
    "state_new": "a state: it was never seen in this window, which knows others well",
    "state_few": "a state: it was entered and left fewer than 3 times in this window, too seldom to know how long it lasts: "
    "raise points",
    "few_points": "fewer than min_points values since the last long gap",
    "long_gap": "a gap longer than max_gap restarted the window, and there are too few values since",
    "too_seldom": "readings come so seldom that `detection.history` holds fewer than min_points of them: raise it, or set "
    "minutes.every to the distance of the readings",
    "not_finite": "the judged value is not a finite number",
    "overflow": "the values are so large that their differences leave the range of a double",
    "no_value": "the judged minute is empty",
    "fallback_budget": "not judged here, and the fallback's seconds of this batch were spent",
    "fallback_connection": "not judged here, and the fallback server could not be reached",
    "fallback_timeout": "not judged here, and the fallback server did not answer in time",
    "fallback_tls": "not judged here, and the fallback server's certificate is not trusted",
    "fallback_redirect": "not judged here, and the fallback endpoint points elsewhere",
    "fallback_truncated": "not judged here, and the fallback server's answer broke off",
    "fallback_too_large": "not judged here, and the fallback server's answer is too long for a verdict",
    "fallback_url": "not judged here, and the fallback endpoint is no address",
    "fallback_refused": "not judged here, and the fallback server refused the request (key, path or series)",
    "fallback_gone": "not judged here, and the fallback service is retired (410)",
    "fallback_busy": "not judged here, and the fallback server is throttling (429)",
    "fallback_failed": "not judged here, and the fallback server failed (5xx)",
    "fallback_malformed": "not judged here, and the fallback server's answer is no verdict",
    "fallback_open": "not judged here, and the fallback server is left alone after failures in a row",
}
"""What each `reason` and `slow_reason` of a verdict means; these columns of the table `detections` hold the key."""

RATE = {
    "normal": "rate_normal", "constant": "rate_constant", "above": "rate_above", "below": "rate_below",
    "jump_after_constant": "rate_jump", "stuck": "rate_stuck", "quiet_spectrum": "rate_quiet",
}  # fmt: skip
"""What a verdict on the rate of a counter is called, by what it would be called of a gauge."""
OF_A_RATE = frozenset(RATE.values())
INSIDE = frozenset({"normal", "rate_normal", "rate_constant", "state_normal"})
"""Reasons that say no more than that all is as usual."""
WITHOUT_SIDE = frozenset({"stuck", "rate_stuck", "state_long", "state_short", "state_new"})
"""Flags that no distance from an expected value is behind, so no limit on one holds them back."""

AUTO, GAUGE, COUNTER, STATE = KINDS = ("auto", "gauge", "counter", "state")
"""What a series is said to be; auto: what its window looks like."""

REFRACTORY = timedelta(minutes=10)
"""The default of `detection.refractory`: a flag this soon after another of its series belongs to the same alarm."""
LONG_HISTORY = timedelta(days=7)
"""The default of `detection.history`: how far back the readings of slow series count."""


@dataclass(frozen=True)
class DetectorSpec:
    """Which detector, with which options of its own, as plain data: it travels to the workers and into a table.

    options  its own options only, sorted by name; what all detectors share (points, sensitivity) stands beside it
    model    a stored model that judges in its place, None for the plain rule
    """

    name: str
    options: tuple[tuple[str, Any], ...] = ()
    model: str | None = None

    @property
    def setting(self) -> str | dict[str, Any]:
        """As the configuration writes it: the name alone, or a mapping."""
        more = dict(self.options) | ({} if self.model is None else {"model": self.model})
        return {"name": self.name, **more} if more else self.name

    def __str__(self) -> str:
        more = dict(self.options) | ({} if self.model is None else {"model": self.model})
        return (
            f"{{name: {self.name}, {', '.join(f'{key}: {value}' for key, value in more.items())}}}"
            if more
            else self.name
        )


@dataclass(frozen=True)
class OwnCadence:
    """How `Windows` came to stand one reading a column (`detectors.kernels.cadence`).

    cadence: (...) windows from reading to reading, 1 for series that are not slow
    behind:  (..., n) how many windows before the judged one each column's reading was, -1 where a column is empty
    reach:   how many windows back readings were looked for, 0: as many as there are columns
    """

    cadence: Floats
    behind: NDArray[np.int64]
    reach: int = 0

    def of(self, rows: NDArray[np.int64]) -> OwnCadence:
        """That of some windows (m,)."""
        return OwnCadence(self.cadence[rows], self.behind[rows], self.reach)


@dataclass(frozen=True)
class Windows:
    """The history of many series up to the judged minute.

    values: (..., n) float64, NaN = empty minute, the last column is the judged minute
    end:    (...) datetime64[us], UTC start of the judged minute; None where the time of day plays no part
    step:   distance of two columns
    profiles: (..., k) float64, what is known of each series beyond its window (`detectors.profile`), NaN where nothing
            is; None where no window has any
    own:    given where slow series stand one reading a column already; None: a detector looks for itself
    """

    values: Floats
    end: NDArray[np.datetime64] | None = None
    step: timedelta = timedelta(minutes=1)
    profiles: Floats | None = None
    own: OwnCadence | None = None


@dataclass(frozen=True)
class LastPoint:
    """The verdict on the last column of `Windows`, each field (...).

    expected, upper_margin, lower_margin are in the unit of the values; the band is
    [expected - lower_margin, expected + upper_margin]. score and sr_score have no unit, higher is more
    anomalous; severity is 0..1. A series that could not be judged has NaN in the measures, False in the flags,
    status `warming_up` or `declined`, and the cause in `reason` (a key of REASONS).
    points counts the values the verdict rests on, imputed how many of them were filled in.
    """

    expected: Floats
    upper_margin: Floats
    lower_margin: Floats
    score: Floats
    sr_score: Floats
    severity: Floats
    is_anomaly: Bools
    is_positive: Bools
    is_negative: Bools
    status: NDArray[np.object_]
    reason: NDArray[np.object_]
    points: NDArray[np.int64]
    imputed: NDArray[np.int64]

    @classmethod
    def columns(cls) -> tuple[str, ...]:
        """The field names in order, which are also the column names of the table `detections`."""
        return tuple(field.name for field in fields(cls))
