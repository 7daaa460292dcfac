"""The page of a counter and of a state, and the day before drawn over the chart, in Chromium."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

pytest.importorskip("playwright.sync_api", reason="playwright is missing: pip install playwright")

import ad_stream
from tests.browser.conftest import Open, keep, newest
from tests.browser.test_accessible import findings
from tests.browser.test_charts import until
from tests.support.served import Served
from tests.support.written import create, schema, sign_of_life, write

MINUTES = 27 * 60
NAMES = "() => (document.querySelector('.plot').data ?? []).map((one) => one.name)"
BEFORE = "() => document.querySelector('.plot').data.find((one) => one.name === 'the day before')"


def series() -> dict[str, tuple[np.ndarray, str]]:
    """Signal -> its values, and what it is judged as."""
    rng = np.random.default_rng(2)
    parts = rng.poisson(20, MINUTES).cumsum().astype(float)
    parts[900:] -= parts[900] - 20
    state = np.repeat(np.tile([0.0, 2.0, 1.0], 100), rng.integers(6, 12, 300))[:MINUTES]
    state[-30:] = 2.0
    return {"parts": (parts, "counter"), "mode": (state, "state"), "total": (parts + 7, "gauge")}


def further(times: pd.DatetimeIndex) -> list[dict[str, object]]:
    """What two further detectors say of the last three hours of `total`; the second knows too little in their first."""
    same = {"device_id": "press", "signal": "total", "score": 1.0, "is_anomaly": False, "status": "scored"}
    rows: list[dict[str, object]] = []
    for place, time in enumerate(times[-180:].to_pydatetime()):
        odd = {"is_anomaly": True, "score": 7.0} if place in (100, 101) else {}
        young = {"score": None, "status": "warming_up"} if place < 60 else {}
        rows.append(same | {"minute": time, "detector": "sr_cnn"} | odd)
        rows.append(same | {"minute": time, "detector": "seasonal", "model": "seasonal@2"} | young)
    return rows


@pytest.fixture(scope="module")
def line(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    tables: Path = tmp_path_factory.mktemp("line")
    create(tables)
    times = pd.date_range(newest() - timedelta(minutes=MINUTES - 1), periods=MINUTES, freq="min")
    same = {"device_id": "press", "revision": 0, "detector": "default", "query_id": "q", "batch_id": 0}
    for signal, (values, kind) in series().items():
        judged = ad_stream.detect(pd.DataFrame({"timestamp": times, "value": values}), device=None, kind=kind)
        names = [name for name in schema("detections").names if name in judged.columns]
        rows = judged[names].astype(object).where(judged[names].notna(), None).to_dict("records")
        told = [same | {"signal": signal, "config_version": "0123456789ab"} | dict(row) for row in rows]
        at = [{"minute": time.to_pydatetime(), "value": value} for time, value in zip(times, values, strict=True)]
        write(tables, "detections", [row | one for row, one in zip(told, at, strict=True)])
    write(tables, "comparisons", further(times))
    sign_of_life(tables, newest())
    running = Served(tables)
    yield running
    running.stop()


@pytest.mark.parametrize(
    ("signal", "heading", "facts", "command"),
    [
        ("parts", "Judged as a counter", ("rate now", "in sight usually", "began anew in sight"), "kind=gauge"),
        ("mode", "Judged as a state", ("state now", "whole stays of it in sight"), "kind=gauge"),
        ("total", "Looks like a counter", ("rate now", "in sight usually", "began anew in sight"), "kind=counter"),
    ],
)
@pytest.mark.parametrize(("width", "scheme"), [(390, "light"), (1400, "dark")])
def test_the_page_says_what_a_series_is_judged_as_and_how_to_say_otherwise(
    visit: Open, line: Served, signal: str, heading: str, facts: tuple[str, ...], command: str, width: int, scheme: str
) -> None:
    viewport = {"width": width, "height": 900}
    page = visit(line.address, f"#/series?device=press&signal={signal}&hours=3", viewport=viewport, color_scheme=scheme)
    card = page.locator(".card.kind")
    card.wait_for()
    page.locator(".why .sentence").wait_for()
    assert card.locator("h2").inner_text() == heading
    assert tuple(card.locator("dt").all_inner_texts()) == facts
    assert card.locator("code").inner_text() == f"ad-stream config set --device press --signal {signal} {command}"
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    if signal == "mode":
        assert card.locator("dd").first.inner_text() == "2, for 30 minutes"
        assert "Flagged, state 2: it has lasted far longer" in page.locator(".why").inner_text()
    assert findings(page) == []
    keep(page, f"kind-{signal}-{width}-{scheme}")


def test_the_day_before_is_drawn_over_the_chart_and_stands_in_the_address(visit: Open, line: Served) -> None:
    page = visit(line.address, "#/series?device=press&signal=total&hours=1")
    page.locator(".why .sentence").wait_for()
    assert "the day before" not in page.evaluate(NAMES)
    page.get_by_label("Compare with").select_option("day")
    until(page, f"() => ({BEFORE})()?.y.length")
    drawn = page.evaluate(BEFORE)
    shown = page.evaluate("() => document.querySelector('.plot').data.find((one) => one.name === 'value')")
    values = series()["total"][0]
    place = len(values) - len(shown["y"]) - 1440
    expected = [float(f"{one:.6g}") for one in values[place : place + len(shown["y"])]]
    assert shown["x"] == drawn["x"] and drawn["y"] == expected and drawn["y"] != shown["y"]
    assert "compare=day" in page.evaluate("location.hash")
    keep(page, "compare-day")
    page.get_by_label("Compare with").select_option("week")
    until(page, "() => document.body.innerText.includes('nothing is stored of the week before')")
    page.get_by_label("Compare with").select_option("")
    until(page, "() => !location.hash.includes('compare=')")


@pytest.mark.parametrize(("width", "scheme"), [(390, "light"), (1400, "dark")])
def test_further_detectors_have_a_strip_each_beside_the_chart(
    visit: Open, line: Served, width: int, scheme: str
) -> None:
    viewport = {"width": width, "height": 900}
    page = visit(line.address, "#/series?device=press&signal=total&hours=3", viewport=viewport, color_scheme=scheme)
    card = page.locator(".card.joint", has_text="Detectors side by side")
    card.wait_for()
    season, network = card.locator("p").all_inner_texts()
    assert season.startswith("seasonal (seasonal@2): 0 of 120 minutes flagged")
    assert network.startswith("sr_cnn: 2 of 180 minutes flagged")
    strips = card.locator(".strip")
    assert [strips.nth(one).locator(".flagged").count() for one in (0, 1)] == [0, 2]
    assert strips.nth(0).locator(".none").count() == 60 and card.get_by_role("img").count() == 2
    assert findings(page) == []
    keep(page, f"compared-{width}")


def test_where_nothing_is_compared_there_is_no_card(visit: Open, line: Served) -> None:
    page = visit(line.address, "#/series?device=press&signal=mode&hours=3")
    page.locator(".card.kind").wait_for()
    assert page.locator(".card.joint", has_text="Detectors side by side").count() == 0
