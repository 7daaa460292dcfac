"""The incident pages in Chromium: list, bars, swimlane, inbox, one incident, what is said of it, the bell, 50,000 of them."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("playwright.sync_api", reason="playwright is missing: pip install playwright")
pytest.importorskip("axe_playwright_python", reason="axe-core is missing: pip install axe-playwright-python")
from playwright.sync_api import Page, expect

from ad_stream.config import Config
from ad_stream.dashboard.access import Token
from ad_stream.incidents.acts import Act
from ad_stream.tables import people
from ad_stream.tables.incidents import FEEDBACK
from benchmarks.many_incidents import write_incidents, write_verdicts
from tests.browser.conftest import SCREENSHOTS, Open, keep, newest
from tests.browser.test_accessible import findings
from tests.browser.test_dashboard import CONTRAST
from tests.browser.test_large_fleet import OVERLAPS, PHONE, WIDE
from tests.support import incident_tables
from tests.support.incident_tables import run_of, spikes, write_tables
from tests.support.served import Served
from tests.support.written import create, sign_of_life, write

SITES = ("aberdeen", "gothenburg", "rotterdam")
PATTERN = {"dimensions": {"device": "plant-(?P<site>[^-]+)-"}}
MINUTES = 400
DESKTOP = {"viewport": {"width": 1400, "height": 900}}
TOKEN = {"Authorization": "Bearer open sesame"}
VIEWS = {
    "list": ("#/incidents", "li.incident"),
    "timeline": ("#/incidents?show=time", ".lane .bar"),
    "swimlane": ("#/incidents?show=lanes", ".heat td a"),
    "inbox": ("#/incidents?show=inbox", ".question"),
}


AT_THE_START = "document.querySelectorAll('.scroll').forEach((one) => { one.scrollLeft = 0; })"
"""The name of a lane stays in sight, over the cells that are scrolled away below it."""


def pump(site: str, n: int) -> str:
    return f"plant-{site}-circulation-pump-{n:02d}"


@pytest.fixture(scope="module")
def plant(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Config]]:
    """A step that is still out and acknowledged, a fault of a whole site, single spikes, a silent device, one that is open and high."""
    tables = tmp_path_factory.mktemp("plant")
    start, incident_tables.START = incident_tables.START, newest() - timedelta(minutes=MINUTES - 1)
    rows: list[dict[str, Any]] = []
    for number, site in enumerate(SITES):
        for n in range(1, 5):
            at = {100 + 40 * number + 5 * n: 30.0} | ({250 + n: 31.0} if site == "gothenburg" else {})
            rows += spikes(pump(site, n), at, 320 if (site, n) == ("aberdeen", 3) else MINUTES)
    rows += spikes(pump("aberdeen", 9), {MINUTES - 4: 12.0}, MINUTES, severity=0.7)
    step = spikes(pump("rotterdam", 9), {300: 30.0}, MINUTES)
    rows += [row | ({"value": 30.0 + n % 3 / 5} if n >= 300 else {}) for n, row in enumerate(step)]
    config = run_of(tables, **PATTERN)
    first = write_tables(tables, rows, config)
    name = next(
        row["incident_id"] for row in first if row["device_id"] == pump("rotterdam", 9) and row["event"] == "opened"
    )
    acks = {320: (0, [Act("ack", name, "Grace", "pump is being changed")])}
    fresh = tmp_path_factory.mktemp("acked")
    config = run_of(fresh, **PATTERN)
    write_tables(fresh, rows, config, acts=acks)
    sign_of_life(fresh, datetime.now(timezone.utc))
    yield fresh, config
    incident_tables.START = start


@pytest.fixture(scope="module")
def guarded(plant: tuple[Path, Config]) -> Iterator[Served]:
    running = Served(plant[0], token=Token("open sesame"), base=plant[1])
    yield running
    running.stop()


def test_the_list_has_the_open_ones_first_with_their_level_in_words(visit: Open, guarded: Served) -> None:
    page = visit(guarded.address, "#/incidents", extra_http_headers=TOKEN, **DESKTOP)
    rows = page.locator("li.incident")
    rows.first.wait_for()
    wanted = guarded.http.get("/api/incidents", headers=TOKEN).json()
    expect(rows).to_have_count(min(25, wanted["total"]))
    assert page.locator("li.incident .level").all_inner_texts() == [row["level"].upper() for row in wanted["rows"]]
    expect(rows.first).to_contain_text("aberdeen")
    expect(rows.first).to_contain_text("t below: 12, band 18 to 22")
    expect(page.locator("#open")).to_have_text(str(wanted["counts"]["open"]))
    acked = page.locator("li.incident", has_text="acknowledged by Grace")
    expect(acked).to_contain_text("rotterdam")
    page.locator(".tile.is-open").click()
    expect(rows).to_have_count(wanted["counts"]["open"])
    page.locator("select[name=site]").select_option("rotterdam")
    expect(rows).to_have_count(1)
    link = page.evaluate("location.href")
    other = visit(guarded.address, link.split("/", 3)[3], extra_http_headers=TOKEN, **DESKTOP)
    expect(other.locator("li.incident")).to_have_count(1)
    expect(other.locator("select[name=site]")).to_have_value("rotterdam")
    other.keyboard.press("4")
    expect(other.locator("li.incident")).to_have_count(min(25, wanted["total"]))
    other.keyboard.press("j")
    other.keyboard.press("Enter")
    other.locator(".why .sentence").wait_for()
    other.keyboard.press("Escape")
    other.locator("li.incident").first.wait_for()


def test_one_incident_says_why_draws_the_frozen_band_and_names_its_members(visit: Open, guarded: Served) -> None:
    page = visit(guarded.address, "#/incidents", extra_http_headers=TOKEN, timezone_id="Asia/Kathmandu", **DESKTOP)
    page.locator("li.incident", has_text="4 devices").first.get_by_role("link").click()
    page.locator(".why .sentence").wait_for()
    expect(page.get_by_role("heading", level=1)).to_contain_text("gothenburg")
    expect(page.locator(".why")).to_contain_text("4 series of 4 devices were in it")
    expect(page.locator(".members tbody tr")).to_have_count(4)
    expect(page.locator(".members tbody tr").first).to_contain_text("first")
    page.locator(".plot .nsewdrag").wait_for()
    drawn = page.evaluate(
        "() => Object.fromEntries(document.querySelector('.plot').data.map((one) => [one.name, [one.x, one.y]]))"
    )
    times, bounds = drawn["band of the onset"]
    assert bounds == [22, 22, 18, 18, 22]
    told = page.request.get(
        f"{guarded.address}/api/incident?{page.evaluate('location.hash').split('?')[1]}", headers=TOKEN
    ).json()
    assert times[0] == told["started"].replace("T", " ").replace("Z", "")
    first = datetime.fromisoformat(told["started"].replace("Z", "+00:00"))
    shown = page.locator(".happened time").first.inner_text()
    assert shown.endswith(f"{first + timedelta(hours=5, minutes=45):%H:%M}"), shown
    page.keyboard.press("u")
    expect(page.locator(".happened time").first).to_have_text(re.compile(f"{first:%H:%M}$"))
    assert page.locator(".happened li").count() == len(told["events"])
    keep(page, "incident-members")
    page.locator(".members a").nth(1).click()
    page.locator(".why .sentence").wait_for()
    expect(page.get_by_role("heading", level=1)).to_contain_text("circulation-pump")


def test_an_ack_with_a_token_is_a_row_of_feedback_and_stands_on_the_page(
    visit: Open, guarded: Served, plant: tuple[Path, Config]
) -> None:
    page = visit(
        guarded.address, "#/incidents?state=open&site=aberdeen&level=high", extra_http_headers=TOKEN, **DESKTOP
    )
    page.locator("li.incident").first.get_by_role("link").click()
    page.get_by_role("button", name="Acknowledge…").click()
    page.get_by_label("Your name").fill("Ada")
    page.get_by_label("Why").fill("looking at it")
    page.get_by_label("Up to").select_option("4")
    keep(page, "incident-ack", whole=False)
    page.get_by_role("button", name="acknowledge", exact=True).click()
    expect(page.locator(".said")).to_contain_text("Ada acknowledged it until")
    expect(page.locator(".said")).to_contain_text("It counts from the stream's next batch on.")
    rows, _ = people.read(FEEDBACK, plant[0])
    (row,) = [one for one in rows if one["action"] == "ack"]
    assert (row["owner"], row["note"]) == ("Ada", "looking at it")
    assert row["incident_id"] in page.evaluate("location.hash")
    for button, field in (("Label…", "label it"), ("Note…", "add the note")):
        page.get_by_role("button", name=button).click()
        expect(page.get_by_label("Your name")).to_have_value("Ada")
        if button == "Note…":
            page.get_by_role("textbox", name="Note").fill("bearing is worn")
        page.get_by_role("button", name=field).click()
        expect(page.locator("dialog[open]")).to_have_count(0)
    expect(page.locator(".said")).to_contain_text("bearing is worn")
    expect(page.locator(".pills")).to_contain_text("label true")


def test_without_a_token_the_page_says_what_to_type(visit: Open, plant: tuple[Path, Config]) -> None:
    running = Served(plant[0], base=plant[1])
    try:
        page = visit(running.address, "#/incidents?state=open", **DESKTOP)
        page.locator("li.incident").first.get_by_role("link").click()
        page.get_by_role("button", name="Close…").click()
        expect(page.locator("dialog code")).to_contain_text(re.compile(r"ad-stream close \d{8}-\d{4}-[0-9a-f]{10}"))
        page.close()
    finally:
        running.stop()


def test_a_cell_of_the_swimlane_leads_to_its_incidents_and_a_site_to_its_devices(visit: Open, guarded: Served) -> None:
    page = visit(guarded.address, "#/incidents?show=lanes&last=6", extra_http_headers=TOKEN, **DESKTOP)
    cell = page.locator(".heat td a").last
    cell.wait_for()
    label = cell.get_attribute("aria-label") or ""
    count = int(re.search(r"(\d+) incident", label).group(1))  # type: ignore[union-attr]
    cell.click()
    expect(page.locator("li.incident")).to_have_count(count)
    page.goto(f"{guarded.address}/#/incidents?show=lanes")
    page.get_by_role("link", name="gothenburg", exact=True).click()
    expect(page.locator(".heat tbody tr")).to_have_count(4)


def test_a_question_of_the_inbox_is_answered_and_goes(visit: Open, guarded: Served, plant: tuple[Path, Config]) -> None:
    page = visit(guarded.address, "#/incidents?show=inbox", extra_http_headers=TOKEN, **DESKTOP)
    questions = page.locator(".question")
    questions.first.wait_for()
    asked = guarded.http.get("/api/inbox", headers=TOKEN).json()["rows"]
    expect(questions).to_have_count(len(asked))
    page.get_by_label("Your name, for your answers").fill("Ada")
    questions.first.get_by_role("button", name="expected").click()
    expect(questions).to_have_count(len(asked) - 1)
    (row,) = [one for one in people.read(FEEDBACK, plant[0])[0] if one["asked"]]
    said = [row[name] for name in ("incident_id", "label", "asked", "weight", "owner")]
    assert said == [asked[0]["id"], "expected", asked[0]["asked"], asked[0]["weight"], "Ada"]


HEARD = """() => {
  window.told = []; window.tones = 0;
  window.Notification = class extends EventTarget {
    constructor(title, options) { super(); window.told.push([title, options.body]); }
    static permission = 'default';
    static requestPermission() { this.permission = 'granted'; return Promise.resolve('granted'); }
  };
  const start = OscillatorNode.prototype.start;
  OscillatorNode.prototype.start = function (...given) { window.tones += 1; return start.apply(this, given); };
}"""
"""What the page plays and tells is counted; a browser without a head has no way to show either."""


def opened(device: str) -> dict[str, Any]:
    at, number = newest(), sum(map(ord, device))
    times = dict.fromkeys(("minute", "started", "opened", "last"), at)
    return times | {
        "incident_id": f"{at:%Y%m%d-%H%M}-{number:010x}", "seq": 0, "revision": 0, "event": "opened", "kind": "value",
        "device_id": device, "signal": "t", "direction": "above", "reason": "above", "level": "high", "severity": 0.9,
        "devices": 1, "series": 1, "open_series": 1, "notify": True,
    }  # fmt: skip


def becomes(page: Page, script: str, wanted: object) -> None:
    """The page's own policy forbids the waiting that playwright would write into it."""
    until = time.monotonic() + 30
    while (found := page.evaluate(script)) != wanted and time.monotonic() < until:
        page.wait_for_timeout(50)
    assert found == wanted


