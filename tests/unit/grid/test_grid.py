"""Windows of one length, aligned to midnight UTC, against pandas."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ad_stream.config import parse
from ad_stream.errors import ConfigError, InputError
from ad_stream.grid import MINUTE, Grid, length
from ad_stream.tables.names import check_grid

EVERY = [timedelta(seconds=10), timedelta(minutes=1), timedelta(minutes=5), timedelta(hours=1), timedelta(days=1)]
BASE: dict[str, Any] = {"source": {"kind": "files", "path": "in/*.jsonl"}, "tables": {"path": "tables"}}


def minutes_of(**section: object) -> Any:
    return parse({**BASE, "minutes": section}).minutes


@pytest.mark.parametrize("every", EVERY)
def test_windows_are_those_of_pandas_also_before_1970(every: timedelta) -> None:
    grid, rng = Grid.of(every), np.random.default_rng(3)
    for seconds in rng.uniform(-2e9, 4e9, 200):
        moment = datetime(1970, 1, 1, tzinfo=timezone.utc) + timedelta(seconds=float(seconds))
        start = pd.Timestamp(moment).floor(every)
        assert grid.start(grid.step(moment)) == start
        assert grid.next_start(moment) == pd.Timestamp(moment).ceil(every)
        assert grid.next_start(start.to_pydatetime()) == start


def test_the_refractory_time_is_at_least_one_window_unless_it_is_none() -> None:
    ten = timedelta(minutes=10)
    assert [Grid.of(every).refractory(ten) for every in EVERY] == [60, 10, 2, 1, 1]
    assert {Grid.of(every).refractory(timedelta(0)) for every in EVERY} == {0}


@pytest.mark.parametrize("every", ["7 minutes", "5 seconds", "2 days", "10.5 seconds", 0])
def test_a_length_of_which_a_day_holds_no_whole_number_is_refused(every: object) -> None:
    with pytest.raises(ConfigError, match="give 10 seconds to 1 day of which a day holds a whole number"):
        minutes_of(every=every)


def test_the_watermark_is_whole_minutes_for_minutes_and_whole_seconds_elsewhere() -> None:
    assert minutes_of(every="10 seconds", watermark="15 seconds").watermark == timedelta(seconds=15)
    assert minutes_of(every="1 hour", watermark="90 seconds").grid == Grid(3600)
    with pytest.raises(ConfigError, match="watermark is 90 seconds: give whole minutes"):
        minutes_of(every="1 minute", watermark="90 seconds")
    with pytest.raises(ConfigError, match="watermark is 1.5 seconds: give whole seconds"):
        minutes_of(every="10 seconds", watermark="1.5 seconds")


def test_the_version_of_a_configuration_changes_with_another_length_only() -> None:
    base = parse(BASE).version()
    assert parse({**BASE, "minutes": {"every": "60 seconds"}}).version() == base
    assert parse({**BASE, "minutes": {"every": "5 minutes"}}).version() != base


def test_tables_without_the_property_hold_minutes_and_another_length_is_refused_with_the_way_out() -> None:
    check_grid(MINUTE, None, "here")
    check_grid(Grid(300), "300", "here")
    with pytest.raises(
        InputError, match="here hold windows of 1 minute, and minutes.every is 5 minutes: set minutes.every to '1"
    ):
        check_grid(Grid(300), None, "here")


def test_lengths_read_as_people_write_them() -> None:
    assert [length(every) for every in EVERY] == ["10 seconds", "1 minute", "5 minutes", "1 hour", "1 day"]


def test_a_tick_holds_windows_and_watermark_whole() -> None:
    delays = [timedelta(seconds=30), timedelta(minutes=2), timedelta(minutes=2), timedelta(minutes=2), timedelta(0)]
    assert [Grid.of(every).tick(delay) for every, delay in zip(EVERY, delays, strict=True)] == [10, 60, 60, 120, 86_400]
