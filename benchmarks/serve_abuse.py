"""Memory of `ad-stream serve` under abuse: batches that take longer than the server waits, and what goes on after them.

    python benchmarks/serve_abuse.py [--batches 4] [--megabytes 13] [--rounds 3] [--work-seconds 5] [--after 20]

Each round sends the batches at once. Prints the answers, and every second the resident memory and the CPU use of the
server with its workers, until `after` seconds beyond the last answer of the last round. Needs Linux.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import threading
import time
from http.client import HTTPConnection
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.serve import cpu_seconds, running, tree

SERVER = """
from ad_stream.azure_api.admission import Limits
from ad_stream.azure_api import server
server.serve(port={{port}}, limits=Limits(work_seconds={seconds}, workers={workers}))
"""


def batch(megabytes: float, seed: int) -> bytes:
    """A batch of long series, each of them a season with noise."""
    random, n = np.random.default_rng(seed), 8640
    times = np.datetime64("2026-11-01T00:00:00") + np.arange(n) * np.timedelta64(60, "s")
    requests: list[bytes] = []
    while sum(map(len, requests)) < megabytes * 1e6:
        values = np.sin(np.arange(n) / 90) + random.normal(0, 0.1, n)
        series = [{"timestamp": f"{t}Z", "value": round(float(v), 6)} for t, v in zip(times, values, strict=True)]
        requests.append(json.dumps({"id": str(len(requests)), "series": series, "granularity": "minutely"}).encode())
    return b'{"requests":[' + b",".join(requests) + b"]}"


def resident(pid: int) -> float:
    """MiB of a process and all below it; what ends while it is read counts as nothing."""
    total = 0
    for one in tree(pid):
        try:
            total += int(Path(f"/proc/{one}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
        except (OSError, IndexError):
            continue
    return total / 2**20


def send(port: int, body: bytes, answers: list[str]) -> None:
    """One batch; keeps the status and how long it took."""
    begin = time.perf_counter()
    try:
        connection = HTTPConnection("127.0.0.1", port, timeout=300)
        connection.request("POST", "/batch/entire", body, {"Content-Type": "application/json"})
        status = str(connection.getresponse().status)
    except OSError as error:
        status = type(error).__name__
    answers.append(f"{status} after {time.perf_counter() - begin:.0f} s")


def watch(pid: int, seconds: float, threads: list[threading.Thread]) -> list[float]:
    """Prints memory and CPU until the threads are done and `seconds` have gone by."""
    seen: list[float] = []
    begin, used = time.perf_counter(), cpu_seconds(pid)
    left = seconds
    while left > 0:
        time.sleep(1)
        left = left if any(one.is_alive() for one in threads) else left - 1
        now = cpu_seconds(pid)
        seen.append(resident(pid))
        print(f"  {time.perf_counter() - begin:5.0f} s {seen[-1]:8.0f} MiB {max(now - used, 0):6.2f} CPU", flush=True)
        used = now
    return seen


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batches", type=int, default=4)
    parser.add_argument("--megabytes", type=float, default=13)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--work-seconds", type=float, default=5)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--after", type=float, default=20)
    given = parser.parse_args()
    bodies = [batch(given.megabytes, seed) for seed in range(given.batches)]
    code = SERVER.format(seconds=given.work_seconds, workers=given.workers)
    with running(sys.executable, code) as (port, pid):
        print(f"idle {resident(pid):.0f} MiB")
        for turn in range(given.rounds):
            answers: list[str] = []
            threads = [threading.Thread(target=send, args=(port, body, answers)) for body in bodies]
            for thread in threads:
                thread.start()
            seen = watch(pid, given.after if turn == given.rounds - 1 else 2, threads)
            print(f"round {turn + 1}: {', '.join(answers)}; most {max(seen):.0f} MiB, at the end {seen[-1]:.0f} MiB")


if __name__ == "__main__":
    main()
