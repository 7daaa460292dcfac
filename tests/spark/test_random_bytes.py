"""Random bytes and random JSON through the plan, for half an hour in `make soak`: no batch fails, each message is a row."""

from __future__ import annotations

import base64
import json
import os
import random
import time
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from tests.support.random_bodies import body
from tests.support.streaming import Stream, iso, message, moment

SECONDS = float(os.environ.get("AD_STREAM_RANDOM_SECONDS", "1800"))
MESSAGES, MINUTES, APART, PARTITION = 20_000, 10, 20, "9"
SECTIONS: dict[str, dict[str, Any]] = {
    "auto": {"telemetry": {"event_time": "time"}},
    "declared": {"telemetry": {"event_time": "time", "signals": ["t", "p"]}},
}


def line(sequence: int, minute: float, sent: bytes) -> str:
    system = {"iothub-connection-device-id": f"r{sequence}", "message-id": f"m{sequence}"}
    place = {"enqueuedTime": iso(minute), "partition": PARTITION, "sequence": sequence, "systemProperties": system}
    return json.dumps({"body": base64.b64encode(sent).decode(), **place}) + "\n"


def one_round(stream: Stream, number: int, dice: random.Random) -> dict[int, bytes]:
    """Ten minutes more: good messages, and random ones between them; -> the random ones."""
    first = number * APART
    sent = {number * MESSAGES + k: body(dice) for k in range(MESSAGES)}
    stream.write([message({"t": 1.5}, first + k, device="good") for k in range(MINUTES)], end=False)
    step = MINUTES / MESSAGES
    stream.writer.write_lines([line(one, first + k * step, text) for k, (one, text) in enumerate(sent.items())])
    stream.write([], end=True)
    return sent


def unaccounted(stream: Stream, sent: dict[int, bytes]) -> list[tuple[int, bytes]]:
    """The random messages of which no row is left."""
    rejected = stream.tables().read("quarantine").where(f"partition = '{PARTITION}'").select("sequence").toPandas()
    lived = {
        device
        for table in ("minutes", "late")
        for device in stream.tables().read(table).select("device_id").distinct().toPandas().device_id
    }
    places = set(rejected.sequence)
    return [(k, text) for k, text in sent.items() if k not in places and f"r{k}" not in lived]


@pytest.mark.soak
@pytest.mark.timeout(SECONDS + 1800)
def test_random_bytes_and_random_json_fail_no_batch_and_are_all_accounted_for(
    spark: SparkSession, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    seed = int(os.environ.get("AD_STREAM_RANDOM_SEED", "12"))
    dice, ends, number = random.Random(seed), time.monotonic() + SECONDS, 0
    streams = {name: Stream(spark, tmp_path / name, sections) for name, sections in SECTIONS.items()}
    while number == 0 or time.monotonic() < ends:
        for name, stream in streams.items():
            sent = one_round(stream, number, dice)
            summary = stream.run()
            assert summary.set_aside == 0, (seed, number, name)
            lost = unaccounted(stream, sent)
            assert not lost, (seed, number, name, lost[:10])
        number += 1
    for stream in streams.values():
        detections = stream.table("detections")
        good = detections[detections.device_id == "good"]
        minutes = [part * APART + k for part in range(number) for k in range(MINUTES)]
        assert sorted(good.minute) == [moment(minute).replace(tzinfo=None) for minute in minutes]
    with capsys.disabled():
        print(
            f"\nseed {seed}: {number} rounds, {number * MESSAGES * len(streams):,} random messages, 0 failed batches, 0 unaccounted for"
        )
