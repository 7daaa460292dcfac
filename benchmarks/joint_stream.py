"""The simulated fleet of `benchmarks.joint_fleet` through the real stream: what is found, how soon, who is named, false alarms.

    python -m benchmarks.joint_stream [DEVICES] [DAYS]

Five days of usual operation are stored as windows and trained on (`train --joint`), then DAYS with faults come as messages, are
parsed, closed, judged and stored; what is measured are the rows of `joint_detections`. A fault is found by a flag within 20
minutes of its start (offset, decoupling) or 60 (lag, stuck, creep, apart); a false alarm is a block of ten windows with a flag
outside of faults and the half hour behind them.
"""

from __future__ import annotations

import json
import sys
import tempfile
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pyspark.sql import functions as F

from ad_stream import config
from ad_stream.pipeline.operation.session import session
from ad_stream.pipeline.run import run
from ad_stream.pipeline.store.delta import DeltaTables
from ad_stream.pipeline.train_joint import train_joint
from ad_stream.simulate.envelope import EnvelopeWriter, Message, epoch_ms, heartbeat
from ad_stream.tables.reader import read_rows
from benchmarks.joint_fleet import DAY, LENGTH, PROMPT, SLOW, Device, device

T0 = datetime(2026, 11, 1, tzinfo=timezone.utc)
TRAINED_DAYS, SIGNALS, AFTER = 5, (4, 8), 30
WITHIN = dict.fromkeys(PROMPT, 20) | dict.fromkeys(SLOW, 60)


def main() -> None:
    """Run the stream and print what it found."""
    devices, days = (int(text) for text in (*sys.argv[1:], "12", "2")[:2])
    counts = [SIGNALS[0] + seed % (SIGNALS[1] - SIGNALS[0] + 1) for seed in range(devices)]
    fleet = [
        device(100 + seed, signals=count, training_days=TRAINED_DAYS, days=days, faults_a_day=4)
        for seed, count in enumerate(counts)
    ]
    with tempfile.TemporaryDirectory() as folder:
        judged = _judged(fleet, days, Path(folder))
    _print(fleet, judged, days)


def _judged(fleet: list[Device], days: int, folder: Path) -> pd.DataFrame:
    settings = config.parse(
        {
            "source": {"kind": "files", "path": str(folder / "in" / "*.jsonl")}, "telemetry": {"event_time": "time"},
            "detection": {"detector": "differences", "points": 40}, "joint": {"enabled": True},
            "tables": {"path": str(folder / "tables")}, "checkpoint": str(folder / "checkpoint"), "trigger": "available_now",
        }
    )  # fmt: skip
    spark = session("files", settings.spark)
    _store(DeltaTables(spark, settings.tables), fleet, folder / "before.parquet")
    print(train_joint(settings, spark=spark).sentence(), flush=True)
    writer = EnvelopeWriter(folder / "in")
    rows = [_message(number, one, minute) for minute in range(days * DAY) for number, one in enumerate(fleet)]
    writer.write([*rows, heartbeat(rows[-1].enqueued, watermark=settings.minutes.watermark)])
    print(run(settings, spark=spark).sentence(), flush=True)
    return read_rows(folder / "tables", "joint_detections")


def _store(tables: DeltaTables, fleet: list[Device], path: Path) -> None:
    """The days of usual operation as rows of `minutes`."""
    tables.create()
    first = int(T0.timestamp()) - TRAINED_DAYS * DAY * 60
    at = first + 60 * np.arange(TRAINED_DAYS * DAY)
    pd.concat(
        pd.DataFrame({"device_id": f"pump-{number}", "signal": f"s{signal}", "at": at, "value": row[: len(at)]})
        for number, one in enumerate(fleet)
        for signal, row in enumerate(one.values)
    ).to_parquet(path)
    rows = tables.spark.read.parquet(str(path)).select(
        "device_id", "signal", F.timestamp_seconds("at").alias("minute"), F.lit(0).alias("revision"), "value",
        F.lit(1).cast("long").alias("n"), *[F.col("value").alias(name) for name in ("min", "max", "mean")],
    )  # fmt: skip
    tables.append("minutes", rows, query_id="earlier", batch_id=0, count=1_000_000)


def _message(number: int, one: Device, minute: int) -> Message:
    at = T0 + timedelta(minutes=minute, seconds=5)
    values = {f"s{signal}": float(row[one.trained + minute]) for signal, row in enumerate(one.values)}
    body = json.dumps(values | {"time": at.isoformat().replace("+00:00", "Z")}).encode()
    return Message(epoch_ms(at + timedelta(seconds=1)), body, f"pump-{number}", None, 0)


def _print(fleet: list[Device], judged: pd.DataFrame, days: int) -> None:
    minute = ((judged["minute"] - pd.Timestamp(T0)) // pd.Timedelta("1min")).to_numpy()
    counts = {kind: [0, 0, 0] for kind in (*PROMPT, *SLOW)}
    false_alarms = usual_rows = 0
    for number, one in enumerate(fleet):
        mine = (judged["device_id"] == f"pump-{number}").to_numpy()
        flags, first = np.zeros(days * DAY, dtype=bool), np.full(days * DAY, None, dtype=object)
        flags[minute[mine]] = judged["is_anomaly"][mine]
        first[minute[mine]] = [_leader(row) for row in judged["contributors"][mine]]
        usual = np.ones(days * DAY, dtype=bool)
        for fault in one.faults:
            usual[fault.start : fault.start + LENGTH + AFTER] = False
            hit = np.flatnonzero(flags[fault.start : fault.start + WITHIN[fault.kind]])
            right = len(hit) > 0 and first[fault.start + hit[0]] == f"s{fault.signal}"
            counts[fault.kind] = [a + b for a, b in zip(counts[fault.kind], (1, len(hit) > 0, right), strict=True)]
        alarms = np.add.reduceat(flags & usual, np.arange(0, days * DAY, 10)) > 0
        false_alarms, usual_rows = false_alarms + int(alarms.sum()), usual_rows + int(usual.sum())
    every = [sum(counts[kind][k] for kind in PROMPT) for k in range(3)]
    print(f"{len(judged)} joint verdicts, {false_alarms} false alarms in {usual_rows / DAY:.1f} usual device-days")
    print(
        f"within 20 minutes: {every[1]} of {every[0]}; first contributor right: {every[2]} of {every[1]} (goals 80 %, 85 %)"
    )
    for kind, (there, found, right) in counts.items():
        print(f"  {kind}: {found} of {there} within {WITHIN[kind]} minutes, first contributor right in {right}")
    print(f"false alarms a device and day: {false_alarms / usual_rows * DAY:.3f} (goal 0.1)")


def _leader(contributors: Any) -> str | None:
    return None if contributors is None or not len(contributors) else str(contributors[0]["signal"])


if __name__ == "__main__":
    main()
