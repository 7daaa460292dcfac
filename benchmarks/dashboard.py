"""The dashboard over many series: memory of its server, time of its answers, time from a commit to the page.

    python benchmarks/dashboard.py [--series 100000] [--minutes 240] [--keep FOLDER]

Writes `detections` as a stream does, one file a minute, starts `ad-stream dashboard` over it, asks over loopback, and
commits new minutes with a fault in each while a page listens. Linux only (/proc).
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import numpy as np
import pyarrow as pa
from deltalake import write_deltalake
from measure import table

ROOT = Path(__file__).resolve().parents[1]
SERVE = "from ad_stream.cli import main; main()"
FAULTS = 8
"""Minutes committed while a page listens, each with one flagged series."""


class Writer:
    """Minutes of `series` series, two signals to a device; about 1 in 20,000 verdicts is a flag."""

    def __init__(self, tables: str, series: int) -> None:
        self.tables = tables
        self.draws = np.random.default_rng(1)
        # Spark leaves rows in the order of a hash, so that no file can be read in part.
        self.place = self.draws.permutation(series)
        self.devices = pa.array([f"device-{n // 2:06}" for n in self.place])
        self.signals = pa.array([("humidity", "temperature")[n % 2] for n in self.place])
        self.levels = 20 + 5 * self.draws.normal(size=series)
        self.batch = 0

    def minute(self, when: datetime, *, fault: int | None = None) -> str:
        """One commit; fault: a row whose value is far out; -> its device."""
        n = len(self.devices)
        value = self.levels + 0.3 * self.draws.normal(size=n)
        flagged = self.draws.random(n) < 1 / 20_000
        if fault is not None:
            flagged[fault] = True
        value[flagged] += 6
        severity = np.where(flagged, self.draws.uniform(0.05, 0.6, n), 0.0)
        if fault is not None:
            severity[fault] = 1.0
        same = {"detector": "default", "config_version": "0123456789ab", "query_id": "bench", "status": "scored"}
        columns: dict[str, Any] = {
            "device_id": self.devices, "signal": self.signals, "value": value, "expected": self.levels,
            "minute": pa.array([when] * n, pa.timestamp("us", "UTC")), "revision": np.zeros(n, np.int32),
            "upper_margin": np.full(n, 2.0), "lower_margin": np.full(n, 2.0), "score": np.abs(value - self.levels),
            "sr_score": np.abs(value - self.levels), "severity": severity, "is_anomaly": flagged, "is_positive": flagged,
            "is_negative": np.zeros(n, bool), "continuing": np.zeros(n, bool),
            "reason": np.where(flagged, "above", "normal"), "points": np.full(n, 1201), "imputed": np.zeros(n, np.int64),
            "batch_id": np.full(n, self.batch),
        }  # fmt: skip
        columns |= {name: pa.array([text] * n) for name, text in same.items()}
        write_deltalake(f"{self.tables}/detections", pa.table(columns), mode="append")
        self.batch += 1
        return str(self.devices[fault or 0])

    def alive(self) -> None:
        """The sign of life of a running query."""
        row = pa.table({"alive": pa.array([datetime.now(timezone.utc)], pa.timestamp("us", "UTC"))})
        write_deltalake(f"{self.tables}/owner", row, mode="overwrite")


@contextmanager
def dashboard(tables: str, config: str | None = None) -> Iterator[tuple[int, int]]:
    """The server on a free port, over the tables or those of a configuration; -> port, process id."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    place = ["--tables", tables] if config is None else ["--config", config]
    command = [sys.executable, "-c", SERVE, "dashboard", *place, "--port", str(port)]
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL, env=os.environ) as process:
        try:
            yield port, process.pid
        finally:
            process.terminate()


def get(port: int, path: str, **asked: Any) -> Any:
    """The JSON of one answer; waits for a server that is still starting."""
    for _ in range(600):
        connection = HTTPConnection("127.0.0.1", port, timeout=300)
        try:
            connection.request("GET", f"{path}?{urlencode(asked)}", headers=_token())
            return json.loads(connection.getresponse().read())
        except ConnectionRefusedError:
            time.sleep(0.1)
        finally:
            connection.close()
    sys.exit("the dashboard did not start")


def _token() -> dict[str, str]:
    token = os.environ.get("AD_STREAM_DASHBOARD_TOKEN")
    return {"Authorization": f"Bearer {token}"} if token else {}


