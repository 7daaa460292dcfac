"""The receiver refuses what Power BI refuses."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
import requests

from ad_stream.http import Patience, Reply, open_session, post
from ad_stream.simulate.power_bi.receiver import PowerBIReceiver

ONCE = Patience(retries=0)
GOOD = {"timestamp": "2026-11-01T00:00:00.000Z", "deviceId": "d", "signal": "s", "value": 1.5, "isAnomaly": False}


class Hand:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def session() -> Iterator[requests.Session]:
    with open_session() as made:
        yield made


def send(receiver: PowerBIReceiver, session: requests.Session, body: object, url: str | None = None) -> Reply:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return post(url or receiver.url, raw, session=session, patience=ONCE)


def test_good_rows_are_kept_and_answered_with_an_empty_200(session: requests.Session) -> None:
    with PowerBIReceiver() as receiver:
        reply = send(receiver, session, [GOOD, {**GOOD, "value": None}])
    assert (reply.status, reply.body) == (200, b"")
    assert (receiver.count, receiver.requests, receiver.violations) == (2, 1, [])
    assert receiver.rows[1]["value"] is None


def test_rows_are_only_counted_when_they_need_not_be_kept(session: requests.Session) -> None:
    with PowerBIReceiver(keep_rows=False) as receiver:
        send(receiver, session, [GOOD] * 3)
    assert (receiver.count, receiver.rows) == (3, [])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        (b"no json", 400, "the body is no JSON"),
        (b'[{"value": NaN}]', 400, "NaN is no JSON number"),
        (b'[{"value": Infinity}]', 400, "Infinity is no JSON number"),
        (b'[{"value": 1e999}]', 400, "'value' is a Double and cannot hold 'inf'"),
        (GOOD, 400, "holds no array of objects"),
        ([1], 400, "holds no array of objects"),
        ([{**GOOD, "isAnomaly": "true"}], 400, "'isAnomaly' is a Boolean and cannot hold 'true'"),
        ([{**GOOD, "value": "1.5"}], 400, "'value' is a Double and cannot hold '1.5'"),
        ([{**GOOD, "value": True}], 400, "'value' is a Double"),
        ([{**GOOD, "timestamp": "2026-11-01 00:00"}], 400, "'timestamp' is a DateTime"),
        ([{**GOOD, "deviceId": 7}], 400, "'deviceId' is a String"),
        ([{**GOOD, "deviceId": "d" * 4001}], 400, "'deviceId' is a String"),
        ([{**GOOD, "severity": 0.5}], 400, "the dataset has no column 'severity'"),
        ([{}] * 10_001, 400, "10001 rows are more than 10000"),
        (b"[" + b" " * 16_000_000 + b"]", 413, "16000002 bytes are more than 16000000"),
    ],
)
def test_bad_requests_are_refused_as_a_whole(body: object, status: int, said: str, session: requests.Session) -> None:
    with PowerBIReceiver(streaming_tile=False) as receiver:
        reply = send(receiver, session, body)
    assert reply.status == status
    assert said in json.loads(reply.body)["error"]["message"]
    assert receiver.count == 0
    assert said in receiver.violations[0]


def test_a_wrong_key_is_403_and_a_wrong_dataset_404(session: requests.Session) -> None:
    hand = Hand()
    with PowerBIReceiver(clock=hand) as receiver:
        assert send(receiver, session, [GOOD], receiver.url + "x").status == 403
        hand.now += 1
        assert send(receiver, session, [GOOD], receiver.url.replace("/dataset/", "/other/")).status == 404


def test_a_request_too_long_for_a_tile_is_taken_and_noted(session: requests.Session) -> None:
    with PowerBIReceiver() as receiver:
        assert send(receiver, session, [GOOD] * 200).ok
    assert len(receiver.violations) == 1
    assert "stop the streaming tiles" in receiver.violations[0]


def test_rest_takes_rows_with_a_bearer_token(session: requests.Session) -> None:
    hand = Hand()
    with PowerBIReceiver(clock=hand) as receiver:
        url, body = f"{receiver.api}/datasets/dataset/tables/RealTimeData/rows", json.dumps({"rows": [GOOD]}).encode()
        for token, status in (("local-key", 200), ("other", 403)):
            reply = post(url, body, session=session, headers={"Authorization": f"Bearer {token}"}, patience=ONCE)
            assert reply.status == status
            hand.now += 1
    assert receiver.rows == [GOOD]


@pytest.mark.parametrize(
    ("per_second", "step", "taken", "said"),
    [
        (1, 0.99, 1, "more than 1 requests in 1 s"),
        (5, 0.19, 5, "more than 5 requests in 1 s"),
        (0.5, 1.9, 1, "more than 1 requests in 2 s"),
        (5, 0.25, 120, "more than 120 requests in a minute"),
    ],
)
def test_a_request_too_many_gets_429_with_retry_after(
    per_second: float, step: float, taken: int, said: str, session: requests.Session
) -> None:
    hand = Hand()
    with PowerBIReceiver(clock=hand, requests_per_second=per_second) as receiver:
        for _ in range(taken):
            assert send(receiver, session, [GOOD]).ok
            hand.now += step
        reply = send(receiver, session, [GOOD])
    assert (reply.status, reply.headers["retry-after"]) == (429, "1")
    assert receiver.violations == [said]


def test_a_full_table_takes_120_requests_an_hour(session: requests.Session) -> None:
    hand = Hand()
    with PowerBIReceiver(clock=hand, requests_per_hour=120) as receiver:
        for _ in range(120):
            assert send(receiver, session, [GOOD]).ok
            hand.now += 29
        assert send(receiver, session, [GOOD]).status == 429
    assert receiver.violations == ["more than 120 requests in an hour"]


@pytest.mark.slow
def test_more_than_a_million_rows_an_hour_get_429(session: requests.Session) -> None:
    hand = Hand()
    full = json.dumps([{}] * 10_000).encode()
    with PowerBIReceiver(clock=hand, keep_rows=False, streaming_tile=False) as receiver:
        for _ in range(100):
            assert send(receiver, session, full).ok
            hand.now += 2
        assert send(receiver, session, [GOOD]).status == 429
        hand.now += 3600
        assert send(receiver, session, [GOOD]).ok
    assert receiver.count == 1_000_001
    assert receiver.violations == ["more than 1,000,000 rows an hour"]
