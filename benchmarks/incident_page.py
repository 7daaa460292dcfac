"""The incident pages over many incidents: memory of the server, time of its answers, time until Chromium shows the list.

    python benchmarks/incident_page.py [--incidents 50000] [--keep FOLDER]

Writes `incident_events` of 28 days (a file a day, one a minute for the last four hours), starts `ad-stream dashboard` over
it and asks over loopback; with chromium on the PATH also opens each view, ten times. Linux only (/proc).
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from measure import table

from benchmarks.dashboard import cpu_seconds, dashboard, get, megabytes, timed
from benchmarks.many_incidents import write_incidents, write_verdicts

VIEWS = {
    "list, 24 hours": ("#/incidents", ".plain-list .incident"),
    "list, all that are held": ("#/incidents?last=all", ".plain-list .incident"),
    "timeline, all that are held": ("#/incidents?last=all&show=time", ".lane .bar"),
    "swimlane, 31 days": ("#/incidents?last=744&show=lanes", ".heat td a"),
}
VISITS = 10


def answers(port: int, newest: datetime) -> Iterator[tuple[object, ...]]:
    """Yields (what, median, longest) in milliseconds."""
    day = f"{newest - timedelta(days=1):%Y-%m-%dT%H:%MZ}"
    yield "list of a day, ms", *timed(port, "/api/incidents", [{"from": day, "page": n} for n in range(20)])
    yield "list of all, ms", *timed(port, "/api/incidents", [{"page": n} for n in range(20)])
    levels = [{"level": "high", "site": f"plant-{n:02d}", "state": "closed"} for n in range(20)]
    yield "list by level, site and state, ms", *timed(port, "/api/incidents", levels)
    yield (
        "list, search in all devices, ms",
        *timed(port, "/api/incidents", [{"device": f"pump-{n:04d}"} for n in range(20)]),
    )
    for by in ("site", "device"):
        yield f"swimlane of 31 days by {by}, ms", *timed(port, "/api/lanes", [{"by": by, "minutes": 44_640}] * 10)
    ids = [row["id"] for row in get(port, "/api/incidents", size=200)["rows"]][::20]
    yield "one incident from the table, ms", *timed(port, "/api/incident", [{"id": one} for one in ids])


def visits(port: int) -> Iterator[tuple[object, ...]]:
    """Yields (what, median, longest): milliseconds from the address to rows that are shown, the page loaded anew each time."""
    from playwright.sync_api import sync_playwright

    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        return
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--disable-gpu", "--no-sandbox"])
        for name, (path, ready) in VIEWS.items():
            spent = [_visit(browser, f"http://127.0.0.1:{port}/{path}", ready) for _ in range(VISITS)]
            yield f"Chromium: {name}, ms", statistics.median(spent), max(spent)
        browser.close()


def _visit(browser: Any, address: str, ready: str) -> float:
    page = browser.new_page()
    begin = time.perf_counter()
    page.goto(address)
    page.locator(ready).first.wait_for()
    spent = time.perf_counter() - begin
    page.close()
    return spent * 1e3


def measure(tables: str, newest: datetime) -> Iterator[tuple[object, ...]]:
    """Yields (what, median, longest or remark)."""
    begin = time.perf_counter()
    with dashboard(tables) as (port, pid):
        while not get(port, "/api/incidents")["total"]:
            time.sleep(0.02)
        yield "from start to the first list, s", time.perf_counter() - begin, ""
        while get(port, "/api/state")["loaded"] < 1:
            time.sleep(0.1)
        yield "from start until all are read, s", time.perf_counter() - begin, f"{cpu_seconds(pid):.1f} CPU s"
        yield from answers(port, newest)
        yield from visits(port)
        now, peak = megabytes(pid)
        yield "resident memory of the server, MB", now, f"highest {peak:,.0f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--incidents", type=int, default=50_000)
    parser.add_argument("--keep", help="folder for the tables; without it a temporary one")
    given = parser.parse_args()
    newest = datetime.now(timezone.utc).replace(second=0, microsecond=0) - timedelta(minutes=3)
    with tempfile.TemporaryDirectory() as scratch:
        tables = given.keep or scratch
        write_verdicts(tables, newest)
        rows = write_incidents(tables, newest, given.incidents)
        print(f"{given.incidents:,} incidents, {rows:,} rows of incident_events\n")
        print(table(("what", "median", "longest"), list(measure(tables, newest))))


if __name__ == "__main__":
    main()
