"""What data scientists hold -> columns to judge: frames with any index, series with times as index, wide frames, several keys."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ad_stream.errors import InputError
from ad_stream.readings.times import epoch_unit, parse_times

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ad_stream.model import Floats

    Ints = NDArray[np.int64]

SIGNAL = "signal"
"""Column of the answer that names the column of a wide frame."""
MILLISECOND = 10**6


@dataclass(frozen=True)
class FrameRows:
    """One row per value. keys: the columns that name it, with the index of the input; device: its column, None for one series;
    nanoseconds (n,) UTC; values (n,)."""

    keys: pd.DataFrame
    device: pd.Series[Any] | None
    nanoseconds: Ints
    values: Floats


def rows_of(data: Any, device: str | Sequence[str] | None, time: str, value: str | Sequence[str]) -> FrameRows:
    """InputError says in one sentence what cannot be used."""
    frame, time, value = _frame(data, time, value)
    names = _keys(frame, device)
    values = _values(frame, [*names, time], value)
    _check(frame, [*names, time, *values])
    if len(values) > 1:
        frame = _long(frame[[*names, time, *values]], values)
        names, values = [*names, SIGNAL], ["value"]
    times = _times(frame, time)
    return FrameRows(frame[[*names, time]], _device(frame, names), times, _numbers(frame, values[0]))


def _frame(data: Any, time: str, value: str | Sequence[str]) -> tuple[pd.DataFrame, str, str | Sequence[str]]:
    """A frame that has its times in a column, and the names of times and values in it."""
    if not isinstance(data, (pd.DataFrame, pd.Series)) and hasattr(data, "to_pandas"):
        data = data.to_pandas()  # polars, pyarrow
    if isinstance(data, pd.Series):
        if not isinstance(data.index, pd.DatetimeIndex):
            raise InputError(
                f"the series has no times: give it a DatetimeIndex (its index is {type(data.index).__name__}), or a frame"
                f" with the columns {time!r} and {value!r}"
            )
        name = str(data.index.name or time)
        column = str(value) if data.name is None else str(data.name)
        return pd.DataFrame({name: data.index, column: data.to_numpy()}, index=data.index), name, column
    if not isinstance(data, pd.DataFrame):
        raise InputError(
            f"detect takes a pandas or polars frame or a Series, and was given a {type(data).__name__}: make a frame of it,"
            " pd.DataFrame(...)"
        )
    if time not in data.columns and isinstance(data.index, pd.DatetimeIndex):
        return data.assign(**{str(data.index.name or time): data.index}), str(data.index.name or time), value
    return data, time, value


def _keys(frame: pd.DataFrame, device: str | Sequence[str] | None) -> list[str]:
    """The key columns; only the default name may be absent."""
    if device is None or (device == "device" and device not in frame.columns):
        return []
    return [device] if isinstance(device, str) else list(device)


def _values(frame: pd.DataFrame, keys: list[str], value: str | Sequence[str]) -> list[str]:
    """The columns to judge: as named, else, where the default is absent, every numeric one."""
    if not isinstance(value, str):
        return list(value)
    if value != "value" or value in frame.columns:
        return [value]
    numeric = [name for name in frame.select_dtypes("number").columns if name not in keys]
    return [str(name) for name in numeric] or [value]


def _check(frame: pd.DataFrame, names: Sequence[str]) -> None:
    for name in names:
        if name not in frame.columns:
            raise InputError(f"the frame has no column {name!r}, its columns are {', '.join(map(str, frame.columns))}")
        if isinstance(frame[name], pd.DataFrame):
            raise InputError(f"the frame has {frame[name].shape[1]} columns of the name {name!r}: rename them")


def _long(frame: pd.DataFrame, values: list[str]) -> pd.DataFrame:
    """A wide frame -> one row per value, column after column, each with the index of its row."""
    others = [name for name in frame.columns if name not in values]
    long: pd.DataFrame = pd.concat([frame[others].assign(**{SIGNAL: name, "value": frame[name]}) for name in values])
    return long


def _device(frame: pd.DataFrame, names: list[str]) -> pd.Series[Any] | None:
    """One column of keys: several as text, with a character between them that names do not have."""
    if not names:
        return None
    if len(names) == 1:
        return frame[names[0]]
    joined = frame[names[0]].astype(str)
    for name in names[1:]:
        joined = joined + "\x1f" + frame[name].astype(str)
    return joined


def _numbers(frame: pd.DataFrame, value: str) -> Floats:
    try:
        return np.asarray(pd.to_numeric(frame[value]), dtype=np.float64)
    except (TypeError, ValueError) as cause:
        why = " ".join(str(cause).split())
        raise InputError(f"the column {value!r} holds something that is no number ({why}), clean it first") from None


def _times(frame: pd.DataFrame, time: str) -> Ints:
    """Nanoseconds since the epoch, UTC."""
    column = frame[time]
    empty = int(column.isna().sum())
    if empty:
        raise InputError(f"the column {time!r} is empty in {empty} rows, drop them first")
    if pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column):
        return _of_numbers(column)
    if len(column) and all(isinstance(one, str) for one in column):
        return _of_texts(column.reset_index(drop=True), time)
    try:
        times = pd.to_datetime(column, utc=True)
    except (TypeError, ValueError) as cause:
        why = " ".join(str(cause).split())[:120]
        raise InputError(f"the column {time!r} holds something that is no time ({why}), clean it first") from None
    return np.asarray(times.dt.tz_localize(None).to_numpy(dtype="datetime64[ns]").astype(np.int64))


def _of_numbers(column: pd.Series[Any]) -> Ints:
    """Epoch times; their unit by their size."""
    largest = float(np.abs(column.to_numpy(dtype=np.float64)).max(initial=0.0))
    unit = round(epoch_unit(largest)[0] * MILLISECOND)
    if pd.api.types.is_integer_dtype(column):
        return np.asarray(column.to_numpy(dtype=np.int64) * unit)
    return np.asarray(np.rint(column.to_numpy(dtype=np.float64) * unit).astype(np.int64))


def _of_texts(column: pd.Series[str], time: str) -> Ints:
    try:
        return parse_times(column, lambda row: f"row {row} of the column {time!r}").ms * 10**6
    except InputError as cause:
        raise InputError(f"the column {time!r} holds something that is no time ({cause})") from None
