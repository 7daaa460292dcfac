"""Each planned time runs once, whoever looks; what was missed follows the policy; a run that is ended says why."""

from __future__ import annotations

import json
import os
import signal
from collections import Counter
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from ad_stream import config as settings
from ad_stream.config.schedules import Schedule
from ad_stream.errors import ConfigError, InputError, RunError
from ad_stream.schedules.centre import LocalCentre
from ad_stream.schedules.folders import JobFolder
from ad_stream.schedules.planned import times_between
from ad_stream.schedules.scheduler import Scheduler
from tests.support.children import alive
from tests.support.scheduled import NOON, Plant
from tests.support.waiting import wait_for

HOURLY: dict[str, Any] = {"run": "maintain", "every": "1 hour"}
MINUTE = timedelta(minutes=1)


def later(minutes: float) -> datetime:
    return NOON + minutes * MINUTE


@pytest.mark.slow
@pytest.mark.parametrize("month", [(2026, 3), (2026, 10)], ids=["spring", "autumn"])
def test_in_a_month_with_a_change_of_clocks_every_job_runs_once_when_it_should(
    tables: Path, month: tuple[int, int]
) -> None:
    first = datetime(*month, 1, tzinfo=timezone.utc)
    last = first + timedelta(days=31)
    jobs: dict[str, Any] = {
        "night": {"run": "propose", "cron": "30 2 * * *", "time_zone": "Europe/Berlin"},
        "sunday": {"run": "maintain", "every": "sunday", "start": "2026-01-01T02:30", "time_zone": "Europe/Berlin"},
        "half": {"run": "maintain", "every": "84 hours"},
    }
    plant = Plant(tables, jobs, first)
    other = plant.started()
    while plant.scheduler.next is not None and plant.scheduler.next <= last:
        plant.clock.now = plant.scheduler.next
        other.look()
        plant.look()
        while other.busy:
            other.look()
    rows = plant.rows()
    for name, text in jobs.items():
        due = list(times_between(Schedule(**text), first, last))
        assert [row.planned for row in rows if row.job == name] == due, name
    assert {row.state for row in rows} == {"succeeded"}
    assert Counter(row.job for row in rows)["night"] == 31


def test_the_first_look_at_a_job_catches_nothing_up(tables: Path) -> None:
    plant = Plant(tables, {"tidy": HOURLY})
    plant.look(later(30))
    assert plant.told() == []


@pytest.mark.parametrize(
    ("policy", "states"),
    [
        ("skip", ["missed"] * 3),
        ("once", ["missed", "missed", "succeeded"]),
        ("all", ["succeeded"] * 3),
    ],
)
def test_what_came_while_nobody_looked_follows_the_policy(tables: Path, policy: str, states: list[str]) -> None:
    plant = Plant(tables, {"tidy": HOURLY | {"catch_up": policy}})
    for _ in range(4):
        plant.look(later(3 * 60 + 5))
    assert plant.told() == [(f"11-30 {hour}:00", state) for hour, state in zip((13, 14, 15), states, strict=True)]
    missed = next((row for row in plant.rows() if row.state == "missed"), None)
    assert missed is None or missed.reason == f"it was 125 minutes late, and catch_up is {policy}"
    plant.look(later(4 * 60))
    assert plant.told()[-1] == ("11-30 16:00", "succeeded"), "the next planned time is on time again"


def test_a_second_firing_of_a_planned_time_is_nothing(tables: Path) -> None:
    plant = Plant(tables, {"tidy": HOURLY})
    plant.look(later(60))
    folder = JobFolder(tables, "tidy")
    folder.set_through(NOON)  # as if the one that ran it had been killed before it could write this
    plant.started().look()
    assert plant.told() == [("11-30 13:00", "succeeded")]
    assert folder.claim(later(60)) is None