def test_the_bell_rings_for_a_new_incident_once_it_is_switched_on(visit: Open, tmp_path: Path) -> None:
    create(tmp_path)
    write_verdicts(tmp_path, newest(), 5)
    write(tmp_path, "incident_events", [opened("early")])
    running = Served(tmp_path)
    try:
        page = visit(running.address, "#/incidents", **DESKTOP)
        page.locator("li.incident", has_text="early").wait_for()
        page.evaluate(HEARD)
        write(tmp_path, "incident_events", [opened("quiet")])
        page.locator("li.incident", has_text="quiet").wait_for()
        assert page.evaluate("[window.told.length, window.tones]") == [0, 0], "off until somebody switches it on"
        with page.expect_response(re.compile("state=open&size=200")):
            page.get_by_role("button", name="sound off").click()
        becomes(page, "window.tones", 1)
        with page.expect_response(re.compile("state=open&size=200")):
            page.get_by_role("button", name="notification off").click()
        page.get_by_role("button", name="notification on").wait_for()
        write(tmp_path, "incident_events", [opened("loud")])
        becomes(page, "window.told", [["HIGH loud", "t above"]])
        assert page.evaluate("window.tones") == 1 + 3
        expect(page.locator("#announce")).to_have_text("high incident: loud, t above.")
        page.reload()
        page.get_by_role("button", name="sound on").wait_for()
        page.close()
    finally:
        running.stop()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("kind", "context"), [("1400", DESKTOP), ("390", PHONE)])
