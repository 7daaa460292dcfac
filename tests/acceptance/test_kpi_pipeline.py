"""Real curves through the whole pipeline: every point is judged once, as the detector judges it outside.

The curves of $AD_STREAM_SHARED/quality/data/kpi.parquet (3.5 million points, one or five minutes apart) become
devices: point i of a curve is sent at T0 + i minutes. CI takes the last 3,000 points of each curve; all of them are
the soak test.
"""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from ad_stream.config import Config, parse
from ad_stream.pipeline.operation.session import session
from ad_stream.pipeline.run import Summary, run
from ad_stream.pipeline.store.delta import DeltaTables
from ad_stream.scoring.verdicts import Scorer
from ad_stream.simulate.envelope import EnvelopeWriter, epoch_ms, heartbeat, iso

ROOT = Path(__file__).resolve().parents[2]
T0 = datetime(2026, 1, 1, tzinfo=timezone.utc)
MINUTE_MS = 60_000
pytestmark = pytest.mark.spark
DETECTOR = Config.model_fields["detection"].default.detector


@dataclass
class Judged:
    """A finished run over some curves: what went in, what the stream said, what it wrote, the folder with all of it."""

    points: pd.DataFrame
    summary: Summary
    written: pd.DataFrame
    folder: Path
    window: int


@pytest.fixture(scope="module")
def quality() -> Path:
    folder = ROOT / os.environ.get("AD_STREAM_SHARED", "../shared") / "quality"
    if not (folder / "evaluate.py").exists():
        pytest.fail(f"there is no {folder}/evaluate.py: name the folder with quality/ in AD_STREAM_SHARED")
    return folder


@pytest.fixture(scope="module")
def spark() -> SparkSession:
    return session()


@pytest.fixture(
    scope="module",
    params=[
        pytest.param((3_000, 15_000), id="last-3000-points", marks=pytest.mark.acceptance),
        pytest.param((None, 250_000), id="all-points", marks=pytest.mark.soak),
    ],
)
def judged(
    request: pytest.FixtureRequest, quality: Path, spark: SparkSession, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Judged]:
    last, rows_per_file = request.param
    folder = tmp_path_factory.mktemp("kpi")
    config = parse({
        "source": {"kind": "files", "path": str(folder / "in"), "files_per_trigger": 1},
        "telemetry": {"signals": ["value"]}, "tables": {"path": str(folder / "tables")},
        "checkpoint": str(folder / "checkpoint"), "trigger": "available_now",
    })  # fmt: skip
    window = Scorer.of(config.detection).detector.points
    points = curves(quality, folder, last, window)
    send(points, folder / "in", rows_per_file, config.minutes.watermark)
    summary = run(config, spark=spark)
    print(f"\n{summary.sentence()}; {summary.cpu_seconds:.0f} CPU s, {summary.scoring_seconds:.0f} of them scoring")
    yield Judged(points, summary, verdicts(config, spark, folder), folder, window)


def curves(quality: Path, folder: Path, last: int | None, window: int) -> pd.DataFrame:
    """series_id, timestamp (s), value, label, nth; a copy of them with its own series.csv lies in `folder`."""
    points = pd.read_parquet(quality / "data" / "kpi.parquet").astype({"series_id": str})
    if last is not None:
        points = points.groupby("series_id").tail(last)
    points = points.reset_index(drop=True).assign(nth=points.groupby("series_id").cumcount().to_numpy())
    series = pd.read_csv(quality / "data" / "series.csv").set_index("series_id")
    # Outside, the detector judges full windows only: compare from the first of them on.
    first_full = points[points["nth"] == window].set_index("series_id")["timestamp"]
    series = series.loc[first_full.index]
    series["score_from"] = np.maximum(series["score_from"], first_full)
    series.to_csv(folder / "series.csv")
    points.drop(columns="nth").to_parquet(folder / "kpi.parquet")
    return points


