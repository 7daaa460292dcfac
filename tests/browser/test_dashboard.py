"""The dashboard as a person meets it, in Chromium."""

from __future__ import annotations

import math
import re
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("playwright.sync_api", reason="playwright is missing: pip install playwright")
from playwright.sync_api import expect

from ad_stream.dashboard.access import Token
from ad_stream.dashboard.explanation import explain
from tests.browser.conftest import SCREENSHOTS, Fleet, Open, keep
from tests.support.served import Served
from tests.support.written import create, sign_of_life, verdict, write

PHONE = {"viewport": {"width": 390, "height": 844}, "device_scale_factor": 2, "is_mobile": True, "has_touch": True}
PROBLEM = "#/series?device=pump-2&signal=temperature"
DRAWN = """() => Object.fromEntries(document.querySelector('.plot').data.map((trace) =>
    [trace.name, {x: Array.from(trace.x), y: Array.from(trace.y)}]))"""
CONTRAST = (Path(__file__).parent / "contrast.js").read_text(encoding="utf-8").split("\n", 1)[1]


def wide(page: Any) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth > innerWidth"))


def test_the_page_comes_up_with_the_worst_series_first(visit: Open, served: Served, fleet: Fleet) -> None:
    page = visit(served.address)
    page.wait_for_selector("table.series tbody tr")
    assert page.locator("table.series tbody a b").first.inner_text() == "pump-2"
    assert page.locator(".tile b").first.inner_text() == "12"
    page.locator(".live[data-kind=live]").wait_for()
    keep(page, "fleet-light", whole=False)
    page.keyboard.press("3")
    page.get_by_role("heading", name="Quarantine").wait_for()
    assert "malformed" in page.locator(".bars").first.inner_text()
    keep(page, "pipeline-light")


def test_a_fault_appears_after_its_commit_without_a_reload(visit: Open, served: Served, fleet: Fleet) -> None:
    page = visit(served.address)
    page.locator(".live[data-kind=live]").wait_for()
    page.evaluate("window.unreloaded = true")
    row = fleet.minute("pump-5", "pressure", 4.6)
    committed = datetime.now(timezone.utc)
    assert row["is_anomaly"] is True
    event = page.locator("aside .event", has_text="pump-5")
    event.wait_for()
    seconds = (datetime.now(timezone.utc) - committed).total_seconds()
    (SCREENSHOTS / "seconds-from-commit-to-page.txt").write_text(f"{seconds:.2f}\n")
    page.locator("table.series tr.flagged", has_text="pump-5").wait_for()
    assert page.evaluate("window.unreloaded") is True
    assert "new flagged" in page.locator("#announce").inner_text()
    event.get_by_role("link").click()
    page.locator(".why .pill.flagged").wait_for()
    assert explain(row)["sentence"] == page.locator(".why .sentence").inner_text()


def test_a_series_shows_value_band_and_flags_as_the_table_has_them(visit: Open, served: Served, fleet: Fleet) -> None:
    page = visit(served.address, f"{PROBLEM}&hours=3")
    page.locator(".why .sentence").wait_for()
    drawn = page.evaluate(DRAWN)
    rows = [row for row in fleet.rows["pump-2", "temperature"] if row["expected"] is not None]
    by_time = {f"{row['minute']:%Y-%m-%d %H:%M}": row for row in rows}
    seen = [(time, n) for n, time in enumerate(drawn["value"]["x"]) if time in by_time]
    assert len(seen) > 150
    for time, n in seen:
        row = by_time[time]
        for name in ("value", "expected"):
            assert math.isclose(drawn[name]["y"][n], row[name], rel_tol=1e-4), (time, name)
    outline = list(zip(drawn["expected band"]["x"], drawn["expected band"]["y"], strict=True))
    assert len(outline) == 2 * len(seen), "no minute is missing, so the band is one polygon, there and back"
    for (time, upper), (back, lower) in zip(outline[: len(seen)], reversed(outline[len(seen) :]), strict=True):
        row = by_time[time]
        bounds = row["expected"] + row["upper_margin"], row["expected"] - row["lower_margin"]
        assert time == back and np.allclose((upper, lower), bounds, rtol=1e-4), time
    flagged = [time for time, row in by_time.items() if row["is_anomaly"] and time in drawn["value"]["x"]]
    assert flagged
    assert drawn["flagged"]["x"] == flagged
    keep(page, "series-light")


def test_why_a_minute_was_flagged_and_why_its_neighbour_was_not(visit: Open, served: Served, fleet: Fleet) -> None:
    page = visit(served.address, PROBLEM)
    page.locator(".why .pill.flagged").wait_for()
    rows = fleet.rows["pump-2", "temperature"]
    place = max(n for n, row in enumerate(rows) if row["is_anomaly"])
    assert page.locator(".why .sentence").inner_text() == explain(rows[place])["sentence"]
    page.keyboard.press("ArrowRight")
    page.locator(".why .pill.normal").wait_for()
    assert page.locator(".why .sentence").inner_text() == explain(rows[place + 1])["sentence"]
    assert page.locator(".why .facts").inner_text().count("default") == 1
    page.keyboard.press("[")
    page.locator(".why .pill.flagged").wait_for()
    picture = page.request.get(page.get_by_role("link", name="picture (PNG)").evaluate("one => one.href"))
    assert picture.body().startswith(b"\x89PNG")