def test_every_view_is_readable_accessible_and_fits(
    visit: Open, guarded: Served, kind: str, context: dict[str, Any], scheme: str
) -> None:
    page = visit(guarded.address, color_scheme=scheme, extra_http_headers=TOKEN, **context)
    rows = guarded.http.get("/api/incidents", headers=TOKEN).json()["rows"]
    named = {
        "site": next(row for row in rows if row["devices"] == 4),
        "step": next(row for row in rows if row["acked_by"]),
    }
    silent = next(row for row in rows if row["kind"] == "silence")
    pages = {f"incident-{name}": (f"#/incident?id={row['id']}", ".plot .nsewdrag") for name, row in named.items()}
    pages["incident-silent"] = (f"#/incident?id={silent['id']}", ".why .sentence")
    for name, (path, ready) in (VIEWS | pages).items():
        page.goto(f"{guarded.address}/{path}")
        page.locator(ready).first.wait_for()
        keep(page, f"incidents-{name}-{kind}-{scheme}")
        assert not page.evaluate(WIDE), name
        assert page.evaluate("innerWidth") == context["viewport"]["width"], name
        page.evaluate(AT_THE_START)
        assert page.evaluate(OVERLAPS) == [], name
        assert page.evaluate(CONTRAST) == [], name
        assert findings(page) == [], name


