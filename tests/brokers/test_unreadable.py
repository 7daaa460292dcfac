"""A record that Spark's own Kafka reader does not survive ends the run in a sentence that says what to do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ad_stream.errors import RunError
from ad_stream.simulate.kafka.broker import KafkaBroker
from tests.brokers.streams import stream

FAR = 2**63 - 1
"""Milliseconds that are no number of microseconds; the topic's clock is the producer's."""


def test_a_timestamp_that_no_reader_survives_is_named_with_the_way_out(
    spark: Any, broker: KafkaBroker, kafka_source: dict[str, Any], tmp_path: Path
) -> None:
    from confluent_kafka import Producer

    broker.create_topic("unreadable", 1)
    source = {**kafka_source, "topic": "unreadable"}
    for at in (None, FAR):
        producer = Producer({**broker.client(), "log_level": 3})
        for number in range(3):
            producer.produce("unreadable", b'{"deviceId":"d","t":%d}' % number, **({"timestamp": at} if at else {}))
        assert producer.flush(30) == 0
        if at is None:
            assert stream(spark, source, tmp_path).events == 3
    with pytest.raises(RunError, match=r"beyond the year 294247.*LogAppendTime") as raised:
        stream(spark, source, tmp_path)
    assert "\n" not in str(raised.value)
