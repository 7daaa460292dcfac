"""What settings of single series cost a trigger, and what what-if costs a day; no Spark.

    python benchmarks/series_config.py [SERIES]        default 100000 for the trigger, 1000 for the day

Trigger: one new minute of every series, 120 points of history, the scoring function's work over all groups, with no
rules, and with 300 rules of several kinds. Version: how long a batch takes to learn that the table has not changed.
Day: `ad-stream whatif` on 1,000 series over 1,440 minutes, 1,201 points, in a process of its own.
"""

from __future__ import annotations

import sys
import tempfile
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path
from statistics import median
from typing import Any

import measure
import numpy as np
import pyarrow as pa

MINUTE = timedelta(minutes=1)
NOW = datetime(2026, 11, 1, tzinfo=timezone.utc)
POINTS, RULES, GROUPS, TURNS = 120, 300, 8, 5
DAY_SERIES, DAY, BEFORE = 1_000, 1_440, 1_300
KINDS: dict[str, list[dict[str, Any]]] = {
    "no rules": [],
    "a name each": [{"device": f"site{n % 300:03d}-dev-{n:06d}", "sensitivity": 90} for n in range(RULES)],
    "a beginning each, 20 sensitivities": [
        {"device": f"site{n:03d}-*", "sensitivity": 75 + n % 20} for n in range(RULES)
    ],
    "a beginning each, 300 min_deviations": [
        {"device": f"site{n:03d}-*", "min_deviation": n / 100} for n in range(RULES)
    ],
    "an end each": [{"device": f"*-{n:03d}", "min_deviation": n / 100} for n in range(RULES)],
    "a beginning each, muted": [{"device": f"site{n:03d}-*", "mute_from": NOW} for n in range(RULES)],
}


def parent() -> None:
    """Triggers, the look at the version, the day."""
    series = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    rows = []
    for kind in KINDS:
        found = measure.child(__file__, {"kind": kind, "series": series})
        rows.append([kind, found["trigger"], found["us"]])
        print(rows[-1], file=sys.stderr, flush=True)
    print(f"scoring of a trigger, {series} series, {POINTS} points, {RULES} rules, medians of {TURNS}")
    print(
        measure.table(
            ["rules", "CPU s a trigger", "us a series"], [[*row[:1], *(f"{x:.2f}" for x in row[1:])] for row in rows]
        )
    )
    look = measure.child(__file__, {"kind": "version"})
    print(f"\nthe look at the version of an unchanged table with 200 versions: {look['us']:.0f} us")
    day = measure.child(__file__, {"kind": "day"})
    print(f"what-if, {DAY_SERIES} series x {DAY} minutes, default at 1,201 points (goal 60 s):")
    print(
        f"  {day['seconds']:.1f} s wall, {day['work']:.1f} CPU s, peak {day['peak_mb']:.0f} MB, {day['minutes']} minutes"
    )


def child(task: dict[str, Any]) -> dict[str, Any]:
    """One measurement in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        if task["kind"] == "version":
            return version(Path(folder))
        return day(Path(folder)) if task["kind"] == "day" else trigger(task["kind"], task["series"])


def trigger(kind: str, series: int) -> dict[str, Any]:
    """CPU seconds of all groups of a trigger."""
    from ad_stream.config import parse_detection
    from ad_stream.scoring.matrix import Packed, Rows
    from ad_stream.scoring.verdicts import Scorer, verdicts
    from ad_stream.series_config.rows import rules_of

    base = parse_detection({"points": POINTS})
    scorer = Scorer.of(base).under(rules_of([{"changed": NOW, **row} for row in KINDS[kind]], base))
    count = series // GROUPS
    rng, ids = np.random.default_rng(1), np.arange(count)
    values = 20 + rng.normal(size=(POINTS, count))
    past = Packed(np.arange(POINTS - 1), [ids] * (POINTS - 1), list(values[:-1]))
    rows = Rows(ids, np.full(count, POINTS - 1), values[-1])
    names = [
        np.array([f"site{n % 300:03d}-dev-{n:06d}" for n in range(g, series, GROUPS)], dtype=object)
        for g in range(GROUPS)
    ]
    signals = np.full(count, "value", dtype=object)
    used = []
    for _ in range(TURNS):
        started = time.process_time()
        for devices in names:
            verdicts(devices[:count], signals, rows, past, scorer)
        used.append(time.process_time() - started)
    return {"trigger": median(used), "us": median(used) / series * 1e6}


def version(folder: Path) -> dict[str, Any]:
    """As the stream looks in every batch, where the tables are a folder."""
    from ad_stream.config import Tables as Place
    from ad_stream.pipeline.store.delta import DeltaTables
    from ad_stream.series_config import table
    from ad_stream.tables.catalog import SERIES_CONFIG

    for number in range(200):
        table.append(folder, {"device": "a", "sensitivity": number % 100}, now=NOW)
    tables = DeltaTables(None, Place(path=str(folder)))  # type: ignore[arg-type] # no session: the look needs none
    started = time.process_time()
    for _ in range(1000):
        tables.version(SERIES_CONFIG.name)
    return {"us": (time.process_time() - started) * 1000}


def day(folder: Path) -> dict[str, Any]:
    """What-if over a day that is written here."""
    from deltalake import write_deltalake

    from ad_stream.config import parse_detection
    from ad_stream.whatif import whatif

    rng = np.random.default_rng(1)
    devices = np.array([f"dev-{n:05d}" for n in range(DAY_SERIES)])
    for hour in range(0, BEFORE + DAY, 60):
        count = min(60, BEFORE + DAY - hour)
        at = np.repeat(
            np.datetime64(NOW.replace(tzinfo=None), "us") + np.arange(hour, hour + count) * np.timedelta64(1, "m"),
            DAY_SERIES,
        )
        frame = {
            "device_id": np.tile(devices, count), "signal": ["value"] * len(at),
            "minute": pa.array(at.astype("datetime64[us]"), type=pa.timestamp("us", tz="UTC")),
            "revision": pa.array(np.zeros(len(at), dtype=np.int32)), "value": 20 + rng.normal(size=len(at)),
        }  # fmt: skip
        write_deltalake(str(folder / "minutes"), pa.table(frame), mode="append")
        flags = {
            "is_anomaly": rng.random(len(at)) < 1e-3,
            "severity": rng.random(len(at)),
            "config_version": ["0"] * len(at),
        }
        texts = {name: ["above"] * len(at) for name in ("reason", "detector")}
        write_deltalake(str(folder / "detections"), pa.table({**frame, **flags, **texts}), mode="append")
    started, cpu = time.monotonic(), time.process_time()
    start = NOW + BEFORE * MINUTE
    found = whatif(folder, parse_detection({"sensitivity": 90}), start=start, end=start + DAY * MINUTE)
    return {"seconds": time.monotonic() - started, "work": time.process_time() - cpu, "minutes": found.minutes}


if __name__ == "__main__":
    measure.main(__file__, parent, child)