def test_filters_and_keys_lead_to_a_series_and_back(visit: Open, served: Served, fleet: Fleet) -> None:
    page = visit(served.address)
    page.wait_for_selector("table.series tbody tr")
    page.keyboard.press("/")
    page.keyboard.type("PUMP-3")
    expect(page.locator("table.series tbody tr")).to_have_count(2)
    page.get_by_label("Signal").select_option("pressure")
    expect(page.locator("table.series tbody tr")).to_have_count(1)
    page.locator("body").click(position={"x": 2, "y": 300})
    page.keyboard.press("j")
    assert page.evaluate("document.activeElement.dataset.key") == "pump-3 pressure"
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="pump-3 pressure").wait_for()
    page.keyboard.press("Escape")
    page.wait_for_selector("table.series tbody tr")
    assert page.get_by_label("Device").input_value() == "PUMP-3"
    page.keyboard.press("?")
    page.get_by_role("heading", name="Keys").wait_for()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_is_readable_in_both_schemes(visit: Open, served: Served, fleet: Fleet, scheme: str) -> None:
    page = visit(served.address, color_scheme=scheme)
    page.wait_for_selector("table.series tbody tr")
    assert page.evaluate("document.documentElement.dataset.theme") == scheme
    assert page.evaluate(CONTRAST) == []
    keep(page, f"fleet-{scheme}", whole=False)
    page.goto(f"{served.address}/{PROBLEM}")
    page.locator(".why .sentence").wait_for()
    assert page.evaluate(CONTRAST) == []
    keep(page, f"series-{scheme}")
    page.keyboard.press("t")
    assert page.evaluate("document.documentElement.dataset.theme") != scheme


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_shows_all_of_it_without_scrolling_sideways(
    visit: Open, served: Served, fleet: Fleet, scheme: str
) -> None:
    page = visit(served.address, color_scheme=scheme, **PHONE)
    for path, ready in (
        ("", "table.series tbody tr"),
        ("#/anomalies", ".event"),
        ("#/pipeline", ".durations"),
        (PROBLEM, ".why .sentence"),
    ):
        page.goto(f"{served.address}/{path}")
        page.locator(ready).first.wait_for()
        assert not wide(page), path
        name = re.sub(r"\W+", "", path.split("?")[0]) or "fleet"
        keep(page, f"phone-{name}-{scheme}", whole=False)


def test_without_tables_the_page_says_what_to_do_and_fills_by_itself(visit: Open, tmp_path: Path) -> None:
    running = Served(tmp_path)
    try:
        page = visit(running.address)
        page.get_by_text("There are no tables yet.").wait_for()
        assert page.locator(".start code").first.inner_text() == "ad-stream run --config conf/local.yaml"
        keep(page, "empty")
        create(tmp_path)
        page.get_by_text("No window has been judged yet.").wait_for()
        write(
            tmp_path,
            "detections",
            [verdict("first", "t", datetime.now(timezone.utc).replace(second=0, microsecond=0), 20.0)],
        )
        sign_of_life(tmp_path, datetime.now(timezone.utc))
        page.locator("table.series tbody tr", has_text="first").wait_for()
        page.close()
    finally:
        running.stop()


def test_a_stopped_stream_and_a_stopped_dashboard_are_told_apart(visit: Open, browser: Any, tmp_path: Path) -> None:
    create(tmp_path)
    old = datetime.now(timezone.utc).replace(second=0, microsecond=0) - timedelta(hours=5)
    write(tmp_path, "detections", [verdict("pump", "t", old, 30.0, reason="above")])
    sign_of_life(tmp_path, old)
    running = Served(tmp_path)
    try:
        page = visit(running.address)
        banner = page.locator(".banner[data-kind=stopped]")
        banner.wait_for()
        told = banner.inner_text()
        assert f"stopped since {old:%Y-%m-%d %H:%M} UTC" in told
        assert "ad-stream run --config" in told
        keep(page, "stale")
        # Chromium itself writes the lost connection to the console, so this page is not one of visit's.
        other = browser.new_page()
        other.goto(running.address)
        other.locator("table.series tbody tr").wait_for()
        page.close()
    finally:
        running.stop()
    other.locator(".banner[data-kind=lost]").wait_for()
    again = Served(tmp_path, port=running.port)
    try:
        other.locator(".banner[data-kind=stopped]").wait_for()
        other.close()
    finally:
        again.stop()


def test_the_token_is_asked_for_once(browser: Any, served: Served) -> None:
    guarded = Served(Path(served.watch.tables), token=Token("open sesame"))
    page = browser.new_page()
    try:
        page.goto(guarded.address)
        page.get_by_label("Token of this dashboard").fill("wrong")
        page.keyboard.press("Enter")
        page.get_by_text("That is not the token.").wait_for()
        page.get_by_label("Token of this dashboard").fill("open sesame")
        page.keyboard.press("Enter")
        page.wait_for_selector("table.series tbody tr")
    finally:
        page.close()
        guarded.stop()
