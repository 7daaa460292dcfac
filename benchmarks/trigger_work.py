"""What pipeline_trigger.py runs: seeds, inputs and foreachBatch bodies of its variants. No script of its own."""

from __future__ import annotations

import base64
import json
import os
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from pyspark.sql import functions as F

from ad_stream.model import LastPoint, Windows
from ad_stream.pipeline.batch import STEPS, Batches, Step
from ad_stream.pipeline.batch_state import Batch, BatchReport
from ad_stream.pipeline.operation.cpu import process_tree_seconds
from ad_stream.pipeline.run import run
from ad_stream.pipeline.steps import history, verdicts
from ad_stream.pipeline.steps.scoring import ROW, step
from ad_stream.pipeline.steps.telemetry import readings
from ad_stream.pipeline.steps.windows import minutes
from ad_stream.pipeline.store.delta import DeltaTables
from ad_stream.scoring.verdicts import Scorer
from ad_stream.sources.files.lines import ENVELOPE, envelopes
from ad_stream.sources.files.settings import FilesSource

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

    from ad_stream.config import Config

After = Callable[[float, float], None]
MINUTE = timedelta(minutes=1)


def long_minutes(spark: SparkSession, series: int, first: datetime, count: int) -> DataFrame:
    """count minutes of all series: device_id, signal, minute, value; all digits vary, so that nothing compresses."""
    return spark.range(0, series * count, 1, 8).select(
        F.format_string("dev-%06d", F.col("id") % series).alias("device_id"),
        F.lit("value").alias("signal"),
        F.expr(f"timestamp_seconds({int(first.timestamp())} + 60 * (id div {series}))").alias("minute"),
        (F.xxhash64("id") / F.lit(2.0**63) + 20).alias("value"),
    )


def seed_history(tables: DeltaTables, series: int, points: int, now: datetime) -> None:
    """As a steady stream leaves it: finished hours in one file each, one file a minute in the current hour."""
    spark, first = tables.spark, now - points * MINUTE
    named = long_minutes(spark, series, first, 1).select(
        history.series_id().alias("id"), history.part_of(history.BUCKETS).alias("bucket")
    )
    found = named.toPandas()
    ids = {bucket: np.sort(found["id"][found["bucket"] == bucket].to_numpy()) for bucket in range(history.BUCKETS)}

    def packed(frames: Iterable[pd.DataFrame]) -> Iterator[pd.DataFrame]:
        for frame in frames:
            for number in frame["id"]:
                rng = np.random.default_rng(number)
                values = [rng.normal(20, 1, len(some)) for some in ids.values()]
                yield pd.DataFrame({"number": number, "bucket": list(ids), "ids": list(ids.values()), "values": values})

    rows = spark.range(0, points, 1, 8).mapInPandas(
        packed, "number long, bucket int, ids array<long>, values array<double>"
    )
    rows = rows.withColumn("minute", F.timestamp_seconds(F.col("number") * 60 + int(first.timestamp()))).drop("number")
    by_hour = rows.withColumn("hour", F.date_trunc("hour", "minute")).repartition("hour")
    open_hour = F.col("hour") == F.lit(now.replace(minute=0))
    for some in (by_hour.where(~open_hour), by_hour.where(open_hour).repartitionByRange(now.minute or 1, "minute")):
        columns = ["hour", "bucket", "minute", "ids", "values"]
        some.select(columns).write.format("delta").mode("append").save(tables.location("history"))


def seed_long(tables: DeltaTables, series: int, points: int, now: datetime) -> None:
    """The long rows lie in few large files: the kindest case for re-reading them."""
    rows = long_minutes(tables.spark, series, now - points * MINUTE, points)
    full = rows.selectExpr("*", "0 as revision", "1L as n", "value as min", "value as max", "value as mean")
    tables.append("minutes", full, query_id="seed", batch_id=0, count=series * points)


