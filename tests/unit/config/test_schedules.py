"""The section `schedules`: what is wrong is refused by `ad-stream validate` with a sentence."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

import pytest
from typer.testing import CliRunner

from ad_stream import config
from ad_stream.cli import app
from ad_stream.config.cron import Cron
from ad_stream.config.schedules import TUNABLE, Model
from ad_stream.errors import ConfigError
from ad_stream.models.kinds import KINDS
from ad_stream.tuning.parameters import USUAL

TIDY: dict[str, Any] = {"run": "maintain", "cron": "30 2 * * *"}


def parsed(schedule: dict[str, Any], name: str = "night") -> config.Config:
    return config.usual("tables", {"schedules": {name: schedule}})


@pytest.mark.parametrize(
    ("schedule", "sentence"),
    [
        (TIDY | {"run": "triain"}, r"'schedules.night.run' is 'triain': Input should be 'train', 'backfill'"),
        (TIDY | {"run": "train", "model": "prophet"}, r"'schedules.night.model' is 'prophet': Input should be 'profile'"),
        (TIDY | {"run": "train"}, "model says what train learns: give it there, and nowhere else"),
        (TIDY | {"run": "train", "model": "profile"}, "train needs last, how far back it looks, such as '28 days'"),
        (TIDY | {"model": "profile"}, "model says what train learns"),
        (TIDY | {"candidate": True}, "candidate is said of train: leave it out"),
        (TIDY | {"time_zone": "Europe/Berln"}, r"'schedules.night.time_zone' is 'Europe/Berln': write a time zone such as"),
        (TIDY | {"crn": "x"}, "unknown setting 'schedules.night.crn': did you mean 'cron'"),
        (TIDY | {"cron": "30 2 * *"}, r"write five fields, minute hour day month weekday, such as '30 2 \* \* \*', not 4"),
        (TIDY | {"cron": "30 25 * * *"}, r"the hour '25' is none of 0 to 23"),
        (TIDY | {"cron": "30 2 * * mo"}, r"the weekday 'mo' is none of 0 to 7"),
        (TIDY | {"cron": "30 17-8 * * *"}, "the hour '17-8' runs backwards: write two parts with a comma"),
        (TIDY | {"cron": "5/15 * * * *"}, "the minute '5/15' has a step and no span: write 5-59/15"),
        (TIDY | {"cron": "30 2 1 * mon"}, "give a day of the month or a weekday, and \\* for the other"),
        (TIDY | {"cron": "30 2 30 2 *"}, "day 30 never comes in these months: name another day or month"),
        (TIDY | {"cron": None}, "give either cron or every"),
        (TIDY | {"every": "1 hour"}, "give either cron or every"),
        ({"run": "maintain", "every": "fortnightly"}, "write an interval such as '15 minutes' or '6 hours', or one of once,"),
        ({"run": "maintain", "every": "20 seconds"}, "an interval is whole minutes, such as '15 minutes'"),
        ({"run": "maintain", "every": "daily"}, "every daily needs a start, its first time, such as 2026-12-01T02:30"),
        ({"run": "maintain", "every": "daily", "start": "soon"}, "write a time of whole minutes such as 2026-12-01T02:30"),
        ({"run": "maintain", "every": "monthly", "start": "2026-01-31"}, "not every month has that day: give a start on day 1 to 28"),
        ({"run": "backfill", "every": "15 minutes"}, "backfill needs last, how far back it looks, such as '1 hour'"),
        (TIDY | {"last": "1 hour"}, "maintain looks at all there is: leave out last"),
        (TIDY | {"run": "propose", "last": "1 hour"}, "last is 60 minutes: propose looks at 1 to 400 days"),
        (TIDY | {"run": "tune", "model": "profile"}, "model is profile: tune knows parameters of seasonal and isolation_forest"),
        (TIDY | {"run": "tune", "last": "36 hours"}, "last is 2160 minutes: tune looks at 2 to 60 whole days"),
        (TIDY | {"alarms": 1}, "alarms is the budget of tune: leave it out"),
        (TIDY | {"tau": 1}, "tau is said of train and the model seasonal: leave it out"),
        (TIDY | {"run": "train", "model": "profile", "last": "9 days", "tuned": True}, "tuned is said of train and the models seasonal"),
        (TIDY | {"run": "train", "model": "seasonal", "last": "9 days", "tuned": True, "tau": 1}, "tuned chooses tau"),
        (TIDY | {"retries": 11}, "less than or equal to 10"),
    ],
)  # fmt: skip
def test_a_wrong_schedule_is_refused_with_the_way_out(schedule: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        parsed({key: value for key, value in schedule.items() if value is not None})


@pytest.mark.parametrize("name", ["", "a b", "../up", "x" * 61])
def test_a_name_that_could_be_no_folder_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match="is no name of a job: write letters, digits, - and _, at most 60"):
        parsed(TIDY, name)


def test_validate_refuses_a_bad_cron_and_prints_a_good_one(tmp_path: Path) -> None:
    file = tmp_path / "run.yaml"
    base = f"source: {{kind: files, path: {tmp_path}}}\ntables: {{path: {tmp_path}}}\nschedules:\n"
    file.write_text(base + "  night: {run: train, model: profile, cron: '30 2 * * 8'}\n")
    refused = CliRunner().invoke(app, ["validate", str(file)])
    assert isinstance(refused.exception, ConfigError) and "the weekday '8' is none of 0 to 7" in str(refused.exception)
    file.write_text(
        base + "  night: {run: train, model: profile, last: 14 days, every: daily, start: 2026-12-01T02:30:00}\n"
    )
    shown = CliRunner().invoke(app, ["validate", str(file)])
    assert shown.exit_code == 0 and "start: '2026-12-01T02:30:00'" in shown.output, shown.output


def test_the_models_of_train_are_those_that_can_be_learned() -> None:
    assert set(get_args(Model)) == {*KINDS, "joint"}


def test_a_schedule_that_tunes_is_taken_with_a_budget_a_detector_and_days() -> None:
    schedule = parsed(TIDY | {"run": "tune", "last": "14 days", "alarms": 0.2, "model": "seasonal"}).schedules["night"]
    assert (schedule.alarms, schedule.model) == (0.2, "seasonal")
    assert set(TUNABLE) == set(USUAL)


def test_schedules_change_no_config_version() -> None:
    assert parsed(TIDY).version() == config.usual("tables").version()


@pytest.mark.parametrize(
    ("text", "quartz"),
    [
        ("30 2 * * *", "0 30 2 * * ?"),
        ("*/20 * * * *", "0 0,20,40 * * * ?"),
        ("0 4 * * 0", "0 0 4 ? * SUN"),
        ("0 4 * * 7,1-2", "0 0 4 ? * SUN,MON,TUE"),
        ("15 6 L jan-mar *", "0 15 6 L 1,2,3 ?"),
    ],
)
def test_databricks_is_told_the_same_in_its_own_words(text: str, quartz: str) -> None:
    assert Cron.parse(text).quartz() == quartz
