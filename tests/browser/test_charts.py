"""Charts in Chromium: the band of a series with gaps, signals on one time axis, zoom, CSV, print; report and live page."""

from __future__ import annotations

import csv
import io
import itertools
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("playwright.sync_api", reason="playwright is missing: pip install playwright")

from ad_stream.config import parse_detection
from ad_stream.own_data.judge import judge
from ad_stream.own_data.page import page as own_page
from ad_stream.report import write
from ad_stream.report.series import series_report
from tests.browser.conftest import PATIENCE, Open, keep, newest
from tests.support.served import Served
from tests.support.written import create, sign_of_life, verdict, warming_up
from tests.support.written import write as write_rows

MISSING = (40, 41, 90)
PATHS = """(place) => Array.from(document.querySelectorAll(`${place} .scatterlayer .fills path.js-fill`), (one) => one.getAttribute('d'))"""


def polygons(path: str) -> list[list[tuple[float, float]]]:
    """The corners of each closed part of an SVG path that is made of lines."""
    found = []
    for part in re.findall(r"M[^M]+", path):
        x = y = 0.0
        corners = []
        for command, numbers in re.findall(r"([MLHVZ])([^MLHVZ]*)", part):
            values = [float(one) for one in re.findall(r"-?[\d.]+(?:e-?\d+)?", numbers)]
            if command in "ML":
                steps = list(zip(values[::2], values[1::2], strict=True))
            elif command == "H":
                steps = [(value, y) for value in values]
            else:
                steps = [(x, value) for value in values]
            for x, y in steps:
                corners.append((x, y))
        found.append(corners)
    return found


def is_no_bow_tie(corners: list[tuple[float, float]]) -> bool:
    """There along the upper bound and back along the lower: right, then left, and never across."""
    xs = [x for x, _ in corners]
    turn = xs.index(max(xs))
    there, back = xs[: turn + 1], xs[turn:]
    return there == sorted(there) and back == sorted(back, reverse=True)