def send(points: pd.DataFrame, folder: Path, rows_per_file: int, watermark: timedelta) -> None:
    """The points in the order of their new times, in files of rows_per_file, and the heartbeat that ends them."""
    writer = EnvelopeWriter(folder)
    ordered = points.sort_values(["nth", "series_id"], kind="stable")
    at = epoch_ms(T0) + ordered["nth"].to_numpy() * MINUTE_MS
    for begin in range(0, len(ordered), rows_per_file):
        part = slice(begin, begin + rows_per_file)
        columns = zip(ordered["series_id"][part], ordered["value"][part].tolist(), iso(at[part]), strict=True)
        writer.write_lines(
            f'{{"body": "{base64.b64encode(json.dumps({"value": value}).encode()).decode()}", "enqueuedTime": "{time}", '
            f'"partition": "1", "sequence": {sequence}, "systemProperties": {{"iothub-connection-device-id": "{name}"}}}}\n'
            for sequence, (name, value, time) in enumerate(columns, begin)
        )
    writer.write([heartbeat(int(at[-1]), watermark=watermark)])


def verdicts(config: Config, spark: SparkSession, folder: Path) -> pd.DataFrame:
    """The rows of `detections`: series_id, nth, value, score, is_anomaly, status."""
    rows = DeltaTables(spark, config.tables).read("detections")
    nth = (F.unix_seconds("minute") - int(T0.timestamp())) / 60
    rows.select(
        F.col("device_id").alias("series_id"), nth.cast("long").alias("nth"), "value", "score", "is_anomaly", "status"
    ).write.parquet(str(folder / "written"))
    return pd.read_parquet(folder / "written")


def evaluate(quality: Path, folder: Path, *arguments: str) -> dict[str, Any]:
    """What the harness says of a detector or of scores, over the curves in `folder`."""
    saved = folder / f"result-{len(list(folder.glob('result-*')))}.json"
    command = [
        sys.executable,
        str(quality / "evaluate.py"),
        "--data",
        str(folder / "kpi.parquet"),
        "--no-vus",
        "--save",
        str(saved),
    ]
    subprocess.run([*command, *arguments], check=True, cwd=ROOT, capture_output=True)
    found: dict[str, Any] = json.loads(saved.read_text())
    return found


def test_every_point_of_every_curve_is_in_detections_exactly_once_with_its_value(judged: Judged) -> None:
    both = judged.points.merge(
        judged.written, on=["series_id", "nth"], how="outer", suffixes=("", "_written"), indicator=True
    )
    assert len(judged.written) == len(judged.points) == len(both)
    assert (both["_merge"] == "both").all()
    assert (both["value"] == both["value_written"]).all()
    assert judged.summary.minutes_closed == judged.summary.events == len(judged.points)
    assert judged.summary.late == judged.summary.dropped_by_watermark == judged.summary.duplicates == 0
    assert judged.summary.quarantined == {}


def test_what_the_pipeline_wrote_scores_as_the_detector_itself(judged: Judged, quality: Path) -> None:
    scores = judged.points.merge(judged.written[["series_id", "nth", "score", "is_anomaly"]], on=["series_id", "nth"])
    scores[["series_id", "timestamp", "score", "is_anomaly"]].to_parquet(judged.folder / "scores.parquet")
    direct_scores = judged.folder / "direct.csv"

    written = evaluate(quality, judged.folder, "--scores", str(judged.folder / "scores.parquet"))
    direct = evaluate(
        quality, judged.folder, "--detector", f"ad_stream.evaluation.adapters:{DETECTOR}", "--window", str(judged.window),
        "--dump", str(direct_scores),
    )  # fmt: skip

    print("\npipeline:", {key: written[key] for key in ("points", "F1best", "F1flag", "AUCPR")})
    print("direct:  ", {key: direct[key] for key in ("points", "F1best", "F1flag", "AUCPR")})
    assert written["points"] == direct["points"] > 0
    assert written["F1best"] == pytest.approx(direct["F1best"], rel=0.01)
    assert written["F1flag"] == pytest.approx(direct["F1flag"], rel=0.01)
    point_by_point = pd.read_csv(direct_scores).merge(scores, on=["series_id", "timestamp"], suffixes=("_direct", ""))
    known = np.isfinite(point_by_point["score_direct"])
    np.testing.assert_allclose(
        point_by_point["score"][known], point_by_point["score_direct"][known], rtol=1e-6, atol=1e-9
    )
    assert (point_by_point["is_anomaly"] == point_by_point["is_anomaly_direct"]).all()
