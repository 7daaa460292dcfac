"""Tuning over tables that are written here without Spark: what it chooses, why, where it goes on, and that it changes nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from ad_stream import config as settings
from ad_stream.cli import app
from ad_stream.errors import InputError
from ad_stream.series_config import table
from ad_stream.tables.reader import series_since, stored_span
from ad_stream.tuning import parameters
from ad_stream.tuning.bench import Wish
from ad_stream.tuning.journal import opened
from ad_stream.tuning.proposal import TuningProposal
from ad_stream.tuning.sensitivity_choice import chosen
from ad_stream.tuning.tune import tune
from tests.support.written import on_grid, write

T0 = datetime(2026, 10, 1, tzinfo=timezone.utc)
DAYS, A_DAY = 40, 24
TURN = 26
"""The day after which the plant works another shift."""


def written(tables: Path, days: int = DAYS) -> Path:
    """Hours of three devices whose day changed two weeks ago; a spike every other day."""
    draws = np.random.default_rng(5)
    at = np.arange(days * A_DAY)
    phase = np.where(at < TURN * A_DAY, 0.0, np.pi)
    rows = []
    for number, device in enumerate(("pump-1", "pump-2", "valve-1")):
        values = 20 + 5 * np.sin(2 * np.pi * at / A_DAY + phase + number) + 0.3 * draws.normal(size=len(at))
        values[13 + 7 * number :: 2 * A_DAY] += 3.2
        rows += [
            {"device_id": device, "signal": "t", "minute": T0 + timedelta(hours=k), "revision": 0, "value": float(values[k])}
            for k in range(len(at))
        ]  # fmt: skip
    write(tables, "minutes", rows)
    on_grid(tables, 3600)
    return tables


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(tmp_path_factory.mktemp("tuned"))


@pytest.fixture(autouse=True)
def nothing_is_left(tables: Path) -> Iterator[None]:
    yield
    emptied(tables)


def emptied(tables: Path) -> None:
    for path in (tables / "_tune").glob("*"):
        path.unlink()


def run_of(tables: Path, **detection: Any) -> settings.Config:
    whole = {"minutes": {"every": "1 hour"}, "detection": {"points": 100, "slow": False, **detection}}
    return settings.usual(str(tables), whole)


def asked(tables: Path, wish: Wish, **detection: Any) -> TuningProposal:
    return tune(tables, run_of(tables, **detection), wish)


def test_what_is_stored_is_told_without_reading_its_rows(tables: Path) -> None:
    assert stored_span(tables) == (T0, T0 + timedelta(days=DAYS, hours=-1))
    newest = T0 + timedelta(days=DAYS, hours=-1)
    assert series_since(tables, newest) == [("pump-1", "t"), ("pump-2", "t"), ("valve-1", "t")]


@pytest.fixture(scope="module")
def uninterrupted(tables: Path) -> TuningProposal:
    found = asked(tables, Wish(days=4, alarms=0.5), detector="seasonal")
    emptied(tables)
    return found


@pytest.mark.slow
def test_a_season_that_changed_is_learned_from_less_past_and_the_later_days_agree(
    tables: Path, uninterrupted: TuningProposal
) -> None:
    found = uninterrupted
    assert found.model is not None and found.complete and found.series == 3
    assert found.model.usual == {"days": 28, "tau": 0.05} and found.model.proposed["days"] <= 14
    assert found.model.later_error is not None and found.model.later_error_usual is not None
    assert found.model.later_error < found.model.later_error_usual
    told = settings.parse_detection({**run_of(tables).detection.model_dump(), **found.settings})
    assert told.sensitivity == found.sensitivity
    schedule = settings.usual("x", {"schedules": {"train": yaml_of(found)["schedules"]["train"]}}).schedules["train"]
    assert schedule.last == timedelta(days=found.model.proposed["days"]) and schedule.tau == found.model.proposed["tau"]
    assert table.read(tables) == ([], None), "nothing is applied"


def yaml_of(found: TuningProposal) -> Any:
    import yaml

    return yaml.safe_load(found.yaml())


@pytest.mark.slow
def test_the_sensitivity_is_the_highest_within_the_budget_of_alarms(tables: Path) -> None:
    strict, loose = (asked(tables, Wish(days=4, alarms=alarms)) for alarms in (0.2, 50))
    assert strict.model is None, "the default rule has no parameters to choose"
    assert loose.sensitivity == 99 and strict.sensitivity < 99
    higher = {rate for one, rate in strict.rates.items() if one > strict.sensitivity}
    assert strict.rates[strict.sensitivity] <= 0.2 and all(rate > 0.2 for rate in higher) and higher, strict.rates
    assert (strict.start, strict.split, strict.end) == tuple(T0 + timedelta(days=day) for day in (36, 39, 40))
    later = loose.later
    assert later.alarms - later.alarms_before == later.gained - later.lost and later.days == pytest.approx(3, abs=0.1)


@pytest.mark.slow
def test_a_default_that_is_as_good_stays_and_it_says_so(tables: Path) -> None:
    rates = asked(tables, Wish(days=4, alarms=50), sensitivity=99)
    assert (rates.sensitivity, rates.changes, rates.yaml()) == (99, False, "")
    told = {one: {"alarms": 3, "days": 10.0, "found": 0, "events": 0} for one in (90, 95, 99)}
    same = chosen(told, 95, 0.5)
    assert (same.sensitivity, same.why) == (95, "the present one is within the budget, and a higher one flags no more")


def test_enough_labels_decide_among_what_is_within_the_budget() -> None:
    told = {
        90: {"alarms": 2, "days": 10.0, "found": 9, "events": 10},
        95: {"alarms": 4, "days": 10.0, "found": 9, "events": 10},
        99: {"alarms": 90, "days": 10.0, "found": 10, "events": 10},
    }
    assert chosen(told, 99, 0.5).sensitivity == 90, "as many found with fewer alarms"
    few = {one: {**total, "events": 9} for one, total in told.items()}
    assert chosen(few, 99, 0.5).sensitivity == 95
    assert "fewest alarms" in chosen(told, 99, 0.0).why


@pytest.mark.slow
def test_a_tuning_that_was_killed_goes_on_and_tries_nothing_twice(tables: Path, uninterrupted: TuningProposal) -> None:
    ticks = iter(range(10_000))
    wish = Wish(days=4, alarms=0.5, seconds=30)
    first = tune(tables, run_of(tables, detector="seasonal"), wish, clock=lambda: float(next(ticks)))
    assert not first.complete and 0 < first.tried < first.trials
    [journal] = (tables / "_tune").glob("*.jsonl")
    whole = journal.read_bytes()
    journal.write_bytes(whole[:-7])  # as kill -9 in the middle of the last line
    second = tune(tables, run_of(tables, detector="seasonal"), wish, clock=lambda: 0.0)
    assert second.complete and 0 < second.resumed < len(whole.splitlines())
    lines = [line for line in journal.read_text().splitlines() if line.startswith('{"trial"')]
    trials = [json.dumps(json.loads(line)["trial"], sort_keys=True) for line in lines if line.endswith("}}")]
    assert len(trials) == len(set(trials))
    assert replace(second, resumed=0, seconds=uninterrupted.seconds) == uninterrupted
    assert opened(tables, {}, second.end, T0).resumed == 0


@pytest.mark.slow
def test_series_with_a_sensitivity_of_their_own_are_left_out_and_apply_is_refused(tmp_path: Path) -> None:
    tables = written(tmp_path / "tables", days=4)
    row = {"device": "valve-*", "signal": "*", "sensitivity": 40, "owner": "ann"}
    table.append(tables, row, now=T0)
    found = asked(tables, Wish(days=3, alarms=50))
    assert (found.series, found.of_series, found.ruled) == (2, 2, 1)
    file = tmp_path / "run.yaml"
    file.write_text(
        f"source: {{kind: files, path: {tmp_path}}}\ntables: {{path: {tables}}}\nminutes: {{every: 1 hour}}\n"
        "detection: {points: 100, slow: false}\n"
    )
    words = ["tune", str(file), "--days", "3", "--alarms", "50", "--apply"]
    refused = CliRunner().invoke(app, words)
    assert isinstance(refused.exception, InputError) and "1 series like '*' have a sensitivity" in str(
        refused.exception
    )
    said = CliRunner().invoke(app, [*words, "--device", "pump-*"], env={"COLUMNS": "200"})
    assert said.exit_code == 0, said
    assert "version 2 of series_config: device pump-*: sensitivity=99" in said.stdout
    assert "sensitivity: 99" in said.stdout and "series-days" in said.stdout
    assert {row["device"]: row["sensitivity"] for row in table.read(tables)[0]} == {"valve-*": 40, "pump-*": 99}
    with pytest.raises(InputError, match=r"no series of devices like 'valve-\*' had a window .*1 have a sensitivity"):
        asked(tables, Wish(days=4, device="valve-*"))


def test_too_few_days_are_a_sentence(tmp_path: Path) -> None:
    tables = written(tmp_path / "tables", days=1)
    with pytest.raises(InputError, match=r"1.0 days of windows are stored, and tuning needs two"):
        asked(tables, Wish())


@pytest.mark.slow
def test_faults_in_an_unseen_day_are_found_by_a_forest_and_not_by_one_of_another_plant() -> None:
    draws = np.random.default_rng(2)
    at = np.arange(9 * 1440)
    values = (10 + np.sin(2 * np.pi * at / 1440) + 0.05 * draws.normal(size=len(at)))[None]
    past, day = values[:, : 8 * 1440], values[:, 8 * 1440 :]
    error, series = parameters.error_of("isolation_forest", past, day, 0, 60, {"days": 8})
    other, _ = parameters.error_of(
        "isolation_forest", past + 300 * draws.normal(size=past.shape), day, 0, 60, {"days": 8}
    )
    assert series == 1 and error < other
    assert parameters.candidates("isolation_forest", 3) == []
    assert parameters.candidates("isolation_forest", 20) == [{"days": 14.0}, {"days": 7.0}]
    assert parameters.candidates("isolation_forest", 5) == [{"days": 14.0}], "what is usual takes what is there"
