"""The page Sources in Chromium: a check by keys, a range judged by the form, without findings, on a phone too."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

pytest.importorskip("playwright.sync_api", reason="playwright is missing: pip install playwright")
pytest.importorskip("axe_playwright_python", reason="axe-core is missing: pip install axe-playwright-python")
from playwright.sync_api import Page, expect

from ad_stream.dashboard.access import Token
from tests.browser.conftest import Open, keep
from tests.browser.test_accessible import findings
from tests.browser.test_large_fleet import OVERLAPS, PHONE, WIDE
from tests.support.scheduled import NOON
from tests.support.served import Served
from tests.unit.dashboard.test_sources import run_of

HEADERS = {"Authorization": "Bearer open sesame"}


@pytest.fixture(scope="module")
def plant(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("sources")
    running = Served(folder / "tables", now=NOON, token=Token("open sesame"), base=run_of(folder))
    yield running
    running.stop()


def judged(visit: Open, plant: Served, **context: object) -> Page:
    page = visit(plant.address, "#/sources?source=plant", extra_http_headers=HEADERS, timezone_id="UTC", **context)
    expect(page.get_by_text("It can be read.")).to_be_visible()
    expect(page.get_by_label("First readings of plant").locator("tbody tr")).to_have_count(20)
    page.get_by_label("Device", exact=True).fill("p")
    page.get_by_label("From (").fill("2026-11-30T04:00")
    page.get_by_label("To (").fill("2026-11-30T12:00")
    page.get_by_label("Detector").select_option("default")
    expect(page.get_by_label("Largest share of outliers")).to_be_hidden()
    page.get_by_role("button", name="judge").press("Enter")
    expect(page.get_by_role("img", name="p: 1 flagged of 300 readings")).to_be_visible()
    return page


def test_a_source_is_checked_and_a_missing_field_is_named(visit: Open, plant: Served) -> None:
    page = visit(plant.address, extra_http_headers=HEADERS)
    page.get_by_role("link", name="Fleet", exact=False).first.wait_for()
    page.keyboard.press("6")
    expect(page.get_by_label("Named sources").locator("tbody tr")).to_have_count(3)
    page.get_by_role("button", name="Check gone").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert").filter(has_text="fits no file")).to_be_visible()
    page.get_by_role("button", name="judge").press("Enter")
    expect(page.get_by_role("alert").filter(has_text="Device is missing.")).to_be_visible()
    expect(page.get_by_label("Device", exact=True)).to_be_focused()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_serious_finding_and_nothing_is_cut_on_a_phone(visit: Open, plant: Served, scheme: str) -> None:
    for name, context in (("desk", {"viewport": {"width": 1400, "height": 900}}), ("phone", PHONE)):
        page = judged(visit, plant, color_scheme=scheme, **context)
        assert findings(page) == [], name
        assert not page.evaluate(WIDE), name
        assert page.evaluate(OVERLAPS) == [], name
        keep(page, f"sources-{name}-{scheme}")
