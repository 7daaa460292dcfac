"""`ad-stream dashboard` and the pictures of `ad-stream report` as a person types them."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from datetime import datetime, timezone
from pathlib import Path

import httpx
import pytest

from tests.conftest import interruptible
from tests.support.children import child
from tests.support.written import create, series_rows, write

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[3]
COMMAND = [sys.executable, "-c", "from ad_stream.cli import main; main()"]
START = datetime(2026, 11, 1, tzinfo=timezone.utc)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (
            ("--host", "0.0.0.0"),
            "a dashboard without a token listens on 127.0.0.1 only, not on 0.0.0.0: set AD_STREAM_",
        ),
        (("--tables", "here", "--config", "c.yaml"), "--config and --tables both say where the tables are"),
        (("--config", str(ROOT / "conf" / "databricks.yaml")), "give their storage address, --tables abfss://"),
    ],
)
def test_what_it_cannot_serve_is_one_sentence_and_exit_code_2(arguments: tuple[str, ...], sentence: str) -> None:
    answer = subprocess.run([*COMMAND, "dashboard", *arguments], capture_output=True, text=True, timeout=60)
    told = [line for line in answer.stderr.splitlines() if line.startswith("ad-stream: ")]
    assert (answer.returncode, len(told), sentence in told[0]) == (2, 1, True), answer.stderr


def test_ctrl_c_ends_it_at_once_though_a_page_is_open(tmp_path: Path) -> None:
    create(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    command = [*COMMAND, "dashboard", "--tables", str(tmp_path), "--port", str(port)]
    with child(command, stderr=subprocess.PIPE, env=os.environ, preexec_fn=interruptible) as process:
        assert process.stderr is not None
        assert f"http://127.0.0.1:{port}/ shows the tables in" in process.stderr.readline()
        transport = httpx.HTTPTransport(retries=8)
        client = httpx.Client(transport=transport, base_url=f"http://127.0.0.1:{port}", timeout=60)
        with client, client.stream("GET", "/api/events") as events:
            lines = events.iter_lines()
            assert next(lines) == "retry: 1000"
            process.send_signal(signal.SIGINT)
            assert [line for line in lines if line.startswith("event: error")] == []
        rest = process.stderr.read()
        process.wait()
    assert (process.returncode, rest) == (0, "")


def test_report_writes_a_page_and_pictures_of_a_stretch_of_time(tmp_path: Path) -> None:
    write(tmp_path, "detections", series_rows("pump", "flow", START, [20.0, 30.0, 20.0], {1: "above"}))
    arguments = (
        "report",
        "pump",
        "--tables",
        str(tmp_path),
        "--from",
        "2026-11-01T00:01Z",
        "--to",
        "2026-11-01T00:03Z",
    )
    answer = subprocess.run(
        [*COMMAND, *arguments, "--out", "r.html", "--png", "pictures"],
        capture_output=True, text=True, timeout=60, cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert (answer.returncode, answer.stdout.split()) == (0, ["r.html", "pictures/pump-flow.png"]), answer.stderr
    html = (tmp_path / "r.html").read_text(encoding="utf-8")
    assert '"times":["2026-11-01 00:01","2026-11-01 00:02"],"value":[30.0,20.0]' in html
    assert (tmp_path / "pictures" / "pump-flow.png").read_bytes().startswith(b"\x89PNG")