def test_a_time_that_was_claimed_by_one_that_died_at_once_is_told_and_not_run(tables: Path) -> None:
    plant = Plant(tables, {"tidy": HOURLY})
    assert JobFolder(tables, "tidy").claim(later(60)) is not None
    plant.look(later(60))
    assert [(row.state, row.reason) for row in plant.rows()] == [("failed", "its process died")]
    plant.look(later(120))
    assert plant.told() == [("11-30 13:00", "failed"), ("11-30 14:00", "succeeded")]


def test_what_fails_of_one_job_keeps_no_other_from_running(tables: Path, caplog: pytest.LogCaptureFixture) -> None:
    plant = Plant(tables, {"broken": HOURLY, "tidy": HOURLY})
    (tables / "_jobs" / "broken" / "through").unlink()
    (tables / "_jobs" / "broken" / "through").mkdir()
    plant.look(later(60))
    plant.look(later(60))
    assert plant.told() == [("11-30 13:00", "succeeded")]
    assert sum("broken: " in one for one in caplog.messages) == 1


def test_one_run_at_a_time_and_what_comes_behind_it_waits(tables: Path) -> None:
    plant = Plant(tables, {"tidy": HOURLY | {"time_limit": "3 hours"}}, script="read word < gate")
    os.mkfifo("gate")
    plant.clock.now = later(60)
    plant.scheduler.look()
    other = plant.started()
    plant.clock.now = later(120)
    plant.scheduler.look()
    other.look()
    assert plant.told() == [("11-30 13:00", "running"), ("11-30 14:00", "queued")]
    Path("gate").write_text("go\n")
    plant.script = "exit 0"
    plant.until(lambda: plant.told() == [("11-30 13:00", "succeeded"), ("11-30 14:00", "succeeded")])


@pytest.fixture(autouse=True)
def _in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_a_run_beyond_its_time_limit_is_ended_with_all_that_it_started(tables: Path) -> None:
    plant = Plant(
        tables, {"tidy": HOURLY | {"time_limit": "10 minutes"}}, script="sleep 600 & echo $! > below; sleep 600"
    )
    plant.clock.now = later(60)
    plant.scheduler.look()
    plant.until(lambda: Path("below").exists() and bool(Path("below").read_text().strip()))
    plant.clock.now = later(71)
    plant.settle()
    [row] = plant.rows()
    assert (row.state, row.reason) == ("failed", "it took longer than its time_limit, 10 minutes")
    below = int(Path("below").read_text())
    wait_for("its own child lives", lambda: not alive(below))


def test_a_run_that_fails_is_tried_again_and_one_of_bad_input_is_not(tables: Path) -> None:
    plant = Plant(tables, {"tidy": HOURLY | {"retries": 2}}, script="echo 'ad-stream: no room' >&2; exit 1")
    for step in range(4):
        plant.clock.now = later(60 + step)
        plant.scheduler.look()
        plant.until(lambda: plant.scheduler.jobs["tidy"].current is None or plant.scheduler.jobs["tidy"].current.child is None)  # fmt: skip
    [row] = plant.rows()
    assert (row.state, row.attempt, row.reason) == ("failed", 3, "no room")
    plant.script = "echo 'ad-stream: no such file' >&2; exit 2"
    plant.look(later(120))
    assert [(row.attempt, row.reason) for row in plant.rows()] == [(3, "no room"), (1, "no such file")]


def test_a_run_keeps_what_its_command_counted_and_its_cpu(tables: Path) -> None:
    answer = {"learned": 3, "state": "live", "removed": {"minutes": 4, "late": 1}}
    plant = Plant(tables, {"tidy": HOURLY}, script=f"echo '{json.dumps(answer)}'; echo working >&2")
    plant.look(later(60))
    [row] = plant.rows()
    assert json.loads(row.counts or "") == {"learned": 3, "removed": 5}
    assert row.cpu_seconds is not None and row.config_version == plant.config.version()
    log = (tables / "_jobs" / "tidy" / "20261130T130000Z" / "log.txt").read_text().splitlines()
    assert log[1:] == ["working", json.dumps(answer), "2026-11-30T13:00:00Z succeeded"]


