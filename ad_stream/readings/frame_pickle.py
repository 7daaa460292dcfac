"""A pickled pandas frame, read through a list of the globals that a frame of numbers, texts and times names, one by one.

A pickle may name any function and have it called while it is read. Whatever is not in the list is refused by its name before anything of
it is looked up; what is in it builds values and calls nothing else. numpy and pandas still parse what they are handed, so a file from
strangers belongs into a container all the same.
"""

from __future__ import annotations

import io
import pickle
from pathlib import Path
from typing import Any

import pandas as pd

from ad_stream.errors import InputError

_NAMES = """
builtins slice
__builtin__ slice
datetime date datetime timedelta timezone
_codecs encode
zoneinfo ZoneInfo._unpickle
pytz _p _UTC
numpy dtype ndarray
numpy.core.multiarray _reconstruct scalar
numpy.core.numeric _frombuffer
numpy._core.multiarray _reconstruct scalar
numpy._core.numeric _frombuffer
pandas._libs.arrays __pyx_unpickle_NDArrayBacked
pandas._libs.internals _unpickle_block
pandas._libs.missing NA
pandas._libs.tslibs.nattype _nat_unpickle
pandas._libs.tslibs.offsets Day Hour Minute Second Milli Micro Nano MonthBegin MonthEnd
pandas._libs.tslibs.timedeltas _timedelta_unpickle
pandas._libs.tslibs.timestamps _unpickle_timestamp
pandas.core.arrays.boolean BooleanArray BooleanDtype
pandas.core.arrays.categorical Categorical
pandas.core.arrays.datetimes DatetimeArray
pandas.core.arrays.floating FloatingArray Float32Dtype Float64Dtype
pandas.core.arrays.integer IntegerArray Int8Dtype Int16Dtype Int32Dtype Int64Dtype UInt8Dtype UInt16Dtype UInt32Dtype UInt64Dtype
pandas.core.arrays.string_ StringArray StringDtype
pandas.core.arrays.timedeltas TimedeltaArray
pandas.core.dtypes.dtypes CategoricalDtype DatetimeTZDtype
pandas.core.frame DataFrame
pandas.core.indexes.base Index _new_Index
pandas.core.indexes.category CategoricalIndex
pandas.core.indexes.datetimes DatetimeIndex _new_DatetimeIndex
pandas.core.indexes.multi MultiIndex
pandas.core.indexes.numeric Float64Index Int64Index UInt64Index
pandas.core.indexes.range RangeIndex
pandas.core.indexes.timedeltas TimedeltaIndex
pandas.core.internals.managers BlockManager SingleBlockManager
pandas.core.series Series
"""
ALLOWED = frozenset(
    (module, name) for module, *names in (line.split() for line in _NAMES.strip().splitlines()) for name in names
)
"""(module, name) of every global that may be named."""


class _Refused(pickle.UnpicklingError):
    """A global that is not in the list."""


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        """Called for each global that the file names."""
        if (module, name) not in ALLOWED:
            raise _Refused(f"{module}.{name}")
        return super().find_class(module, name)


def read_frame(path: Path) -> pd.DataFrame:
    """The frame, a series as its only column, an index that says something as columns. InputError for what is no such pickle."""
    try:
        found = _Unpickler(io.BytesIO(path.read_bytes())).load()
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}): name an existing file") from None
    except _Refused as error:
        raise InputError(
            f"{path.name} names {str(error)[:200]}, which a table of readings has no need of, so nothing of it was run: write it as"
            " Parquet where it was made, frame.to_parquet('out.parquet')"
        ) from None
    except Exception as error:  # whatever a broken file makes of the classes in the list
        raise InputError(
            f"{path.name} cannot be read as a pickled frame ({type(error).__name__}): write it as Parquet where it was made"
        ) from None
    if isinstance(found, pd.Series):
        found = found.to_frame("value" if found.name is None else str(found.name))
    if not isinstance(found, pd.DataFrame):
        raise InputError(f"{path.name} holds a {type(found).__name__} and no table: pickle the frame itself")
    plain = type(found.index) is pd.RangeIndex and found.index.name is None
    return found if plain else found.reset_index()


def convert(path: Path, out: Path) -> int:
    """Write the frame of a pickle as Parquet; -> its rows. InputError also for columns that Parquet cannot hold."""
    frame = read_frame(path)
    frame.columns = [str(name) for name in frame.columns]
    try:
        frame.to_parquet(out, index=False)
    except Exception as error:  # of pyarrow, of many kinds
        said = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
        raise InputError(f"{path.name} cannot be written as Parquet ({said}): give its columns one type each") from None
    return len(frame)
