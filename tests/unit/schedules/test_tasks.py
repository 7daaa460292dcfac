"""Tasks: what is wrong is a sentence for its field, the newest version counts, and the scheduler takes it without a restart."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from ad_stream import config as settings
from ad_stream.cli import app
from ad_stream.config.task import TaskError, config_of, schedules_of, task_of
from ad_stream.config.task_yaml import yaml_of
from ad_stream.config.yaml_text import read_yaml
from ad_stream.errors import InputError
from ad_stream.readers.contract import TimeRange
from ad_stream.readers.registry import reader_of
from ad_stream.schedules import tasks as stored
from ad_stream.schedules.commands import line, words_of
from ad_stream.schedules.folders import lock
from ad_stream.schedules.scheduler import Scheduler
from ad_stream.schedules.task_export import COLUMNS, csv_parts
from ad_stream.schedules.turn import turn_of
from tests.support.scheduled import NOON
from tests.support.written import verdict, write

TASK: dict[str, Any] = {
    "name": "ovens", "source": "plant", "dimensions": ["line", "machine"], "feature": "temp", "detector": "seasonal",
    "train": {"cron": "30 2 * * *", "time_zone": "Europe/Berlin"}, "predict": {"every": "15 minutes"},
    "tune": {"every": "monthly", "start": "2026-12-01T04:00"},
}  # fmt: skip
DB = {
    "kind": "postgresql",
    "host": "db",
    "database": "iot",
    "user": "u",
    "password": "${env:PLANT}",
    "table": "t",
    "signal": "s",
}


def base(tmp_path: Path, schedules: dict[str, Any] | None = None) -> settings.Config:
    (tmp_path / "plant.csv").write_text(
        "line,machine,time,temp\n1,press,2026-11-01T08:00Z,7\n2,oven,2026-11-01T08:01Z,8\n"
    )
    return settings.usual(
        str(tmp_path / "tables"),
        {
            "sources": {
                "plant": {"kind": "table_files", "path": str(tmp_path / "*.csv"), "device": "machine"},
                "db": DB,
                "hub": {"kind": "rest", "url": "http://hub", "devices": ["a"]},
                "old": {"kind": "influxdb", "url": "http://i", "database": "d", "measurement": "m", "values": ["x"]},
            },
            "schedules": schedules or {"tidy": {"run": "maintain", "every": "1 hour"}},
        },
    )


def test_a_task_is_a_run_of_its_own_over_its_source(tmp_path: Path) -> None:
    whole = base(tmp_path)
    task = task_of(TASK, whole)
    own = config_of(task, whole)
    rows = [row for batch in reader_of("plant", own.sources).read(TimeRange(0, 2**52)) for row in batch.to_pylist()]
    assert [(row["device"], row["value"]) for row in rows] == [("1/press", 7.0), ("2/oven", 8.0)]
    assert own.tables.path == str(tmp_path / "tables" / "_tasks" / "ovens" / "tables")
    assert (own.detection.detector.name, own.schedules, own.push) == ("seasonal", {}, [])
    jobs = schedules_of(task)
    assert [(name, job.run, job.tuned) for name, job in jobs.items()] == [
        ("ovens-train", "train", True), ("ovens-predict", "backfill", False), ("ovens-tune", "tune", False),
    ]  # fmt: skip
    assert (
        line(words_of(jobs["ovens-predict"], NOON, "c.yaml"))
        == "ad-stream tasks run ovens predict --config c.yaml --json"
    )


def test_the_yaml_of_a_task_is_a_configuration_that_validate_takes_and_keeps_references(tmp_path: Path) -> None:
    whole = base(tmp_path)
    text = yaml_of(task_of(TASK | {"source": "db"}, whole), whole)
    found = settings.parse(read_yaml(text))
    assert found.sources["db"] == config_of(task_of(TASK | {"source": "db"}, whole), whole).sources["db"]
    assert "${env:PLANT}" in text and set(found.schedules) == {"train", "predict", "tune"}
    assert (
        found.schedules["predict"].last == timedelta(days=1) and found.schedules["train"].time_zone == "Europe/Berlin"
    )


@pytest.mark.parametrize(
    ("said", "field", "sentence"),
    [
        ({"name": "../up"}, "name", "write letters, digits, - and _"),
        ({"name": "tidy job"}, "name", "write letters, digits"),
        ({"source": "plnat"}, "source", "there is no source 'plnat': did you mean 'plant'"),
        ({"source": "hub"}, "dimensions", "a source of kind rest has no column that names a series"),
        ({"source": "old"}, "dimensions", "a source of kind influxdb has one column that names a series"),
        ({"source": "old", "dimensions": ["tag"], "time": "ts"}, "time", "a source of kind influxdb has one time of its own"),
        ({"feature": ""}, "feature", "at least 1 character"),
        ({"feature": None}, "feature", "valid string"),
        ({"dimensions": ["x"] * 9}, "dimensions", "at most 8"),
        ({"detector": "prophet"}, "detector", "there is no such detector"),
        ({"detector": "ar"}, "train", "the detector ar learns nothing: leave out its training"),
        ({"train": {"cron": "30 25 * * *"}}, "train.cron", "the hour '25' is none of 0 to 23"),
        ({"predict": {"every": "20 seconds"}}, "predict.every", "an interval is whole minutes"),
        ({"predict": {}}, "predict", "give either cron or every"),
        ({"tune": {"every": "daily"}}, "tune", "every daily needs a start"),
        ({"train": {"cron": "0 2 * * *", "time_zone": "Europe/Berln"}}, "train.time_zone", "write a time zone such as"),
        ({"query": "select 1"}, "query", "Extra inputs"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_a_sentence_for_its_field(
    tmp_path: Path, said: dict[str, Any], field: str, sentence: str
) -> None:
    with pytest.raises(TaskError) as caught:
        task_of(TASK | said, base(tmp_path))
    assert field in caught.value.errors and sentence in caught.value.errors[field], caught.value.errors


def test_every_wrong_field_is_told_at_once_and_a_name_that_is_taken(tmp_path: Path) -> None:
    whole = base(tmp_path, {"ovens-train": {"run": "maintain", "every": "1 hour"}})
    with pytest.raises(TaskError) as caught:
        task_of(TASK | {"source": "x", "train": {"cron": "x"}, "predict": {"every": "x"}}, whole)
    assert set(caught.value.errors) == {"source", "train.cron", "predict.every", "name"}


def test_the_newest_version_counts_and_a_retired_task_has_no_jobs(tmp_path: Path) -> None:
    whole, tables = base(tmp_path), tmp_path / "tables"
    clock = [NOON]
    scheduler = Scheduler(whole, "none.yaml", now=lambda: clock[0])
    scheduler.begin()

    def jobs() -> list[str]:
        clock[0] += timedelta(seconds=3)
        scheduler.look()
        return sorted(scheduler.jobs)

    assert jobs() == ["tidy"]
    assert stored.save(tables, whole, TASK, owner="ann", now=NOON) == 1
    assert jobs() == ["ovens-predict", "ovens-train", "ovens-tune", "tidy"]
    changed = {**TASK, "tune": None, "predict": {"every": "1 hour"}}
    assert stored.save(tables, whole, changed, owner="bob", now=NOON - timedelta(days=1)) == 2, (
        "a clock that lags behind"
    )
    assert jobs() == ["ovens-predict", "ovens-train", "tidy"]
    assert scheduler.jobs["ovens-predict"].schedule.every == "1 hour"
    assert stored.newest(tables)["ovens"]["owner"] == "bob"
    assert stored.retire(tables, "ovens", owner="ann", now=NOON) == 3
    assert jobs() == ["tidy"]
    with pytest.raises(InputError, match="there is no task 'ovens'"):
        stored.task_named(tables, whole, "ovens")
    scheduler.close()


def test_a_task_whose_source_is_gone_is_told_and_keeps_no_other_from_running(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    whole, tables = base(tmp_path), tmp_path / "tables"
    stored.save(tables, whole, TASK, owner="ann", now=NOON)
    stored.save(tables, whole, TASK | {"name": "db", "source": "db"}, owner="ann", now=NOON)
    less = whole.model_copy(update={"sources": {"plant": whole.sources["plant"]}})
    scheduler = Scheduler(less, "none.yaml", now=lambda: NOON)
    scheduler.close()
    assert sorted(scheduler.jobs) == ["ovens-predict", "ovens-train", "ovens-tune", "tidy"]
    assert "the task db does not run: source: there is no source 'db'" in caplog.text


def test_predictions_are_a_csv_of_every_series(tmp_path: Path) -> None:
    whole = base(tmp_path)
    task = task_of(TASK, whole)
    with pytest.raises(InputError, match="there is no table 'detections'"):
        list(csv_parts(task, whole))
    own = Path(str(config_of(task, whole).tables.path))
    rows = [verdict(device, "temp", NOON, 20.0) for device in ("2/oven", '1/"a", b')]
    write(own, "detections", [*rows, verdict("2/oven", "temp", NOON, 30.0, reason="above", revision=1)])
    head, first, second = "".join(csv_parts(task, whole)).splitlines()
    assert head == ",".join(COLUMNS)
    assert first.startswith('"1/""a"", b",temp,2026-11-30T12:00:00Z,20.0,20.0,18.0,22.0,0.5,')
    assert second.startswith("2/oven,temp,2026-11-30T12:00:00Z,30.0,") and ",True," in second, "the highest revision"


def test_the_commands_save_list_print_and_retire(tmp_path: Path) -> None:
    base(tmp_path)
    file, task = tmp_path / "run.yaml", tmp_path / "ovens.yaml"
    file.write_text(
        f"source: {{kind: files, path: x}}\ntables: {{path: {tmp_path}/tables}}\n"
        f"sources: {{plant: {{kind: table_files, path: '{tmp_path}/*.csv'}}}}\n"
    )
    task.write_text(json.dumps(TASK))

    def said(*words: str) -> str:
        answer = CliRunner().invoke(app, ["tasks", *words, "--config", str(file)])
        assert answer.exit_code == 0, answer
        return answer.stdout

    assert said("save", str(task)) == "version 1 of ovens\n" and said("save", str(task)) == "version 2 of ovens\n"
    assert said("list") == "ovens@2 active: temp of plant, seasonal\n"
    assert settings.parse(read_yaml(said("yaml", "ovens"))).sources["plant"].kind == "table_files"
    listed = json.loads(CliRunner().invoke(app, ["jobs", "list", str(file), "--json"]).stdout)
    assert [(job["job"], job["command"]) for job in listed] == [
        ("ovens-train", "train"), ("ovens-predict", "backfill"), ("ovens-tune", "tune"),
    ]  # fmt: skip
    assert said("retire", "ovens") == "ovens is retired\n" and said("list") == "ovens@3 retired\n"
    wrong = CliRunner().invoke(app, ["tasks", "run", "ovens", "train", "--config", str(file)])
    assert "there is no task 'ovens'" in str(wrong.exception)


def test_steps_of_a_task_take_turns(tmp_path: Path) -> None:
    slept: list[float] = []
    with turn_of(tmp_path, "ovens"):
        first = lock(tmp_path / "_tasks" / "ovens" / "lock")
        assert first is None, "held as long as the step goes on"
    other = lock(tmp_path / "_tasks" / "ovens" / "lock")
    assert other is not None

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        other.release()

    with turn_of(tmp_path, "ovens", sleep=sleep):
        assert len(slept) == 1
