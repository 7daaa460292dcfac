"""No serious finding of axe-core on any view; the script is not ours to ship: npm install axe-core, or AD_STREAM_AXE."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

pytest.importorskip("playwright.sync_api", reason="playwright is missing: pip install playwright")

from tests.browser.conftest import Fleet, Open
from tests.support.served import Served

ROOT = Path(__file__).resolve().parents[2]
PLACES = (os.environ.get("AD_STREAM_AXE", ""), ROOT / "node_modules" / "axe-core" / "axe.min.js")
FINDINGS = """async () => {
    const found = await axe.run(document, { resultTypes: ['violations'] });
    return found.violations.filter((one) => ['serious', 'critical'].includes(one.impact))
        .map((one) => `${one.id}: ${one.nodes.slice(0, 3).map((node) => node.html.slice(0, 120)).join(' | ')}`);
}"""


@pytest.fixture(scope="module")
def axe() -> str:
    script = next((Path(place) for place in PLACES if place and Path(place).is_file()), None)
    if script is None:
        pytest.skip("axe-core is not here: npm install axe-core, or name its axe.min.js in AD_STREAM_AXE")
    return script.read_text(encoding="utf-8")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1400])
def test_no_view_has_a_serious_finding(
    visit: Open, served: Served, fleet: Fleet, axe: str, scheme: str, width: int
) -> None:
    page = visit(served.address, viewport={"width": width, "height": 900}, color_scheme=scheme)
    for path, ready in (
        ("", "table.series tbody tr"),
        ("#/fleet?show=heat&by=device", ".heat td a"),
        ("#/anomalies", ".event"),
        ("#/pipeline", ".durations"),
        ("#/series?device=pump-2&signal=temperature", ".why .sentence"),
    ):
        page.goto(f"{served.address}/{path}")
        page.locator(ready).first.wait_for()
        page.evaluate(axe)
        assert page.evaluate(FINDINGS) == [], path or "fleet"
