"""The webhook target over a real socket: what people read, the cool-down, and a receiver that fails."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from ad_stream.errors import ConfigError
from ad_stream.push.base import Delivery
from ad_stream.push.registry import by_kind
from ad_stream.push.targets.webhook import MOST_IN_ONE, Webhook, sentence
from tests.support.fake_time import START, FakeTime
from tests.unit.push.memory import row

ABOVE: dict[str, Any] = {
    "value": 93.25,
    "expected": 22.0,
    "upper_margin": 2.0,
    "lower_margin": 1.5,
    "is_anomaly": True,
    "reason": "above",
}


class Room:
    """A chat room that keeps what it got and answers as it is told."""

    def __init__(self, server: HTTPServer) -> None:
        self.url = server.url_for("/hook/SeCrEt-path-0123456789")
        self.got: list[Any] = []
        self.answers: list[int] = []
        server.expect_request("/hook/SeCrEt-path-0123456789", method="POST").respond_with_handler(self.answer)

    def answer(self, request: Request) -> Response:
        status = self.answers.pop(0) if self.answers else 200
        if status == 200:
            self.got.append(json.loads(request.get_data()))
        return Response("told to", status=status)


@pytest.fixture
def room() -> Iterator[Room]:
    with HTTPServer() as server:
        yield Room(server)


def webhook(room: Room, fake: FakeTime, **options: Any) -> Webhook:
    return Webhook(url=room.url, clock=fake.clock, sleep=fake.sleep, **options)


def pushed(target: Webhook, rows: Iterable[dict[str, object]], seconds: float = 60) -> list[Delivery]:
    return list(target.push(iter(rows), seconds))


def anomaly(minute: int, device: str = "pump-1") -> dict[str, object]:
    return row(device_id=device, minute=START + timedelta(minutes=minute), **ABOVE)


def test_a_message_says_which_device_what_when_and_why() -> None:
    said = "pump-1 temperature 93.25 at 2026-11-01 00:05 UTC: above the expected band (20.5 to 24)"
    assert sentence(anomaly(5)) == said
    assert sentence(anomaly(5) | {"expected": None}) == said.removesuffix(" (20.5 to 24)")


def test_a_row_that_only_the_slow_verdict_flags_says_what_began_and_when() -> None:
    slow = {"is_anomaly": False, "slow_is_anomaly": True, "slow_reason": "drift", "slow_onset": START}
    said = "pump-1 temperature 93.25 at 2026-11-01 00:05 UTC: the level bends away slowly, with no single jump that explains it"
    assert sentence(anomaly(5) | slow) == f"{said}, since 2026-11-01 00:00 UTC"


@pytest.mark.slow
def test_json_carries_the_columns_of_detections(room: Room) -> None:
    assert pushed(webhook(room, FakeTime()), [anomaly(5)]) == [Delivery(1, "delivered")]
    (one,) = room.got[0]["anomalies"]
    assert (one["device_id"], one["minute"], one["value"]) == ("pump-1", "2026-11-01T00:05:00.000Z", 93.25)
    assert one["text"] == sentence(anomaly(5))


@pytest.mark.slow
def test_teams_gets_an_adaptive_card_in_which_no_name_is_markup(room: Room) -> None:
    pushed(webhook(room, FakeTime(), format="teams"), [anomaly(5, "[x](http://evil)"), anomaly(5)])
    attachment = room.got[0]["attachments"][0]
    assert attachment["contentType"] == "application/vnd.microsoft.card.adaptive"
    texts = [block["text"] for block in attachment["content"]["body"]]
    assert texts[0] == "2 anomalies on 2 devices"
    assert texts[1].startswith(r"\[x\](http://evil) temperature")


@pytest.mark.slow
def test_slack_gets_blocks_in_which_no_name_is_a_mention(room: Room) -> None:
    pushed(webhook(room, FakeTime(), format="slack"), [anomaly(5, "<!channel>")])
    assert room.got[0]["text"] == "1 anomaly on 1 device"
    assert room.got[0]["blocks"][1]["text"]["text"].startswith("&lt;!channel&gt; temperature")


@pytest.mark.slow
def test_a_series_is_named_once_per_cool_down(room: Room) -> None:
    target = webhook(room, FakeTime(), cool_down="30 minutes")
    rows = [anomaly(0), anomaly(1), anomaly(2, "pump-2"), anomaly(29), anomaly(30), anomaly(31)]
    assert [one.state for one in pushed(target, rows)] == [
        "delivered",
        "held",
        "delivered",
        "held",
        "delivered",
        "held",
    ]
    assert [one["minute"][11:16] for one in room.got[0]["anomalies"]] == ["00:00", "00:02", "00:30"]
    assert pushed(target, [anomaly(59)]) == [Delivery(1, "held")]
    assert len(room.got) == 1


@pytest.mark.slow
def test_a_message_that_did_not_get_out_starts_no_cool_down(room: Room) -> None:
    fake = FakeTime()
    target = webhook(room, fake)
    room.answers = [500] * 4
    assert [one.state for one in pushed(target, [anomaly(0)])] == ["failed"]
    assert pushed(target, [anomaly(0)]) == [Delivery(1, "delivered")]


@pytest.mark.slow
def test_many_anomalies_are_many_messages_a_second_apart(room: Room) -> None:
    fake = FakeTime()
    rows = [anomaly(0, f"pump-{number}") for number in range(2 * MOST_IN_ONE + 1)]
    assert sum(one.rows for one in pushed(webhook(room, fake, format="teams"), rows)) == len(rows)
    assert [len(message["attachments"][0]["content"]["body"]) - 1 for message in room.got] == [20, 20, 1]
    assert fake.waits == pytest.approx([1, 1], abs=0.01)


@pytest.mark.slow
@pytest.mark.parametrize("form", ["teams", "slack"])
def test_the_longest_message_stays_within_what_the_room_takes(form: str, room: Room) -> None:
    rows = [anomaly(0, f"{number}" + "*<" * 4000) | {"signal": "_&" * 4000} for number in range(MOST_IN_ONE)]
    assert pushed(webhook(room, FakeTime(), format=form), rows)[0].state == "delivered"
    assert len(json.dumps(room.got[0], ensure_ascii=False).encode()) < 28_000


@pytest.mark.slow
def test_a_gone_address_is_left_alone_and_not_shown(room: Room) -> None:
    fake = FakeTime()
    target = webhook(room, fake)
    room.answers = [410]
    (told,) = pushed(target, [anomaly(0)])
    assert (told.state, told.error) == (
        "failed", "the webhook answered 410: nothing is there any more: create it again and set the new address"
    )  # fmt: skip
    assert pushed(target, [anomaly(0)])[0].state == "not_sent"
    assert "SeCrEt" not in repr(vars(target)) + str(told)


@pytest.mark.parametrize(
    ("options", "sentence_"),
    [
        ({}, "the push target 'webhook' has no url: give it as ${env:NAME}"),
        (
            {"url": "x", "format": "pager"},
            "'format' of the push target 'webhook' is 'pager': give json, teams or slack",
        ),
        (
            {"url": "x", "cool_down": "soon"},
            "'cool_down' of the push target 'webhook' is 'soon': write a duration such as",
        ),
        ({"url": "x", "colour": "red"}, "unknown option 'colour' of the push target 'webhook'"),
    ],
)
def test_wrong_settings_are_one_sentence(options: dict[str, object], sentence_: str) -> None:
    with pytest.raises(ConfigError) as caught:
        by_kind("webhook", **options)
    assert sentence_ in str(caught.value)
