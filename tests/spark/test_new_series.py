"""Limits of series: the surplus is left out and counted, nothing known is lost, a repeated batch decides as it did."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from ad_stream.errors import RunError
from ad_stream.pipeline.run import run
from ad_stream.pipeline.steps import new_series
from ad_stream.pipeline.steps.new_series import TOO_MANY_NEW_SERIES, TOO_MANY_SIGNALS
from ad_stream.pipeline.store.delta import DeltaTables
from tests.support.streaming import Stream, message, moment

SIGNALS, NEW = 3, 6
SECTIONS = {"telemetry": {"max_signals_per_device": SIGNALS, "max_new_series": NEW}, "source": {"files_per_trigger": 1}}
OPENING = [
    # (minute, device, signals), a file each, so far apart that each closes in a batch of its own: a device with too many
    # names, many devices, known ones, the next hour
    [(0, "a", ["s3", "s1", "s0", "s2"]), (1, "a", ["s0", "s1", "s2", "s3", "s4"])],
    [(10, f"d{k}", ["t"]) for k in range(8)],
    [(20, "a", ["s0", "s1", "s2", "s3"]), (20, "d1", ["t", "u"]), (21, "d7", ["t"])],
    [(61, f"d{k}", ["t", "u"]) for k in range(4)],
    [(70, "a", ["s0", "s4"]), (70, "e", ["t", "u", "v", "w"]), (71, "d0", ["t", "u"])],
]


def expected() -> tuple[set[tuple[Any, ...]], Counter[str]]:
    """The windows that are kept and the counts of those left out, one file after the other: slow and obvious."""
    known: dict[tuple[str, str], int] = {}
    kept: set[tuple[Any, ...]] = set()
    counts: Counter[str] = Counter()
    for file in OPENING:
        before = dict(known)
        windows = sorted((minute, device, signal) for minute, device, signals in file for signal in signals)
        reasons: dict[tuple[str, str], str | None] = {}
        for minute, device, signal in windows:
            if (device, signal) not in known and (device, signal) not in reasons:
                of_device = sum(name == device for name, _ in [*before, *reasons])
                in_hour = sum(first // 60 == minute // 60 for first in known.values())
                reason = TOO_MANY_SIGNALS if of_device >= SIGNALS else TOO_MANY_NEW_SERIES if in_hour >= NEW else None
                reasons[device, signal] = reason
                if reason is None:
                    known[device, signal] = minute
            if reason := reasons.get((device, signal)):
                counts[reason] += 1
            else:
                kept.add((device, signal, moment(minute).replace(tzinfo=None)))
    return kept, counts


def stream(spark: SparkSession, folder: Path) -> Stream:
    made = Stream(spark, folder, dict(SECTIONS))
    files = [[message(dict.fromkeys(signals, 1.5), minute, device=device) for minute, device, signals in file]
             for file in OPENING]  # fmt: skip
    return made.write(*files, [])


def windows_of(made: Stream, table: str) -> list[tuple[Any, ...]]:
    return sorted(made.table(table)[["device_id", "signal", "minute"]].itertuples(index=False, name=None))


@dataclass(frozen=True)
class Stopping(DeltaTables):
    """Tables on a disk that is full once, when a batch has taken on its series and is to store its windows."""

    batch: int = -1

    def append(self, table: str, rows: Any, *, query_id: str, batch_id: int, count: int, part: str = "") -> None:
        if table == "minutes" and batch_id == self.batch:
            raise OSError("No space left on device")
        super().append(table, rows, query_id=query_id, batch_id=batch_id, count=count, part=part)


@pytest.mark.soak
def test_surplus_series_are_left_out_and_counted_and_a_repeated_batch_decides_as_it_did(
    spark: SparkSession, tmp_path: Path
) -> None:
    made = stream(spark, tmp_path)
    with pytest.raises(RunError, match="full"):
        run(made.config(), spark=spark, tables=Stopping(spark, made.config().tables, batch=4))
    made.run()
    kept, counts = expected()
    assert min(counts[TOO_MANY_SIGNALS], counts[TOO_MANY_NEW_SERIES]) > 0
    assert windows_of(made, "minutes") == windows_of(made, "detections") == sorted(kept)
    batches = made.table("batches")
    assert {reason: batches[reason].sum() for reason in counts} == counts
    assert batches.minutes_closed.sum() == len(kept)
    series = made.table("series")
    assert not series.duplicated(["device_id", "signal"]).any()
    assert set(zip(series.device_id, series.signal, strict=True)) == {name[:2] for name in kept}


@pytest.mark.parametrize("signals", ["auto", ["t", "u"]])
def test_the_surplus_of_declared_signals_is_left_out_as_that_of_any(
    spark: SparkSession, tmp_path: Path, signals: str | list[str]
) -> None:
    made = Stream(spark, tmp_path, {"telemetry": {"max_new_series": 3, "signals": signals}})
    for minute in (0, 5):
        made.write([message({"t": 1.5, "u": 2}, minute, device=f"d{k}") for k in range(4)], end=False)
    summary = made.write([message({"t": 1.5}, 9, device="d0")]).run()
    assert summary.too_many_new_series == 2 * 5
    kept = [
        ("d0", "t", 0),
        ("d0", "t", 5),
        ("d0", "t", 9),
        ("d0", "u", 0),
        ("d0", "u", 5),
        ("d1", "t", 0),
        ("d1", "t", 5),
    ]
    assert windows_of(made, "minutes") == [(*name, moment(minute).replace(tzinfo=None)) for *name, minute in kept]


def test_tables_of_an_earlier_version_know_their_series_at_once(spark: SparkSession, tmp_path: Path) -> None:
    made = Stream(spark, tmp_path, {"telemetry": {"max_new_series": 2}})
    first = [message({"t": 1.5}, 0, device=f"d{k}") for k in range(5)]
    made.write(first, end=False).write([message({"t": 1}, 5, device="d0")])
    made.run(telemetry={"max_new_series": 100})
    made.tables().overwrite("series", made.tables().read("series").where("false"))  # as an upgrade finds it
    new_series.seed(made.tables())
    assert len(made.table("series")) == 5
    later = [message({"t": 1.5}, 30, device=name) for name in ("d0", "d1", "d2", "d3", "d4", "x", "y", "z")]
    summary = made.write(later).run()
    assert summary.too_many_new_series == 3  # the hour has its five already; those five live
    assert summary.minutes_closed == 5
    assert "windows LEFT OUT: 3 of too many new series" in summary.sentence()
