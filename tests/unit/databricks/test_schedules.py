"""The section `schedules` on Databricks: as jobs of a workspace, and as resources of the bundle."""

from __future__ import annotations

import runpy
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
import yaml
from databricks.bundles.jobs import Job
from typer.testing import CliRunner

from ad_stream import config as settings
from ad_stream.cli import app
from ad_stream.config.schedules import Schedule
from ad_stream.databricks.run import Order, submit_schedules
from ad_stream.databricks.schedules import quartz
from ad_stream.databricks.workspace import Workspace
from ad_stream.errors import ConfigError
from tests.unit.databricks.fake_workspace import ME, Fake
from tests.unit.databricks.test_bundle import resolved

ROOT = Path(__file__).resolve().parents[3]
SHIPPED = (ROOT / "conf" / "databricks.yaml").read_text(encoding="utf-8")
SECTION = """
schedules:
  night: {run: train, model: seasonal, last: 28 days, cron: "30 2 * * sun", time_zone: Europe/Berlin, retries: 2}
  judge: {run: backfill, last: 1 hour, every: 15 minutes}
  tidy: {run: maintain, every: two-weekly, start: 2026-12-06T03:00, time_limit: 2 hours}
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "plant.yaml"
    path.write_text(SHIPPED + SECTION)
    return path


def jobs_of(fake: Fake, workspace: Workspace, file: Path, tmp_path: Path, **more: Any) -> dict[str, Any]:
    wheel = tmp_path / "ad_stream-0.1.0-py3-none-any.whl"
    wheel.write_bytes(b"PK")
    submit_schedules(Order(file=file, config=settings.load(file), wheel=wheel, **more), workspace)
    return {job["name"]: job for job in fake.jobs.values()}


def test_each_schedule_becomes_a_job(fake: Fake, workspace: Workspace, file: Path, tmp_path: Path) -> None:
    jobs = jobs_of(fake, workspace, file, tmp_path, notify=["ops@example.com"])
    night, judge, tidy = (jobs[f"ad-stream plant {name}"] for name in ("night", "judge", "tidy"))
    assert night["schedule"] == {
        "quartz_cron_expression": "0 30 2 ? * SUN", "timezone_id": "Europe/Berlin", "pause_status": "UNPAUSED",
    }  # fmt: skip
    assert judge["schedule"]["quartz_cron_expression"] == "0 0/15 * * * ?"
    assert tidy["trigger"] == {"pause_status": "UNPAUSED", "periodic": {"interval": 2, "unit": "WEEKS"}}
    folder = f"/Workspace/Users/{ME}/.ad_stream/ad-stream-plant"
    [task] = night["tasks"]
    assert task["spark_python_task"] == {
        "python_file": f"{folder}/train.py",
        "parameters": ["--config", f"{folder}/config.yaml", "--model", "seasonal", "--days", "28"],
    }
    assert (task["max_retries"], tidy["tasks"][0]["timeout_seconds"], night["max_concurrent_runs"]) == (2, 7200, 1)
    assert judge["tasks"][0]["spark_python_task"]["parameters"][2:] == ["--last", "60 minutes"]
    assert night["email_notifications"] == {"on_failure": ["ops@example.com"]}


def test_a_second_time_changes_the_jobs_and_makes_none(
    fake: Fake, workspace: Workspace, file: Path, tmp_path: Path
) -> None:
    jobs_of(fake, workspace, file, tmp_path)
    jobs = jobs_of(fake, workspace, file, tmp_path, paused=True)
    assert len(fake.jobs) == 3
    assert jobs["ad-stream plant night"]["schedule"]["pause_status"] == "PAUSED"


def test_dry_run_prints_resources_that_the_bundle_takes_and_asks_nobody(file: Path) -> None:
    answer = CliRunner().invoke(app, ["submit", str(file), "--schedules", "--dry-run"])
    assert answer.exit_code == 0, answer.output
    printed = yaml.safe_load(answer.output)["resources"]["jobs"]
    ours = resolved("prod")["jobs"]["maintain"]
    assert set(printed) == {"night", "judge", "tidy"}
    for job in printed.values():
        Job.from_dict(job | {"tags": {}})
        assert job["environments"] == ours["environments"] and job["tags"] == "${var.tags}"
        assert job["tasks"][0]["spark_python_task"]["parameters"][:2] == [
            "--config",
            "${workspace.file_path}/${var.config}",
        ]
    parameters = printed["night"]["tasks"][0]["spark_python_task"]["parameters"]
    assert "tables.catalog=${var.catalog}" in parameters and parameters[-2:] == ["--days", "28"]
    assert printed["night"]["tasks"][0]["spark_python_task"]["python_file"] == "./jobs/train.py"


@pytest.mark.parametrize(
    ("when", "expression"),
    [
        ({"every": "once", "start": "2026-12-01T02:30", "time_zone": "Europe/Berlin"}, "0 30 2 1 12 ? 2026"),
        ({"every": "weekday", "start": "2026-12-01T02:30"}, "0 30 2 ? * MON,TUE,WED,THU,FRI"),
        ({"every": "monthly", "start": "2026-12-05T02:30"}, "0 30 2 5 * ?"),
        ({"every": "10 minutes", "start": "2026-12-01T02:33"}, "0 3/10 * * * ?"),
        ({"every": "1 hour"}, "0 0 * * * ?"),
        ({"every": "6 hours", "start": "2026-12-01T02:30"}, "0 30 2/6 * * ?"),
    ],
)
def test_every_rhythm_in_quartz(when: dict[str, Any], expression: str) -> None:
    assert quartz("x", Schedule(run="maintain", **when)) == expression


@pytest.mark.parametrize(
    ("section", "sentence"),
    [
        ("x: {run: maintain, every: 45 minutes}", "the schedule 'x' runs every 45 minutes, which Databricks cannot"),
        (
            "x: {run: propose, every: 1 hour}",
            "the schedule 'x' proposes, which reads tables in a folder of this machine",
        ),
        ("x: {run: tune, every: 1 hour}", "the schedule 'x' tunes, which reads tables in a folder"),
        (
            "x: {run: train, model: seasonal, last: 9 days, tuned: true, every: 1 hour}",
            "the schedule 'x' is tuned, which reads tables in a folder",
        ),
    ],
)
def test_what_databricks_cannot_is_refused(
    fake: Fake, workspace: Workspace, tmp_path: Path, section: str, sentence: str
) -> None:
    file = tmp_path / "plant.yaml"
    file.write_text(f"{SHIPPED}\nschedules:\n  {section}\n")
    with pytest.raises(ConfigError, match=sentence):
        jobs_of(fake, workspace, file, tmp_path)
    assert fake.jobs == {}


def test_dry_run_alone_and_schedules_with_a_job_are_refused(file: Path) -> None:
    alone = CliRunner().invoke(app, ["submit", str(file), "--dry-run"])
    assert "add --schedules" in str(alone.exception)
    both = CliRunner().invoke(app, ["submit", str(file), "--schedules", "--job", "iot"])
    assert "leave out --job, --from and --to" in str(both.exception)


def test_a_backfill_by_last_ends_now_or_where_it_is_told() -> None:
    script = runpy.run_path(str(ROOT / "jobs" / "backfill.py"), run_name="looked_at")
    noon = datetime(2026, 11, 30, 12, tzinfo=timezone.utc)

    def span(*words: str) -> list[str]:
        given = script["parser"].parse_args(["--config", "x", *words])
        return [f"{at:%d %H:%M}" for at in script["span_of"](given, noon)]

    assert span("--last", "1 hour") == ["30 11:00", "30 12:00"]
    assert span("--last", "1 day", "--to", "2026-11-10") == ["09 00:00", "10 00:00"]
    with pytest.raises(Exception, match="say with --from where to begin, or with --last how far back"):
        span()
    with pytest.raises(Exception, match="write a duration such as '2 minutes'"):
        span("--last", "soon")
    assert span("--from", "2026-11-01") == ["01 00:00", "30 12:00"]