def feed_groups(folder: Path, series: int, now: datetime, triggers: int, *, spike_in: int = 0) -> None:
    """Closed minutes as the stateful part of the plan hands them to foreachBatch, one parquet file a minute; one of
    `spike_in` series, others each minute, is far off (0: none)."""
    from ad_stream.pipeline.operation.session import session

    spark = session()
    schema = _groups_of(spark.createDataFrame([], ENVELOPE)).schema
    for nth in range(triggers):
        rows = long_minutes(spark, series, now + nth * MINUTE, 1)
        if spike_in:
            far = F.pmod(F.xxhash64("device_id", F.lit(nth)), F.lit(spike_in)) == 0
            rows = rows.withColumn("value", F.col("value") + F.when(far, 100.0).otherwise(0.0))
        rows = rows.selectExpr("*", "1L as n", "value as min", "value as max", "value as mean")
        known = {name: rows[name] for name in rows.columns}
        typed = [known.get(one.name, F.lit(None)).cast(one.dataType).alias(one.name) for one in schema]
        rows.select(*typed).coalesce(1).write.mode("overwrite").parquet(str(folder / f"minute={nth}"))
        _one_file(folder, folder / f"minute={nth}", nth)


def feed_events(folder: Path, series: int, now: datetime, triggers: int) -> None:
    """One JSON event of every series and minute, one file a minute; two minutes more, because those stay open."""
    folder.mkdir()
    rng = np.random.default_rng(1)
    for nth in range(triggers + 2):
        at = f"{now + nth * MINUTE:%Y-%m-%dT%H:%M}:30.000Z"
        path = folder / f"events-{nth:03d}.jsonl"
        values = enumerate(rng.normal(20, 1, series).tolist())
        path.write_text(
            "".join(_event(nth, at, nth * series + device, f"dev-{device:06d}", value) for device, value in values)
        )
        os.utime(path, (nth, nth))


def _event(nth: int, at: str, sequence: int, name: str, value: float) -> str:
    body = json.dumps({"messageId": nth, "deviceId": name, "value": value}).encode()
    line = {
        "body": base64.b64encode(body).decode(), "enqueuedTime": at, "partition": "0", "sequence": sequence,
        "systemProperties": {"iothub-connection-device-id": name, "message-id": f"{name}-{nth}"},
    }  # fmt: skip
    return json.dumps(line) + "\n"


@dataclass(frozen=True)
class WithoutHistory(DeltaTables):
    """The same tables, but nothing is appended to `history`."""

    def append(
        self, table: str, rows: DataFrame, *, query_id: str, batch_id: int, count: int, part: str = ""
    ) -> None:  # fmt: skip
        if table != "history":
            super().append(table, rows, query_id=query_id, batch_id=batch_id, count=count, part=part)


def store_from_long_rows(batch: Batch) -> None:
    """The step of the verdicts, but the past is read back from `minutes`, collected and sorted per series."""
    last = int(batch.tally.last.timestamp()) // 60
    verdicts = from_long_rows(batch.tables, batch.state.scorer, last)
    rows = verdicts.withColumns({
        "revision": F.lit(0), "config_version": F.lit(""),
        "minute": F.timestamp_seconds(F.col("step") * 60),
    })  # fmt: skip
    batch.tables.append("detections", rows, count=batch.tally.minutes, **batch.name)


LONG_ROWS = tuple(store_from_long_rows if step is verdicts.store else step for step in STEPS)


def from_long_rows(tables: DeltaTables, scorer: Scorer, last: int) -> DataFrame:
    """The last `points` minutes of all series -> columns of ROW at minute `last`."""
    window = tables.read("minutes").select("device_id", "signal", "value", step("minute").alias("at"))
    window = window.where((F.col("at") > last - scorer.detector.points) & (F.col("at") <= last))
    pairs = F.sort_array(F.collect_list(F.struct("at", "value"))).alias("pairs")
    arrays = window.groupBy("device_id", "signal").agg(pairs)
    rows = arrays.select("device_id", "signal", F.col("pairs.at").alias("at"), F.col("pairs.value").alias("values"))
    return rows.mapInPandas(lambda frames: _scored(frames, scorer, last), ROW)