def test_a_person_runs_pauses_resumes_and_cancels(tables: Path) -> None:
    plant = Plant(tables, {"tidy": HOURLY})
    centre = LocalCentre(plant.config, "plant.yaml", now=plant.clock)
    plant.clock.now = later(1)
    name = centre.run_now("tidy", "ann")
    assert name == "tidy@20261130T120100Z"
    plant.look()
    [row] = centre.runs("tidy", 5)
    assert (row["run_id"], row["state"], row["reason"]) == (name, "succeeded", "asked for by ann")
    assert centre.jobs()[0] | {"last": None} == {
        "job": "tidy", "command": "maintain", "model": None, "when": "every 1 hour UTC", "catch_up": "once",
        "next": "2026-11-30T13:00:00Z", "paused": None, "running": None, "last": None,
    }  # fmt: skip
    centre.pause("tidy", "ann")
    plant.look(later(125))
    assert centre.jobs()[0]["paused"] == {"by": "ann", "at": "2026-11-30T12:01:00Z"}
    centre.resume("tidy")
    plant.look()
    assert len(plant.rows()) == 1, "the times of a pause are not caught up"
    plant.script = "sleep 600"
    plant.clock.now = later(180)
    plant.scheduler.look()
    running = centre.jobs()[0]["running"]
    centre.cancel(running, "bob")
    plant.settle()
    assert plant.told()[-1] == ("11-30 15:00", "cancelled") and plant.rows()[-1].reason == "cancelled by bob"
    with pytest.raises(InputError, match="has ended \\(cancelled\\): only one that runs or waits can be cancelled"):
        centre.cancel(running, "bob")


def test_a_wish_behind_a_run_waits_and_can_be_taken_back(tables: Path) -> None:
    plant = Plant(tables, {"tidy": HOURLY}, script="sleep 600")
    centre = LocalCentre(plant.config, "plant.yaml", now=plant.clock)
    plant.clock.now = later(60)
    plant.scheduler.look()
    plant.clock.now = later(61)
    wish = centre.run_now("tidy", "ann")
    plant.scheduler.look()
    assert plant.told() == [("11-30 13:00", "running"), ("11-30 13:01", "queued")]
    centre.cancel(wish, "ann")
    plant.scheduler.look()
    assert plant.told()[1] == ("11-30 13:01", "cancelled")
    plant.scheduler.run(lambda: True)
    first = plant.rows()[0]
    assert (first.state, first.reason) == ("cancelled", "the scheduler was stopped")


def test_what_cannot_be_done_is_said_with_the_way_out(tables: Path) -> None:
    plant = Plant(tables, {"tidy": HOURLY})
    centre = LocalCentre(plant.config, "plant.yaml")
    with pytest.raises(InputError, match="there is no job 'tydy': did you mean 'tidy'"):
        centre.run_now("tydy", "ann")
    with pytest.raises(InputError, match=r"'\.\./x' is no run: 'ad-stream jobs runs' prints their names"):
        centre.log("../x", 0)
    with pytest.raises(
        InputError, match="there is no run 'tidy@20200101T000000Z': 'ad-stream jobs runs tidy' lists them"
    ):
        centre.cancel("tidy@20200101T000000Z", "ann")
    plant.scheduler.close()
    with pytest.raises(
        RunError, match="no scheduler runs over these tables: start one with 'ad-stream schedule plant.yaml'"
    ):
        centre.run_now("tidy", "ann")
    with pytest.raises(ConfigError, match="'x.yaml' has no section schedules"):
        Scheduler(plant.config.model_copy(update={"schedules": {}}), "x.yaml")


