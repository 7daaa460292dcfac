"""A record that Spark's own Kafka source cannot read: its batch is set aside whole with its offsets, and the stream goes on."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from ad_stream.simulate.kafka.broker import KafkaBroker
from tests.brokers.streams import stream
from tests.support.compare import read

FAR = 2**63 - 1
"""Milliseconds that are no number of microseconds; the topic's clock is the producer's."""


def test_a_timestamp_that_no_reader_survives_costs_the_batch_it_came_in(
    spark: Any, broker: KafkaBroker, kafka_source: dict[str, Any], tmp_path: Path
) -> None:
    from confluent_kafka import Producer

    broker.create_topic("unreadable", 1)
    begin = datetime.now(timezone.utc).replace(second=0, microsecond=0) - timedelta(hours=1)

    def send(*minutes: int, at: int | None = None) -> None:
        producer = Producer({**broker.client(), "log_level": 3})
        for minute in minutes:
            time = round((begin + timedelta(minutes=minute)).timestamp() * 1000)
            producer.produce("unreadable", b'{"deviceId":"d","t":1}', timestamp=at or time)
        assert producer.flush(30) == 0

    source = {**kafka_source, "topic": "unreadable"}
    send(0, 1, 2)
    assert stream(spark, source, tmp_path).events == 3
    send(3, at=FAR)
    with_it = stream(spark, source, tmp_path)
    assert with_it.set_aside == 1 or with_it.batches == 0
    send(4, 5, 12)
    stream(spark, source, tmp_path)
    (row,) = read(tmp_path / "tables", "set_aside").to_dict("records")
    said = json.loads(row["offsets"])
    assert (row["step"], said["how"], said["leaves"]) == ("events", "passed_over", [[0, 0]])
    assert json.loads(said["batch"]) == {"unreadable": {"0": 4}}
    assert "long overflow" in row["error"]
    judged = read(tmp_path / "tables", "detections").minute
    wanted = [begin + timedelta(minutes=minute) for minute in (0, 1, 2, 4, 5)]
    assert sorted(judged) == [one.replace(tzinfo=None) for one in wanted] or sorted(judged) == wanted
