"""Readings of a named source -> the columns that landed files have, with a number for each row that copies of it share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pyarrow as pa

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Words = NDArray[np.uint64]

MICROS = pa.timestamp("us", tz="UTC")
LANDED = pa.schema(
    [
        ("device_id", pa.string()),
        ("signal", pa.string()),
        ("time", MICROS),
        ("value", pa.float64()),
        ("enqueued_time", MICROS),
        ("sequence", pa.int64()),
    ]
)
"""Those of ad_stream.sources.contract.ROW that differ within a file."""
_STEP, _FIRST, _SECOND = (np.uint64(n) for n in (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB))
"""Of the finaliser of splitmix64 (Steele, Lea, Flood 2014, OOPSLA)."""


def numbers_of(batch: pa.RecordBatch) -> NDArray[np.int64]:
    """(n,) readings -> 64 bits each, of device, signal, time and the source's own number of the row, or where it has none the
    value. Rows that differ share one by chance once in 2^64 pairs."""
    device, us, signal, value, own = batch.columns
    known = own.is_valid().to_numpy(zero_copy_only=False)
    floats = value.to_numpy(zero_copy_only=False).astype(np.float64)
    bits = np.where(np.isnan(floats), np.nan, floats + 0.0).view(np.uint64)  # one NaN, one zero
    last = np.where(known, _texts(own, few=False), _mixed(bits))
    parts = [
        _texts(device),
        _texts(signal),
        us.to_numpy(zero_copy_only=False).view(np.uint64),
        last,
        known.astype(np.uint64),
    ]
    out = np.zeros(batch.num_rows, dtype=np.uint64)
    for part in parts:
        out = _mixed(out + _STEP + _mixed(part))
    return out.view(np.int64)


def landed(batch: pa.RecordBatch, numbers: NDArray[np.int64], arrived: int | None) -> pa.RecordBatch:
    """Columns LANDED; arrived: us at which the rows count as come, None where their own time does."""
    device, us, signal, value, _ = batch.columns
    times = us.cast(pa.int64()).view(MICROS)
    came = pa.nulls(len(us), MICROS) if arrived is None else pa.repeat(pa.scalar(arrived, MICROS), len(us))
    return pa.RecordBatch.from_arrays([device, signal, times, value, came, pa.array(numbers)], schema=LANDED)


def _texts(column: pa.Array, *, few: bool = True) -> Words:
    """few: whether each text stands there often, so that it is worth finding the different ones first."""
    if column.null_count == len(column):
        return np.zeros(len(column), dtype=np.uint64)
    if few:
        coded = column.dictionary_encode(null_encoding="encode")
        found: Words = _texts(coded.dictionary, few=False)[coded.indices.to_numpy()]
        return found
    return np.asarray(pd.util.hash_array(column.to_numpy(zero_copy_only=False), categorize=False), dtype=np.uint64)


def _mixed(words: Words) -> Words:
    words = (words ^ (words >> np.uint64(30))) * _FIRST
    words = (words ^ (words >> np.uint64(27))) * _SECOND
    return np.asarray(words ^ (words >> np.uint64(31)))
