"""The job centre over many runs: time of its answers, time until Chromium shows them, time from "run now" to the first words.

    python benchmarks/job_page.py [--jobs 200] [--runs 50000]

Writes `runs` as a scheduler leaves it (put together but for the last 199 commits), starts `ad-stream dashboard` and `ad-stream schedule`
over it and asks over loopback; with chromium on the PATH also opens the page, ten times. Linux only (/proc).
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from http.client import HTTPConnection
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import yaml
from measure import table

from ad_stream.schedules.folders import job_and_time, run_id
from ad_stream.schedules.run_log import RUNNING, SUCCEEDED, RunLog, RunRow
from benchmarks.dashboard import SERVE, cpu_seconds, dashboard, get, megabytes, timed
from benchmarks.incident_page import VISITS

TOKEN = "of the benchmark"
HEADERS = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
SMALL = 199
TIMES = 10


def write_runs(tables: Path, jobs: int, runs: int) -> None:
    """So many runs of all jobs, one a minute up to now; the last of them a commit each."""
    log, now = RunLog(tables), datetime.now(timezone.utc).replace(second=0, microsecond=0)
    rows = []
    for n in range(runs):
        planned = now - timedelta(minutes=runs - n)
        name = f"job-{n % jobs:03d}"
        begun = RunRow(
            run_id(name, planned), name, "maintain", planned, planned, state=RUNNING, config_version="0123456789ab"
        )
        ended = planned + timedelta(seconds=40)
        rows += [begun, begun._replace(state=SUCCEEDED, ended=ended, counts='{"removed": 12}', cpu_seconds=31.5)]
    log.append(rows[:-SMALL])
    for row in rows[-SMALL:]:
        log.append([row])


def run_now(port: int, tables: Path) -> tuple[float, float]:
    """-> milliseconds from the request until the log has its first line, and the first of the command itself."""
    connection = HTTPConnection("127.0.0.1", port, timeout=60)
    begin = time.perf_counter()
    body = json.dumps({"action": "run", "job": "job-000", "owner": "benchmark"})
    connection.request("POST", "/api/jobs", body, HEADERS)
    run = json.loads(connection.getresponse().read())["run"]
    log = tables / "_jobs" / "job-000" / f"{job_and_time(run)[1]:%Y%m%dT%H%M%SZ}" / "log.txt"
    seen: list[float] = []
    while len(seen) < 2:
        if log.exists() and len(log.read_text().splitlines()) > len(seen):
            seen.append((time.perf_counter() - begin) * 1e3)
        time.sleep(0.005)
    time.sleep(2)  # the run ends, and the next one gets a second of its own
    return seen[0], seen[1]


def visits(port: int) -> Iterator[tuple[object, ...]]:
    """Yields (what, median, longest): from the address to rows that are shown, the page loaded anew each time."""
    from playwright.sync_api import sync_playwright

    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        return
    views = {"all jobs": ("#/jobs", "Jobs"), "with the runs of one": ("#/jobs?job=job-007", "Runs of job-007")}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--disable-gpu", "--no-sandbox"])
        for name, (path, label) in views.items():
            spent = []
            for _ in range(VISITS):
                page = browser.new_page(extra_http_headers={"Authorization": HEADERS["Authorization"]})
                begin = time.perf_counter()
                page.goto(f"http://127.0.0.1:{port}/{path}")
                page.locator(f'.scroll[aria-label="{label}"] tbody tr').first.wait_for()
                spent.append((time.perf_counter() - begin) * 1e3)
                page.close()
            yield f"Chromium: {name}, ms", statistics.median(spent), max(spent)
        browser.close()


def measure(tables: Path, config: str) -> Iterator[tuple[object, ...]]:
    """Yields (what, median, longest or remark)."""
    scheduler = subprocess.Popen([sys.executable, "-c", SERVE, "schedule", config], stderr=subprocess.DEVNULL)
    try:
        with dashboard(str(tables), config) as (port, pid):
            get(port, "/healthz")
            yield "first list of jobs, all runs read, ms", *timed(port, "/api/jobs", [{}])
            yield "list of jobs, ms", *timed(port, "/api/jobs", [{}] * 20)
            yield "50 runs of a job, ms", *timed(port, "/api/runs", [{"job": f"job-{n:03d}"} for n in range(20)])
            yield from visits(port)
            spent = [run_now(port, tables) for _ in range(TIMES)]
            for what, each in zip(("the log", "the command"), zip(*spent, strict=True), strict=True):
                yield f"run now to the first line of {what}, ms", statistics.median(each), max(each)
            yield "resident memory of the page's server, MB", megabytes(pid)[0], f"{cpu_seconds(pid):.1f} CPU s"
        yield (
            "resident memory of the scheduler, MB",
            megabytes(scheduler.pid)[0],
            f"{cpu_seconds(scheduler.pid):.1f} CPU s",
        )
    finally:
        scheduler.terminate()
        scheduler.wait()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=200)
    parser.add_argument("--runs", type=int, default=50_000)
    given = parser.parse_args()
    os.environ["AD_STREAM_DASHBOARD_TOKEN"] = TOKEN
    with tempfile.TemporaryDirectory() as scratch:
        tables, config = Path(scratch, "tables"), Path(scratch, "run.yaml")
        schedules = {f"job-{n:03d}": {"run": "propose", "cron": "30 2 1 1 *"} for n in range(given.jobs)}
        config.write_text(yaml.safe_dump({
            "source": {"kind": "files", "path": scratch}, "tables": {"path": str(tables)}, "schedules": schedules,
        }))  # fmt: skip
        write_runs(tables, given.jobs, given.runs)
        print(f"{given.jobs} jobs, {given.runs:,} runs\n")
        print(table(("what", "median", "longest"), list(measure(tables, str(config)))))


if __name__ == "__main__":
    main()
