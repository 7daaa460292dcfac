"""Replaying envelope files: what is read from them, and how headers are encoded."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ad_stream.errors import InputError
from ad_stream.runtime.jars import jars, spark_folder
from ad_stream.simulate import simulate
from ad_stream.simulate.send import Event, amqp_headers, events, message_files

AT = datetime(2026, 11, 1, 6, 30, 0, 250_000, timezone.utc)


def test_a_simulated_folder_is_read_in_order_with_the_sequence_of_each_partition(tmp_path: Path) -> None:
    truth = simulate(tmp_path, devices=2, minutes=20, minutes_per_file=5, partitions=2, faults=False)
    found = list(events(message_files(tmp_path)))
    assert len(found) == truth.messages + 1
    assert [event.enqueued for event in found] == sorted(event.enqueued for event in found)
    assert {event.partition for event in found} == {0, 1}


def test_a_torn_line_is_refused_with_its_place(tmp_path: Path) -> None:
    simulate(tmp_path, devices=1, minutes=2, faults=False, bad_traffic=False)
    (path,) = message_files(tmp_path)
    path.write_text(path.read_text() + '{"body": "YQ', encoding="utf-8")
    lines = path.read_text().count("\n") + 1
    with pytest.raises(InputError, match=rf"messages-000000\.jsonl, line {lines} is no message .* leave it out"):
        list(events([path]))


def test_a_folder_without_messages_is_refused_with_the_command_that_writes_some(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no message files .* 'ad-stream simulate"):
        message_files(tmp_path)


@settings(deadline=None)  # a busy machine is no failure
@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=400))
def test_headers_are_encoded_as_the_reference_encoder_does(text: str) -> None:
    proton = pytest.importorskip("proton", reason="the package python-qpid-proton is missing")
    data = proton.Data()
    data.put_string(text)
    assert amqp_headers(Event(0, AT, b"", {}, {"message-id": text})) == [("message-id", bytes(data.encode()))]


def test_the_enqueued_time_is_a_timestamp_in_milliseconds() -> None:
    ((name, value),) = amqp_headers(Event(0, AT, b"", {}, {"iothub-enqueuedtime": "2026-11-01T06:30:00.250Z"}))
    assert (name, value[:1], int.from_bytes(value[1:], "big")) == ("iothub-enqueuedtime", b"\x83", 1793514600250)


def test_the_broker_keeps_the_jars_that_spark_has_in_another_version(tmp_path: Path) -> None:
    own = next(path.name for path in (spark_folder() / "jars").glob("scala-library-*.jar"))

    def resolve(_: str, folder: Path) -> None:
        for name in ("kafka_2.12-3.9.1.jar", own):
            (folder / name).write_text(name)

    found = jars(
        "kafka_broker",
        environ={"AD_STREAM_CACHE": str(tmp_path)},
        resolvers=[resolve],
        verify=lambda _: None,
        sleep=lambda _: None,
    )
    assert {path.name for path in found} == {"kafka_2.12-3.9.1.jar", own}
