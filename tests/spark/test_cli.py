"""The commands that need Spark, one after the other on the same folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession
from typer.testing import CliRunner

from ad_stream.cli import app

CONFIG = Path(__file__).resolve().parents[2] / "conf" / "local.yaml"


def ask(*arguments: str) -> Any:
    answer = CliRunner().invoke(app, [*arguments, "--json"], catch_exceptions=False)
    assert answer.exit_code == 0
    return json.loads(answer.stdout)


def test_simulate_run_status_and_backfill_tell_the_same_story(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    truth = ask("simulate", "--devices", "3", "--minutes", "60", "--seed", "5")
    ran = ask("run", "--config", str(CONFIG))
    shown = ask("status")
    again = ask("run", "--config", str(CONFIG))
    judged = ask("backfill", "--config", str(CONFIG), "--from", truth["start"], "--to", "2026-11-02")

    assert ran["minutes_closed"] == truth["series_minutes"] == shown["minutes_closed"] == judged["minutes_judged"]
    assert ran["quarantined"] == truth["expected"]["quarantined"] == shown["quarantined"]
    assert (shown["running"], shown["scored"], shown["events"]) == (False, ran["scored"], ran["events"])
    assert again["minutes_closed"] == 0
