"""A fleet as a plant has it, in Chromium: 500 devices with long names on sites, 40 signals on one, one silent; zones, mutes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("playwright.sync_api", reason="playwright is missing: pip install playwright")
from playwright.sync_api import expect

from ad_stream.config import usual
from ad_stream.dashboard.access import Token
from ad_stream.series_config import table
from tests.browser.conftest import Open, keep, newest
from tests.support.served import Served
from tests.support.written import create, sign_of_life, verdict, write

SITES = ("aberdeen", "gothenburg", "kristiansand", "rotterdam", "wilhelmshaven")
PATTERN = "plant-(?P<site>[^-]+)-"
DEVICES, MINUTES, SIGNALS = 500, 70, 40
MANY = "plant-aberdeen-compressor-station-with-forty-signals"
LAST_WORD = timedelta(minutes=30)
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
DESKTOP = {"viewport": {"width": 1400, "height": 900}}
OVERLAPS = """() => {
  const shown = (one) => one.getClientRects().length && getComputedStyle(one).visibility !== 'hidden' && one.className !== 'unseen';
  const wrong = [];
  for (const row of document.querySelectorAll('tbody tr, .event, .tiles, .filters, .head, .top')) {
    const parts = [...row.children].filter(shown).filter((one) => getComputedStyle(one).position !== 'fixed');
    const boxes = parts.map((one) => one.getBoundingClientRect());
    parts.forEach((part, i) => {
      const spills = part.scrollWidth > part.clientWidth + 1 && getComputedStyle(part).overflowX === 'visible';
      if (spills && part.clientWidth) wrong.push(`wider than its place: ${part.textContent}`);
      boxes.slice(i + 1).forEach((other, n) => {
        const across = Math.min(boxes[i].right, other.right) - Math.max(boxes[i].left, other.left);
        const down = Math.min(boxes[i].bottom, other.bottom) - Math.max(boxes[i].top, other.top);
        if (across > 1.5 && down > 1.5) wrong.push(`${part.textContent} over ${parts[i + 1 + n].textContent}`);
      });
    });
  }
  for (const card of document.querySelectorAll('.card, .scroll table')) {
    if (card.scrollWidth > card.clientWidth + 1) wrong.push(`spills out of its card: ${card.textContent.slice(0, 80)}`);
  }
  return wrong;
}"""
WIDE = "document.documentElement.scrollWidth > innerWidth"


def name(n: int) -> str:
    return f"plant-{SITES[n % 5]}-production-line-{n % 17:02d}-circulation-pump-{n:04d}"


@pytest.fixture(scope="module")
def plant(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The last 70 minutes; every fiftieth device had two flags, one device stopped 30 minutes before the newest window."""
    tables = tmp_path_factory.mktemp("plant")
    create(tables)
    last = newest()
    rows: list[dict[str, Any]] = []
    for n in range(DEVICES):
        silent = n == 7
        for back in range(MINUTES if n % 50 in (0, 7) else 12):
            at = last - timedelta(minutes=back) - (LAST_WORD if silent else timedelta(0))
            flagged = n % 50 == 0 and back in (20, 20 + n // 25)
            rows.append(verdict(name(n), "discharge_temperature", at, 30.0 if flagged else 20 + (n + back) % 7 / 5,
                                reason="above" if flagged else "normal"))  # fmt: skip
    for n in range(SIGNALS):
        for back in range(MINUTES):
            flagged = n == 33 and back in (5, 25)
            rows.append(verdict(MANY, f"stage_{n:02d}_bearing_vibration_velocity", last - timedelta(minutes=back),
                                30.0 if flagged else 20 + (n + back) % 5 / 5, reason="above" if flagged else "normal"))  # fmt: skip
    write(tables, "detections", rows)
    sign_of_life(tables, datetime.now(timezone.utc))
    return tables


@pytest.fixture(scope="module")
def large(plant: Path) -> Iterator[Served]:
    running = Served(plant, base=usual(str(plant), {"dimensions": {"device": PATTERN}}))
    yield running
    running.stop()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("kind", "context"), [("1400", DESKTOP), ("390", PHONE)])
def test_long_names_are_cut_and_nothing_overlaps(
    visit: Open, large: Served, kind: str, context: dict[str, Any], scheme: str
) -> None:
    page = visit(large.address, color_scheme=scheme, **context)
    many = f"#/series?device={MANY}&signal=stage_33_bearing_vibration_velocity"
    for path, ready, label in (
        ("", "table.series tbody tr", "list"),
        ("#/fleet?show=sites", "table.sites tbody tr", "sites"),
        ("#/fleet?show=heat", ".heat td a", "heat"),
        ("#/fleet?show=heat&by=device", ".heat td a", "heat-devices"),
        ("#/anomalies", ".event", "anomalies"),
        ("#/pipeline", ".silent li", "pipeline"),
        (many, ".why .sentence", "signals"),
    ):
        page.goto(f"{large.address}/{path}")
        page.locator(ready).first.wait_for()
        assert not page.evaluate(WIDE), path
        assert page.evaluate(OVERLAPS) == [], path
        keep(page, f"plant-{label}-{kind}-{scheme}", whole=False)


