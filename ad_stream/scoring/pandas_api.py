"""`ad_stream.detect`: the laptop's door, pandas in and pandas out, judged exactly as the stream judges."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ad_stream.detectors import by_name, knowing, learns_of
from ad_stream.detectors.slow import FEWEST, NO_ONSET
from ad_stream.errors import ConfigError
from ad_stream.grid import HOUR
from ad_stream.incidents.alarms import mark_continuing
from ad_stream.model import LONG_HISTORY, LastPoint
from ad_stream.scoring.frames import rows_of
from ad_stream.scoring.long_history import LongHistory, crowded
from ad_stream.scoring.slow import slow_columns
from ad_stream.scoring.steps import given_width, placed
from ad_stream.scoring.suppression import UNSUPPRESSED, check, suppress, suppress_slow
from ad_stream.scoring.windows import judge_both

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from ad_stream.detectors.base import Detector
    from ad_stream.model import Bools, Floats
    from ad_stream.models.known import KnownSeries

    Ints = NDArray[np.int64]
    Times = NDArray[np.datetime64]

NANO = 10**9
BATCH_CELLS = 8 * 2**20
"""Series of similar length share a dense matrix of at most this many cells."""


def detect(
    frame: Any,
    *,
    device: str | Sequence[str] | None = "device",
    time: str = "timestamp",
    value: str | Sequence[str] = "value",
    detector: str = "default",
    points: int | None = None,
    step: pd.Timedelta | str | None = None,
    refractory: int = 10,
    slow: bool = True,
    profiles: KnownSeries | None = None,
    signal: str = "value",
    history: timedelta | str = LONG_HISTORY,
    **options: object,
) -> pd.DataFrame:
    """Judges every row from its past only.

    >>> import pandas as pd, ad_stream
    >>> times = pd.date_range("2026-11-01", periods=60, freq="min")
    >>> frame = pd.DataFrame({"timestamp": times, "value": [20.0 + i % 5 for i in range(60)]})
    >>> frame.loc[50, "value"] = 60.0
    >>> verdicts = ad_stream.detect(frame)
    >>> verdicts.loc[verdicts.is_anomaly, ["timestamp", "reason"]]
                 timestamp reason
    50 2026-11-01 00:50:00  above

    frame: a pandas (or polars) frame with one row per device and time in any order, or a Series with its times as index. Without
    a device column it is one series; `device` may name several key columns. Times are a column or the index, texts or numbers
    since the epoch (their size tells s, ms, us or ns); what names no zone is UTC. A wide frame without a column `value`, or
    `value` with several names: each of these columns is judged, and the answer has a row per value with its `signal`.
    `step` is the grid, by default the own cadence of each series (calendar months and wavering clocks included); `points` the
    columns of history, by default the detector's; on a given `step` the readings of slow series count as far back as `history`;
    `options` are the detector's, or `direction`, `min_deviation`, `min_relative_deviation`. The answer keeps index and order of
    the rows: device, time, the fields of `LastPoint`, and `continuing` (a flag within `refractory` steps of an earlier one); with
    `slow`, where `points` is 260 or more, the slow verdict, too: `slow_score`, `slow_is_anomaly`, `slow_reason` and `slow_onset`,
    the time (UTC) at which a drift or a stuck value began. `profiles`: what was learned of the `signal` of each device for the
    detector (`ad_stream.models.stored.live_model(tables, "profile")`, or "seasonal", for which all series need one step).
    InputError: a column is missing, a time unreadable, two rows have one time or one given step; ConfigError: a wrong option.
    """
    check(**(limits := {name: options.pop(name, default) for name, default in UNSUPPRESSED.items()}))
    judge_with = by_name(detector, **(options if points is None else options | {"points": points}))
    slow = slow and judge_with.points >= FEWEST
    rows = rows_of(frame, device, time, value)
    codes = (np.zeros(len(rows.values)) if rows.device is None else pd.factorize(rows.device)[0]).astype(np.int64)
    order = np.lexsort((rows.nanoseconds, codes))
    codes, nanoseconds, values = codes[order], rows.nanoseconds[order], rows.values[order]
    cells, width, widths = placed(codes, nanoseconds, step)
    known = _known(profiles, judge_with, codes, "" if rows.device is None else rows.device.to_numpy()[order], signal)
    places = _shorten(codes, cells, judge_with.points)
    reach = 0 if step is None else given_width(history) // width
    far = _far(codes, places, cells, values, nanoseconds, width, reach) if reach > judge_with.points else None
    times, judge_with = _times(known, nanoseconds, widths, judge_with), knowing(judge_with, profiles)
    columns = _judge_all(codes, places, values, judge_with, width, slow, known, far, times)
    for take_back in (suppress, suppress_slow) if slow else (suppress,):
        take_back(columns, values, **limits)  # type: ignore[arg-type]
    if slow:
        _name_onsets(columns, nanoseconds, widths)
    columns["continuing"] = mark_continuing(codes, cells, columns["is_anomaly"], refractory=refractory)
    return _answer(rows.keys, order, columns)


def _answer(keys: pd.DataFrame, order: Ints, columns: dict[str, NDArray[Any]]) -> pd.DataFrame:
    """Columns in the order of series and time -> rows as they came, under their own index; slow columns behind all others."""
    back = np.empty_like(order)
    back[order] = np.arange(len(order))
    names = sorted(columns, key=lambda name: name.startswith("slow_"))
    judged = pd.DataFrame({name: columns[name][back] for name in names})
    joined: pd.DataFrame = pd.concat([keys.reset_index(drop=True), judged], axis=1)
    joined.index = keys.index
    return joined


def _far(
    codes: Ints, places: Ints, cells: Ints, values: Floats, nanoseconds: Ints, width: int, reach: int
) -> LongHistory:  # fmt: skip
    """All rows, as slow series see them."""
    many = crowded(codes, nanoseconds // (HOUR * NANO), HOUR * NANO / width)
    return LongHistory(codes, places, cells, values, many, reach)


def _shorten(codes: Ints, cells: Ints, points: int) -> Ints:
    """Gaps longer than a window are cut to a window: nothing before them is seen, and the matrix stays small."""
    gap = np.diff(cells, prepend=cells[:1])
    first = np.r_[True, codes[1:] != codes[:-1]] if len(codes) else np.empty(0, dtype=np.bool_)
    total = np.cumsum(np.where(first, 0, np.minimum(gap, points)))
    return np.asarray(total - np.maximum.accumulate(np.where(first, total, 0)))


def _known(
    profiles: KnownSeries | None, detector: Detector, codes: Ints, devices: str | NDArray[Any], signal: str
) -> Floats | None:
    """Rows sorted by series, their devices -> (series, k): what is known of each, None where the detector asks for another model."""
    if profiles is None or profiles.name != learns_of(detector):
        return None
    rows = np.flatnonzero(np.r_[True, codes[1:] != codes[:-1]]) if len(codes) else codes[:0]
    names = np.array([devices if isinstance(devices, str) else str(devices[row]) for row in rows], dtype=object)
    return profiles.rows(names, np.full(len(rows), signal, dtype=object))


def _times(known: Floats | None, nanoseconds: Ints, widths: Ints, detector: Detector) -> Times | None:
    """Of the rows, for a model that reads the clock, else None. ConfigError where the series have steps of their own."""
    if known is None or learns_of(detector) == "profile":
        return None
    if len(widths) and (widths != widths[0]).any():
        raise ConfigError(
            f"the detector {detector.name} reads the clock, and the series have several cadences: name one step, such as step='1min'"
        )
    return nanoseconds.astype("datetime64[ns]")


def _judge_all(
    codes: Ints, cells: Ints, values: Floats, detector: Detector, width: int, slow: bool, known: Floats | None,
    far: LongHistory | None, times: Times | None,
) -> dict[str, NDArray[Any]]:  # fmt: skip
    """Rows sorted by series and time; known (series, k): their profiles; width: nanoseconds from cell to cell; far: the same rows
    with their times; times (n,): of the rows, where they count -> columns of LastPoint and, with `slow`, SlowVerdict, a row each."""
    parts: list[dict[str, NDArray[Any]]] = []
    places: list[Ints] = []
    for series, length in _batches(codes, cells):
        chosen = np.flatnonzero(np.isin(codes, series))
        rows = np.searchsorted(series, codes[chosen])
        matrix = np.full((len(series), length), np.nan)
        judged = np.zeros(matrix.shape, dtype=np.bool_)
        matrix[rows, cells[chosen]] = values[chosen]
        judged[rows, cells[chosen]] = True
        history = None if far is None else far.of(series).of_seldom(matrix, judged)
        ends = None
        if times is not None:
            ends = np.full(matrix.shape, np.datetime64("NaT"), dtype="datetime64[ns]")
            ends[rows, cells[chosen]] = times[chosen]
        parts.append(
            _judged(matrix, judged, detector, width, slow, None if known is None else known[series], history, ends)
        )
        places.append(chosen)
    if not parts:
        parts, places = (
            [_judged(np.empty((0, 1)), np.empty((0, 1), dtype=np.bool_), detector, width, slow, None, None, None)],
            [codes],
        )
    back = np.argsort(np.concatenate(places), kind="stable")
    return {key: np.concatenate([part[key] for part in parts])[back] for key in parts[0]}


def _judged(
    matrix: Floats, judged: Bools, detector: Detector, width: int, slow: bool, known: Floats | None, far: LongHistory | None,
    ends: Times | None,
) -> dict[str, NDArray[Any]]:  # fmt: skip
    step = timedelta(microseconds=width / 1000)
    rows, _, verdict, slowly = judge_both(
        matrix, judged, detector, ends=ends, step=step, slow=slow, profiles=known, history=far
    )
    columns = {name: getattr(verdict, name) for name in LastPoint.columns()}
    return columns | (slow_columns(slowly, len(rows)) if slow else {})


def _name_onsets(columns: dict[str, NDArray[Any]], nanoseconds: Ints, widths: Ints) -> None:
    """Windows back -> times in UTC, NaT where nothing began."""
    back = columns["slow_onset"]
    begun = pd.to_datetime(nanoseconds - back * widths, utc=True).to_series(index=pd.RangeIndex(len(back)))
    columns["slow_onset"] = begun.where(back != NO_ONSET).array
    del columns["slow_deviation"]


def _batches(codes: Ints, cells: Ints) -> Iterator[tuple[Ints, int]]:
    """Yields (sorted codes of series of similar length, their longest length)."""
    ends = np.flatnonzero(np.r_[codes[1:] != codes[:-1], True]) if len(codes) else np.empty(0, dtype=np.int64)
    lengths = cells[ends] + 1
    by_length = np.argsort(-lengths, kind="stable")
    first = 0
    while first < len(by_length):
        longest = int(lengths[by_length[first]])
        stop = first + max(1, BATCH_CELLS // longest)
        yield np.sort(codes[ends[by_length[first:stop]]]), longest
        first = stop
