"""Messages about incidents over real sockets: PagerDuty's rules, a real Alertmanager, cards; in order, and again after a crash."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import datetime, timedelta, timezone
from functools import partial
from pathlib import Path
from typing import Any, cast

import pytest
import requests
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from ad_stream.errors import ConfigError
from ad_stream.grid import MINUTE
from ad_stream.incidents.rules import FoldRules
from ad_stream.incidents.table import table_row
from ad_stream.push.base import Delivery, Which
from ad_stream.push.messages import headline
from ad_stream.push.outbox import Batch, Key, Outbox
from ad_stream.push.registry import by_kind, targets_of
from ad_stream.push.targets.pagerduty import PagerDuty
from ad_stream.push.targets.webhook import Webhook
from ad_stream.simulate.ports import free_port
from tests.support.children import child
from tests.support.fake_time import FakeTime
from tests.support.incident_windows import day_of, folded
from tests.support.waiting import wait_for

ALERTMANAGER = shutil.which("prometheus-alertmanager") or shutil.which("alertmanager")
KEY = "0123456789abcdef0123456789abcdef"
Row = dict[str, Any]


def story(*, shift: timedelta = timedelta(0)) -> list[Row]:
    """What people are told of two spikes twenty minutes apart: opened, closed, reopened, closed."""
    events = folded(
        day_of({"12:00": "12:00", "12:20": "12:20"}, {"12:00": 0.65, "12:20": 0.65}, until="13:30"), rules=FoldRules()
    )
    rows = [
        table_row(event, MINUTE, feedback_version=None, config_version="0123456789ab")
        for event in events
        if event["notify"]
    ]
    return [
        {name: value + shift if isinstance(value, datetime) else value for name, value in row.items()} for row in rows
    ]


class PagerDutyService:
    """The documented rules of Events API v2: what is refused, and one incident a dedup_key as long as it is open."""

    def __init__(self, server: HTTPServer) -> None:
        self.url = server.url_for("/v2/enqueue")
        self.incidents: list[dict[str, Any]] = []
        self.events: list[str] = []
        self.answers: list[int] = []
        server.expect_request("/v2/enqueue", method="POST").respond_with_handler(self.answer)

    def answer(self, request: Request) -> Response:
        status = self.answers.pop(0) if self.answers else 0
        if status >= 400:
            return Response("later", status=status)
        event = json.loads(request.get_data())
        if complaint := self._complaint(event):
            return Response(json.dumps({"status": "invalid event", "errors": [complaint]}), status=400)
        self.events.append(event["event_action"])
        open_ = next((one for one in self.incidents if one["key"] == event["dedup_key"] and one["open"]), None)
        if event["event_action"] == "trigger" and open_ is None:
            self.incidents.append({"key": event["dedup_key"], "open": True, "payload": event["payload"]})
        elif event["event_action"] == "resolve" and open_ is not None:
            open_["open"] = False
        return Response(
            json.dumps({"status": "success", "dedup_key": event["dedup_key"]}), status=500 if status else 202
        )

    def _complaint(self, event: dict[str, Any]) -> str:
        payload = event.get("payload", {})
        if event.get("routing_key") != KEY:
            return "routing_key"
        if (
            event.get("event_action") not in ("trigger", "acknowledge", "resolve")
            or len(event.get("dedup_key", "")) > 255
        ):
            return "event_action or dedup_key"
        if not payload.get("summary") or len(payload["summary"]) > 1024 or not payload.get("source"):
            return "summary or source"
        return "" if payload.get("severity") in ("critical", "error", "warning", "info") else "severity"


@pytest.fixture
def server() -> Iterator[HTTPServer]:
    with HTTPServer() as made:
        yield made


class Incidents:
    """Rows of `incident_events` in memory, as the outbox reads them."""

    def __init__(self, rows: Sequence[Row]) -> None:
        self.rows = rows

    def page(self, batch: Batch, which: Which, after: Key | None, one_in: int, limit: int) -> list[Any]:
        keyed = sorted(
            ((row["minute"], row["incident_id"], f"{row['seq']:09}"), number) for number, row in enumerate(self.rows)
        )
        return [self.rows[number] for key, number in keyed if after is None or key > after][:limit]

    def count(self, batch: Batch, which: Which) -> int:
        return len(self.rows)


def pushed(target: Any, rows: Iterable[Row]) -> list[Delivery]:
    return list(target.push(iter(rows), 60))


def test_the_line_says_where_what_since_when_and_how_far() -> None:
    opened, closed, *_ = story()
    assert headline(opened) == "HIGH pump-1: t above since 2026-11-01 12:00 UTC, 10 (band -4 to 4)"
    assert headline(closed).startswith("closed pump-1: t") and headline(closed).endswith("returned after 1 min")


@pytest.mark.slow
def test_pagerduty_gets_one_incident_each_time_it_opens_and_none_twice(server: HTTPServer) -> None:
    service, fake = PagerDutyService(server), FakeTime()
    target = PagerDuty(routing_key=KEY, url=service.url, clock=fake.clock, sleep=fake.sleep)
    rows = story()
    assert [one.state for one in pushed(target, [rows[0], rows[0], *rows[1:]])] == ["delivered"] * 5
    assert [one["open"] for one in service.incidents] == [False, False]
    assert {one["key"] for one in service.incidents} == {rows[0]["incident_id"]}
    payload = service.incidents[0]["payload"]
    assert (payload["severity"], payload["component"], payload["class"]) == ("critical", "pump-1", "value")


@pytest.mark.slow
def test_where_one_message_fails_those_behind_it_wait_and_none_overtakes(server: HTTPServer) -> None:
    service, fake, rows = PagerDutyService(server), FakeTime(), story()
    service.answers = [0, *[500] * 4]
    target = PagerDuty(routing_key=KEY, url=service.url, clock=fake.clock, sleep=fake.sleep)
    outbox = Outbox(target, Incidents(rows), now=fake.moment)
    outbox.add(("q", 1))
    outbox.turn(60)
    assert (service.events, outbox.rows) == (["trigger"], 3)
    again = Outbox(target, Incidents(rows), now=fake.moment)  # the driver died; what was recorded is all that is known
    again.restore(outbox.records, [])
    again.turn(60)
    assert (service.events, again.rows) == (["trigger", "resolve", "trigger", "resolve"], 0)
    assert [one["open"] for one in service.incidents] == [False, False]


@pytest.mark.slow
@pytest.mark.parametrize("form", ["json", "teams", "slack", "alertmanager", "alertmanager_api"])
def test_every_form_is_a_message_a_row_with_the_line_in_it(server: HTTPServer, form: str) -> None:
    got: list[bytes] = []

    def keep(request: Request) -> Response:
        got.append(request.get_data())
        return Response("", status=200)

    server.expect_request("/hook", method="POST").respond_with_handler(keep)
    fake, rows = FakeTime(), story()
    target = Webhook(
        url=server.url_for("/hook"), rows="incidents", format=cast("Any", form), clock=fake.clock, sleep=fake.sleep
    )
    assert [one.state for one in pushed(target, rows)] == ["delivered"] * 4
    for row, body in zip(rows, got, strict=True):
        assert row["incident_id"] in json.dumps(json.loads(body)) and "pump-1" in body.decode()
    if form == "alertmanager":
        first, second = (json.loads(body) for body in got[:2])
        assert [one["status"] for one in (first, second)] == ["firing", "resolved"] and first["version"] == "4"
        assert first["alerts"][0]["labels"] == second["alerts"][0]["labels"]
    if form == "teams":
        assert json.loads(got[0])["attachments"][0]["contentType"] == "application/vnd.microsoft.card.adaptive"


def test_a_wrong_level_or_form_is_one_sentence() -> None:
    with pytest.raises(
        ConfigError, match="'at_least' of the push target 'webhook' is 'severe': give low, medium or high"
    ):
        by_kind("webhook", url="http://127.0.0.1/", rows="incidents", at_least="severe")
    with pytest.raises(
        ConfigError, match="'format' of the push target 'webhook' is 'alertmanager': give json, teams or slack"
    ):
        by_kind("webhook", url="http://127.0.0.1/", format="alertmanager")
    with pytest.raises(ConfigError, match="has no routing_key"):
        by_kind("pagerduty")


@pytest.fixture
def alertmanager(tmp_path: Path) -> Iterator[str]:
    """A real Alertmanager on a free port of this machine."""
    if ALERTMANAGER is None:
        pytest.skip("needs prometheus-alertmanager: apt-get install prometheus-alertmanager, as .ci/run does")
    port = free_port()
    config = tmp_path / "alertmanager.yml"
    config.write_text("route: {receiver: nobody}\nreceivers: [{name: nobody}]\n")
    command = [
        ALERTMANAGER, f"--config.file={config}", f"--storage.path={tmp_path}", f"--web.listen-address=127.0.0.1:{port}",
        "--cluster.listen-address=",
    ]  # fmt: skip
    with child(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL):
        wait_for("Alertmanager does not answer", partial(answers, f"http://127.0.0.1:{port}/-/ready"), 60)
        yield f"http://127.0.0.1:{port}"


def answers(address: str) -> bool:
    with suppress(requests.ConnectionError):
        return requests.get(address, timeout=5).ok
    return False


def test_a_real_alertmanager_shows_an_incident_while_it_is_open(alertmanager: str) -> None:
    def active() -> list[Any]:
        found: list[Any] = requests.get(f"{alertmanager}/api/v2/alerts", timeout=10).json()
        return found

    fake = FakeTime()
    target = Webhook(
        url=f"{alertmanager}/api/v2/alerts", rows="incidents", format="alertmanager_api", clock=fake.clock, sleep=fake.sleep
    )  # fmt: skip
    now = datetime.now(timezone.utc).replace(second=0, microsecond=0)
    opened, closed, *_ = story(shift=now - timedelta(minutes=30) - datetime(2026, 11, 1, 12, tzinfo=timezone.utc))
    assert [one.state for one in pushed(target, [opened, opened])] == ["delivered"] * 2
    wait_for("Alertmanager shows no alert", lambda: bool(active()), 60)
    (alert,) = active()
    assert alert["labels"]["incident"] == opened["incident_id"] and alert["annotations"]["level"] == "high"
    assert [one.state for one in pushed(target, [closed])] == ["delivered"]
    wait_for("Alertmanager shows the alert still", lambda: not active(), 60)
    assert active() == []


@pytest.mark.parametrize(
    ("kind", "options"),
    [("pagerduty", {"routing_key": KEY}), ("webhook", {"url": "http://127.0.0.1:9/x", "rows": "incidents"})],
)  # fmt: skip
def test_a_target_of_incidents_is_refused_while_they_are_off(kind: str, options: Row) -> None:
    assert targets_of([(kind, options)], incidents=True)[0].rows.startswith("incidents:")
    with pytest.raises(ConfigError, match=rf"{kind}.*they are off: write incidents: {{enabled: true}}"):
        targets_of([(kind, options)], incidents=False)
