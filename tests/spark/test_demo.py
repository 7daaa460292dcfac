"""The demo end to end, small: the real stream over a simulated fleet, and over a person's own CSV."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from pyspark.sql import SparkSession

from ad_stream.config import parse_detection
from ad_stream.dashboard.watcher import Watch
from ad_stream.demo import demo, own
from ad_stream.durations import parse_duration
from ad_stream.grid import Grid
from ad_stream.incidents.alarms import with_slow_flags
from ad_stream.own_data.judge import judge
from ad_stream.tables.reader import read_detections, read_rows
from tests.support import slow_reader

KEYS = [
    *("devices", "signals", "minutes_scored", "faults", "false_alarms_per_series_day", "incidents", "quarantined"),
    *("late", "duplicates", "fallback", "cpu_seconds_per_million", "wall_seconds", "tables", "report"),
]


def test_a_simulated_morning_is_scored_counted_and_drawn(spark: SparkSession, tmp_path: Path) -> None:
    seen: list[tuple[str, float]] = []
    result = demo(tmp_path / "demo", devices=6, minutes=420, seed=11, steps=lambda *step: seen.append(step))
    answer = json.loads(json.dumps(result.as_dict()))
    detections = read_detections(answer["tables"])
    expected: dict[str, Any] = result.truth.expected

    assert list(answer) == KEYS
    assert len(detections) == result.truth.series_minutes
    assert answer["minutes_scored"] == (detections["status"] == "scored").sum() > 0
    assert (answer["quarantined"], answer["late"]) == (expected["quarantined"], expected["late"])
    assert answer["duplicates"] == expected["duplicates"]
    assert {one["kind"] for one in answer["faults"]} == {one.kind for one in result.truth.faults}
    asked = read_rows(answer["tables"], "detections", ["detector", "points", "imputed"])
    new = asked.query("points < 30 and points - imputed >= 12")
    assert set(new["detector"]) == {"azure_api"}
    assert answer["fallback"]["calls"] >= len(new) > 0
    assert answer["fallback"]["failed"] == 0
    assert any(one["found"] for one in answer["faults"])
    assert [one["found"] for one in answer["faults"] if one["kind"] == "silence"] == [True]
    assert result.streamed.received == answer["minutes_scored"]
    assert result.streamed.violations == []
    assert seen[-1] == ("streaming", 1.0)
    assert Path(answer["report"]).read_text(encoding="utf-8").count("<figure") == len(answer["faults"]) + len(
        result.comparison.alarms
    )
    watched = Watch(answer["tables"])
    while watched.look():
        pass
    assert len(watched.fleet) == detections.groupby(["device_id", "signal"]).ngroups
    assert len(watched.flags.rows) == with_slow_flags(detections)["is_anomaly"].sum() > 0
    assert watched.health.total("batches")["scored"] == answer["minutes_scored"]
    assert sum(watched.health.total("quarantine").values()) == sum(expected["quarantined"].values())


@pytest.mark.soak
@pytest.mark.parametrize(
    "every",
    ["10 seconds", "5 minutes", "1 hour"],
)
def test_the_same_morning_in_other_windows_stores_what_a_slow_reader_finds(
    every: str, spark: SparkSession, tmp_path: Path
) -> None:
    grid = Grid.of(parse_duration(every))
    result = demo(tmp_path / "demo", devices=2, minutes=420, seed=11, grid=grid)
    seen = slow_reader.read(tmp_path / "demo" / "messages", every=grid.every)
    stored = read_rows(result.streamed.tables, "minutes", ["device_id", "signal", "minute", "value"])
    found = {(one.device_id, one.signal, one.minute.to_pydatetime()): one.value for one in stored.itertuples()}
    assert found == {key: max(values) for key, values in seen.values.items()}
    assert (result.quarantined, result.late) == (dict(sorted(seen.quarantined.items())), seen.late)
    assert len(result.detections) == len(found)
    assert result.comparison.grid == grid and result.report.is_file()


def test_a_persons_own_csv_is_flagged_at_its_own_times_and_as_without_spark(
    spark: SparkSession, tmp_path: Path
) -> None:
    csv = tmp_path / "pump.csv"
    values = [20 + math.sin(hour / 4) + (hour * 7919 % 13) / 40 + (9 if hour == 150 else 0) for hour in range(200)]
    lines = [
        f"2026-03-{1 + hour // 24:02d} {hour % 24:02d}:00,{value:.3f},{value * (1.5 if hour == 170 else 1):.2f}"
        for hour, value in enumerate(values)
    ]
    csv.write_text("time,temp,load\n" + "\n".join(lines) + "\n2026-03-09 08:00,broken,21\n")

    result = own(csv, tmp_path / "own")
    answer = json.loads(json.dumps(result.as_dict()))

    assert (answer["devices"], answer["rows"], answer["quarantined"]) == (1, 201, {"not_a_number": 1})
    assert {"2026-03-07 06:00", "2026-03-08 02:00"} <= {one["first"] for one in answer["anomalies"]}
    assert "2026-03-07 06:00" in Path(answer["report"]).read_text(encoding="utf-8")
    assert len(read_rows(answer["tables"], "minutes", ["device_id"])) == 401
    alone = judge(csv, parse_detection({}))
    columns = [
        "signal",
        "minute",
        "value",
        "expected",
        "upper_margin",
        "score",
        "is_anomaly",
        "continuing",
        "status",
        "reason",
    ]
    left, right = (
        one.sort_values(["signal", "minute"], ignore_index=True)[columns]
        for one in (alone.detections, result.verdicts.detections)
    )
    pd.testing.assert_frame_equal(left, right, check_dtype=False, rtol=1e-9)
    assert [one["first"] for one in alone.alarm_rows()] == [one["first"] for one in answer["anomalies"]]
