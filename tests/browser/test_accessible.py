"""No serious finding of axe-core on any view, at the widths of a phone and a desk, light and dark."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

pytest.importorskip("playwright.sync_api", reason="playwright is missing: pip install playwright")
pytest.importorskip("axe_playwright_python", reason="axe-core is missing: pip install axe-playwright-python")

from axe_playwright_python.sync_playwright import Axe

from tests.browser.conftest import Fleet, Open
from tests.support.served import Served

if TYPE_CHECKING:
    from playwright.sync_api import Page

GRAVE = {"serious", "critical"}


def findings(page: Page) -> list[str]:
    """What axe-core calls serious or critical, each with the first elements it is about."""
    found = Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
    return [
        f"{one['id']}: {' | '.join(node['html'][:120] for node in one['nodes'][:3])}"
        for one in found
        if one["impact"] in GRAVE
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1400])
def test_no_view_has_a_serious_finding(visit: Open, served: Served, fleet: Fleet, scheme: str, width: int) -> None:
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
        assert findings(page) == [], path or "fleet"
