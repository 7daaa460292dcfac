"""The job centre in Chromium: run, follow the log, pause, cancel, switch a model back; by keys, on a phone, without findings."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("playwright.sync_api", reason="playwright is missing: pip install playwright")
pytest.importorskip("axe_playwright_python", reason="axe-core is missing: pip install axe-playwright-python")
from playwright.sync_api import Page, expect

from ad_stream import config as settings
from ad_stream import times
from ad_stream.dashboard.access import Token
from tests.browser.conftest import Open, keep
from tests.browser.test_accessible import findings
from tests.browser.test_large_fleet import OVERLAPS, PHONE, WIDE
from tests.support.scheduled import Plant
from tests.support.served import Served
from tests.support.written import create, write
from tests.unit.dashboard.test_jobs import model

SECTION = {
    "judge-the-last-hour-again": {"run": "backfill", "last": "1 hour", "every": "1000 hours"},
    "night": {"run": "train", "model": "profile", "last": "14 days", "cron": "30 2 29 2 *", "time_zone": "Europe/Berlin"},
    "tidy": {"run": "maintain", "every": "two-weekly", "start": "2040-01-01T03:00"},
}  # fmt: skip
HEADERS = {"Authorization": "Bearer open sesame"}


@pytest.fixture(scope="module")
def gate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run waits here for a line."""
    path = tmp_path_factory.mktemp("gate") / "gate"
    os.mkfifo(path)
    return path


@pytest.fixture(scope="module")
def centre(tmp_path_factory: pytest.TempPathFactory, gate: Path) -> Iterator[Served]:
    tables = tmp_path_factory.mktemp("tables")
    create(tables)
    write(tables, "models", [model(1, "retired"), model(2, "live")])
    (tables / "plant.csv").write_text("line,machine,ts,temp\n1,press,2026-11-01T08:00Z,7\n2,oven,2026-11-01T08:01Z,8\n")
    script = f'echo learning >&2; [ "$0" = maintain ] && sleep 600; read word < {gate}; echo "{{}}"'
    plant = Plant(tables, SECTION, script=script, scheduler_clock=times.now)
    stop = threading.Event()
    thread = threading.Thread(target=plant.scheduler.run, args=(stop.is_set,))
    thread.start()
    sources = {"plant": {"kind": "table_files", "path": str(tables / "*.csv")}}
    named = settings.usual(str(tables), {"schedules": SECTION, "sources": sources})
    running = Served(tables, token=Token("open sesame"), base=named)
    yield running
    running.stop()
    stop.set()
    thread.join()


def named(visit: Open, centre: Served) -> Page:
    page = visit(centre.address, "#/jobs", extra_http_headers=HEADERS)
    page.get_by_label("Your name").fill("Ada")
    return page


def test_a_run_is_started_followed_and_ends(visit: Open, centre: Served, gate: Path) -> None:
    page = named(visit, centre)
    page.get_by_role("button", name="Run night now").click()
    log = page.get_by_label("Log of the run")
    expect(log).to_contain_text("attempt 1: ad-stream")
    expect(log).to_contain_text("learning")
    expect(page.get_by_text("The run goes on.")).to_be_visible()
    keep(page, "jobs-running")
    gate.write_text("go\n")
    expect(page.get_by_text("The run has ended.")).to_be_visible()
    expect(log).to_contain_text("succeeded: asked for by Ada")
    expect(page.locator("tr", has=page.get_by_role("link", name="night")).locator(".state-word")).to_have_text(
        "succeeded"
    )
    expect(page.get_by_label("Runs of night")).to_contain_text("asked for by Ada")


def test_pause_and_cancel_by_keys(visit: Open, centre: Served) -> None:
    page = visit(centre.address, "#/jobs?job=tidy", extra_http_headers=HEADERS)
    page.get_by_label("Runs of tidy").or_(page.get_by_text("It has not run yet.")).wait_for()
    page.keyboard.press("3")
    page.keyboard.press("5")
    page.get_by_label("Your name").fill("Ada")
    page.get_by_role("button", name="Pause tidy").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Resume tidy")).to_be_visible()
    expect(page.get_by_text("paused by Ada")).to_be_visible()
    page.get_by_role("button", name="Resume tidy").click()
    page.get_by_role("button", name="Run tidy now").click()
    expect(page.get_by_label("Log of the run")).to_contain_text("learning")
    page.get_by_role("button", name="Cancel the run of tidy").click()
    expect(page.get_by_label("Log of the run")).to_contain_text("cancelled by Ada")
    page.keyboard.press("Escape")
    expect(page.get_by_label("Log of the run")).to_have_count(0)


