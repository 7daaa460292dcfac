"""Files of any table form, read whole by the one file reader (ad_stream.readings), then cut to the span."""

from __future__ import annotations

import glob
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa

from ad_stream.errors import ConfigError, InputError
from ad_stream.readers.contract import READINGS, Only, RangeReader, SourceColumn, TimeRange
from ad_stream.readers.settings import TableFilesSource
from ad_stream.readings import Readings, ReadOptions, read
from ad_stream.readings.content import read_table

BATCH = 65_536


class TableFilesReader(RangeReader[TableFilesSource]):
    """Each reading looks at every file: for what fits into memory. Times are exact to the millisecond."""

    def check(self) -> None:
        """Reads the first file; InputError where there is none."""
        self._readings(self._files()[0])

    def columns(self) -> list[SourceColumn]:
        """Of the first file; type: what the column was taken for."""
        first = self._files()[0]
        taken = {
            column: role for role, columns in self._readings(first).columns.items() for column in columns.split(", ")
        }
        return [SourceColumn(str(name), taken.get(str(name), "not read")) for name in read_table(first).cells]

    def earliest(self) -> int | None:
        """The smallest time of all files."""
        return min(int(self._readings(path).ms.min()) * 1000 for path in self._files())

    def read(self, span: TimeRange, only: Only | None = None) -> Iterator[pa.RecordBatch]:
        """File by file, in the order of their names; cells without a number are left out."""
        for path in self._files():
            found = self._readings(path)
            us = found.ms * 1000
            kept = found.numbers & (us >= span.start) & (us < span.end)
            if only is not None:
                kept &= _is(found.devices, only.device)[found.device]
                if only.signal is not None:
                    kept &= _is(found.signals, only.signal)[found.signal]
            rows = np.flatnonzero(kept)
            for begin in range(0, len(rows), BATCH):
                yield _batch(found, us, rows[begin : begin + BATCH])

    def _files(self) -> list[Path]:
        files = [Path(name) for name in sorted(glob.glob(self.settings.path)) if Path(name).is_file()]  # noqa: PTH207
        if not files:
            raise InputError(f"sources.{self.name}.path {self.settings.path!r} fits no file: name a file or a pattern")
        return files

    def _readings(self, path: Path) -> Readings:
        settings = self.settings
        order = None if settings.date_order is None else f"{settings.date_order} first"
        options = ReadOptions(
            time=settings.time, device=settings.device, signal=settings.signal, values=settings.values,
            zone=settings.time_zone, order=order, decimal=settings.decimal, dimensions=settings.dimensions,
        )  # fmt: skip
        try:
            return read(path, options)
        except InputError as error:
            if "has no column" in str(error):
                raise ConfigError(f"sources.{self.name}: {error}") from None
            raise InputError(f"sources.{self.name}: {error}") from None


def _is(names: list[str], name: str) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    return np.array([one == name for one in names], dtype=np.bool_)


def _batch(
    found: Readings, us: np.ndarray[tuple[int], np.dtype[np.int64]], rows: np.ndarray[tuple[int], np.dtype[np.int64]]
) -> pa.RecordBatch:
    devices, signals = (
        pa.DictionaryArray.from_arrays(codes[rows], names).cast(pa.string())
        for codes, names in ((found.device, found.devices), (found.signal, found.signals))
    )
    columns = [devices, pa.array(us[rows]), signals, pa.array(found.value[rows]), pa.nulls(len(rows), pa.string())]
    return pa.RecordBatch.from_arrays(columns, schema=READINGS)
