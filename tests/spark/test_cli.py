"""The commands that need Spark, one after the other on the same folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pyspark.sql import SparkSession
from typer.testing import CliRunner

from ad_stream.cli import app

CONFIG = Path(__file__).resolve().parents[2] / "conf" / "local.yaml"


def ask(*arguments: str) -> Any:
    answer = CliRunner().invoke(app, [*arguments, "--json"], catch_exceptions=False)
    assert answer.exit_code == 0
    return json.loads(answer.stdout)


def test_simulate_run_status_and_backfill_tell_the_same_story(spark: SparkSession, tmp_path: Path) -> None:
    places = {"source.path": "in/*.jsonl", "tables.path": "tables", "checkpoint": "checkpoint"}
    config = ["--config", str(CONFIG)]
    for key, place in places.items():
        config += ["--set", f"{key}={tmp_path / place}"]

    truth = ask("simulate", str(tmp_path / "in"), "--devices", "3", "--minutes", "60", "--seed", "5")
    ran = ask("run", *config)
    shown = ask("status", "--tables", str(tmp_path / "tables"))
    again = ask("run", *config)
    judged = ask("backfill", *config, "--from", truth["start"], "--to", "2026-11-02")

    assert ran["minutes_closed"] == truth["series_minutes"] == shown["minutes_closed"] == judged["minutes_judged"]
    assert ran["quarantined"] == truth["expected"]["quarantined"] == shown["quarantined"]
    assert (shown["running"], shown["scored"], shown["events"]) == (False, ran["scored"], ran["events"])
    assert again["minutes_closed"] == 0
