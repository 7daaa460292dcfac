"""The Power BI target against the shipped receiver, over real sockets."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from datetime import datetime, timedelta, timezone

import pytest

from ad_stream.errors import ConfigError
from ad_stream.push.base import Delivery
from ad_stream.push.registry import by_kind, targets_of
from ad_stream.push.targets.power_bi import PowerBI
from ad_stream.push.targets.power_bi_rows import SAMPLE, Pieces, definition, encoder
from ad_stream.simulate.power_bi.receiver import PowerBIReceiver, Trouble
from ad_stream.simulate.power_bi.rules import COLUMNS
from tests.support.fake_time import FakeTime
from tests.unit.push.memory import row, values


def target(receiver: PowerBIReceiver, fake: FakeTime, **options: object) -> PowerBI:
    return PowerBI(url=receiver.url, clock=fake.clock, sleep=fake.sleep, **options)  # type: ignore[arg-type]


def pushed(pusher: PowerBI, rows: Iterable[dict[str, object]], seconds: float = 600) -> list[Delivery]:
    return list(pusher.push(iter(rows), seconds))


def to_row(one: dict[str, object]) -> dict[str, object]:
    made: dict[str, object] = json.loads(encoder(SAMPLE)(one))
    return made


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


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, None])
def test_what_is_no_number_becomes_null(value: float | None) -> None:
    assert to_row(row(expected=value))["expectedValues"] is None


def test_the_columns_are_those_of_the_dataset_and_no_others() -> None:
    columns = {"ts": "minute", "n": "points", "why": "reason"}
    sent = json.loads(encoder(columns)(row(reason="above", points=7)))
    assert sent == {"ts": "2026-11-01T00:00:00.000Z", "n": 7, "why": "above"}
    assert [one["dataType"] for one in definition(columns)] == ["DateTime", "Int64", "String"]


def test_a_text_has_at_most_4000_characters_and_is_utf_8() -> None:
    sent = encoder(SAMPLE)(row(device_id="é" * 5000, signal="broken \ud800 half")).decode("utf-8")
    assert len(json.loads(sent)["deviceId"]) == 4000
    assert json.loads(sent)["signal"] == "broken ? half"


def test_rows_arrive_in_order_by_push_url_and_by_rest() -> None:
    fake = FakeTime()
    rows = [row(number) for number in range(20)]
    with PowerBIReceiver(clock=fake.clock) as receiver:
        by_rest = PowerBI(
            dataset="dataset", group="workspace", api=receiver.api, token=lambda: "local-key", clock=fake.clock, sleep=fake.sleep
        )  # fmt: skip
        found = pushed(target(receiver, fake), rows)
        fake.sleep(1)
        found += pushed(by_rest, rows)
    assert found == [Delivery(20, "delivered")] * 2
    assert receiver.rows == [to_row(one) for one in rows] * 2
    assert receiver.violations == []


def test_nothing_to_send_is_no_request() -> None:
    fake = FakeTime()
    with PowerBIReceiver(clock=fake.clock) as receiver:
        assert pushed(target(receiver, fake), []) == []
    assert receiver.requests == 0


def test_requests_for_a_tile_stay_small_and_a_second_apart() -> None:
    fake = FakeTime()
    rows = [row(number) for number in range(1000)]
    with PowerBIReceiver(clock=fake.clock) as receiver:
        pusher = target(receiver, fake)
        found = pushed(pusher, rows[:600]) + pushed(pusher, rows[600:])
    assert {delivery.state for delivery in found} == {"delivered"}
    assert receiver.violations == []
    assert values(receiver.rows) == values(rows)
    assert receiver.requests == len(found) > 10
    assert fake.waits == pytest.approx([1.0] * (len(found) - 1), abs=0.01)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "limits"),
    [
        ({"requests_per_second": 5}, {"requests_per_second": 5}),
        ({"requests_per_second": 5, "requests_per_hour": 120}, {"requests_per_second": 5, "requests_per_hour": 120}),
        ({"requests_per_second": 0.5}, {"requests_per_second": 0.5}),
    ],
)
def test_every_limit_on_requests_is_kept_for_hours(options: dict[str, float], limits: dict[str, float]) -> None:
    fake = FakeTime()
    with PowerBIReceiver(clock=fake.clock, keep_rows=False, **limits) as receiver:  # type: ignore[arg-type]
        pusher = target(receiver, fake, **options)
        found = pushed(pusher, (row(device_id="d" * 3000) for _ in range(600)), seconds=7000)
    assert receiver.violations == []
    assert receiver.count == sum(one.rows for one in found) == 600


def test_the_receiver_sees_a_sender_that_does_not_keep_the_limits() -> None:
    fake = FakeTime()
    with PowerBIReceiver(clock=fake.clock) as receiver:
        big = target(receiver, fake, streaming_tile=False, requests_per_second=5)
        assert pushed(big, [row(number) for number in range(200)]) == [Delivery(200, "delivered")]
        pushed(big, [row()])
    assert "stop the streaming tiles" in receiver.violations[0]
    assert receiver.violations[1] == "more than 1 requests in 1 s"


@pytest.mark.slow
def test_pieces_hold_at_most_ten_thousand_rows_and_the_bytes_allowed() -> None:
    encoded = [encoder(SAMPLE)(row(number, device_id="Gerät-温度-" * (number % 9))) for number in range(25_000)]
    assert [len(piece) for piece in cut(encoded, 16_000_000)] == [10_000, 10_000, 5_000]
    by_bytes = cut(encoded, 15_000)
    sizes = [len(b"[" + b",".join(piece) + b"]") for piece in by_bytes]
    assert max(sizes) <= 15_000
    # No piece could have taken the first row of the next one.
    assert all(size + 1 + len(after[0]) > 15_000 for size, after in zip(sizes[:-1], by_bytes[1:], strict=True))
    assert [one for piece in by_bytes for one in piece] == encoded


def cut(encoded: list[bytes], most_bytes: int) -> list[list[bytes]]:
    pieces, found = Pieces(iter(encoded), most_bytes, frame=2), []
    while piece := pieces.next(10_000):
        pieces.drop(len(piece))
        found.append(piece)
    return found


def test_no_more_rows_are_taken_than_the_next_request_needs() -> None:
    fake, taken = FakeTime(), []
    with PowerBIReceiver(clock=fake.clock) as receiver:
        found = pushed(target(receiver, fake), (taken.append(n) or row(n) for n in range(10_000)), seconds=3)  # type: ignore[func-returns-value]
    assert found[-1] == Delivery(0, "not_sent", "the seconds of this push were used up")
    assert receiver.count < len(taken) < receiver.count + 200


@pytest.mark.parametrize("trouble", ["429", "500", "close", "half"])
def test_a_passing_trouble_is_overcome(trouble: Trouble) -> None:
    fake = FakeTime()
    rows = [row(number) for number in range(5)]
    with PowerBIReceiver(clock=fake.clock, trouble=[trouble]) as receiver:
        assert pushed(target(receiver, fake), rows, seconds=20) == [Delivery(5, "delivered")]
    # A broken-off answer leaves open whether the rows were taken: at least once means twice here.
    assert values(receiver.rows) == values(rows) * (2 if trouble == "half" else 1)
    assert receiver.violations == []


def test_a_lasting_trouble_ends_the_push_and_the_next_one_tries_once() -> None:
    fake = FakeTime()
    with PowerBIReceiver(clock=fake.clock, trouble=["500"] * 5) as receiver:
        pusher = target(receiver, fake)
        rows = [row(number) for number in range(3)]
        down = Delivery(0, "failed", 'Power BI answered 500: {"error": {"message": "told to"}}')
        assert pushed(pusher, rows) == [down]
        assert receiver.requests == 4
        assert pushed(pusher, rows) == [down]
        assert receiver.requests == 5
        assert pushed(pusher, rows) == [Delivery(3, "delivered")]


def test_a_hanging_receiver_costs_no_more_than_the_timeouts() -> None:
    with PowerBIReceiver(trouble=["hang"] * 9) as receiver:
        pusher = PowerBI(url=receiver.url, timeout=0.1, requests_per_second=5)
        (found,) = pushed(pusher, [row()], seconds=1)
    assert (found.state, "did not answer in time" in str(found.error)) == ("failed", True)


def test_nothing_is_sent_while_power_bi_asks_for_quiet() -> None:
    fake = FakeTime()
    with PowerBIReceiver(clock=fake.clock, rows_per_hour=10) as receiver:
        pusher = target(receiver, fake)
        rows = [row(number) for number in range(11)]
        (told,) = pushed(pusher, rows, seconds=20)
        assert (told.state, "more than 10 rows an hour" in str(told.error)) == ("failed", True)
        assert pushed(pusher, rows[:1], seconds=20) == [Delivery(0, "not_sent", told.error)]
        assert receiver.requests == 1
        fake.sleep(3600)
        assert pushed(pusher, rows[:10], seconds=20) == [Delivery(10, "delivered")]


@pytest.mark.slow
def test_a_poison_row_is_found_and_set_aside_and_the_others_arrive_in_order() -> None:
    fake = FakeTime()
    rows = [row(number) for number in range(300)]
    poison = {values(rows)[number] for number in (0, 77, 78, 299)}
    with PowerBIReceiver(clock=fake.clock, poison=lambda one: one["value"] in poison) as receiver:
        found = pushed(target(receiver, fake), rows)
    assert [one.rows for one in found if one.state == "set_aside"] == [1] * 4
    assert sum(one.rows for one in found) == 300
    assert values(receiver.rows) == [value for value in values(rows) if value not in poison]
    assert receiver.violations == []
    assert receiver.requests < 80


def test_the_search_for_a_poison_row_goes_on_in_the_next_push() -> None:
    fake = FakeTime()
    rows = [row(number) for number in range(50)]
    with PowerBIReceiver(clock=fake.clock, poison=lambda one: one["value"] == rows[40]["value"]) as receiver:
        pusher = target(receiver, fake)
        left, pushes = list(rows), 0
        while left and pushes < 30:
            settled = sum(one.rows for one in pushed(pusher, left, seconds=3.5))
            left, pushes = left[settled:], pushes + 1
    assert not left
    assert receiver.count == 49


@pytest.mark.slow
def test_where_every_row_is_refused_none_is_set_aside() -> None:
    fake = FakeTime()
    with PowerBIReceiver(clock=fake.clock, columns={"timestamp": "DateTime"}) as receiver:
        pusher = target(receiver, fake)
        (told,) = pushed(pusher, [row(number) for number in range(40)])
        asked = receiver.requests
        assert pushed(pusher, [row()], seconds=20)[0].state == "not_sent"
    assert told.state == "failed"
    assert "compare the dataset's columns with 'ad-stream powerbi schema'" in str(told.error)
    assert receiver.requests == asked < 25


def test_a_row_too_long_for_a_tile_is_not_sent_at_all() -> None:
    fake = FakeTime()
    rows = [row(0), row(1, device_id="温" * 4000, signal="度" * 4000), row(2)]
    with PowerBIReceiver(clock=fake.clock) as receiver:
        found = pushed(target(receiver, fake), rows)
    assert [(one.state, one.rows) for one in found] == [("delivered", 1), ("set_aside", 1), ("delivered", 1)]
    assert "bytes are more than the 15000 of one request" in str(found[1].error)
    assert receiver.violations == []


def test_a_wrong_key_stops_the_push_for_minutes_and_shows_no_key() -> None:
    fake = FakeTime()
    with PowerBIReceiver(clock=fake.clock) as receiver:
        url = receiver.url.replace("local-key", "pR1vAtE-kEy")
        pusher = PowerBI(url=url, clock=fake.clock, sleep=fake.sleep)
        said = "Power BI answered 403: the key is not accepted: copy the push URL again"
        assert pushed(pusher, [row()]) == [Delivery(0, "failed", said)]
        assert pushed(pusher, [row()], seconds=20) == [Delivery(0, "not_sent", said)]
        assert receiver.requests == 1


def test_an_unset_variable_fails_the_push_and_not_the_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_SUCH_URL", raising=False)
    (found,) = pushed(PowerBI(url="${env:NO_SUCH_URL}"), [row()])
    assert (found.state, "NO_SUCH_URL is not set" in str(found.error)) == ("failed", True)


def test_neither_repr_nor_error_shows_the_key() -> None:
    fake = FakeTime()
    pusher = PowerBI(url="http://127.0.0.1:9/beta/t/datasets/d/rows?key=pR1vAtE", clock=fake.clock, sleep=fake.sleep)
    (found,) = pushed(pusher, [row()])
    assert found.state == "failed"
    assert "pR1vAtE" not in repr(pusher) + repr(found) + str(vars(pusher)) + str(vars(pusher._sender))


def test_targets_of_a_kind_get_different_names() -> None:
    url = {"url": "http://127.0.0.1:9/rows?key=k"}
    made = targets_of(
        [("power_bi", url), ("power_bi", {**url, "rows": "anomalies"}), ("power_bi", {**url, "name": "wall"})]
    )
    assert [(one.name, one.rows) for one in made] == [("power_bi", "all"), ("power_bi_2", "anomalies"), ("wall", "all")]
    with pytest.raises(ConfigError, match="two push targets are called 'wall': give each another name"):
        targets_of([("power_bi", {**url, "name": "wall"})] * 2)


@pytest.mark.parametrize(
    ("kind", "options", "sentence"),
    [
        ("powerbi", {}, "unknown push kind 'powerbi': did you mean 'power_bi'?"),
        ("pigeon", {}, "unknown push kind 'pigeon': choose from: power_bi, webhook, kafka"),
        ("power_bi", {"second": 3}, "unknown option 'second' of the push target 'power_bi': did you mean 'seconds'?"),
        ("power_bi", {"clock": 3}, "unknown option 'clock' of the push target 'power_bi'"),
        ("power_bi", {"url": None}, "the push target 'power_bi' has no url: give the push URL as ${env:NAME}"),
        (
            "power_bi",
            {"url": "x", "rows": "some"},
            "'rows' of the push target 'power_bi' is 'some': give all or anomalies",
        ),
        ("power_bi", {"url": "x", "seconds": 0}, "'seconds' of the push target 'power_bi' is 0: give 1 to 600"),
        ("power_bi", {"url": "x", "timeout": "a"}, "'timeout' of the push target 'power_bi' is 'a': give 0.1 to 100"),
        ("power_bi", {"url": "x", "requests_per_second": 6}, "is 6: give 0.1 to 5"),
        ("power_bi", {"url": "x", "columns": {"a": "mean"}}, "column 'a' from 'mean', which detections does not hold"),
        ("power_bi", {"url": "x", "columns": {}}, "names 0 columns: give 1 to 75"),
        ("power_bi", {"dataset": "d"}, "needs a service principal: give tenant_id, client_id and client_secret"),
    ],
)
def test_wrong_settings_are_one_sentence(kind: str, options: dict[str, object], sentence: str) -> None:
    with pytest.raises(ConfigError) as caught:
        by_kind(kind, **options)
    assert sentence in str(caught.value)
