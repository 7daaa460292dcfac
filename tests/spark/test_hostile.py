"""Nothing that a device sends stops the stream: a seeded corpus through it, good minutes beside it all judged."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from ad_stream.pipeline.run import Summary
from ad_stream.simulate.devices.hostile import Hostile, hostile
from ad_stream.simulate.envelope import epoch_ms
from tests.support.corpus import LIMITS, MESSAGES, settings, unaccounted
from tests.support.streaming import Stream, iso, message, moment

FILES, MINUTES, PARTITION = 3, 45, "9"


@pytest.fixture(scope="module")
def corpus() -> list[Hostile]:
    return list(hostile(7, MESSAGES, LIMITS))


@pytest.fixture(scope="module")
def ran(spark: SparkSession, corpus: list[Hostile], tmp_path_factory: pytest.TempPathFactory) -> tuple[Stream, Summary]:
    stream = Stream(
        spark, tmp_path_factory.mktemp("hostile"), {"telemetry": settings(), "source": {"files_per_trigger": 2}}
    )
    span = MINUTES // FILES
    for part in range(FILES):
        first = part * span
        lines = [
            one.line(iso(first + k * span / MESSAGES, 0), PARTITION, k)
            for k, one in list(enumerate(corpus))[part::FILES]
        ]  # fmt: skip
        stream.write([message({"t": 1.5}, first + k, device="good") for k in range(span)], end=False)
        stream.writer.write_lines(lines)
    stream.newest = epoch_ms(moment(MINUTES))
    stream.write([message({"t": 1.5}, MINUTES, device="good")])
    return stream, stream.run()


def test_good_minutes_beside_hostile_messages_are_all_judged(ran: tuple[Stream, Summary]) -> None:
    detections = ran[0].table("detections")
    good = detections[detections.device_id == "good"]
    assert sorted(good.minute) == [moment(k).replace(tzinfo=None) for k in range(MINUTES + 1)]
    assert ran[1].batches > 1
    assert ran[1].dropped_by_watermark == 0
    assert ran[1].set_aside == 0


def test_every_hostile_message_is_accounted_for_under_its_reason(
    ran: tuple[Stream, Summary], corpus: list[Hostile]
) -> None:
    quarantine = ran[0].table("quarantine")
    devices = set(ran[0].table("minutes").device_id) | set(ran[0].table("late").device_id)
    wrong = unaccounted(corpus, quarantine, devices, PARTITION)
    assert not wrong, (Counter(kind for kind, *_ in wrong), wrong[:10])


def test_what_is_stored_of_hostile_messages_can_be_read_by_everyone(ran: tuple[Stream, Summary]) -> None:
    quarantine = ran[0].table("quarantine")
    assert quarantine.body.map(len).max() <= 64
    assert quarantine.device_id.dropna().map(len).max() <= LIMITS.max_name
    assert not quarantine.device_id.dropna().str.contains("\0").any()
    assert quarantine[quarantine.reason == "bad_enqueued_time"].enqueued_time.isna().all()


def test_a_body_of_twenty_thousand_readings_costs_one_row_and_no_minute(spark: SparkSession, tmp_path: Path) -> None:
    body = json.dumps([{"t": k} for k in range(20_000)], separators=(",", ":"))
    stream = Stream(spark, tmp_path)
    assert len(body) < stream.config().telemetry.max_body
    flood = [message(body, 30, device="flood", partition=1)]
    summary = stream.write([message({"t": 1}, k) for k in range(31)] + flood).run()
    assert (summary.quarantined, summary.minutes_closed) == ({"too_many_elements": 1}, 31)


def test_gateways_of_the_largest_size_all_live(spark: SparkSession, tmp_path: Path) -> None:
    stream = Stream(spark, tmp_path)
    most = stream.config().telemetry.max_elements
    body = json.dumps([{"deviceId": f"d{k}", "t": k} for k in range(most)], separators=(",", ":"))
    gateways = [message(body, 0, k, device=None, message_id=f"m{k}") for k in range(16)]
    summary = stream.write(gateways, [message({"t": 1}, 1)]).run()
    assert summary.quarantined == {}
    assert stream.table("minutes").n.sum() == 16 * most + 1
