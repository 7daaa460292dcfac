"""`ad-stream schedule` and `ad-stream jobs` as a person types them, and the words that a run types."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from ad_stream.cli import app
from ad_stream.config.schedules import Schedule
from ad_stream.schedules.commands import counts_of, line, words_of
from tests.conftest import interruptible
from tests.support.children import child
from tests.support.scheduled import NOON

COMMAND = [sys.executable, "-c", "from ad_stream.cli import main; main()"]


@pytest.mark.parametrize(
    ("schedule", "typed"),
    [
        ({"run": "train", "model": "joint", "last": "14 days"}, "ad-stream train joint c.yaml --days 14 --json"),
        (
            {"run": "train", "model": "profile", "last": "36 hours", "candidate": True},
            "ad-stream train profile c.yaml --days 1.5 --candidate --json",
        ),
        (
            {"run": "backfill", "last": "1 hour"},
            "ad-stream backfill c.yaml --from 2026-11-30T11:00:00Z --to 2026-11-30T12:00:00Z --json",
        ),
        ({"run": "propose", "last": "7 days"}, "ad-stream propose --config c.yaml --days 7 --json"),
        (
            {"run": "train", "model": "seasonal", "last": "14 days", "tau": 0.5},
            "ad-stream train seasonal c.yaml --days 14 --tau 0.5 --json",
        ),
        (
            {"run": "train", "model": "isolation_forest", "last": "14 days", "tuned": True},
            "ad-stream train isolation_forest c.yaml --days 14 --tuned --json",
        ),
        (
            {"run": "tune", "last": "14 days", "alarms": 0.2, "model": "seasonal"},
            "ad-stream tune c.yaml --days 14 --alarms 0.2 --model seasonal --json",
        ),
        ({"run": "tune"}, "ad-stream tune c.yaml --json"),
        ({"run": "propose"}, "ad-stream propose --config c.yaml --json"),
        ({"run": "maintain"}, "ad-stream maintain c.yaml --json"),
    ],
)
def test_a_run_types_what_a_person_would(schedule: dict[str, Any], typed: str) -> None:
    assert line(words_of(Schedule(every="1 hour", **schedule), NOON, "c.yaml")) == typed


@pytest.mark.parametrize(
    ("answer", "counts"),
    [
        (b'{"learned": 3, "name": "x", "removed": {"a": 1, "b": 2}}', {"learned": 3, "removed": 3}),
        (b'[{"device_id": "a"}, {}]', {"rows": 2}),
        (b"no JSON", None),
        (b"", None),
        (b"7", None),
    ],
)
def test_counts_are_the_numbers_of_an_answer(answer: bytes, counts: dict[str, int] | None) -> None:
    found = counts_of(answer)
    assert (None if found is None else json.loads(found)) == counts


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "run.yaml"
    tables = tmp_path / "tables"
    tables.mkdir()
    path.write_text(
        f"source: {{kind: files, path: {tmp_path}}}\ntables: {{path: {tables}}}\n"
        "schedules:\n  ideas: {run: propose, cron: '30 2 29 2 *'}\n"
    )
    return path


@pytest.mark.slow
def test_a_scheduler_runs_what_is_asked_for_and_ends_cleanly_on_ctrl_c(file: Path) -> None:
    asked = ["jobs", "run", "ideas", "--config", str(file), "--follow"]
    with child(
        [*COMMAND, "schedule", str(file)], stderr=subprocess.PIPE, env=os.environ, preexec_fn=interruptible
    ) as one:
        assert one.stderr is not None
        assert one.stderr.readline().startswith("1 job, the next is due at 2028-02-29T02:30:00Z; Ctrl-C ends it")
        told = subprocess.run([*COMMAND, *asked], capture_output=True, text=True, timeout=120)
        one.send_signal(signal.SIGINT)
        assert one.stderr.read().startswith("the scheduler has stopped")
        assert one.wait(60) == 0
    run, first, said, last = told.stdout.splitlines()
    assert run.startswith("ideas@") and first.endswith(f"attempt 1: ad-stream propose --config {file} --json")
    assert "there is no table 'minutes'" in said and " failed: there is no table 'minutes'" in last
    assert told.returncode == 1 and f"the run {run} ended as failed: there is no table 'minutes'" in told.stderr
    [row] = json.loads(CliRunner().invoke(app, ["jobs", "runs", "ideas", "--config", str(file), "--json"]).stdout)
    assert (row["run_id"], row["state"], row["attempt"]) == (run, "failed", 1)
    assert CliRunner().invoke(app, ["jobs", "log", run, "--config", str(file)]).stdout == told.stdout.partition("\n")[2]


def test_jobs_are_listed_paused_and_resumed_without_a_scheduler(file: Path) -> None:
    def said(*words: str) -> str:
        answer = CliRunner().invoke(app, ["jobs", *words], env={"COLUMNS": "160"})
        assert answer.exit_code == 0, answer
        return answer.stdout

    assert "2028-02-29T02:30:00Z" in said("list", str(file)) and "No scheduler runs" in said("list", str(file))
    assert said("pause", "ideas", "--config", str(file)) == "ideas is paused\n"
    assert "paused" in said("list", str(file))
    assert json.loads(said("list", str(file), "--json"))[0]["next"] is None
    assert said("resume", "ideas", "--config", str(file)) == "ideas is no longer paused\n"
    assert said("runs", "ideas", "--config", str(file)) == "It has not run yet.\n"
    refused = CliRunner().invoke(app, ["jobs", "run", "ideas", "--config", str(file)])
    assert "start one with 'ad-stream schedule" in str(refused.exception)
