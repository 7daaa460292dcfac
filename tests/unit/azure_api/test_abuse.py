"""Work that nobody waits for ends, and memory has one bound: a real server process, watched from outside."""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import requests

from ad_stream.azure_api.admission import Limits
from ad_stream.web.connections import ConnectionLimits
from benchmarks.serve import cpu_seconds as busy
from benchmarks.serve import running, tree
from benchmarks.serve_abuse import SERVER, batch, resident
from tests.support.waiting import wait_for
from tests.unit.azure_api.conftest import KEY
from tests.unit.detectors.azure.requests import noise, request

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")

HEADERS = {"Ocp-Apim-Subscription-Key": KEY, "Content-Type": "application/json"}
SECONDS = 120
"""How long an answer may take."""


def is_idle(pid: int) -> bool:
    before = busy(pid)
    time.sleep(1)
    return busy(pid) - before < 0.2


@pytest.fixture(scope="module")
def slow() -> Iterator[tuple[str, int]]:
    """A server of two workers that waits two seconds for an answer; -> its address and process."""
    with running(sys.executable, SERVER.format(seconds=2, workers=2)) as (port, pid):
        yield f"http://127.0.0.1:{port}", pid


def test_batches_that_were_answered_503_stop_and_give_their_memory_back(slow: tuple[str, int]) -> None:
    address, pid = slow
    wait_for("the workers are not up", lambda: len(tree(pid)) == 3 and is_idle(pid))
    body, idle = batch(13, 1), resident(pid)
    most = 0.0
    for _ in range(2):
        with ThreadPoolExecutor(5) as pool:
            asked = [
                pool.submit(requests.post, f"{address}/batch/entire", data=body, timeout=SECONDS) for _ in range(4)
            ]
            while not all(one.done() for one in asked):
                most = max(most, resident(pid))
                time.sleep(0.1)
        assert [one.result().status_code for one in asked] == [503] * 4
        wait_for("the work goes on", lambda: is_idle(pid))
        wait_for(f"{resident(pid):.0f} MiB are held, {idle:.0f} before", lambda: resident(pid) < idle + 120)
    assert most < 1000  # two workers and four bodies; 260 MiB for each worker as measured


def test_work_for_a_caller_that_hung_up_stops(slow: tuple[str, int]) -> None:
    address, pid = slow
    values = np.sin(np.arange(8640) / 90) + noise(1, 8640)
    body = json.dumps({"requests": [request(values)] * 12}).encode()
    port = int(address.rsplit(":", 1)[1])
    before = busy(pid)
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        head = f"POST /batch/entire HTTP/1.1\r\nHost: localhost:{port}\r\nContent-Length: {len(body)}\r\n\r\n"
        connection.sendall(head.encode() + body)
        wait_for("nothing began", lambda: busy(pid) - before > 0.3)
    wait_for("the work goes on", lambda: is_idle(pid))
    metrics = requests.get(f"{address}/metrics", timeout=30).text
    assert 'operation="batch_entire",status="499"' in metrics
    assert "in_flight 0" in metrics


def test_workers_end_with_their_server() -> None:
    with running(sys.executable, SERVER.format(seconds=60, workers=2)) as (port, pid):
        reply = requests.post(f"http://127.0.0.1:{port}/batch/last", json={"requests": []}, timeout=SECONDS)
        assert reply.status_code == 200
        below = tree(pid)[1:]
        assert below
        os.kill(pid, signal.SIGKILL)
        wait_for("a worker lives on", lambda: not any(Path(f"/proc/{one}").exists() for one in below))


def test_a_worker_that_is_killed_is_a_503_and_the_next_request_gets_a_new_one(serving: Callable[..., str]) -> None:
    before = set(tree(os.getpid()))
    address = serving(keys=[KEY], limits=Limits(workers=1))
    values = np.sin(np.arange(8640) / 90) + noise(1, 8640)
    body = {"requests": [request(values)] * 20}
    reply = requests.post(f"{address}/batch/last", json={"requests": []}, headers=HEADERS, timeout=SECONDS)
    (worker,) = set(tree(os.getpid())) - before
    rested = busy(worker)
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(requests.post, f"{address}/batch/entire", json=body, headers=HEADERS, timeout=SECONDS)
        wait_for("the worker does not work", lambda: busy(worker) > rested + 0.2)
        os.kill(worker, signal.SIGKILL)
    assert (asked.result().status_code, asked.result().json()["code"]) == (503, "WorkerLost")
    reply = requests.post(f"{address}/batch/last", json={"requests": []}, headers=HEADERS, timeout=SECONDS)
    assert reply.json() == {"answers": []}


@pytest.mark.parametrize(
    "piece", [b"[],", b"{},", b'{"a":1},', b"1.5,"], ids=["lists", "objects", "members", "numbers"]
)
def test_a_body_that_grows_beyond_a_workers_memory_is_a_413(serving: Callable[..., str], piece: bytes) -> None:
    address = serving(keys=[KEY], limits=Limits(workers=1, worker_bytes=190 * 2**20))
    body = b'{"requests":[' + piece * (15_000_000 // len(piece)) + b"1]}"
    reply = requests.post(f"{address}/batch/last", data=body, headers=HEADERS, timeout=SECONDS)
    assert (reply.status_code, reply.json()["code"]) == (413, "RequestEntityTooLarge")
    good = requests.post(f"{address}/batch/last", json={"requests": []}, headers=HEADERS, timeout=SECONDS)
    assert good.status_code == 200


def test_an_answer_beyond_its_limit_is_a_413(serving: Callable[..., str]) -> None:
    address = serving(keys=[KEY], limits=Limits(answer_bytes=10_000))
    body = {"requests": [request(noise(1, 300))]}
    reply = requests.post(f"{address}/batch/entire", json=body, headers=HEADERS, timeout=SECONDS)
    assert (reply.status_code, "10000 bytes" in reply.json()["message"]) == (413, True)


def test_an_answer_that_is_not_read_keeps_its_place_and_then_is_dropped(serving: Callable[..., str]) -> None:
    address = serving(keys=[KEY], limits=Limits(in_flight=1), connections=ConnectionLimits(stall_seconds=2))
    body = json.dumps({"requests": [request(noise(1, 8000), period=0)] * 20}).encode()
    port = int(address.rsplit(":", 1)[1])
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.settimeout(SECONDS)
        connection.connect(("127.0.0.1", port))
        head = f"POST /batch/entire HTTP/1.1\r\nHost: x\r\nOcp-Apim-Subscription-Key: {KEY}\r\nContent-Length: {len(body)}\r\n"
        connection.sendall(head.encode() + b"\r\n" + body)
        assert connection.recv(12) == b"HTTP/1.1 200"
        refused = requests.post(f"{address}/batch/last", json={"requests": []}, headers=HEADERS, timeout=SECONDS)
        assert refused.status_code == 429

        def answered() -> Any:
            reply = requests.post(f"{address}/batch/last", json={"requests": []}, headers=HEADERS, timeout=SECONDS)
            return reply.status_code == 200

        wait_for("the place is never given back", answered)
