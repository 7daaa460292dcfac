"""Load on `ad-stream serve` over loopback: many clients at once, each asking for the last of 120 points.

    python benchmarks/serve.py [--clients 200] [--seconds 60] [--points 120] [--package-python PATH]

Prints answers, failures, p50 and p99 in milliseconds, requests a second, and requests per CPU second of the server
with its workers. With PATH (an interpreter that has time-series-anomaly-detector 0.4.0, FastAPI and uvicorn) the open package
is asked in the same way behind a server that does nothing but call it.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
PATH = "/anomalydetector/v1.1/timeseries/last/detect"
OURS = "from ad_stream.azure_api.server import serve; serve(port={port})"
PACKAGE = """
import pandas, uvicorn
from anomaly_detector import LatestAnomalyDetector
from fastapi import FastAPI, Request
app = FastAPI()

@app.get("/healthz")
def health():
    return {{}}

@app.post("{path}")
def last(body: dict):
    frame = pandas.DataFrame(body.pop("series"))
    answer = LatestAnomalyDetector().predict(None, frame, body)[0]["result"]
    return {{key: getattr(value, "item", lambda: value)() for key, value in answer.items()}}

uvicorn.run(app, port={port}, log_level="warning")
"""


def body(points: int, seed: int) -> bytes:
    """A request with white noise on minutely timestamps."""
    times = np.datetime64("2026-11-01T00:00:00") + np.arange(points) * np.timedelta64(60, "s")
    values = np.random.default_rng(seed).normal(20, 1, points)
    series = [{"timestamp": f"{t}Z", "value": float(v)} for t, v in zip(times, values, strict=True)]
    return json.dumps({"series": series, "granularity": "minutely", "sensitivity": 95}).encode()


@contextmanager
def running(python: str, code: str) -> Iterator[tuple[int, int]]:
    """A server process on a free port; -> port, process id."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    one_thread = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    command = [python, "-W", "ignore", "-c", code.format(port=port, path=PATH)]
    process = subprocess.Popen(command, cwd=ROOT, env=os.environ | one_thread | {"AD_STREAM_KEYS": ""})
    try:
        _wait(port, process)
        yield port, process.pid
    finally:
        process.terminate()
        process.wait(30)


def _wait(port: int, process: subprocess.Popen[bytes]) -> None:
    for _ in range(600):
        try:
            connection = HTTPConnection("127.0.0.1", port, timeout=5)
            connection.request("GET", "/healthz")
            connection.getresponse().read()
            return
        except OSError:
            if process.poll() is not None:
                break
            time.sleep(0.1)
    sys.exit("the server did not start")


def tree(pid: int) -> list[int]:
    """A process and all below it (Linux)."""
    found = [pid]
    for one in found:
        for task in Path(f"/proc/{one}/task").glob("*/children"):
            found += [int(child) for child in task.read_text().split()]
    return found


def cpu_seconds(pid: int) -> float:
    """User and system time so far of a process and those below it that live (Linux)."""
    total = 0.0
    for one in tree(pid):
        try:
            fields = Path(f"/proc/{one}/stat").read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        total += (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return total


def client(port: int, points: int, seed: int, until: float, spent: list[float], failed: list[str]) -> None:
    """Asks over one connection until the time is up."""
    connection = HTTPConnection("127.0.0.1", port, timeout=60)
    content = body(points, seed)
    while time.perf_counter() < until:
        begin = time.perf_counter()
        try:
            connection.request("POST", PATH, content, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            read = answer.read()
            if answer.status != 200 or not read.startswith(b"{"):
                failed.append(str(answer.status))
        except OSError as error:
            failed.append(type(error).__name__)
            connection.close()
        spent.append((time.perf_counter() - begin) * 1e3)


def load(name: str, port: int, pid: int, arguments: argparse.Namespace) -> None:
    """Runs the clients and prints one line."""
    spent: list[float] = []
    failed: list[str] = []
    begin, used = time.perf_counter(), cpu_seconds(pid)
    until = begin + arguments.seconds
    threads = [
        threading.Thread(target=client, args=(port, arguments.points, seed, until, spent, failed))
        for seed in range(arguments.clients)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    wall, used = time.perf_counter() - begin, cpu_seconds(pid) - used
    cuts = statistics.quantiles(spent, n=100)
    print(
        f"{name:14} {len(spent):8} answers {len(failed):5} failed  p50 {cuts[49]:8.1f} ms  p99 {cuts[98]:8.1f} ms  "
        f"{len(spent) / wall:7.1f} /s  {len(spent) / used:7.1f} per CPU second"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clients", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--points", type=int, default=120)
    parser.add_argument("--package-python")
    arguments = parser.parse_args()
    with running(sys.executable, OURS) as (port, pid):
        load("ad-stream", port, pid, arguments)
    if arguments.package_python:
        with running(arguments.package_python, PACKAGE) as (port, pid):
            load("open package", port, pid, arguments)


if __name__ == "__main__":
    main()
