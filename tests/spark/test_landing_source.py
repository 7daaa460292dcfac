"""A named source as a stream: what a run lands itself and what a killed one had landed before, late rows among it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from pandas import read_csv
from typer.testing import CliRunner

from ad_stream.cli import app
from ad_stream.config import parse
from ad_stream.landing.folder import LandingFolder
from ad_stream.landing.lander import Lander
from ad_stream.pipeline.run import Summary, run
from ad_stream.readers.registry import reader_of
from ad_stream.sources.contract import HEARTBEAT
from tests.support.compare import read
from tests.support.streaming import with_tables
from tests.support.telemetry_table import whole_minute

MINUTE = timedelta(minutes=1)


def written(path: Path, rows: Iterable[tuple[datetime, str, float]]) -> None:
    lines = [f"{at.isoformat()},pump,{signal},{value}" for at, signal, value in rows]
    path.write_text("\n".join(["time,device,signal,value", *lines]))


def settings(folder: Path, **more: Any) -> dict[str, Any]:
    return {
        "sources": {"plant": {"kind": "table_files", "path": str(folder / "*.csv"), "recheck": "5 minutes"}},
        "source": {"kind": "landing", "from": "plant", "path": str(folder / "landing"), "longest": "30 minutes"},
        "tables": {"path": str(folder / "tables")}, "checkpoint": str(folder / "checkpoint"), "trigger": "available_now", **more,
    }  # fmt: skip


def stream(spark: Any, folder: Path, told: list[str]) -> Summary:
    return run(with_tables(parse(settings(folder)), spark), spark=spark, tell=told.append)


def test_each_row_comes_into_the_tables_once_and_a_late_one_goes_where_late_rows_go(spark: Any, tmp_path: Path) -> None:
    start = whole_minute(timedelta(hours=3))
    config, told = parse(settings(tmp_path)), list[str]()
    written(tmp_path / "a.csv", ((start + number * MINUTE, "t", float(number)) for number in range(41)))
    earlier = Lander(
        reader_of("plant", config.sources), LandingFolder(tmp_path / "landing"), longest=timedelta(minutes=30),
        clock=lambda: start + 41 * MINUTE,
    )  # fmt: skip
    with LandingFolder(tmp_path / "landing").owned():
        assert earlier.catch_up().rows == 41
    late = [(start + 36 * MINUTE, "t", 99.0), (start + 39 * MINUTE, "t", 100.0)]  # one behind the watermark, one before
    more = [(start + number * MINUTE, "t", float(number)) for number in range(42, 60)]
    written(tmp_path / "b.csv", [*late, *more, (start + 65 * MINUTE, HEARTBEAT, 0.0)])
    done = stream(spark, tmp_path, told)
    assert "plant: 2 readings came after their range had been read, and are landed now" in told
    minutes = read(tmp_path / "tables", "minutes").sort_values("minute")
    assert minutes["value"].tolist() == [float(number) for number in [*range(39), 100, 40, *range(42, 60)]]
    assert (done.events, done.late, done.duplicates, done.dropped_by_watermark) == (61, 1, 0, 0)
    assert read(tmp_path / "tables", "late")["value"].tolist() == [99.0]
    files = {path: path.stat().st_mtime_ns for path in (tmp_path / "landing").glob("*.parquet")}
    again = stream(spark, tmp_path, told)
    assert (again.events, files) == (0, {path: path.stat().st_mtime_ns for path in files})


def test_a_task_reads_its_source_by_its_columns_learns_and_hands_out_predictions(spark: Any, tmp_path: Path) -> None:
    start = whole_minute(timedelta(hours=3))
    lines = [
        f"{line},{(start + number * MINUTE).isoformat()},{number + 100 * line},9"
        for number in range(60)
        for line in (1, 2)
    ]
    (tmp_path / "plant.csv").write_text("\n".join(["line,ts,temp,rpm", *lines]))
    file, task = tmp_path / "run.yaml", tmp_path / "task.yaml"
    file.write_text(
        f"source: {{kind: files, path: x}}\ntables: {{path: {tmp_path}/tables}}\n"
        f"sources: {{plant: {{kind: table_files, path: {tmp_path}/*.csv}}}}\n"
    )
    task.write_text(
        "{name: ovens, source: plant, time: ts, dimensions: [line], feature: temp, predict: {every: 1 hour}, "
        "train: {every: 1 hour}}"
    )

    def said(*words: str) -> str:
        answer = CliRunner().invoke(app, ["tasks", *words, "--config", str(file)])
        assert answer.exit_code == 0, answer
        return (answer.stdout.splitlines() or [""])[-1]

    assert said("save", str(task)) == "version 1 of ovens"
    first = json.loads(said("run", "ovens", "train", "--json"))
    assert (first["version"], first["learned"]) == (1, 0) and first["minutes_closed"] > 100, "an hour teaches nothing"
    assert json.loads(said("run", "ovens", "predict", "--json"))["minutes_closed"] == 0, "each reading once"
    said("export", "ovens", "--out", str(tmp_path / "ovens.csv"))
    rows = read_csv(tmp_path / "ovens.csv", dtype={"device_id": str})
    assert set(rows["device_id"]) == {"1", "2"} and len(rows) == first["minutes_closed"]
    assert rows.loc[rows["device_id"] == "2", "value"].min() == 200
