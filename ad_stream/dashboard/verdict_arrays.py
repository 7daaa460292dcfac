"""Rows of `detections` as numpy columns, with series, statuses and reasons as numbers."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np

from ad_stream.grid import MINUTE, Grid
from ad_stream.model import REASONS, STATUSES
from ad_stream.tables.catalog import DETECTIONS
from ad_stream.tables.schema import PAGE
from ad_stream.times import FIRST_TIME, LAST_TIME

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa
    from numpy.typing import NDArray

    from ad_stream.model import Bools, Floats

    Ints = NDArray[np.int64]

COLUMNS = DETECTIONS.named(PAGE)
MOST_REASONS = 255


@dataclass(frozen=True)
class VerdictArrays:
    """Each field (n,). minute: steps of the windows; upper, lower: the band; flag: 1 above, -1 below, 0 not flagged; slow:
    flagged by the slow verdict alone, whose reason the row then has; series, status and reason: numbers of `Names`."""

    series: Ints
    minute: Ints
    revision: Ints
    value: Floats
    expected: Floats
    upper: Floats
    lower: Floats
    score: Floats
    severity: Floats
    flag: NDArray[np.int8]
    continuing: Bools
    slow: Bools
    status: Ints
    reason: Ints

    def __len__(self) -> int:
        return len(self.series)

    def take(self, chosen: NDArray[Any]) -> VerdictArrays:
        """The rows of a mask or of row numbers."""
        return VerdictArrays(**{field.name: getattr(self, field.name)[chosen] for field in fields(self)})


class Names:
    """Numbers of devices, signals and their pairs (series), in the order in which they were first seen; the grid by which
    windows are numbered."""

    def __init__(self, grid: Grid = MINUTE) -> None:
        self.grid = grid
        self.devices: list[str] = []
        self.signals: list[str] = []
        self.reasons: list[str] = list(REASONS)
        self.device_of = np.empty(0, dtype=np.int64)
        self.signal_of = np.empty(0, dtype=np.int64)
        self._numbers: dict[str, dict[str, int]] = {"devices": {}, "signals": {}}
        self._numbers["reasons"] = {reason: number for number, reason in enumerate(self.reasons)}
        self._pairs = np.empty(0, dtype=np.int64)
        self._series = np.empty(0, dtype=np.int64)

    def __len__(self) -> int:
        return len(self._pairs)

    def numbers(self, kind: str) -> dict[str, int]:
        """Number by name of the 'devices', 'signals' or 'reasons'."""
        return self._numbers[kind]

    def find(self, device: str, signal: str) -> int | None:
        """The number of a series, None if it was never seen."""
        numbers = self._numbers["devices"].get(device), self._numbers["signals"].get(signal)
        if numbers[0] is None or numbers[1] is None:
            return None
        pair = (numbers[0] << 32) + numbers[1]
        at = int(np.searchsorted(self._pairs, pair))
        return int(self._series[at]) if at < len(self._pairs) and self._pairs[at] == pair else None

    def rows(self, batch: pa.RecordBatch) -> VerdictArrays:
        """A batch with COLUMNS -> VerdictArrays; rows without device, signal or a minute of our time are left out."""
        import pyarrow as pa
        import pyarrow.compute as pc

        named = pc.and_(batch.column("device_id").is_valid(), batch.column("signal").is_valid())
        # Comparing a minute that is null gives null, which a filter leaves out as well.
        minute = pc.cast(batch.column("minute"), pa.timestamp("us", "UTC"))
        times = pc.and_(pc.greater_equal(minute, pa.scalar(FIRST_TIME)), pc.less(minute, pa.scalar(LAST_TIME)))
        whole = pc.and_(named, pc.fill_null(times, False))
        if not pc.all(whole).as_py():
            batch = batch.filter(whole)

        def numbers(name: str, fill: object = 0) -> NDArray[Any]:
            if name not in batch.schema.names:  # a file of an earlier version
                return np.full(len(batch), fill)
            found: NDArray[Any] = pc.fill_null(batch.column(name), fill).to_numpy(zero_copy_only=False)
            return found

        micros = pc.cast(batch.column("minute"), pa.timestamp("us", "UTC")).cast(pa.int64()).to_numpy()
        flagged, up = numbers("is_anomaly", False), numbers("is_positive", False)
        value, expected = numbers("value", math.nan), numbers("expected", math.nan)
        slow = numbers("slow_is_anomaly", False) & ~flagged
        reason = self._coded(batch.column("reason"), self._reason)
        if slow.any():
            reason[slow] = self._coded(batch.column("slow_reason"), self._reason)[slow]
        with np.errstate(all="ignore"):  # what another writer put there may be infinite
            upper = expected + numbers("upper_margin", math.nan)
            lower = expected - numbers("lower_margin", math.nan)
        return VerdictArrays(
            series=self._series_of(batch),
            minute=micros // (self.grid.seconds * 1_000_000),
            revision=numbers("revision").astype(np.int64),
            value=value,
            expected=expected,
            upper=upper,
            lower=lower,
            score=numbers("score", math.nan),
            severity=numbers("severity", 0.0),
            flag=np.where(flagged | slow, np.where(np.where(slow, value >= expected, up), 1, -1), 0).astype(np.int8),
            continuing=numbers("continuing", False),
            slow=slow,
            status=self._coded(batch.column("status"), lambda text: STATUSES.index(text) if text in STATUSES else 0),
            reason=reason,
        )

    def _series_of(self, batch: pa.RecordBatch) -> Ints:
        device = self._coded(batch.column("device_id"), lambda text: self._number("devices", text))
        signal = self._coded(batch.column("signal"), lambda text: self._number("signals", text))
        pairs = (device << 32) + signal
        at = np.minimum(np.searchsorted(self._pairs, pairs), len(self._pairs) - 1)
        if not len(self._pairs) or (unknown := self._pairs[at] != pairs).any():
            self._add(np.unique(pairs[unknown] if len(self._pairs) else pairs))
            at = np.searchsorted(self._pairs, pairs)
        return self._series[at]

    def _add(self, pairs: Ints) -> None:
        self.device_of = np.concatenate([self.device_of, pairs >> 32])
        self.signal_of = np.concatenate([self.signal_of, pairs & 0xFFFFFFFF])
        known = np.concatenate([self._pairs, pairs])
        order = np.argsort(known, kind="stable")
        series = np.concatenate([self._series, len(self._series) + np.arange(len(pairs))])
        self._pairs, self._series = known[order], series[order]

    def _number(self, kind: str, text: str) -> int:
        known: Sequence[str] = getattr(self, kind)
        number = self._numbers[kind].setdefault(text, len(known))
        if number == len(known):
            getattr(self, kind).append(text)
        return number

    def _reason(self, text: str | None) -> int:
        if text in self._numbers["reasons"] or len(self.reasons) < MOST_REASONS:
            return self._number("reasons", text or "")
        return 0

    @staticmethod
    def _coded(column: pa.Array, number: Any) -> Ints:
        """A text column -> the number of each text."""
        import pyarrow as pa
        import pyarrow.compute as pc

        coded = column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
        numbers = np.array([number(text) for text in coded.dictionary.to_pylist()] or [0], dtype=np.int64)
        found: Ints = numbers[pc.fill_null(coded.indices, 0).to_numpy(zero_copy_only=False)]
        return found
