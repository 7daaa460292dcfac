"""The same messages give the same tables on a cluster with two workers, and through a Spark Connect server."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
import yaml
from pyspark.sql import SparkSession

from ad_stream.config import parse
from ad_stream.pipeline.backfill import backfill
from ad_stream.pipeline.run import run
from ad_stream.simulate import simulate
from ad_stream.simulate.power_bi.receiver import PowerBIReceiver
from tests.support.cluster import CODE, SMALL, Cluster
from tests.support.compare import KEYS, Difference, differences
from tests.support.connect_server import ConnectServer

START = datetime(2026, 11, 1, 22, 30, tzinfo=timezone.utc)
SAME = dict.fromkeys(KEYS, Difference(lost=0, doubled=0, wrong=0, extra=0))
COUNTS = (
    "events", "non_telemetry", "duplicates", "dropped_by_watermark", "batches", "minutes_closed", "scored", "anomalies",
    "warming_up", "declined", "quarantined", "late",
)  # fmt: skip
DETECTION = {"points": 60, "sensitivity": 99}
COMMAND = "from ad_stream.cli import main; main()"
# Two runs, a backfill and the door in one process, whose session is that of the server.
OVER_CONNECT = """
import json, sys
from datetime import timedelta
from ad_stream.config.overrides import moment
from ad_stream.config import load
from ad_stream.pipeline import detect
from ad_stream.pipeline.backfill import backfill
from ad_stream.pipeline.run import run
from ad_stream.pipeline.operation.session import session
config, start, told = load(sys.argv[1]), moment(sys.argv[2]), []
ran, again = run(config, progress=told.append), run(config)
spark = session()
minutes = spark.read.format("delta").load(f"{config.tables.path}/minutes").where("revision = 0")
door = detect(minutes, device="device_id", time="minute", value="value", signal="signal", points=60, sensitivity=99)
judged = backfill(config, start=start, end=start + timedelta(days=1))
print(json.dumps({
    "session": type(spark).__module__, "ran": ran.as_dict(), "again": again.as_dict(), "judged": judged.as_dict(),
    "door": door.where("is_anomaly").count(), "told": [batch.counts["scored"] for batch in told],
    "spans": [str(batch.first) for batch in told],
}))
"""


def content(telemetry: Path, folder: Path, **more: Any) -> dict[str, Any]:
    return {
        "source": {"kind": "files", "path": f"{telemetry}/*.jsonl", "files_per_trigger": 1},
        "telemetry": {"event_time": "time"},
        "detection": DETECTION,
        "tables": {"path": str(folder / "tables")},
        "checkpoint": str(folder / "checkpoint"),
        "trigger": "available_now",
        **more,
    }


def python(code: str, *arguments: str, **environ: str) -> dict[str, Any]:
    """What a process of its own prints, as JSON."""
    whole = {**os.environ, **environ, "PYTHONPATH": CODE}
    whole.pop("AD_STREAM_MASTER", None) if "SPARK_REMOTE" in environ else None
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], env=whole, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return dict(json.loads(done.stdout.splitlines()[-1]))


@pytest.fixture(scope="module")
def telemetry(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two hours of three devices with faults and every kind of bad traffic, over a midnight, in three batches."""
    folder = tmp_path_factory.mktemp("telemetry")
    simulate(folder, devices=3, start=START, minutes=120, minutes_per_file=40, seed=11)
    return folder


@pytest.fixture(scope="module")
def here(spark: SparkSession, telemetry: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """The tables of a local run, and its summary."""
    folder = tmp_path_factory.mktemp("here")
    summary = run(parse(content(telemetry, folder)), spark=spark).as_dict()
    assert summary["batches"] >= 3
    assert min(summary[name] for name in ("scored", "anomalies", "warming_up", "late", "duplicates")) > 0
    return folder / "tables", summary


@pytest.mark.soak
def test_two_workers_give_the_tables_that_local_mode_gives(here: Any, telemetry: Path, tmp_path: Path) -> None:
    config = tmp_path / "run.yaml"
    config.write_text(yaml.safe_dump(content(telemetry, tmp_path, spark=SMALL)))
    with Cluster(tmp_path / "cluster") as cluster:
        ran = python(COMMAND, "run", "--config", str(config), "--json", AD_STREAM_MASTER=cluster.url)
        assert cluster.executors_seen() == {"worker-0": 1, "worker-1": 1}
    assert differences(tmp_path / "tables", here[0]) == SAME
    assert {name: ran[name] for name in COUNTS} == {name: here[1][name] for name in COUNTS}
    assert (ran["cpu_seconds"], ran["scoring_seconds"] > 0) == (None, True)


@pytest.mark.soak
@pytest.mark.skipif(importlib.util.find_spec("grpc_status") is None, reason="the packages of Spark Connect are missing")
def test_spark_connect_gives_the_tables_that_a_classic_session_gives(
    here: Any, spark: SparkSession, telemetry: Path, tmp_path: Path
) -> None:
    config = tmp_path / "run.yaml"
    push = [{"kind": "power_bi", "url": "${env:PUSH_HERE}", "requests_per_second": 5, "streaming_tile": False}]
    config.write_text(yaml.safe_dump(content(telemetry, tmp_path, push=push)))
    with PowerBIReceiver(streaming_tile=False, requests_per_second=5) as receiver:
        environ = {"PUSH_HERE": receiver.url}
        with ConnectServer(tmp_path / "server", environ) as server:
            found = python(OVER_CONNECT, str(config), START.isoformat(), SPARK_REMOTE=server.url, **environ)
    assert found["session"].startswith("pyspark.sql.connect")
    ran, again = found["ran"], found["again"]
    assert {name: ran[name] for name in COUNTS} == {name: here[1][name] for name in COUNTS}
    assert (ran["pushed"], ran["push_failed"], receiver.count) == (ran["scored"], 0, ran["scored"])
    assert (again["minutes_closed"], again["scored"], ran["cpu_seconds"]) == (0, 0, None)
    assert (sum(found["told"]), found["spans"][0]) == (ran["scored"], str(START))
    assert found["door"] == ran["anomalies"]
    judged = backfill(
        parse(content(telemetry, here[0].parent)), start=START, end=START.replace(day=2, hour=22), spark=spark
    )
    assert found["judged"] == judged.as_dict() and judged.minutes_revised > 0
    assert differences(tmp_path / "tables", here[0]) == SAME
