"""`ad_stream.detect`: the laptop's door, pandas in and pandas out, judged exactly as the stream judges."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ad_stream.detectors import by_name
from ad_stream.detectors.slow import FEWEST, NO_ONSET
from ad_stream.errors import InputError
from ad_stream.incidents.alarms import mark_continuing
from ad_stream.model import LastPoint
from ad_stream.scoring.slow import slow_columns
from ad_stream.scoring.suppression import UNSUPPRESSED, check, suppress, suppress_slow
from ad_stream.scoring.windows import judge_both

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from ad_stream.detectors.base import Detector
    from ad_stream.model import Bools, Floats
    from ad_stream.models.profiles import KnownProfiles

    Ints = NDArray[np.int64]

BATCH_CELLS = 8 * 2**20
"""Series of similar length share a dense matrix of at most this many cells."""


def detect(
    frame: pd.DataFrame,
    *,
    device: str | None = "device",
    time: str = "timestamp",
    value: str = "value",
    detector: str = "default",
    points: int | None = None,
    step: pd.Timedelta | str | None = None,
    refractory: int = 10,
    slow: bool = True,
    profiles: KnownProfiles | None = None,
    signal: str = "value",
    **options: object,
) -> pd.DataFrame:
    """Judges every row from its past only.

    frame holds one row per device and time in any order; without a device column it is one series. Times are
    anything pandas reads, numbers are seconds since the epoch, what names no zone is UTC. `step` is the grid, by
    default the median distance of two rows; `points` the columns of history, by default the detector's; `options`
    are the detector's, or `direction`, `min_deviation`, `min_relative_deviation`. The answer keeps the index and the
    order of the rows: device, time, the fields of `LastPoint`, and `continuing` (a flag within `refractory` steps of
    an earlier one); with `slow`, where `points` is 260 or more, the slow verdict, too: `slow_score`, `slow_is_anomaly`,
    `slow_reason` and `slow_onset`, the time of the grid (UTC) at which a drift or a stuck value began.
    `profiles` is what was learned of series (`ad_stream.models.stored.live_profiles(tables)`), `signal` which of a device's
    the values are.

    Raises InputError where a column is missing, a time cannot be read, or two rows fall into one step; ConfigError
    for a wrong option.
    """
    limits = {name: options.pop(name, default) for name, default in UNSUPPRESSED.items()}
    check(**limits)
    judge_with = by_name(detector, **(options if points is None else options | {"points": points}))
    slow = slow and judge_with.points >= FEWEST
    device = _check_columns(frame, device, time, value)
    values = _numbers(frame, value)
    codes = np.zeros(len(frame), dtype=np.int64) if device is None else pd.factorize(frame[device])[0].astype(np.int64)
    nanoseconds = _times(frame, time)
    order = np.lexsort((nanoseconds, codes))
    codes, nanoseconds = codes[order], nanoseconds[order]
    width = _step(codes, nanoseconds, step)
    cells = _cells(codes, nanoseconds, width)
    names = "" if device is None else frame[device].to_numpy()[order]
    known = None if profiles is None else _known(profiles, codes, names, signal)
    columns = _judge_all(
        codes, _shorten(codes, cells, judge_with.points), values[order], judge_with, width, slow, known
    )
    for take_back in (suppress, suppress_slow) if slow else (suppress,):
        take_back(columns, values[order], **limits)  # type: ignore[arg-type]
    if slow:
        _name_onsets(columns, nanoseconds, width)
    slowly = {name: columns.pop(name) for name in list(columns) if name.startswith("slow_")}
    columns["continuing"] = mark_continuing(codes, cells, columns["is_anomaly"], refractory=refractory)
    columns |= slowly  # behind what was there before them
    back = np.empty_like(order)
    back[order] = np.arange(len(order))
    keys = frame[[time] if device is None else [device, time]]
    answer = pd.DataFrame({key: column[back] for key, column in columns.items()}, index=frame.index)
    joined: pd.DataFrame = pd.concat([keys, answer], axis=1)
    return joined


def _check_columns(frame: pd.DataFrame, device: str | None, time: str, value: str) -> str | None:
    """The device column, or None for a frame that is one series; only the default name may be absent."""
    if device == "device" and device not in frame.columns:
        device = None
    for name in (device, time, value):
        if name is not None and name not in frame.columns:
            raise InputError(f"the frame has no column {name!r}, its columns are {', '.join(map(str, frame.columns))}")
    return device


def _numbers(frame: pd.DataFrame, value: str) -> Floats:
    try:
        return np.asarray(pd.to_numeric(frame[value]), dtype=np.float64)
    except (TypeError, ValueError) as cause:
        raise InputError(f"the column {value!r} holds something that is no number ({cause}), clean it first") from None


def _times(frame: pd.DataFrame, time: str) -> Ints:
    """Nanoseconds since the epoch, UTC."""
    seconds = pd.api.types.is_numeric_dtype(frame[time])
    try:
        times = pd.to_datetime(frame[time], utc=True, unit="s" if seconds else None)
    except (TypeError, ValueError) as cause:
        raise InputError(f"the column {time!r} holds something that is no time ({cause}), clean it first") from None
    if times.isna().any():
        raise InputError(f"the column {time!r} is empty in {int(times.isna().sum())} rows, drop them first")
    return np.asarray(times.dt.tz_localize(None).to_numpy(dtype="datetime64[ns]").astype(np.int64))


def _step(codes: Ints, nanoseconds: Ints, step: pd.Timedelta | str | None) -> int:
    """Nanoseconds from one column of the grid to the next."""
    if step is not None:
        width = int(pd.Timedelta(step).value)
    else:
        distances = np.diff(nanoseconds)[codes[1:] == codes[:-1]]
        distances = distances[distances > 0]
        width = int(np.median(distances)) if len(distances) else 60 * 10**9
    if width <= 0:
        raise InputError(f"step is {step}, it must be longer than nothing, such as '1min'")
    return width


def _cells(codes: Ints, nanoseconds: Ints, step: int) -> Ints:
    """The grid column of each row, counted from the first row of its series."""
    starts = np.flatnonzero(np.r_[True, codes[1:] != codes[:-1]]) if len(codes) else np.empty(0, dtype=np.int64)
    origin = np.repeat(nanoseconds[starts], np.diff(np.r_[starts, len(codes)]))
    cells = (nanoseconds - origin + step // 2) // step
    twice = np.flatnonzero((np.diff(cells) == 0) & (codes[1:] == codes[:-1]))
    if len(twice):
        when = pd.Timestamp(int(nanoseconds[twice[0] + 1]))
        raise InputError(
            f"{len(twice)} rows share a step of {pd.Timedelta(step)} with an earlier row of their device, the first at"
            f" {when}: aggregate them or give a smaller step"
        )
    return np.asarray(cells)


def _shorten(codes: Ints, cells: Ints, points: int) -> Ints:
    """Gaps longer than a window are cut to a window: nothing before them is seen, and the matrix stays small."""
    gap = np.diff(cells, prepend=cells[:1])
    first = np.r_[True, codes[1:] != codes[:-1]] if len(codes) else np.empty(0, dtype=np.bool_)
    total = np.cumsum(np.where(first, 0, np.minimum(gap, points)))
    return np.asarray(total - np.maximum.accumulate(np.where(first, total, 0)))


def _known(profiles: KnownProfiles, codes: Ints, devices: str | NDArray[Any], signal: str) -> Floats:
    """Rows sorted by series, their devices -> (series, k): the profile of each."""
    rows = np.flatnonzero(np.r_[True, codes[1:] != codes[:-1]]) if len(codes) else codes[:0]
    names = np.array([devices if isinstance(devices, str) else str(devices[row]) for row in rows], dtype=object)
    return profiles.rows(names, np.full(len(rows), signal, dtype=object))


def _judge_all(
    codes: Ints, cells: Ints, values: Floats, detector: Detector, width: int, slow: bool, known: Floats | None
) -> dict[str, NDArray[Any]]:  # fmt: skip
    """Rows sorted by series and time; known (series, k): their profiles; width: nanoseconds from cell to cell -> the columns
    of LastPoint and, with `slow`, of SlowVerdict, one entry per row."""
    parts: list[dict[str, NDArray[Any]]] = []
    places: list[Ints] = []
    for series, length in _batches(codes, cells):
        chosen = np.flatnonzero(np.isin(codes, series))
        rows = np.searchsorted(series, codes[chosen])
        matrix = np.full((len(series), length), np.nan)
        judged = np.zeros(matrix.shape, dtype=np.bool_)
        matrix[rows, cells[chosen]] = values[chosen]
        judged[rows, cells[chosen]] = True
        parts.append(_judged(matrix, judged, detector, width, slow, None if known is None else known[series]))
        places.append(chosen)
    if not parts:
        parts, places = (
            [_judged(np.empty((0, 1)), np.empty((0, 1), dtype=np.bool_), detector, width, slow, None)],
            [codes],
        )
    back = np.argsort(np.concatenate(places), kind="stable")
    return {key: np.concatenate([part[key] for part in parts])[back] for key in parts[0]}


def _judged(
    matrix: Floats, judged: Bools, detector: Detector, width: int, slow: bool, known: Floats | None
) -> dict[str, NDArray[Any]]:  # fmt: skip
    step = timedelta(microseconds=width / 1000)
    rows, _, verdict, slowly = judge_both(matrix, judged, detector, step=step, slow=slow, profiles=known)
    columns = {name: getattr(verdict, name) for name in LastPoint.columns()}
    return columns | (slow_columns(slowly, len(rows)) if slow else {})


def _name_onsets(columns: dict[str, NDArray[Any]], nanoseconds: Ints, width: int) -> None:
    """Windows back -> times in UTC, NaT where nothing began."""
    back = columns["slow_onset"]
    begun = pd.to_datetime(nanoseconds - back * width, utc=True).to_series(index=range(len(back)))
    columns["slow_onset"] = begun.where(back != NO_ONSET).array  # type: ignore[assignment]
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
