"""The Power BI target against the shipped receiver, over real sockets."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta, timezone

import pytest

from ad_stream.errors import ConfigError
from ad_stream.push import Target, by_kind
from ad_stream.push.power_bi import PowerBI, chunks, to_row
from ad_stream.simulate.power_bi import COLUMNS, PowerBIReceiver, Trouble

START = datetime(2026, 11, 1, tzinfo=timezone.utc)


class FakeTime:
    """One clock for sender and receiver that only sleep moves."""

    def __init__(self) -> None:
        self.now = 0.0
        self.waits: list[float] = []

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.now += seconds


def row(number: int = 0, **changes: object) -> dict[str, object]:
    """A scored row of `detections`."""
    return {
        "device_id": f"device-{number % 7:04d}",
        "signal": "temperature",
        "minute": START + timedelta(minutes=number // 7),
        "value": 21.5 + number,
        "expected": 21.25,
        "upper_margin": 0.5,
        "lower_margin": 0.25,
        "is_anomaly": number % 3 == 0,
        "is_positive": number % 3 == 0,
        "is_negative": False,
        "status": "scored",
        "reason": "normal",
        **changes,
    }


def target(receiver: PowerBIReceiver, fake: FakeTime, **options: object) -> PowerBI:
    return PowerBI(url=receiver.url, clock=fake.clock, sleep=fake.sleep, **options)  # type: ignore[arg-type]


def keys(rows: Sequence[Mapping[str, object]]) -> list[object]:
    return [r["value"] for r in rows]


def test_a_row_carries_the_sample_s_column_names_and_no_others() -> None:
    sent = to_row(row(3, is_negative=True))
    assert sent == {
        "timestamp": "2026-11-01T00:00:00.000Z",
        "deviceId": "device-0003",
        "signal": "temperature",
        "value": 24.5,
        "expectedValues": 21.25,
        "upperMargins": 0.5,
        "lowerMargins": 0.25,
        "isAnomaly": True,
        "isNegativeAnomaly": True,
        "isPositiveAnomaly": True,
    }
    assert set(sent) == set(COLUMNS)


def test_the_minute_is_written_in_utc_with_milliseconds() -> None:
    east = datetime(2026, 11, 1, 5, 30, tzinfo=timezone(timedelta(hours=5, minutes=30)))
    assert to_row(row(minute=east))["timestamp"] == "2026-11-01T00:00:00.000Z"


def test_a_minute_that_is_no_datetime_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(TypeError, match="minute is a str, not a datetime"):
        to_row(row(minute="2026-11-01"))


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, None])
def test_what_is_no_number_becomes_null(value: float | None) -> None:
    assert to_row(row(expected=value))["expectedValues"] is None


def test_scored_rows_arrive_in_order_and_others_stay() -> None:
    fake = FakeTime()
    rows = [row(number) for number in range(20)]
    rows.insert(5, row(99, status="warming_up", value=math.nan))
    with PowerBIReceiver(clock=fake.clock) as receiver:
        found = target(receiver, fake).push(rows)
    assert [(delivery.state, delivery.rows, delivery.error) for delivery in found] == [("delivered", 20, None)]
    assert receiver.rows == [to_row(row(number)) for number in range(20)]
    assert receiver.violations == []


def test_only_anomalies_are_sent_where_only_they_are_wanted() -> None:
    fake = FakeTime()
    with PowerBIReceiver(clock=fake.clock) as receiver:
        found = target(receiver, fake, rows="anomalies").push([row(number) for number in range(9)])
    assert found[0].rows == 3
    assert keys(receiver.rows) == [21.5, 24.5, 27.5]


def test_nothing_to_send_is_no_request() -> None:
    fake = FakeTime()
    with PowerBIReceiver(clock=fake.clock) as receiver:
        assert target(receiver, fake).push([row(status="declined")]) == []
    assert receiver.requests == 0


def test_requests_for_a_tile_stay_small_and_a_second_apart() -> None:
    fake = FakeTime()
    rows = [row(number) for number in range(1000)]
    with PowerBIReceiver(clock=fake.clock) as receiver:
        pusher = target(receiver, fake, seconds=600)
        found = pusher.push(rows[:600]) + pusher.push(rows[600:])
    assert all(delivery.state == "delivered" for delivery in found)
    assert receiver.violations == []
    assert keys(receiver.rows) == keys(rows)
    assert receiver.requests == len(found) > 10
    assert fake.waits == [1.0] * (len(found) - 1)


def test_the_receiver_sees_a_sender_that_does_not_keep_the_limits() -> None:
    fake = FakeTime()
    with PowerBIReceiver(clock=fake.clock) as receiver:
        big = target(receiver, fake, streaming_tile=False, requests_per_second=5, seconds=600)
        assert [delivery.state for delivery in big.push([row(number) for number in range(200)])] == ["delivered"]
        for _ in range(30):
            big.push([row()])
    assert any("stop the streaming tiles" in violation for violation in receiver.violations)
    assert any("more than 1 requests a second" in violation for violation in receiver.violations)


def test_chunks_hold_at_most_ten_thousand_rows_and_the_bytes_allowed() -> None:
    rows = [row(number) for number in range(25_000)]
    by_rows = list(chunks(rows, 16_000_000))
    assert [count for _, count in by_rows] == [10_000, 10_000, 5_000]
    by_bytes = list(chunks(rows, 15_000))
    assert max(len(body) for body, _ in by_bytes) <= 15_000
    # No chunk could have taken the first row of the next one.
    firsts = [json.dumps(json.loads(body)[0], separators=(",", ":")) for body, _ in by_bytes]
    assert all(len(by_bytes[i][0]) + 1 + len(firsts[i + 1]) > 15_000 for i in range(len(by_bytes) - 1))
    sent = [one for body, _ in by_bytes for one in json.loads(body)]
    assert keys(sent) == keys(rows)


def test_bytes_are_counted_in_utf_8() -> None:
    rows = [row(device_id="Gerät-温度-" * 10) for _ in range(300)]
    assert max(len(body) for body, _ in chunks(rows, 15_000)) <= 15_000


@pytest.mark.parametrize("trouble", ["429", "500", "close", "half"])
def test_a_passing_trouble_is_overcome(trouble: Trouble) -> None:
    fake = FakeTime()
    with PowerBIReceiver(clock=fake.clock, trouble=[trouble]) as receiver:
        found = target(receiver, fake).push([row(number) for number in range(5)])
    assert [(delivery.state, delivery.error) for delivery in found] == [("delivered", None)]
    # A broken-off answer leaves open whether the rows were taken: at least once means twice here.
    assert keys(receiver.rows) == keys([row(number) for number in range(5)]) * (2 if trouble == "half" else 1)


def test_a_lasting_trouble_fails_and_stops_the_push_without_raising() -> None:
    fake = FakeTime()
    with PowerBIReceiver(clock=fake.clock, trouble=["500"] * 100) as receiver:
        found = target(receiver, fake, seconds=600).push([row(number) for number in range(200)])
    assert [delivery.state for delivery in found] == ["failed", "not_sent"]
    assert sum(delivery.rows for delivery in found) == 200
    assert [delivery.attempt for delivery in found] == [1, 2]
    assert found[0].error == 'Power BI answered 500: {"error": {"message": "told to"}}'
    assert receiver.requests == 4


def test_a_hanging_receiver_costs_no_more_than_the_timeouts() -> None:
    with PowerBIReceiver(trouble=["hang"] * 9) as receiver:
        pusher = PowerBI(url=receiver.url, timeout=0.1, seconds=1, requests_per_second=5)
        found = pusher.push([row()])
    assert [delivery.state for delivery in found] == ["failed"]
    assert "did not answer in time" in str(found[0].error)


def test_rows_whose_turn_does_not_come_are_reported_as_not_sent() -> None:
    fake = FakeTime()
    rows = [row(number) for number in range(1000)]
    with PowerBIReceiver(clock=fake.clock) as receiver:
        found = target(receiver, fake, seconds=5).push(rows)
    assert [delivery.state for delivery in found] == ["delivered"] * 5 + ["not_sent"]
    assert found[-1].error == "the 5 s of this push were used up"
    assert sum(delivery.rows for delivery in found) == 1000
    assert receiver.count == 1000 - found[-1].rows


def test_a_refused_chunk_does_not_keep_the_others_back() -> None:
    fake = FakeTime()
    rows = [row(number, device_id="d" * 3000) for number in range(12)]
    with PowerBIReceiver(clock=fake.clock, trouble=["", "400"]) as receiver:
        found = target(receiver, fake).push(rows)
    assert [(delivery.state, delivery.rows) for delivery in found] == [
        ("delivered", 4),
        ("failed", 4),
        ("delivered", 4),
    ]
    assert keys(receiver.rows) == keys(rows[:4] + rows[8:])
    assert receiver.requests == 3


def test_a_wrong_key_stops_the_push_and_shows_no_key() -> None:
    fake = FakeTime()
    with PowerBIReceiver(clock=fake.clock) as receiver:
        url = receiver.url.replace("local-key", "pR1vAtE-kEy")
        found = PowerBI(url=url, clock=fake.clock, sleep=fake.sleep).push([row(number) for number in range(200)])
    assert [delivery.state for delivery in found] == ["failed", "not_sent"]
    assert found[0].error == "Power BI answered 403: the key is not accepted: copy the push URL again"
    assert receiver.requests == 1


def test_an_unset_variable_fails_the_push_and_not_the_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_SUCH_URL", raising=False)
    found = PowerBI(url="${env:NO_SUCH_URL}").push([row()])
    assert found[0].state == "failed"
    assert "NO_SUCH_URL is not set" in str(found[0].error)


def test_neither_repr_nor_error_shows_the_key() -> None:
    fake = FakeTime()
    pusher = PowerBI(url="http://127.0.0.1:9/beta/t/datasets/d/rows?key=pR1vAtE", clock=fake.clock, sleep=fake.sleep)
    found = pusher.push([row()])
    assert found[0].state == "failed"
    assert "pR1vAtE" not in repr(pusher) + repr(found) + str(vars(pusher))


def test_by_kind_builds_the_target_with_its_options() -> None:
    made: Target = by_kind("power_bi", url="http://127.0.0.1:9/rows?key=k", rows="anomalies", seconds=3)
    assert (made.name, made.rows) == ("power_bi", "anomalies")


@pytest.mark.parametrize(
    ("kind", "options", "sentence"),
    [
        ("powerbi", {}, "unknown push kind 'powerbi': did you mean 'power_bi'?"),
        ("teams", {}, "unknown push kind 'teams': known here are power_bi"),
        ("power_bi", {"second": 3}, "unknown option 'second' of the push target 'power_bi': did you mean 'seconds'?"),
        ("power_bi", {"clock": 3}, "unknown option 'clock' of the push target 'power_bi': known here are"),
        ("power_bi", {"url": None}, "the push target 'power_bi' has no url: give the push URL as ${env:NAME}"),
        (
            "power_bi",
            {"url": "x", "rows": "some"},
            "the option 'rows' of the push target 'power_bi' is 'some': give all",
        ),
        ("power_bi", {"url": "x", "seconds": 0}, "'seconds' of the push target 'power_bi' is 0: give 1 to 600"),
        ("power_bi", {"url": "x", "timeout": "a"}, "'timeout' of the push target 'power_bi' is 'a': give 0.1 to 100"),
        ("power_bi", {"url": "x", "requests_per_second": 6}, "is 6: give 0.1 to 5"),
    ],
)
def test_wrong_settings_are_one_sentence(kind: str, options: dict[str, object], sentence: str) -> None:
    with pytest.raises(ConfigError) as caught:
        by_kind(kind, **options)
    assert sentence in str(caught.value)