def _scored(frames: Iterable[pd.DataFrame], scorer: Scorer, last: int) -> Iterator[pd.DataFrame]:
    points = scorer.detector.points
    names = [word.split()[0] for word in ROW.split(", ")]
    for frame in frames:
        matrix = np.full((len(frame), points), np.nan)
        row = np.repeat(np.arange(len(frame)), frame["at"].str.len())
        column = np.concatenate(frame["at"].to_list()) - last + points - 1
        matrix[row, column] = np.concatenate(frame["values"].to_list())
        verdict = scorer.detector.detect_last(Windows(matrix))
        columns = {name: getattr(verdict, name) for name in LastPoint.columns()}
        found = frame[["device_id", "signal"]].assign(
            step=last, value=matrix[:, -1], **columns, detector=scorer.detector.name, continuing=False, seconds=0.0
        )
        yield found.reindex(columns=names)


def run_events(config: Config, tables: DeltaTables, after: After) -> float:
    """The stream itself, from JSON to verdicts; -> scoring seconds of a trigger."""
    scoring: list[float] = []

    def report(done: BatchReport) -> None:
        if done.counts["minutes_closed"]:
            scoring.append(done.scoring_seconds)
            after(process_tree_seconds() or 0.0, time.monotonic())

    run(config, progress=report, spark=tables.spark)
    return float(np.median(scoring[-5:]))


def run_groups(config: Config, tables: DeltaTables, after: After) -> float:
    """foreachBatch of the stream over ready groups; -> scoring seconds of a trigger."""
    return _run(config, tables, after, STEPS)


def run_long(config: Config, tables: DeltaTables, after: After) -> float:
    """The same with the past from long rows; its scoring seconds are not taken (0)."""
    return _run(config, WithoutHistory(tables.spark, tables.settings), after, LONG_ROWS)


def _run(config: Config, tables: DeltaTables, after: After, steps: tuple[Step, ...]) -> float:
    scoring: list[float] = []
    told = lambda done: scoring.append(done.scoring_seconds)  # noqa: E731
    batches = Batches(config, tables, cpu=process_tree_seconds, report=told, steps=steps)
    stream_groups(config, tables, batches, after)
    return float(np.median(scoring[-5:]))


def stream_groups(
    config: Config, tables: DeltaTables, body: Callable[[DataFrame, int], None], after: After
) -> None:  # fmt: skip
    """A query over the ready groups, a file a trigger; after: called behind each batch with CPU and wall seconds."""
    assert isinstance(config.source, FilesSource)
    path, spark = Path(config.source.path), tables.spark
    schema = spark.read.parquet(str(path)).schema
    groups = spark.readStream.schema(schema).option("maxFilesPerTrigger", 1).parquet(str(path))

    def one(frame: DataFrame, batch_id: int) -> None:
        body(frame, batch_id)
        after(process_tree_seconds() or 0.0, time.monotonic())

    writer = groups.writeStream.option("checkpointLocation", config.checkpoint).foreachBatch(one)
    query = writer.trigger(availableNow=True).start()
    query.awaitTermination()
    failed = query.exception()
    if failed is not None:
        raise failed


def _groups_of(lines: DataFrame) -> DataFrame:
    from ad_stream.config import parse

    config = parse({"source": {"kind": "files", "path": ""}, "tables": {"path": "none"}})
    return minutes(readings(envelopes(lines, ""), config), config)


def _one_file(folder: Path, written: Path, nth: int) -> None:
    part = next(written.glob("part-*.parquet"))
    target = folder / f"minute-{nth:03d}.parquet"
    part.rename(target)
    os.utime(target, (nth, nth))
    for left in sorted(written.iterdir()):
        left.unlink()
    written.rmdir()


WORK = {
    "stream": (seed_history, feed_groups, run_groups),
    "long rows": (seed_long, feed_groups, run_long),
    "whole run": (seed_history, feed_events, run_events),
}
"""variant -> how it is seeded, fed and run."""