def test_a_child_that_is_killed_has_failed_and_the_next_time_runs(tables: Path) -> None:
    plant = Plant(tables, {"tidy": HOURLY}, script="sleep 600")
    plant.clock.now = later(60)
    plant.scheduler.look()
    child = plant.scheduler.jobs["tidy"].current.child  # type: ignore[union-attr]
    os.kill(child.pid, signal.SIGKILL)  # type: ignore[union-attr]
    plant.settle()
    assert [(row.state, row.reason) for row in plant.rows()] == [("failed", "its process died (SIGKILL)")]
    plant.script = "exit 0"
    plant.look(later(120))
    assert plant.told()[-1] == ("11-30 14:00", "succeeded")


def test_a_log_is_read_as_it_grows(tables: Path) -> None:
    plant = Plant(tables, {"tidy": HOURLY}, script="echo one >&2; read word < gate; echo two >&2")
    os.mkfifo("gate")
    centre = LocalCentre(plant.config, "plant.yaml", now=plant.clock)
    plant.clock.now = later(60)
    plant.scheduler.look()
    run = centre.jobs()[0]["running"]
    plant.until(lambda: centre.log(run, 0).text.endswith("one\n"))
    begun = centre.log(run, 0)
    assert not begun.over and centre.log(run, begun.end).text == ""
    Path("gate").write_text("go\n")
    plant.settle()
    rest = centre.log(run, begun.end)
    assert rest.over and rest.text == "two\n2026-11-30T13:00:00Z succeeded\n"
    assert centre.log(run, -10).text == "succeeded\n"


def configured(tables: Path, schedules: str) -> str:
    return f"source: {{kind: files, path: x}}\ntables: {{path: {tables}}}\nschedules: {schedules}\n"


def test_changed_schedules_are_taken_without_a_restart_and_a_bad_file_changes_nothing(
    tables: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "run.yaml"
    file.write_text(configured(tables, "{tidy: {run: maintain, every: 1 hour}, gone: {run: maintain, every: 1 hour}}"))
    plant = Plant(tables, {"tidy": HOURLY, "gone": HOURLY}, file=str(file))
    centre = LocalCentre(settings.load(file), str(file), now=plant.clock)
    file.write_text(configured(tables, "{tidy: {run: maintain, cron: '*/20 * * * 8'}}"))
    plant.look(later(2))
    assert sorted(plant.scheduler.jobs) == ["gone", "tidy"] == sorted(job["job"] for job in centre.jobs())
    assert "the schedules stay as they were" in caplog.text and "the weekday '8' is none of 0 to 7" in caplog.text
    file.write_text(
        configured(tables, "{tidy: {run: maintain, every: 20 minutes}, more: {run: maintain, every: 1 hour}}")
    )
    plant.look(later(45))
    assert sorted(plant.scheduler.jobs) == ["more", "tidy"] == sorted(job["job"] for job in centre.jobs())
    assert plant.told() == [], "times before the change are not caught up"
    plant.look(later(60))
    assert plant.told() == [("11-30 13:00", "succeeded")] * 2
    assert sorted(row.job for row in plant.rows()) == ["more", "tidy"]


def test_a_run_whose_job_is_left_out_goes_on_and_can_be_cancelled(tables: Path, tmp_path: Path) -> None:
    file = tmp_path / "run.yaml"
    file.write_text(
        configured(tables, "{tidy: {run: maintain, every: 1 hour}, other: {run: maintain, cron: 0 0 1 1 *}}")
    )
    plant = Plant(tables, settings.load(file).model_dump(mode="json")["schedules"], script="sleep 600", file=str(file))
    plant.clock.now = later(60)
    plant.scheduler.look()
    assert plant.scheduler.busy
    file.write_text(configured(tables, "{other: {run: maintain, cron: 0 0 1 1 *}}"))
    plant.clock.now = later(61)
    plant.scheduler.look()
    assert list(plant.scheduler.jobs) == ["other"] and plant.scheduler.busy
    LocalCentre(settings.load(file), str(file), now=plant.clock).cancel("tidy@20261130T130000Z", "ann")
    plant.look(later(61))
    assert [(row.state, row.reason) for row in plant.rows()] == [("cancelled", "cancelled by ann")]