@pytest.fixture(scope="module")
def gappy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three hours of a device with two signals; minutes are missing, and the first ten warm up."""
    tables = tmp_path_factory.mktemp("gappy")
    create(tables)
    start = newest() - timedelta(minutes=179)
    rows = []
    for signal in ("pressure", "temperature"):
        for n in range(180):
            at = start + timedelta(minutes=n)
            if n in MISSING:
                continue
            value = 20 + (n % 7) / 5 + 5 * (n == 120)
            rows.append(
                warming_up("pump", signal, at, value)
                if n < 10
                else verdict("pump", signal, at, value, reason="above" if n == 120 else "normal")
            )
    write_rows(tables, "detections", rows)
    sign_of_life(tables, newest())
    return tables


@pytest.fixture(scope="module")
def served_gappy(gappy: Path) -> Iterator[Served]:
    running = Served(gappy)
    yield running
    running.stop()


def until(page: Any, condition: str) -> None:
    """Waits for a function of the page; its own waiting would need `eval`, which the page forbids."""
    for _ in range(PATIENCE // 100):
        if page.evaluate(condition):
            return
        page.wait_for_timeout(100)
    raise AssertionError(f"never true: {condition}")


def check_band(path: str, width: float) -> None:
    parts = polygons(path)
    assert len(parts) == 3, "a polygon per run of windows that have a band: before, between and after the gaps"
    assert all(is_no_bow_tie(part) for part in parts)
    spans = [(min(x for x, _ in part), max(x for x, _ in part)) for part in parts]
    assert all(before[1] < after[0] for before, after in itertools.pairwise(spans)), "none reaches over a gap"
    assert spans[-1][1] - spans[0][0] > 0.7 * width


def test_a_missing_minute_parts_the_band_of_the_live_page(visit: Open, served_gappy: Served) -> None:
    page = visit(served_gappy.address, "#/series?device=pump&signal=temperature&hours=3")
    page.locator(".why .sentence").wait_for()
    (path,) = page.evaluate(PATHS, ".plot")
    check_band(path, page.locator(".plot .nsewdrag").first.bounding_box()["width"])  # type: ignore[index]
    keep(page, "series-with-gaps")


def test_signals_stand_on_one_time_axis_and_a_stretch_goes_into_the_address(visit: Open, served_gappy: Served) -> None:
    page = visit(served_gappy.address, "#/series?device=pump&signal=temperature&hours=3")
    page.locator(".why .sentence").wait_for()
    page.get_by_role("button", name="all on one time axis").click()
    page.locator(".others .plot .nsewdrag").wait_for()
    first, second = (page.locator(f"{place} .nsewdrag").first.bounding_box() for place in (".plot", ".others .plot"))
    assert first is not None and second is not None
    assert (first["x"], first["width"]) == (second["x"], second["width"])
    middle = first["y"] + first["height"] / 2
    page.mouse.move(first["x"] + first["width"] * 0.25, middle)
    page.mouse.down()
    page.mouse.move(first["x"] + first["width"] * 0.5, middle + 2, steps=5)
    page.mouse.up()
    until(page, "() => location.hash.includes('from=')")
    until(page, "() => document.querySelector('.others .plot').data.find((one) => one.name === 'value').x.length < 60")
    asked = dict(
        part.split("=") for part in page.evaluate("decodeURIComponent(location.hash)").split("?")[1].split("&")
    )
    assert page.get_by_label("From (UTC)").input_value() == asked["from"].removesuffix("Z")
    assert asked["all"] == "1"
    page.get_by_role("button", name="follow live").click()
    until(page, "() => !location.hash.includes('from=')")


def downloaded(page: Any, button: Any) -> tuple[str, list[dict[str, str]]]:
    with page.expect_download() as waiting:
        button.click()
    text = Path(waiting.value.path()).read_text(encoding="utf-8")
    return waiting.value.suggested_filename, list(csv.DictReader(io.StringIO(text)))


def test_what_is_shown_comes_as_csv(visit: Open, served_gappy: Served) -> None:
    page = visit(served_gappy.address, "#/series?device=pump&signal=temperature&hours=3")
    page.locator(".why .sentence").wait_for()
    name, rows = downloaded(page, page.get_by_role("button", name="rows (CSV)"))
    assert name == "pump-temperature.csv"
    assert len(rows) == 180 - len(MISSING)
    assert [row["why"] for row in rows if row["flag"] == "above"] == ["above the expected band"]
    assert rows[20]["lower"] == "18" and rows[0]["lower"] == ""


def test_the_report_has_the_same_band_one_time_axis_and_csv(visit: Open, gappy: Path, tmp_path: Path) -> None:
    out = tmp_path / "pump.html"
    series_report(gappy, out, device="pump")
    page = visit(f"file://{out.parent}", "pump.html")
    page.locator(".linked figure:nth-of-type(2) .nsewdrag").wait_for()
    for place in (1, 2):
        (path,) = page.evaluate(PATHS, f".linked figure:nth-of-type({place})")
        check_band(path, page.locator(f".linked figure:nth-of-type({place}) .nsewdrag").bounding_box()["width"])  # type: ignore[index]
    boxes = [page.locator(f".linked figure:nth-of-type({place}) .nsewdrag").bounding_box() for place in (1, 2)]
    assert boxes[0]["x"] == boxes[1]["x"] and boxes[0]["width"] == boxes[1]["width"]  # type: ignore[index]
    page.evaluate("""() => Plotly.relayout(document.querySelector('.linked figure .plot'), {
        'xaxis.range[0]': pictures.get(document.querySelector('.linked figure').id).times[30],
        'xaxis.range[1]': pictures.get(document.querySelector('.linked figure').id).times[60]})""")
    until(
        page,
        """() => { const ranges = [...document.querySelectorAll('.linked .plot')].map((plot) => plot.layout.xaxis.range);
        const [one, other] = ranges.map((range) => range.map((at) => String(at).slice(0, 16)));
        return one[0] === other[0] && one[1] === other[1]; }""",
    )
    name, rows = downloaded(page, page.get_by_role("button", name="CSV").first)
    assert name.startswith("pump-pressure") and len(rows) == 177
    keep(page, "report-with-gaps")


def test_a_report_on_paper_shows_every_picture(visit: Open, tmp_path: Path) -> None:
    rows = "".join(f"{1_772_431_200 + 60 * n},{20 + n % 5 + 40 * (n in (150, 300, 450))}\n" for n in range(600))
    (tmp_path / "pump.csv").write_text("ts,value\n" + rows)
    found = judge(tmp_path / "pump.csv", parse_detection({}))
    write(own_page(found, command="ad-stream detect pump.csv"), tmp_path / "own.html")
    page = visit(f"file://{tmp_path}", "own.html")
    page.locator("figure .nsewdrag").first.wait_for()
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    until(
        page,
        "() => document.querySelectorAll('figure').length === document.querySelectorAll('figure .nsewdrag').length",
    )
    page.emulate_media(media="print")
    assert page.locator("figure").count() >= 2
    assert not page.locator("button").first.is_visible()
    assert (tmp_path / "own.html").stat().st_size < 1_500_000


@pytest.mark.parametrize("width", [390, 1400])
def test_a_silent_device_is_first_and_red_and_long_names_keep_both_ends(
    visit: Open, tmp_path: Path, width: int
) -> None:
    create(tmp_path)
    long = "plant-north/building-7/line-03/compressor-station/pump-000123"
    now = newest()
    rows = [verdict(long, "t", now - timedelta(minutes=n), 20.0) for n in range(90, 60, -1)]
    rows += [
        verdict(
            "fan", "t", now - timedelta(minutes=n), 30.0 if n == 2 else 20.0, reason="above" if n == 2 else "normal"
        )
        for n in range(90, -1, -1)
    ]
    write_rows(tmp_path, "detections", rows)
    sign_of_life(tmp_path, now)
    running = Served(tmp_path)
    try:
        page = visit(running.address, viewport={"width": width, "height": 900})
        first = page.locator("table.series tbody tr").first
        first.wait_for()
        name = first.locator("a b")
        assert first.locator("a").get_attribute("title") == f"{long} t"
        shown = name.inner_text()
        assert (
            len(shown) == (30 if width < 700 else 34)
            and shown.startswith("plant-north/")
            and shown.endswith("pump-000123")
            and "…" in shown
        )
        pill = first.locator(".pill.silent")
        assert pill.inner_text().startswith("silent since ")
        flagged = page.locator(".pill.flagged, .tile.is-flagged b").first
        assert pill.evaluate("(one) => getComputedStyle(one).color") == flagged.evaluate(
            "(one) => getComputedStyle(one).color"
        )
        assert not page.evaluate("document.documentElement.scrollWidth > innerWidth")
        page.close()
    finally:
        running.stop()