def test_a_name_is_cut_in_its_middle_with_the_whole_in_a_tooltip(visit: Open, large: Served) -> None:
    page = visit(large.address, "#/fleet?device=pump-0010", **DESKTOP)
    link = page.locator("table.series tbody th a", has_text="pump-0010").first
    link.wait_for()
    assert link.get_attribute("title") == f"{name(10)} discharge_temperature"
    shown = link.locator("b").inner_text()
    assert "…" in shown and name(10).startswith(shown.split("…")[0]) and name(10).endswith(shown.split("…")[1])
    assert link.locator("b").evaluate("one => one.scrollWidth <= one.clientWidth")


def test_a_phone_shows_cards(visit: Open, large: Served) -> None:
    page = visit(large.address, **PHONE)
    card = page.locator("table.series tbody tr").first
    card.wait_for()
    assert not page.locator("table.series thead").is_visible()
    head, value = card.locator("th").bounding_box(), card.locator("td[data-label=value]").bounding_box()
    assert head is not None and value is not None
    assert head["y"] + head["height"] <= value["y"], "the name has a line of its own"
    page.goto(f"{large.address}/#/series?device={MANY}&signal=stage_33_bearing_vibration_velocity")
    cell = page.locator(".cards td[data-label=value]").first
    cell.wait_for()
    assert cell.evaluate("one => getComputedStyle(one, '::before').content") == '"value"'


def test_a_silent_device_is_red_says_since_when_and_is_first(visit: Open, large: Served) -> None:
    page = visit(large.address, **DESKTOP, timezone_id="UTC")
    row = page.locator("table.series tbody tr").first
    row.wait_for()
    since = newest_of(large) - LAST_WORD
    assert row.locator("a").get_attribute("title") == f"{name(7)} discharge_temperature"
    assert re.fullmatch(rf"silent since (\d\d-\d\d )?{since:%H:%M}", row.locator(".pill").inner_text())
    # A row may be drawn anew between finding and asking, and what is no longer on the page has no color.
    expect(row.locator(".pill")).to_have_css("color", "rgb(195, 41, 31)")
    page.get_by_role("button", name="Heat map").click()
    page.get_by_role("button", name="by device").click()
    head = page.locator(".heat tbody tr").first.locator("th")
    expect(head.locator("small")).to_have_text(re.compile(rf"silent since .*{since:%H:%M}"))


def newest_of(served: Served) -> datetime:
    return datetime.fromisoformat(served.get("/api/state")["newest"].replace("Z", "+00:00"))


def test_every_time_follows_the_zone_of_the_page(visit: Open, large: Served) -> None:
    flag = newest_of(large) - timedelta(minutes=5)
    here = flag + timedelta(hours=5, minutes=30)
    signal = "stage_33_bearing_vibration_velocity"
    page = visit(large.address, "#/anomalies", timezone_id="Asia/Kolkata", **DESKTOP)
    event = page.locator(".event", has=page.locator(f"a[title$='{signal}']")).first.locator("time")
    expect(event).to_have_text(re.compile(f"{here:%H:%M}–{here + timedelta(minutes=1):%H:%M}$"))
    switch = page.locator("#zone")
    zone = switch.inner_text()
    assert zone in ("IST", "GMT+5:30") and page.get_by_label(f"From ({zone})").is_visible()
    page.goto(f"{large.address}/#/series?device={MANY}&signal={signal}&hours=1&minute={flag:%Y-%m-%dT%H:%MZ}")
    page.locator(".why .sentence").wait_for()
    for time, label in ((here, zone), (flag, "UTC")):
        expect(page.locator(".why h2")).to_contain_text(f"{time:%H:%M} {label}")
        expect(page.locator(".cards tbody button").first).to_have_text(re.compile(f"{time:%H:%M}$"))
        expect(page.locator("#live-text")).to_contain_text(label)
        marks = page.locator(".plot .xtick text").all_text_contents()
        assert marks and all(int(mark[3:5]) % 5 == 0 for mark in marks), "marks stand at round times of the zone"
        known = {f"{newest_of(large) - timedelta(minutes=n) + (time - flag):%H:%M}" for n in range(MINUTES)}
        assert all(mark[:5] in known for mark in marks)
        if label != "UTC":
            switch.click()
            expect(switch).to_have_text("UTC")
    page.reload()
    expect(page.locator("#zone")).to_have_text("UTC")


def test_a_time_that_is_typed_is_of_the_zone_of_the_page(visit: Open, large: Served) -> None:
    page = visit(large.address, "#/anomalies", timezone_id="America/New_York", **DESKTOP)
    page.locator(".event").first.wait_for()
    page.get_by_label(re.compile(r"^From \(")).fill("2026-11-01T01:30")
    page.wait_for_timeout(100)
    expect(page.get_by_label(re.compile(r"^From \("))).to_have_value("2026-11-01T01:30")
    assert "from=2026-11-01T05%3A30Z" in page.evaluate("location.hash")
    page.keyboard.press("Escape")
    page.locator("#zone").click()
    expect(page.get_by_label("From (UTC)")).to_have_value("2026-11-01T05:30")


