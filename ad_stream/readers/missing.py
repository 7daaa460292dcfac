"""Codes such as -9999 by which a source says that nothing was measured."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ad_stream.readers.contract import Only, RangeReader, SourceColumn, TimeRange
from ad_stream.readers.settings import NamedSource


class WithoutMissing(RangeReader[NamedSource]):
    """A reader whose readings of such a code were never made: they are left out, like empty cells of values side by side."""

    def __init__(self, reader: RangeReader[NamedSource]) -> None:
        super().__init__(reader.name, reader.settings)
        self._reader = reader
        self._codes = _forms(reader.settings.missing)

    def check(self) -> None:
        """The reader's own."""
        self._reader.check()

    def columns(self) -> list[SourceColumn]:
        """The reader's own."""
        return self._reader.columns()

    def earliest(self) -> int | None:
        """The reader's own; that reading may hold a code."""
        return self._reader.earliest()

    def read(self, span: TimeRange, only: Only | None = None) -> Iterator[pa.RecordBatch]:
        """The reader's own without the codes."""
        for batch in self._reader.read(span, only):
            kept = batch.filter(pc.invert(pc.is_in(batch.column("value"), value_set=self._codes)))
            if kept.num_rows:
                yield kept


def _forms(codes: Sequence[float]) -> pa.Array:
    """Each code, and what a column of four bytes makes of it."""
    single = np.array(codes, dtype=np.float32).astype(np.float64)
    return pa.array(np.unique([*codes, *single[np.isfinite(single)]]), pa.float64())
