"""The reader of a REST service against real servers: pages, Retry-After, keys, and what `ad-stream serve --tables` answers."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from ad_stream.errors import AdStreamError, ConfigError, InputError
from ad_stream.readers.contract import Only, RangeReader, SourceAwayError, TimeRange, us_of
from ad_stream.readers.registry import reader_of, settings_of

START = datetime.now(timezone.utc).replace(microsecond=0) - timedelta(hours=3)
ANY = re.compile("/api/telemetry/.*")
ODD = "pump 7/ä"


def reader(server: HTTPServer, **more: Any) -> RangeReader[Any]:
    section = {"kind": "rest", "url": server.url_for("/api/telemetry"), "devices": ["a", ODD], "code": "sesame", **more}
    return reader_of("hub", {"hub": settings_of(section)})


def row(minutes: int, **members: Any) -> dict[str, Any]:
    return {"timestamp": (START + timedelta(minutes=minutes)).strftime("%Y-%m-%dT%H:%M:%SZ"), **members}


def paged(server: HTTPServer, pages: list[Any]) -> list[Request]:
    """The pages of device a one after the other; nothing is known of others."""
    seen: list[Request] = []

    def answer(request: Request) -> Response:
        seen.append(request)
        if "/a/" not in request.path:
            return Response(status=404)
        page = pages[int(request.args.get("page", 0))]
        return page if isinstance(page, Response) else Response(json.dumps(page), content_type="application/json")

    server.expect_request(ANY).respond_with_handler(answer)
    return seen


def rows(found: RangeReader[Any], first: int, last: int, only: Only | None = None) -> list[tuple[Any, ...]]:
    span = TimeRange.between(START + timedelta(minutes=first), START + timedelta(minutes=last))
    return [tuple(one.values())[:4] for batch in found.read(span, only) for one in batch.to_pylist()]


def at(minutes: int) -> int:
    return us_of(START + timedelta(minutes=minutes))


def test_pages_are_followed_and_cut_to_the_range(httpserver: HTTPServer) -> None:
    seen = paged(
        httpserver,
        [
            {"rows": [row(0, t=1.5, state="on"), row(1, t=None, rpm=7)], "next": "?page=1"},
            {"rows": [row(2, t=2.5), row(3, t=9)]},
        ],
    )
    assert rows(reader(httpserver), 0, 3) == [("a", at(0), "t", 1.5), ("a", at(1), "rpm", 7.0), ("a", at(2), "t", 2.5)]
    assert [one.args["code"] for one in seen] == ["sesame"] * 3
    assert [one.path for one in seen] == ["/api/telemetry/a/1"] * 2 + [f"/api/telemetry/{ODD}/1"]


def test_one_device_and_one_signal_are_asked_for_alone(httpserver: HTTPServer) -> None:
    seen = paged(httpserver, [[row(0, t=1, rpm=7)]])
    assert rows(reader(httpserver), 0, 3, Only("a", "rpm")) == [("a", at(0), "rpm", 7.0)]
    assert rows(reader(httpserver), 0, 3, Only("../../admin")) == []  # only devices of the configuration
    assert len(seen) == 1


def test_a_busy_server_is_asked_again(httpserver: HTTPServer) -> None:
    answers = [Response(status=429, headers={"Retry-After": "0"}), Response(json.dumps([row(0, t=1)]))]
    httpserver.expect_request(ANY).respond_with_handler(lambda _: answers.pop(0))
    assert rows(reader(httpserver, devices=["a"]), 0, 3) == [("a", at(0), "t", 1.0)]


def respond(*arguments: Any, **more: Any) -> Callable[[Request], Response]:
    return lambda _: Response(*arguments, **more)


SENTENCES = [
    (respond(status=401), InputError, r"127.0.0.1|localhost refuses \(status 401\): check code or token"),
    (respond(status=400), ConfigError, r"cannot answer \(status 400\)"),
    (respond("<html>"), InputError, r"the answer is no JSON"),
    (respond('{"a": 1}'), InputError, r"no list of objects, nor has it one as `rows`"),
    (respond(json.dumps([{"ts": 1, "t": 2}])), ConfigError, r"the answer has no column 'timestamp'"),
    (respond(json.dumps({"rows": [row(0)], "next": "http://elsewhere/x"})), InputError, r"leads to another host"),
]


@pytest.mark.parametrize(("answer", "kind", "sentence"), SENTENCES)
def test_what_cannot_be_read_is_one_sentence_without_a_secret(
    httpserver: HTTPServer, answer: Callable[[Request], Response], kind: type[AdStreamError], sentence: str
) -> None:
    httpserver.expect_request(ANY).respond_with_handler(answer)
    with pytest.raises(kind, match=sentence) as raised:
        reader(httpserver).check()
        rows(reader(httpserver), 0, 3)
    assert "\n" not in str(raised.value) and "sesame" not in str(raised.value)


def test_a_range_that_reaches_back_too_far_and_a_server_that_is_away_are_said(httpserver: HTTPServer) -> None:
    with pytest.raises(InputError, match="answers for 366 days at most"):
        list(reader(httpserver).read(TimeRange(0, at(0))))
    with pytest.raises(SourceAwayError, match="cannot be reached"):
        reader(httpserver, url="http://127.0.0.1:1", timeout=0.2).check()
