"""The fallback server answers, refuses, hangs, dies and comes back: no batch fails, no minute is lost, rows say why."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from ad_stream.config import Config, parse
from ad_stream.pipeline.batch_state import BatchReport
from ad_stream.simulate import simulate
from ad_stream.simulate.ports import free_port
from tests.support.compare import read

MINUTES = 40


@pytest.fixture(scope="module")
def telemetry(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("fallback")
    start = datetime(2026, 11, 1, tzinfo=timezone.utc)
    simulate(
        folder, devices=2, start=start, minutes=MINUTES, minutes_per_file=20, seed=5, faults=False, bad_traffic=False
    )
    return folder


def settings(telemetry: Path, folder: Path, endpoint: str, **fallback: Any) -> Config:
    return parse({
        "source": {"kind": "files", "path": f"{telemetry}/*.jsonl", "files_per_trigger": 1},
        "telemetry": {"event_time": "time"},
        "fallback": {"endpoint": endpoint, "key": "only-for-tests", "seconds_per_batch": 8, **fallback},
        "tables": {"path": str(folder / "tables")},
        "checkpoint": str(folder / "checkpoint"),
        "trigger": "available_now",
    })  # fmt: skip


@contextmanager
def serving(status: int, body: bytes, hang: threading.Event | None = None) -> Iterator[str]:
    """A server that answers every request alike, or never."""

    class Answer(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            if hang is not None:
                hang.wait(30)
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        if hang is not None:
            hang.set()
        server.shutdown()
        server.server_close()
        thread.join()


def due(telemetry: Path) -> int:
    return 4 * MINUTES  # two devices, two signals


TROUBLE = [
    (410, b"", {"fallback_gone", "fallback_open"}),
    pytest.param(401, b'{"code": "401", "message": "wrong key"}', {"fallback_refused"}, marks=pytest.mark.soak),
    pytest.param(429, b"", {"fallback_busy", "fallback_open", "fallback_budget"}, marks=pytest.mark.soak),
    pytest.param(
        500, b"<html>sorry</html>", {"fallback_failed", "fallback_open", "fallback_budget"}, marks=pytest.mark.soak
    ),
    (200, b'{"isAnomaly": tr', {"fallback_malformed", "fallback_open"}),
]


@pytest.mark.parametrize(("status", "body", "reasons"), TROUBLE)
def test_a_server_in_trouble_costs_no_minute_and_the_row_says_why(
    status: int, body: bytes, reasons: set[str], telemetry: Path, tmp_path: Path, spark: Any
) -> None:
    from ad_stream.pipeline.run import run

    with serving(status, body) as endpoint:
        summary = run(settings(telemetry, tmp_path, endpoint), spark=spark)
    rows = read(tmp_path / "tables", "detections")
    assert len(rows) == due(telemetry)
    waiting = rows[(rows.status == "warming_up") & (rows.points >= 12)]
    assert len(waiting) > 0
    assert set(waiting.reason) <= reasons
    assert summary.fallback_failed == summary.fallback_calls > 0
    assert "only-for-tests" not in rows.to_csv()


def test_a_hanging_server_takes_no_more_than_the_seconds_of_the_batch(
    telemetry: Path, tmp_path: Path, spark: Any
) -> None:
    from ad_stream.pipeline.run import run

    with serving(200, b"{}", hang=threading.Event()) as endpoint:
        summary = run(settings(telemetry, tmp_path, endpoint, seconds_per_batch=2), spark=spark)
    rows = read(tmp_path / "tables", "detections")
    assert len(rows) == due(telemetry)
    assert {"fallback_timeout", "fallback_budget"} >= set(
        rows[(rows.status == "warming_up") & (rows.points >= 12)].reason
    )
    assert summary.fallback_calls == summary.fallback_failed > 0


def test_a_server_that_comes_back_is_used_again(telemetry: Path, tmp_path: Path, spark: Any) -> None:
    """Nobody listens at first; `ad-stream serve` starts there after the first batch that asked in vain."""
    from ad_stream.azure_api.admission import Keys
    from ad_stream.azure_api.local_server import listening
    from ad_stream.azure_api.server import create_app
    from ad_stream.pipeline.run import run

    port, batches = free_port(), []
    with ExitStack() as later:

        def after(batch: BatchReport) -> None:
            batches.append((batch.counts["fallback_calls"], batch.counts["fallback_failed"]))
            if batches[-1][1] and len(batches) == 1:
                later.enter_context(listening(create_app(keys=Keys(["only-for-tests"])), port=port))

        run(settings(telemetry, tmp_path, f"http://127.0.0.1:{port}", pause_seconds=0), spark=spark, progress=after)
    rows = read(tmp_path / "tables", "detections")
    assert len(rows) == due(telemetry)
    (calls, failed), *back = batches
    assert calls == failed > 0
    assert sum(failed for _, failed in back) == 0
    answered = rows[rows.detector == "azure_api"]
    assert len(answered) == sum(calls for calls, _ in back) > 0
    assert set(answered.status) == {"scored"}
    assert answered[["expected", "upper_margin", "lower_margin"]].notna().all().all()
    waiting = rows[(rows.status == "warming_up") & (rows.points >= 12)]
    assert "fallback_connection" in set(waiting.reason) <= {"fallback_connection", "fallback_budget"}
    assert len(waiting) + len(answered) == 4 * (29 - 11)