def test_without_incidents_the_page_says_how_to_have_them(visit: Open, tmp_path: Path) -> None:
    create(tmp_path)
    write_verdicts(tmp_path, newest(), 5)
    running = Served(tmp_path)
    try:
        page = visit(running.address, "#/incidents", **DESKTOP)
        expect(page.locator(".empty")).to_contain_text("incidents: {enabled: true}")
        assert findings(page) == []
        page.close()
    finally:
        running.stop()


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    tables = tmp_path_factory.mktemp("many")
    create(tables)
    write_verdicts(tables, newest())
    write_incidents(tables, newest(), 50_000, single_files=30)
    running = Served(tables)
    yield running
    running.stop()


def shown(page: Page, address: str, ready: str) -> float:
    """Seconds from the address to the first row."""
    begin = time.perf_counter()
    page.goto("about:blank")
    page.goto(address)
    page.locator(ready).first.wait_for()
    return time.perf_counter() - begin


def test_fifty_thousand_incidents_are_listed_a_page_at_a_time(visit: Open, many: Served) -> None:
    page = visit(many.address, **DESKTOP)
    spent = {name: shown(page, f"{many.address}/{path}", ready) for name, (path, ready) in {
        "list": ("#/incidents?last=all", "li.incident"), "timeline": ("#/incidents?last=all&show=time", ".lane .bar"),
        "swimlane": ("#/incidents?last=744&show=lanes", ".heat td a"),
    }.items()}  # fmt: skip
    (SCREENSHOTS / "seconds-of-50000-incidents.txt").write_text(
        "".join(f"{name} {one:.2f}\n" for name, one in spent.items())
    )
    print(spent)
    page.goto(f"{many.address}/#/incidents?last=all")
    expect(page.locator("li.incident")).to_have_count(25)
    expect(page.locator(".pager span")).to_have_text("1–25 of 50,000")
    page.get_by_role("button", name="Next page").click()
    expect(page.locator(".pager span")).to_have_text("26–50 of 50,000")
    page.get_by_label("Device").fill("pump-0007")
    expect(page.locator(".pager span")).not_to_contain_text("50,000")
    found = many.get("/api/incidents", device="pump-0007")["total"]
    expect(page.locator(".pager span")).to_have_text(f"1–25 of {found}")
