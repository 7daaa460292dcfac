"""Kafka headers that hold AMQP-encoded values, read in Spark SQL, against the encoder of qpid-proton."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime, timezone
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ad_stream.sources import amqp

proton = pytest.importorskip("proton", reason="the package python-qpid-proton is missing")
# Each example is a Spark job over many values; a few of them hold thousands.
BATCHES = settings(
    max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
NUMBERS = {
    "ubyte": (0, 2**8), "byte": (-(2**7), 2**7), "ushort": (0, 2**16), "short": (-(2**15), 2**15), "uint": (0, 2**32),
    "int": (-(2**31), 2**31), "ulong": (0, 2**64), "long": (-(2**63), 2**63), "timestamp": (-(2**63), 2**63),
}  # fmt: skip
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=300)
PRINTABLE = st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=2, max_size=100)


def encoded(kind: str, value: Any) -> bytes:
    """A value as the reference encoder writes it."""
    data = proton.Data()
    if kind == "null":
        data.put_null()
    else:
        getattr(data, f"put_{kind}")(value)
    return bytes(data.encode())


def decoded(spark: Any, values: Sequence[bytes | None]) -> list[str | None]:
    frame = spark.createDataFrame([(number, value) for number, value in enumerate(values)], "n int, v binary")
    return [row.t for row in frame.selectExpr("n", f"{amqp.text('v')} as t").orderBy("n").collect()]


def is_text(data: bytes) -> bool:
    """Whether a plain client may have meant these bytes as text."""
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return False
    return not any(ord(character) < 32 or ord(character) == 127 for character in text)


def shown(kind: str, value: Any) -> str:
    """How the value reads: numbers whose bytes happen to be text are taken for text."""
    data = encoded(kind, value)
    if kind in NUMBERS and is_text(data):
        return data.decode()
    return value.decode() if kind == "binary" else str(value)


def anything() -> st.SearchStrategy[tuple[str, Any]]:
    numbers = [st.tuples(st.just(kind), st.integers(low, high - 1)) for kind, (low, high) in NUMBERS.items()]
    texts = [
        st.tuples(st.just("string"), TEXTS),
        st.tuples(st.just("symbol"), st.text("abc-_.09", min_size=1, max_size=300)),
    ]
    others = [st.tuples(st.just("uuid"), st.uuids()), st.tuples(st.just("binary"), TEXTS.map(str.encode))]
    return st.one_of(*numbers, *texts, *others)


@BATCHES
@given(st.lists(anything(), min_size=50, max_size=150))
def test_every_encoded_value_reads_as_it_was(spark: Any, values: list[tuple[str, Any]]) -> None:
    assert decoded(spark, [encoded(kind, value) for kind, value in values]) == [
        shown(kind, value) for kind, value in values
    ]


@BATCHES
@given(st.lists(PRINTABLE, min_size=50, max_size=150))
def test_plain_text_stays_as_it_is(spark: Any, texts: list[str]) -> None:
    assert decoded(spark, [text.encode() for text in texts]) == texts


@BATCHES
@given(st.lists(st.binary(max_size=40), min_size=50, max_size=150))
def test_arbitrary_bytes_stop_nothing(spark: Any, values: list[bytes]) -> None:
    assert len(decoded(spark, values)) == len(values)


def test_what_iot_hub_sends_reads_as_device_and_ids(spark: Any) -> None:
    number = uuid.UUID("12345678-1234-5678-1234-567812345678")
    values = [
        encoded("string", "dev-1"),
        encoded("uuid", number),
        encoded("ulong", 300),
        encoded("null", None),
        b"dev-1",
        b"q1234",
        None,
    ]
    assert decoded(spark, values) == ["dev-1", str(number), "300", None, "dev-1", "q1234", None]


def test_long_text_has_a_length_of_four_bytes(spark: Any) -> None:
    assert decoded(spark, [encoded("string", "ü" * 200), b"\xa1\x09cut"]) == ["ü" * 200, "\ufffd\tcut"]


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("1793514600250", datetime(2026, 11, 1, 6, 30, 0, 250_000, timezone.utc)),
        ("2026-11-01T06:30:00.250Z", datetime(2026, 11, 1, 6, 30, 0, 250_000, timezone.utc)),
        ('"2026-11-01T06:30:00.250Z"', datetime(2026, 11, 1, 6, 30, 0, 250_000, timezone.utc)),
        ("soon", None),
        ("", None),
        ("99999999999999999999999999", None),
    ],
)
def test_a_time_may_be_a_number_or_a_quoted_text(spark: Any, text: str, moment: datetime | None) -> None:
    frame = spark.createDataFrame([(text,)], "v string").selectExpr(f"unix_millis({amqp.moment('v')}) as t")
    assert frame.first().t == (None if moment is None else round(moment.timestamp() * 1000))