def test_a_model_is_switched_back(visit: Open, centre: Served) -> None:
    page = named(visit, centre)
    page.get_by_role("button", name="Use profile@1").click()
    expect(page.get_by_role("button", name="Use profile@2")).to_be_visible()
    expect(page.locator("tr", has_text="profile@1").locator(".state-word")).to_have_text("live")


def test_a_name_is_asked_for_before_anything_is_done(visit: Open, centre: Served) -> None:
    page = visit(centre.address, "#/jobs", extra_http_headers=HEADERS)
    page.get_by_role("button", name="Pause night").click()
    expect(page.get_by_label("Your name")).to_be_focused()
    expect(page.get_by_role("button", name="Pause night")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_serious_finding_and_nothing_is_cut_on_a_phone(visit: Open, centre: Served, scheme: str) -> None:
    for name, context in (("desk", {"viewport": {"width": 1400, "height": 900}}), ("phone", PHONE)):
        page = visit(centre.address, "#/jobs?job=night", extra_http_headers=HEADERS, color_scheme=scheme, **context)
        page.get_by_label("Runs of night").wait_for()
        assert findings(page) == [], name
        assert not page.evaluate(WIDE), name
        assert page.evaluate(OVERLAPS) == [], name
        keep(page, f"jobs-{name}-{scheme}")


def test_a_task_is_set_up_by_keys_with_each_wrong_field_told_beside_it(visit: Open, centre: Served) -> None:
    page = named(visit, centre)
    page.get_by_role("button", name="New task").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_label("Name", exact=False).nth(1)).to_be_focused()
    page.keyboard.type("ovens")
    page.get_by_label("Time column").fill("ts")
    page.get_by_label("Dimensions").fill("line, machine")
    page.get_by_label("Feature").fill("tmep")
    page.get_by_label("Detector").select_option("seasonal")
    page.get_by_label("Train when").select_option("cron")
    assert page.get_by_label("Train: minute hour day month weekday").input_value() == "30 2 * * *"
    page.get_by_label("Train: minute hour day month weekday").fill("30 25 * * *")
    page.get_by_label("Predict: how many").fill("30")
    page.get_by_label("Tune when").select_option("monthly")
    page.get_by_label("Tune: start").fill("2026-12-01T04:00")
    page.get_by_role("button", name="save").press("Enter")
    expect(page.locator("#wrong-train")).to_contain_text("the hour '25' is none of 0 to 23")
    expect(page.get_by_label("Train when")).to_be_focused()
    page.get_by_label("Train: minute hour day month weekday").fill("30 2 * * *")
    page.get_by_role("button", name="save").press("Enter")
    expect(page.locator("#wrong-feature")).to_contain_text("has no column 'tmep'")
    expect(page.get_by_label("Feature")).to_be_focused()
    keep(page, "task-wrong")
    page.get_by_label("Feature").fill("temp")
    page.keyboard.press("Enter")
    expect(page.get_by_label("YAML of the task")).to_contain_text("- machine")
    expect(page.get_by_role("link", name="ovens-predict")).to_be_visible()
    expect(page.get_by_role("link", name="Predictions of ovens as CSV")).to_be_visible()
    page.get_by_role("button", name="Change ovens").click()
    expect(page.get_by_label("Predict: how many")).to_have_value("30")
    expect(page.get_by_label("Tune: start")).to_have_value("2026-12-01T04:00")
    page.get_by_role("button", name="cancel", exact=True).click()
    page.get_by_role("button", name="Retire ovens").click()
    expect(page.get_by_role("link", name="ovens-predict")).to_have_count(0)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_task_form_has_no_serious_finding_and_nothing_is_cut_on_a_phone(
    visit: Open, centre: Served, scheme: str
) -> None:
    for name, context in (("desk", {"viewport": {"width": 1400, "height": 900}}), ("phone", PHONE)):
        page = visit(centre.address, "#/jobs", extra_http_headers=HEADERS, color_scheme=scheme, **context)
        page.get_by_role("button", name="New task").click()
        page.get_by_label("Train when").select_option("cron")
        page.get_by_label("Feature").wait_for()
        assert findings(page) == [], name
        assert not page.evaluate(WIDE), name
        assert page.evaluate(OVERLAPS) == [], name
        keep(page, f"task-{name}-{scheme}")
