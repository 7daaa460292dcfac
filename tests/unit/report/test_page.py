"""The drawn data are read back from the page."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import re
from datetime import datetime, timedelta, timezone
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ad_stream.report import Fact, Page, PageSection, PageTable, draw, plotly, write
from ad_stream.report.page import render

START = datetime(2026, 11, 1, tzinfo=timezone.utc)


def rows(minutes: list[int], flagged: int) -> pd.DataFrame:
    minute = np.array(minutes)
    return pd.DataFrame(
        {
            "minute": pd.to_datetime([START + timedelta(minutes=m) for m in minutes], utc=True),
            "value": 20.0 + minute,
            "expected": np.where(minute < 2, np.nan, 21.0 + minute),
            "lower_margin": 2.0,
            "upper_margin": 3.0,
            "is_anomaly": minute == flagged,
            "is_positive": minute == flagged,
            "reason": np.where(minute == flagged, "above", "normal"),
        }
    )


def picture(title: str = "pi-1", flagged: int = 3) -> Any:
    return draw(
        rows([0, 1, 2, 3, 5], flagged),
        id="fault-0",
        title=title,
        caption="why",
        first=START,
        last=START + timedelta(minutes=5),
        span=(START + timedelta(minutes=3), START + timedelta(minutes=3)),
    )


def page(title: str = "pi-1") -> Page:
    table = PageTable("Faults", ("device", "why"), [(title, "above")], links=["fault-0"], marks=["found"])
    return Page("Report", "note", [Fact("devices", "1")], [table], [PageSection("Faults", "note", [picture(title)])])


class Reader(HTMLParser):
    """Collects the elements and the text of the script with the data."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.data = ""
        self.in_data = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self.in_data = dict(attrs).get("id") == "pictures"

    def handle_endtag(self, tag: str) -> None:
        self.in_data = False

    def handle_data(self, data: str) -> None:
        self.data += data if self.in_data else ""


def read(html: str) -> Reader:
    reader = Reader()
    reader.feed(html)
    return reader


def test_a_picture_holds_value_band_and_flag_of_each_minute() -> None:
    one = picture()
    assert one.times[:2] == ["2026-11-01 00:00", "2026-11-01 00:01"]
    assert one.value == [20.0, 21.0, 22.0, 23.0, None, 25.0]
    assert one.expected == [None, None, 23.0, 24.0, None, 26.0]
    assert one.lower == [None, None, 21.0, 22.0, None, 24.0]
    assert one.upper == [None, None, 26.0, 27.0, None, 29.0]
    assert one.flags == [None, None, None, "above", None, None]
    assert one.why == [None, None, None, "above the expected band", None, None]
    assert one.span == ("2026-11-01 00:03", "2026-11-01 00:03")


def test_the_axis_shows_a_persons_own_times() -> None:
    one = draw(
        rows([0, 1], 9), id="a", title="", caption="", first=START, last=START + timedelta(minutes=1),
        shown_as=lambda minute: f"day {(minute - START) // timedelta(minutes=1)}",
    )  # fmt: skip
    assert one.times == ["day 0", "day 1"]


def test_what_is_drawn_can_be_read_back_from_the_page() -> None:
    (drawn,) = json.loads(read(render(page())).data)
    assert drawn == json.loads(json.dumps(picture().as_dict()))


def test_each_link_of_the_table_leads_to_a_picture() -> None:
    tags = read(render(page())).tags
    links = {attributes["href"] for tag, attributes in tags if tag == "a"}
    assert links == {"#" + str(attributes["id"]) for tag, attributes in tags if tag == "figure"}


def test_a_device_called_like_a_script_stays_text() -> None:
    html = render(page("</script><script>alert(1)</script>"))
    (drawn,) = json.loads(read(html).data)
    assert drawn["title"] == "</script><script>alert(1)</script>"
    assert "alert(1)" not in "".join(re.findall(r"<script>(.*?)</script>", html, re.S))
    assert len([tag for tag, _ in read(html).tags if tag == "script"]) == 3


def test_the_page_needs_no_network(tmp_path: Path) -> None:
    html = write(page(), tmp_path / "new" / "report.html").read_text(encoding="utf-8")
    fetched = [attributes.get("src") or attributes.get("href") for tag, attributes in read(html).tags]
    assert [url for url in fetched if url and not url.startswith(("#", "data:"))] == []
    assert "Plotly" in html


@pytest.mark.slow
def test_many_pictures_are_packed_and_can_be_read_back_all_the_same() -> None:
    many = [picture(f"pump-{n}") for n in range(800)]
    html = render(Page("Report", "note", [], sections=[PageSection("Many", "note", many)]))
    packed = re.search(r'<script type="application/gzip;base64" id="pictures">([^<]*)</script>', html)
    assert packed is not None
    drawn = json.loads(gzip.decompress(base64.b64decode(packed.group(1))))
    assert drawn == json.loads(json.dumps([one.as_dict() for one in many]))


@pytest.mark.slow
def test_a_report_is_small_enough_for_a_mail() -> None:
    long = draw(
        rows(list(range(20_000)), 900),
        id="a",
        title="pump",
        caption="",
        first=START,
        last=START + timedelta(minutes=19_999),
    )
    assert len(render(Page("Report", "note", [], sections=[PageSection("One", "note", [long])])).encode()) < 1_500_000
    assert len(render(page()).encode()) < 650_000


def test_the_drawing_library_is_the_published_one_with_its_licence() -> None:
    assert hashlib.sha256(plotly.script()).hexdigest() == plotly.SHA256
    assert f"plotly.js (basic - minified) v{plotly.VERSION}".encode() in plotly.script()[:200]
    licence = Path(plotly.__file__).parent / "assets" / "plotly.LICENSE"
    assert "MIT License" in licence.read_text(encoding="utf-8") and "Plotly" in licence.read_text(encoding="utf-8")
