"""Chromium, headless, from PATH; tables with verdicts of the real detector; screenshots are kept in `screenshots/`."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

import ad_stream
from tests.support.served import Served
from tests.support.written import create, schema, sign_of_life, write

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

SCREENSHOTS = Path(__file__).parent / "screenshots"
NAMES = ("chromium", "chromium-browser", "google-chrome")
MINUTES = 240
PATIENCE = 60_000
"""Milliseconds; how soon a page shows what, is measured by benchmarks/dashboard.py."""
Open = Callable[..., "Page"]


def newest() -> datetime:
    """The minute that a stream with a watermark of two minutes has just judged."""
    return datetime.now(timezone.utc).replace(second=0, microsecond=0) - timedelta(minutes=3)


class Fleet:
    """Six devices with two signals, judged by the default detector; each call of `minute` judges one more minute."""

    def __init__(self, tables: Path) -> None:
        self.tables = tables
        self.start = newest() - timedelta(minutes=MINUTES - 1)
        draws = np.random.default_rng(7)
        levels = {"temperature": 21.0, "pressure": 3.2}
        self.values = {
            (f"pump-{n}", signal): list(
                level * (1 + 0.04 * np.sin(np.arange(MINUTES) / 70 + n) + 0.006 * draws.normal(size=MINUTES))
            )
            for n in range(1, 7)
            for signal, level in levels.items()
        }
        self.values["pump-2", "temperature"][MINUTES - 40] += 5.0
        self.rows: dict[tuple[str, str], list[dict[str, Any]]] = {}
        create(tables)
        write(tables, "detections", [row for key in self.values for row in self._judged(key)])
        write(tables, "quarantine", [{"reason": "malformed"}] * 3)
        counts = {"query_id": "q", "minutes_closed": 12, "scored": 12, "anomalies": 0, "pushed": 12, "push_failed": 0}
        for batch in range(20):
            write(tables, "batches", [counts | {"batch_id": batch, "duration_ms": 900 + 40 * batch}])
        at = {"query_id": "q", "batch_id": 19, "events": 600, "watermark": newest() + timedelta(minutes=1), "lag": 0}
        write(tables, "progress", [at])
        self.alive()

    def alive(self) -> None:
        sign_of_life(self.tables, datetime.now(timezone.utc))

    def minute(self, device: str, signal: str, value: float) -> dict[str, Any]:
        """One more minute of a series, as one commit; -> its row."""
        self.values[device, signal].append(value)
        row = self._judged((device, signal))[-1]
        write(self.tables, "detections", [row])
        return row

    def _judged(self, key: tuple[str, str]) -> list[dict[str, Any]]:
        values = self.values[key]
        times = pd.date_range(self.start, periods=len(values), freq="min")
        verdicts = ad_stream.detect(pd.DataFrame({"timestamp": times, "value": values}), device=None)
        names = [name for name in schema("detections").names if name in verdicts.columns]
        rows = verdicts[names].astype(object).where(verdicts[names].notna(), None).to_dict("records")
        same = {
            "device_id": key[0],
            "signal": key[1],
            "revision": 0,
            "detector": "default",
            "query_id": "q",
            "batch_id": 0,
        }
        self.rows[key] = [
            same | {"minute": time.to_pydatetime(), "value": value, "config_version": "0123456789ab"} | dict(row)
            for time, value, row in zip(times, values, rows, strict=True)
        ]
        return self.rows[key]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    chromium = next((found for name in NAMES if (found := shutil.which(name))), None)
    if chromium is None:
        pytest.skip(f"there is no browser in PATH: install one of {', '.join(NAMES)}")
    from playwright.sync_api import sync_playwright

    SCREENSHOTS.mkdir(exist_ok=True)
    flags = ["--disable-gpu", "--disable-dev-shm-usage"] + ["--no-sandbox"] * (os.getuid() == 0)
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=chromium, args=flags)
        yield running
        running.close()


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Fleet:
    return Fleet(tmp_path_factory.mktemp("fleet"))


@pytest.fixture(scope="module")
def served(fleet: Fleet) -> Iterator[Served]:
    running = Served(fleet.tables)
    yield running
    running.stop()


@pytest.fixture
def visit(browser: Browser) -> Iterator[Open]:
    """visit(address, **context): a page; at the end no page may have complained or asked another server."""
    contexts, complaints, strangers = [], [], []

    def begin(address: str, path: str = "", **context: Any) -> Page:
        opened = browser.new_context(**({"viewport": {"width": 1440, "height": 900}} | context))
        contexts.append(opened)
        page = opened.new_page()
        page.set_default_timeout(PATIENCE)
        page.on("console", lambda told: complaints.append(told.text) if told.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on(
            "request",
            lambda asked: None if asked.url.startswith((address, "data:", "blob:")) else strangers.append(asked.url),
        )
        page.goto(f"{address}/{path}")
        return page

    yield begin
    for opened in contexts:
        opened.close()
    assert (complaints, strangers) == ([], [])


def keep(page: Page, name: str, *, whole: bool = True) -> None:
    """A screenshot for a person to look at."""
    page.screenshot(path=SCREENSHOTS / f"{name}.png", full_page=whole)
