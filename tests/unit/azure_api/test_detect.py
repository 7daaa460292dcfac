"""`/detect` of a real server: forms, refusals, and what holds when many ask or the source hangs."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from ad_stream.azure_api.admission import KEY_HEADER, Keys, Limits
from ad_stream.azure_api.local_server import listening
from ad_stream.azure_api.server import create_app
from tests.support.waiting import wait_for

pytestmark = pytest.mark.slow
KEY = "s3cr3t-key"
START = datetime(2026, 11, 1, tzinfo=timezone.utc)
ASKED = {"source": "plant", "device": "p", "from": "2026-11-01T00:00Z", "to": "2026-11-01T05:00Z"}


def configuration(folder: Path, **sources: Any) -> str:
    lines = [f"{(START + timedelta(minutes=m)).isoformat()},p,{60 if m == 200 else 20 + m % 5}" for m in range(300)]
    (folder / "plant.csv").write_text("\n".join(["time,device,value", *lines]))
    named = {"plant": {"kind": "table_files", "path": str(folder / "plant.csv")}, **sources}
    config = {"source": {"kind": "files", "path": "in"}, "tables": {"path": "tables"}, "sources": named}
    (folder / "run.yaml").write_text(yaml.safe_dump(config))
    return str(folder / "run.yaml")


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    away = {"kind": "rest", "url": "http://127.0.0.1:1", "devices": ["p"], "code": "sesame", "timeout": 0.2}
    config = configuration(tmp_path_factory.mktemp("config"), away=away)
    with listening(create_app(keys=Keys([KEY]), limits=Limits(workers=1), config=config)) as found:
        yield found


def get(address: str, accept: str = "*/*", **asked: Any) -> requests.Response:
    headers = {KEY_HEADER: KEY, "Accept": accept}
    return requests.get(f"{address}/detect", params={**ASKED, **asked}, headers=headers, timeout=60)


def test_a_device_of_a_source_is_judged_and_a_second_question_finds_it_unchanged(address: str) -> None:
    answer = get(address)
    told = answer.json()
    assert (answer.status_code, told["flagged"], told["alarms"][0]["first"]) == (200, 1, "2026-11-01 03:20")
    again = requests.get(
        f"{address}/detect",
        params=ASKED,
        headers={KEY_HEADER: KEY, "If-None-Match": answer.headers["ETag"]},
        timeout=60,
    )
    assert (again.status_code, again.content) == (304, b"")
    posted = requests.post(
        f"{address}/detect", json={**ASKED, "sensitivity": 95}, headers={KEY_HEADER: KEY}, timeout=60
    )
    assert posted.json() == told


@pytest.mark.parametrize(
    ("accept", "asked", "media", "begins"),
    [
        ("*/*", {"format": "png"}, "image/png", b"\x89PNG"),
        ("image/svg+xml", {}, "image/svg+xml", b"<?xml"),
        ("text/html,application/xhtml+xml", {}, "text/html; charset=utf-8", b"<!doctype html>"),
    ],
)
def test_the_form_is_named_or_accepted(address: str, accept: str, asked: Any, media: str, begins: bytes) -> None:
    answer = get(address, accept, **asked)
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, media), answer.text
    assert answer.content[: len(begins)].lower() == begins.lower()


@pytest.mark.parametrize(
    ("asked", "status", "sentence"),
    [
        ({"source": "plants"}, 404, "There is no source 'plants': did you mean 'plant'?"),
        ({"source": "http://elsewhere/x"}, 404, "There is no source"),
        ({"device": "a'; drop table t; --"}, 404, "holds no reading of device"),
        ({"to": "noon"}, 422, "'noon' is no time"),
        ({"detector": "defalt"}, 422, "did you mean 'default'"),
        ({"query": "select 1"}, 422, "query"),
        ({"url": "http://elsewhere"}, 422, "url"),
        ({"device": ""}, 422, "the parameter device is missing"),
        ({"source": "away", "from": "2026-11-01"}, 503, "cannot be reached"),
    ],
)
def test_what_cannot_be_answered_is_a_status_and_a_sentence(
    address: str, asked: Any, status: int, sentence: str
) -> None:
    if asked.get("source") == "away":
        asked = {**asked, "from": (datetime.now(timezone.utc) - timedelta(days=1)).isoformat(), "to": "2199-01-01"}
    answer = get(address, **asked)
    assert answer.status_code == status, answer.text
    assert sentence in answer.json()["message"] and "sesame" not in answer.text and "Traceback" not in answer.text
    assert ("Retry-After" in answer.headers) == (status == 503)


def test_without_a_key_nothing_is_read(address: str) -> None:
    assert requests.get(f"{address}/detect", params=ASKED, timeout=60).status_code == 401


def test_beyond_the_limit_a_question_is_refused_at_once_and_a_source_that_hangs_is_left_in_time(
    tmp_path: Path, httpserver: HTTPServer
) -> None:
    going = threading.Event()

    def hang(_: Request) -> Response:
        going.wait(60)
        return Response("[]")

    httpserver.expect_request(re.compile("/.*")).respond_with_handler(hang)
    slow = {"kind": "rest", "url": httpserver.url_for("/"), "devices": ["p"], "timeout": 60}
    config = configuration(tmp_path, slow=slow)
    limits = Limits(workers=2, detections=2, work_seconds=8)
    asked = {"source": "slow", "from": (datetime.now(timezone.utc) - timedelta(days=1)).isoformat(), "to": "2199-01-01"}
    with listening(create_app(keys=Keys([KEY]), limits=limits, config=config)) as address:
        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(lambda _: get(address, **asked), range(8)))
        codes = sorted(answer.json()["code"] for answer in answers)
        assert codes == ["Busy"] * 6 + ["Timeout"] * 2
        assert all(answer.status_code == 503 and answer.headers["Retry-After"] == "5" for answer in answers)
        wait_for("it does not go on", lambda: get(address).status_code == 200)
    going.set()
