"""The page over tables in windows of 10 seconds, 5 minutes, 1 hour and 1 day: counts, times and charts against pandas."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ad_stream.grid import Grid
from ad_stream.monitoring.status import status
from ad_stream.report import pictures_of, series_report
from ad_stream.report.png import figure
from ad_stream.tables.reader import grid_of
from tests.support.served import Served
from tests.support.written import create, on_grid, sign_of_life, verdict, write

NEWEST = datetime(2026, 11, 1, tzinfo=timezone.utc)
COUNT = 200
FLAGS = {10: "above", 150: "below", 151: "below", 199: "above"}
SILENT_FROM = 185


@dataclass
class Page:
    """A served table set, and its rows as pandas sees them."""

    grid: Grid
    tables: Path
    served: Served
    rows: pd.DataFrame


@pytest.fixture(scope="module", params=["10s", "5min", "1h", "1D"])
def page(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    grid = Grid.of(pd.Timedelta(request.param).to_pytimedelta())
    tables = tmp_path_factory.mktemp("grids")
    create(tables)
    on_grid(tables, grid.seconds)
    first = NEWEST - (COUNT - 1) * grid.every
    rows = [
        verdict(device, "t", first + n * grid.every, 20.0 + n % 3, reason=FLAGS.get(n, "normal"))
        for device in ("awake", "asleep")
        for n in range(COUNT if device == "awake" else SILENT_FROM)
    ]
    rows[151]["continuing"] = rows[COUNT + 151]["continuing"] = True
    write(tables, "detections", rows)
    write(
        tables,
        "minutes",
        [{name: row[name] for name in ("device_id", "signal", "minute", "revision", "value")} for row in rows],
    )
    now = NEWEST + grid.every + timedelta(seconds=30)
    sign_of_life(tables, now)
    served = Served(tables, now=now)
    yield Page(grid, tables, served, pd.DataFrame(rows))
    served.stop()


@pytest.mark.slow
def test_the_grid_is_read_from_the_tables(page: Page) -> None:
    assert grid_of(page.tables) == page.grid
    state = page.served.get("/api/state")
    assert (state["every"], state["kind"], state["behind_seconds"]) == (page.grid.seconds, "live", 30)
    assert pd.Timestamp(state["newest"]) == pd.Timestamp(NEWEST)


def test_a_device_is_silent_after_ten_windows_on_the_page_and_in_status(page: Page) -> None:
    (silent,) = page.served.get("/api/pipeline")["silent"]
    last = page.rows[page.rows.device_id == "asleep"]["minute"].max()
    assert (silent["device"], pd.Timestamp(silent["since"])) == ("asleep", last)
    assert status(page.tables).silent == {"asleep": last.to_pydatetime()}


@pytest.mark.parametrize("minutes", [15, 1440, 43_200])
def test_flags_of_a_stretch_of_time_are_counted_by_time(page: Page, minutes: int) -> None:
    answer = page.served.get("/api/overview", minutes=minutes, device="awake")
    end = NEWEST + page.grid.every
    since = end - max(timedelta(minutes=minutes), page.grid.every)
    mine = page.rows[(page.rows.device_id == "awake") & (page.rows.minute >= since) & page.rows.is_anomaly]
    assert answer["rows"][0]["flags"] == len(mine)
    assert len(answer["rows"][0]["spark"]) == 60
    assert pd.Timestamp(answer["rows"][0]["from"]) == NEWEST - 59 * page.grid.every


def test_events_have_the_times_of_their_windows(page: Page) -> None:
    answer = page.served.get("/api/anomalies", device="awake")
    found = [(pd.Timestamp(one["first"]), pd.Timestamp(one["last"]), one["minutes"]) for one in answer["rows"]]
    first = NEWEST - (COUNT - 1) * page.grid.every
    expected = [(199, 199, 1), (150, 151, 2), (10, 10, 1)]
    assert found == [(first + a * page.grid.every, first + b * page.grid.every, n) for a, b, n in expected]
    near = max(timedelta(minutes=10), page.grid.every)
    assert [one["open"] for one in answer["rows"]] == [NEWEST - last <= near for _, last, _ in found]


def test_a_chart_holds_every_window_from_memory_and_from_the_table(page: Page) -> None:
    start, end = NEWEST - 49 * page.grid.every, NEWEST + page.grid.every
    mine = page.rows[(page.rows.device_id == "awake") & (page.rows.minute >= start)]
    for begin in (start, start - page.grid.every / 2):  # a stretch that begins within a window starts with the next
        chart = page.served.get("/api/series", device="awake", signal="t", from_=begin.isoformat(), to=end.isoformat())
        assert [pd.Timestamp(time, tz="UTC") for time in chart["times"]] == mine["minute"].tolist()
        assert chart["value"] == mine["value"].tolist()
        assert [flag is not None for flag in chart["flags"]] == mine["is_anomaly"].tolist()
    whole = page.served.get("/api/series", device="awake", signal="t", hours=COUNT * page.grid.seconds / 3600)
    assert len(whole["times"]) == COUNT and None not in whole["value"]


def test_why_takes_the_window_that_the_chart_named(page: Page) -> None:
    worst = page.served.get("/api/anomalies", device="awake")["rows"][0]["worst"]
    assert page.served.get("/api/why", device="awake", signal="t", minute=worst)["verdict"] == "flagged"


def test_a_picture_is_drawn_at_the_times_of_the_windows(page: Page) -> None:
    rows = page.rows[page.rows.device_id == "awake"]
    (picture,) = pictures_of("awake", rows, page.grid)
    value = next(line for line in figure(picture).axes[0].lines if line.get_label() == "value")
    assert list(pd.DatetimeIndex(np.asarray(value.get_xdata(orig=True))).tz_localize("UTC")) == rows["minute"].tolist()


def test_a_report_draws_every_window(page: Page, tmp_path: Path) -> None:
    (out,) = series_report(page.tables, tmp_path / "report.html", device="awake")
    text = out.read_text(encoding="utf-8")
    last = f"{NEWEST:{page.grid.format()}}"
    assert f'"{last}"' in text
    assert "4 flagged of 200 scored windows" in text