def timed(port: int, path: str, asked: Sequence[dict[str, Any]]) -> tuple[float, float]:
    """-> median and longest answer in milliseconds."""
    spent = []
    for one in asked:
        begin = time.perf_counter()
        get(port, path, **one)
        spent.append((time.perf_counter() - begin) * 1e3)
    return statistics.median(spent), max(spent)


def megabytes(pid: int) -> tuple[float, float]:
    """Resident size of a process now and at its highest."""
    lines = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    now, peak = (int(lines[name].split()[0]) / 1000 for name in ("VmRSS", "VmHWM"))
    return now, peak


def cpu_seconds(pid: int) -> float:
    """User and system time of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def appearing(port: int, writer: Writer, newest: datetime) -> list[float]:
    """Seconds from each commit to the answer that shows its fault first, asked for when the server rings."""
    events = HTTPConnection("127.0.0.1", port, timeout=60)
    events.request("GET", "/api/events")
    stream = events.getresponse()
    out = []
    for n in range(FAULTS):
        device = writer.minute(newest + timedelta(minutes=n + 1), fault=1000 * n)
        committed = time.perf_counter()
        while True:
            line = stream.readline()
            if line.startswith(b"data:") and json.loads(line[5:])["flagged"]:
                answer = get(port, "/api/overview", minutes=1)
                if answer["rows"][0]["device"] == device:
                    break
        out.append(time.perf_counter() - committed)
    events.close()
    return out


def measure(tables: str, writer: Writer, first: datetime, minutes: int) -> Iterator[tuple[object, ...]]:
    """Yields (what, median, longest or remark)."""
    newest = first + timedelta(minutes=minutes - 1)
    begin = time.perf_counter()
    with dashboard(tables) as (port, pid):
        while get(port, "/api/state")["newest"] is None:
            time.sleep(0.02)
        yield "from start to the first overview, s", time.perf_counter() - begin, ""
        yield "overview while the day is still being read, ms", *timed(port, "/api/overview", [{}] * 20)
        while get(port, "/api/state")["loaded"] < 1:
            time.sleep(0.2)
        yield (
            f"from start until {minutes} minutes are read, s",
            time.perf_counter() - begin,
            f"{cpu_seconds(pid):.1f} CPU s",
        )
        orders = [{"order": order, "page": page} for order in ("worst", "latest", "flags", "name") for page in range(5)]
        yield "overview, every order, ms", *timed(port, "/api/overview", orders)
        searches = [{"device": f"{n:05}", "signal": "humidity", "minutes": 1440} for n in range(20)]
        yield "overview, search in all devices, ms", *timed(port, "/api/overview", searches)
        yield "anomalies, ms", *timed(port, "/api/anomalies", [{"page": n} for n in range(20)])
        one = {"device": "device-000007", "signal": "humidity"}
        recent = get(port, "/api/state")["recent_windows"]
        yield (
            f"a series, the last {recent} minutes, ms",
            *timed(port, "/api/series", [one | {"hours": (recent - 1) / 60}] * 10),
        )
        yield (
            f"a series, {minutes} minutes from the table, ms",
            *timed(port, "/api/series", [one | {"hours": minutes / 60}] * 3),
        )
        at = f"{newest:%Y-%m-%dT%H:%MZ}"
        yield "why, ms", *timed(port, "/api/why", [one | {"minute": at}] * 10)
        used, spent = cpu_seconds(pid), appearing(port, writer, newest)
        yield (
            "from a commit to an overview that shows its fault, s",
            statistics.median(spent),
            f"longest {max(spent):.2f}",
        )
        yield "CPU s of the server for a new minute of all series", (cpu_seconds(pid) - used) / FAULTS, ""
        now, peak = megabytes(pid)
        yield "resident memory of the server, MB", now, f"highest {peak:,.0f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--series", type=int, default=100_000)
    parser.add_argument("--minutes", type=int, default=240)
    parser.add_argument("--keep", help="folder for the tables; without it a temporary one")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        tables = arguments.keep or scratch
        writer = Writer(tables, arguments.series)
        first = datetime.now(timezone.utc).replace(second=0, microsecond=0) - timedelta(minutes=arguments.minutes + 20)
        for minute in range(arguments.minutes):
            writer.minute(first + timedelta(minutes=minute))
        writer.alive()
        print(f"{arguments.series:,} series, {arguments.minutes} minutes, one file a minute\n")
        rows = list(measure(tables, writer, first, arguments.minutes))
        print(table(("what", "median", "longest"), rows))


if __name__ == "__main__":
    main()
