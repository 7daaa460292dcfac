"""The folder of landed files: a file is named after its range, written beside and renamed whole, and never touched again.

    rows-<start>-<end>.parquet         the readings of a range, as it was first read
    again-<start>-<end>-<n>.parquet    those that the second look at it found
    _trouble.json                      what the source said when it was last away, and whether it still is
    _state.json                        how far both looks have come where no file says so; losing it costs reading again

Names that begin with an underscore are hidden from Spark.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow.parquet as pq

from ad_stream.errors import InputError, RunError
from ad_stream.landing.rows import LANDED
from ad_stream.readers.contract import TimeRange, moment_of, us_of

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

STATE, LOCK, BESIDE, TROUBLE = "_state.json", "_lock", "_writing.parquet", "_trouble.json"
_FORM = "%Y%m%dT%H%M%S.%fZ"
_NAME = re.compile(r"(rows|again)-(\d{8}T\d{6}\.\d{6}Z)-(\d{8}T\d{6}\.\d{6}Z)(?:-\d+)?\.parquet")


@dataclass(frozen=True)
class LandedState:
    """position: end of what was read first; checked: end of what was looked at twice, us since 1970 UTC; rows, again: how many
    readings the first and the second looks have landed. audited: end of what was counted, None where nothing is to be; unseen: readings
    that the counts found and no look had landed."""

    position: int
    checked: int
    rows: int = 0
    again: int = 0
    audited: int | None = None
    unseen: int = 0


class LandingFolder:
    """One process at a time writes into it (`owned`)."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._left = False

    @contextmanager
    def owned(self) -> Iterator[None]:
        """Made if need be, and locked until the block ends, however it ends; InputError where another process has it."""
        import fcntl

        try:
            self.path.mkdir(parents=True, exist_ok=True)
            lock = (self.path / LOCK).open("w")
        except OSError as error:
            raise InputError(
                f"source.path {str(self.path)!r} cannot be written ({error.strerror}): name another folder"
            ) from None
        with lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise InputError(
                    f"another process lands files in {str(self.path)!r}: stop it, or give this run a folder of its own"
                ) from None
            try:
                yield
            finally:
                self._left = True

    def state(self, start: int) -> LandedState:
        """How far the looks have come; of an empty folder both begin at `start`."""
        rows = [span for kind, span, _ in self._files() if kind == "rows"]
        first = min((one.start for one in rows), default=start)
        position = max((one.end for one in rows), default=start)
        with suppress(OSError, ValueError, TypeError):
            told = LandedState(**json.loads((self.path / STATE).read_text(encoding="utf-8")))
            return replace(told, position=max(position, told.position), checked=max(first, told.checked))
        return LandedState(position, first)

    def keep(self, state: LandedState) -> None:
        """Written beside, then renamed."""
        self._put(STATE, asdict(state))

    def note(self, error: str | None, at: datetime) -> None:
        """What the source said instead of answering; None: it answers again."""
        if error is not None:
            self._put(TROUBLE, {"error": error, "at": at.isoformat(timespec="seconds"), "away": True})
            return
        with suppress(OSError, ValueError):
            told = json.loads((self.path / TROUBLE).read_text(encoding="utf-8"))
            if told["away"]:
                self._put(TROUBLE, {**told, "away": False})

    def _put(self, name: str, told: dict[str, object]) -> None:
        beside = self.path / f"{name}.new"
        beside.write_text(json.dumps(told), encoding="utf-8")
        beside.replace(self.path / name)

    @property
    def is_new(self) -> bool:
        """Whether nothing was ever read into it."""
        return not (self.path / STATE).exists() and not self._files()

    def write_rows(self, span: TimeRange, batches: Iterator[pa.RecordBatch]) -> int:
        """The first look at a range; -> how many rows. Of none there is no file."""
        return self._write(f"rows-{_stamp(span.start)}-{_stamp(span.end)}.parquet", batches)

    def write_again(self, span: TimeRange, batches: Iterator[pa.RecordBatch]) -> int:
        """What the second look found; another file where a look was repeated because its end was not kept."""
        base = f"again-{_stamp(span.start)}-{_stamp(span.end)}"
        number = next(n for n in range(1_000_000) if not (self.path / f"{base}-{n}.parquet").exists())
        return self._write(f"{base}-{number}.parquet", batches)

    def numbers(self, span: TimeRange) -> NDArray[np.int64]:
        """The numbers of all rows of files that overlap the range, in ascending order."""
        found = [
            pq.read_table(path, columns=["sequence"])["sequence"].to_numpy()
            for _, one, path in self._files()
            if one.start < span.end and span.start < one.end
        ]
        return np.sort(np.concatenate(found)) if found else np.empty(0, dtype=np.int64)

    def _files(self) -> list[tuple[str, TimeRange, Path]]:
        matches = [(path, _NAME.fullmatch(path.name)) for path in self.path.glob("*.parquet")]
        return [(one[1], TimeRange(_us(one[2]), _us(one[3])), path) for path, one in matches if one is not None]

    def _write(self, name: str, batches: Iterator[pa.RecordBatch]) -> int:
        beside, rows = self.path / BESIDE, 0
        writer = None
        try:
            for batch in batches:
                if batch.num_rows:
                    writer = writer or pq.ParquetWriter(beside, LANDED, compression="zstd", compression_level=1)
                    writer.write_batch(batch)
                    rows += batch.num_rows
        finally:
            if writer is not None:
                writer.close()
        if self._left:  # a look that outlived its run: another process may own the folder now
            raise RunError(f"the folder {str(self.path)!r} is no longer this run's: nothing was landed")
        if rows:
            _flush(beside)
            beside.replace(self.path / name)
            _flush(self.path)
        return rows


def _flush(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _stamp(us: int) -> str:
    return moment_of(us).strftime(_FORM)


def _us(stamp: str) -> int:
    return us_of(datetime.strptime(stamp, _FORM).replace(tzinfo=timezone.utc))
