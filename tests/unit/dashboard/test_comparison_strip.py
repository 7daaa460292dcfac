"""Detectors beside each other on the page of a series and in the report."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from ad_stream.report import series_report
from tests.support.served import Served
from tests.support.written import create, series_rows, write
from tests.unit.dashboard.conftest import NOON

FIRST, ROWS = NOON - timedelta(minutes=121), 120
OWN, THEIRS = {50, 51, 90}, {51, 70}


def comparison(detector: str, minute: int, **more: Any) -> dict[str, Any]:
    flagged = detector == "sr_cnn" and minute in THEIRS
    row = {
        "device_id": "pump-1", "signal": "flow", "minute": FIRST + timedelta(minutes=minute), "detector": detector,
        "score": 9.0 if flagged else 1.0, "is_anomaly": flagged, "status": "scored", "reason": "above" if flagged else "normal",
        "model": None,
    }  # fmt: skip
    return row | more


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    tables = tmp_path_factory.mktemp("tables")
    create(tables)
    for device in ("pump-1", "pump-2"):
        write(tables, "detections", series_rows(device, "flow", FIRST, [20.0] * ROWS, dict.fromkeys(OWN, "above")))
    young = {"status": "warming_up", "score": None}
    rows = [comparison("sr_cnn", minute) for minute in range(ROWS)]
    rows += [
        comparison("seasonal", minute, model="seasonal@2", **(young if minute < 60 else {})) for minute in range(ROWS)
    ]
    write(tables, "comparisons", rows)
    return tables


def test_each_detector_has_a_strip_and_what_it_shares_with_the_run(served: Served) -> None:
    season, network = served.get("/api/comparisons", device="pump-1", signal="flow")["detectors"]
    told = {name: network[name] for name in ("detector", "scored", "flagged", "both", "only_run", "model")}
    assert told == {"detector": "sr_cnn", "scored": 120, "flagged": 2, "both": 1, "only_run": 2, "model": None}
    assert [cell["score"] for cell in network["cells"] if cell["flagged"]] == [9.0, 9.0] and len(
        network["cells"]
    ) == 180
    assert (season["detector"], season["scored"], season["only_run"], season["model"]) == (
        "seasonal",
        60,
        1,
        "seasonal@2",
    )
    assert [cell["score"] for cell in season["cells"]].count(None) == 180 - 60
    assert served.get("/api/comparisons", device="pump-2", signal="flow") == {"detectors": []}


def test_the_report_counts_them_beside_each_other(filled: Path, tmp_path: Path) -> None:
    (page,) = series_report(filled, tmp_path / "report.html", device="pump-1")
    text = page.read_text(encoding="utf-8")
    assert "Detectors side by side" in text
    assert "".join(f"<td>{cell}</td>" for cell in ("flow", "sr_cnn", "120", "2", "1", "2", "none")) in text
    (other,) = series_report(filled, tmp_path / "other.html", device="pump-2")
    assert "Detectors side by side" not in other.read_text(encoding="utf-8")
