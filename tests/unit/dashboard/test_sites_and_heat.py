"""The fleet by site and over time, from a real server over real tables, against counting by hand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ad_stream.config import usual
from tests.support.served import Served
from tests.support.written import create, series_rows, sign_of_life, write

NOW = datetime(2026, 11, 1, 12, tzinfo=timezone.utc)
START = NOW - timedelta(minutes=301)
PATTERN = "(?P<site>[^-]+)-"
FLAGS: dict[str, list[int]] = {}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Five hours: three sites of a pump and a valve with two signals, one without a site, one silent, flags drawn at random."""
    tables = tmp_path_factory.mktemp("tables")
    create(tables)
    draws = np.random.default_rng(11)
    rows: list[dict[str, Any]] = []
    for device in (*(f"{site}-{kind}" for site in ("north", "south", "west") for kind in ("pump", "valve")), "alone"):
        for signal in ("flow", "heat"):
            minutes = 200 if device == "south-valve" else 300
            FLAGS[f"{device} {signal}"] = sorted(draws.choice(minutes, draws.integers(0, 12), replace=False).tolist())
            flags = dict.fromkeys(FLAGS[f"{device} {signal}"], "above")
            rows += series_rows(device, signal, START, [30.0 if n in flags else 20.0 for n in range(minutes)], flags)
    write(tables, "detections", rows)
    sign_of_life(tables, NOW)
    running = Served(tables, now=NOW, base=usual(str(tables), {"dimensions": {"device": PATTERN}}))
    yield running
    running.stop()


def within(minutes: int) -> list[tuple[str, str, int]]:
    """(device, signal, minute of the five hours) of the flags of the last minutes."""
    return [
        (*name.split(" "), place)  # type: ignore[misc]
        for name, places in FLAGS.items()
        for place in places
        if place > 299 - minutes
    ]


def test_the_page_offers_the_sites_that_the_names_say(served: Served) -> None:
    assert served.get("/api/state")["sites"] == ["north", "south", "west", "(no site)"]


def test_a_site_leaves_its_own_series_and_anomalies(served: Served) -> None:
    found = served.get("/api/overview", site="south", size=50)
    assert {row["device"] for row in found["rows"]} == {"south-pump", "south-valve"}
    assert (found["total"], found["counts"]["silent"]) == (4, 2)
    assert {row["device"] for row in served.get("/api/overview", site="(no site)")["rows"]} == {"alone"}
    assert served.get("/api/overview", site="east")["total"] == 0
    devices = {row["device"] for row in served.get("/api/anomalies", site="west", size=200)["rows"]}
    assert devices == {device for device, _, _ in within(300) if device.startswith("west-")}


def test_sites_are_counted_and_the_one_with_a_silent_device_comes_first(served: Served) -> None:
    rows = served.get("/api/sites", minutes=240)["rows"]
    assert rows[0]["site"] == "south"
    flags = Counter(device.split("-")[0] if "-" in device else "(no site)" for device, _, _ in within(240))
    series = {(device, signal) for device, signal, _ in within(240)}
    flagged = Counter(device.split("-")[0] if "-" in device else "(no site)" for device, _ in series)
    for row in rows:
        site = row["site"]
        assert (row["flags"], row["flagged"]) == (flags[site], flagged[site])
        assert row["devices"] == (1 if site == "(no site)" else 2)
        assert (row["series"], row["silent"]) == (2 * row["devices"], int(site == "south"))
    assert len(rows) == 4


@pytest.mark.parametrize(("minutes", "cell"), [(60, 5), (240, 10), (300, 15), (15, 1), (1440, 60)])
@pytest.mark.parametrize("by", ["device", "site"])
def test_each_cell_of_the_heat_map_counts_its_flagged_windows(served: Served, minutes: int, cell: int, by: str) -> None:
    answer = served.get("/api/heat", minutes=minutes, by=by)
    assert answer["cell"] == 60 * cell
    starts = [datetime.fromisoformat(text.replace("Z", "+00:00")) for text in answer["columns"]]
    assert all((start.minute + 60 * start.hour) % cell == 0 for start in starts), "cells begin at round times"
    assert starts[0] <= NOW - timedelta(minutes=minutes + 1) < starts[0] + timedelta(minutes=cell)
    wanted: Counter[tuple[str, int]] = Counter()
    for device, _, place in within(300):
        name = device if by == "device" else device.split("-")[0] if "-" in device else "(no site)"
        at = (START + timedelta(minutes=place) - starts[0]) // timedelta(minutes=cell)
        wanted[name, at] += at >= 0
    for row in answer["rows"]:
        assert row["cells"] == [wanted[row["name"], n] for n in range(len(starts))], row["name"]
        assert row["flags"] == sum(row["cells"])
    assert answer["most"] == max(max(row["cells"]) for row in answer["rows"])


def test_a_silent_device_is_the_first_row_and_says_since_when(served: Served) -> None:
    first, *others = served.get("/api/heat", minutes=60, by="device")["rows"]
    assert (first["name"], first["silent"]) == ("south-valve", "2026-11-01T10:18Z")
    assert [row["silent"] for row in others] == [None] * 6
    sites = served.get("/api/heat", minutes=60, by="site")["rows"]
    assert (sites[0]["name"], sites[0]["silent_devices"]) == ("south", 1)
    assert sum(row["silent_devices"] for row in sites) == 1
    assert [row["flags"] for row in others] == sorted((row["flags"] for row in others), reverse=True)


def test_rows_of_a_heat_map_are_paged_and_filtered(served: Served) -> None:
    whole = served.get("/api/heat", minutes=300, by="device")["rows"]
    second = served.get("/api/heat", minutes=300, by="device", size=2, page=1)
    assert (second["rows"], second["total"]) == (whole[2:4], 7)
    one = served.get("/api/heat", minutes=300, by="device", device='"north-pump"', signal="flow")
    assert [row["name"] for row in one["rows"]] == ["north-pump"]
    assert one["rows"][0]["flags"] == len(FLAGS["north-pump flow"])


def test_a_name_in_quotes_is_the_whole_name(served: Served) -> None:
    assert served.get("/api/overview", device="pump")["total"] == 6
    assert served.get("/api/overview", device='"pump"')["total"] == 0
    assert served.get("/api/overview", device='"north-pump"')["total"] == 2


def test_without_a_pattern_there_are_no_sites(tmp_path: Path) -> None:
    create(tmp_path)
    write(tmp_path, "detections", series_rows("north-pump", "flow", START, [20.0] * 5, {}))
    running = Served(tmp_path, now=NOW)
    try:
        assert running.get("/api/state")["sites"] == []
        assert running.get("/api/overview", site="north")["total"] == 0
        assert running.get("/api/heat", minutes=60)["rows"][0]["cells"] == [0] * 13
    finally:
        running.stop()