def test_the_site_filter_and_the_site_list_lead_to_the_devices_of_a_site(visit: Open, large: Served) -> None:
    page = visit(large.address, **DESKTOP)
    page.locator("table.series tbody tr").first.wait_for()
    page.locator("select[name=site]").select_option("gothenburg")
    expect(page.locator(".tile b").first).to_have_text("100")
    assert all(
        "gothenburg" in one
        for one in page.locator("table.series th a").evaluate_all("all => all.map((one) => one.title)")
    )
    page.locator("select[name=site]").select_option("")
    page.get_by_role("button", name="Sites").click()
    row = page.locator("table.sites tbody tr").first
    expect(row.locator("th")).to_have_text("kristiansand")
    assert row.locator("td[data-label='Silent devices']").inner_text() == "1"
    row.get_by_role("link").click()
    expect(page.locator("select[name=site]")).to_have_value("kristiansand")
    expect(page.locator(".tile b").first).to_have_text("100")


def test_a_cell_of_the_heat_map_leads_to_what_was_flagged_in_it(visit: Open, large: Served) -> None:
    page = visit(large.address, "#/fleet?show=heat&by=device&minutes=60", **DESKTOP)
    cell = page.locator(".heat td a").first
    cell.wait_for()
    label = cell.get_attribute("aria-label") or ""
    device = label.split(",")[0]
    shown = int(cell.inner_text())
    cell.click()
    page.locator(".event").first.wait_for()
    titles = page.locator(".event a").evaluate_all("all => all.map((one) => one.title)")
    assert titles and all(title.startswith(f"{device} ") for title in titles)
    assert len(titles) <= shown
    assert "from=" in page.evaluate("location.hash") and "to=" in page.evaluate("location.hash")


def test_a_device_with_forty_signals_has_a_list_that_is_searched_and_drawn_below(visit: Open, large: Served) -> None:
    page = visit(large.address, f"#/series?device={MANY}&signal=stage_00_bearing_vibration_velocity&hours=1", **DESKTOP)
    signals = page.locator(".signals li")
    expect(signals).to_have_count(SIGNALS)
    assert "stage_33" in signals.first.inner_text(), "the flagged ones come first"
    assert signals.first.locator(".flags").inner_text() == "2"
    page.get_by_label(re.compile("^Signal, of 40")).fill("STAGE_1")
    expect(signals).to_have_count(10)
    page.get_by_label("Draw stage_12_bearing_vibration_velocity below").check()
    page.get_by_label("Draw stage_17_bearing_vibration_velocity below").check()
    below = page.locator(".others section")
    expect(below).to_have_count(2)
    page.locator(".others .plot .nsewdrag").nth(1).wait_for()
    boxes = [page.locator(".nsewdrag").nth(n).bounding_box() for n in range(3)]
    assert len({(box["x"], box["width"]) for box in boxes if box}) == 1, "one time axis"
    keep(page, "plant-below")
    page.get_by_label("Draw stage_12_bearing_vibration_velocity below").uncheck()
    expect(below).to_have_count(1)
    page.get_by_role("link", name=re.compile("^stage_17")).first.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("stage_17")
    expect(page.locator(".others section")).to_have_count(1)


def said(tables: Path) -> dict[str, Any]:
    """The latest row of `series_config`."""
    return max(table.read(tables)[0], key=lambda row: row["changed"])


def test_a_mute_is_asked_for_written_shown_and_taken_back(visit: Open, plant: Path) -> None:
    guarded = Served(plant, token=Token("open sesame"))
    signal = "stage_02_bearing_vibration_velocity"
    try:
        headers = {"Authorization": "Bearer open sesame"}
        page = visit(guarded.address, f"#/series?device={MANY}&signal={signal}", extra_http_headers=headers, **DESKTOP)
        page.get_by_role("button", name="mute…").click()
        page.get_by_label("Your name").fill("Ada")
        page.get_by_label("Why").fill("bearing is changed")
        keep(page, "mute", whole=False)
        page.get_by_role("button", name="mute", exact=True).click()
        expect(page.locator(".pill.muted")).to_contain_text("by Ada")
        row = said(plant)
        assert (row["device"], row["signal"], row["owner"], row["note"]) == (MANY, signal, "Ada", "bearing is changed")
        assert row["mute_to"] - row["mute_from"] == timedelta(hours=4)
        page.get_by_role("button", name="change the mute").click()
        page.get_by_role("button", name="take it back").click()
        page.get_by_role("button", name="mute…").wait_for()
        assert said(plant)["inherit"] == ["mute"]
        page.close()
    finally:
        guarded.stop()


def test_without_a_token_the_page_says_what_to_type(visit: Open, large: Served) -> None:
    page = visit(large.address, f"#/series?device={MANY}&signal=stage_02_bearing_vibration_velocity", **DESKTOP)
    page.get_by_role("button", name="mute…").click()
    expect(page.locator("dialog code")).to_contain_text(f"ad-stream config mute --device {MANY}")
