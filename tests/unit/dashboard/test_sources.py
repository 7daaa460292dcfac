"""The page Sources: what is told of each source, a look at one, and a detection on demand; only where a token says who asks."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from ad_stream import config as settings
from ad_stream.dashboard.access import Token
from ad_stream.landing.folder import LandingFolder
from ad_stream.landing.lander import Lander
from ad_stream.readers.registry import reader_of
from tests.support.scheduled import NOON
from tests.support.served import Served
from tests.support.written import create

TOKEN = "open sesame"
SECRET = "hush-hush"


def run_of(folder: Path) -> settings.Config:
    begun = NOON - timedelta(hours=8)
    lines = [f"{(begun + timedelta(minutes=m)).isoformat()},p,{60 if m == 200 else 20 + m % 5}" for m in range(300)]
    (folder / "plant.csv").write_text("\n".join(["time,device,value", *lines]))
    create(folder / "tables")
    sources = {
        "plant": {"kind": "table_files", "path": str(folder / "*.csv"), "recheck": "0s"},
        "gone": {"kind": "table_files", "path": str(folder / "none-*.csv")},
        "old": {"kind": "influxdb", "url": "http://127.0.0.1:1", "token": SECRET, "database": "d", "measurement": "m", "values": ["v"]},
    }  # fmt: skip
    source = {"kind": "landing", "from": "plant", "path": str(folder / "landing")}
    return settings.usual(str(folder / "tables"), {"sources": sources, "source": source})


@pytest.fixture
def page(tmp_path: Path) -> Iterator[Served]:
    running = Served(tmp_path / "tables", now=NOON, token=Token(TOKEN), base=run_of(tmp_path))
    running.http.headers["Authorization"] = f"Bearer {TOKEN}"
    yield running
    running.stop()


def told(page: Served) -> dict[str, Any]:
    return {one.pop("name"): one for one in page.get("/api/sources")["sources"]}


def test_a_source_that_is_landed_tells_how_far_it_is(page: Served, tmp_path: Path) -> None:
    first = told(page)
    assert (first["plant"]["state"], first["gone"]["state"]) == ("not begun", "on demand")
    assert (first["old"]["place"], first["old"]["kind"]) == ("http://127.0.0.1:1", "influxdb")
    config = run_of(tmp_path)
    folder = LandingFolder(tmp_path / "landing")
    with folder.owned():
        Lander(reader_of("plant", config.sources), folder, clock=lambda: NOON).catch_up()
        found = told(page)["plant"]
        assert (found["state"], found["rows"], found["position"], found["lag"]) == (
            "lands",
            300,
            "2026-11-30T11:59:30Z",
            30,
        )
        assert (found["rows_an_hour"], found["error"]) == (300, None)
        folder.note("sources.plant: db1 does not answer", NOON)
        away = told(page)["plant"]
        assert (away["state"], away["error"]) == ("away", "sources.plant: db1 does not answer")
        folder.note(None, NOON)
        again = told(page)["plant"]
        assert (again["state"], again["error_at"]) == ("lands", NOON.isoformat(timespec="seconds"))
    page.now = NOON + timedelta(minutes=10)
    assert told(page)["plant"]["state"] == "behind"


def test_a_look_checks_and_shows_columns_and_twenty_readings(page: Served) -> None:
    found = page.get("/api/sources/look", source="plant")
    assert found["error"] is None and [one["name"] for one in found["columns"]] == ["time", "device", "value"]
    assert len(found["rows"]) == 20
    assert found["rows"][0] == {
        "time": "2026-11-30T04:00:00Z",
        "device": "p",
        "signal": "value",
        "value": 20,
        "sequence": None,
    }
    assert "fits no file: name a file or a pattern" in page.get("/api/sources/look", source="gone")["error"]
    away = page.get("/api/sources/look", source="old")["error"]
    assert "127.0.0.1" in away and SECRET not in away
    assert "did you mean 'plant'" in page.http.get("/api/sources/look", params={"source": "plan"}).json()["error"]


def test_a_range_is_judged_for_the_page(page: Served) -> None:
    asked = {"source": "plant", "device": "p", "from": "2026-11-30T04:00Z", "to": "2026-11-30T12:00Z"}
    answer = page.http.get("/detect", params={**asked, "detector": "s_h_esd", "period": 5, "plot": "true"})
    found = answer.json()
    assert (answer.status_code, found["flagged"], found["alarms"][0]["first"]) == (200, 1, "2026-11-30 07:20")
    assert base64.b64decode(found["plot"]).startswith(b"\x89PNG")
    drawn = page.http.get("/detect", params={**asked, "format": "html"})
    assert (drawn.headers["Content-Type"], drawn.content[:4]) == ("image/png", b"\x89PNG")
    for more, sentence in (
        ({"device": "x'; drop table t; --"}, "holds no reading of device"),
        ({"detector": "s_h_esd", "max_anoms": "0.7"}, "max_anoms of the detector s_h_esd is 0.7"),
        ({"source": "http://evil"}, "there is no source"),
    ):
        refused = page.http.get("/detect", params={**asked, **more})
        assert refused.status_code == 404 and sentence in refused.json()["error"].replace("There", "there"), (
            refused.text
        )


def test_without_a_token_no_source_is_asked(tmp_path: Path) -> None:
    running = Served(tmp_path / "tables", now=NOON, base=run_of(tmp_path))
    try:
        overview = running.http.get("/api/sources")
        assert overview.json()["allowed"] is False and SECRET not in overview.text
        assert running.http.get("/api/sources/look", params={"source": "plant"}).status_code == 403
        assert running.http.get("/detect", params={"source": "plant"}).status_code == 403
    finally:
        running.stop()
