"""The joint strip of a device: cells, alarms with their signals, drift, and the same in the report and in the status."""

from __future__ import annotations

import io
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from ad_stream.cli.output.status import status_page
from ad_stream.monitoring.joint import drifted
from ad_stream.monitoring.status import status
from ad_stream.report import series_report
from tests.support.served import Served
from tests.support.written import create, series_rows, write
from tests.unit.dashboard.conftest import NOON

NOW = NOON
FIRST, ROWS = NOW - timedelta(minutes=121), 120
ALARM = range(100, 104)


def joint_row(device: str, minute: int, score: float, **more: Any) -> dict[str, Any]:
    flagged = score >= 6.0
    contributors = [
        {"signal": "power", "share": 0.7, "value": 4.0, "expected": 2.5, "lower": 2.0, "upper": 3.0},
        {"signal": "<b>flow", "share": 0.2, "value": None, "expected": 1.0, "lower": 0.5, "upper": 1.5},
    ]
    row = {
        "device_id": device, "minute": FIRST + timedelta(minutes=minute), "revision": 0, "score": score,
        "severity": 0.8 if flagged else 0.0, "is_anomaly": flagged, "contributors": contributors if flagged else None,
        "flagged_signals": 0, "status": "scored", "reason": "relation" if flagged else "normal", "threshold": 6.0,
        "model": "joint@2",
    }  # fmt: skip
    return row | more


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    tables = tmp_path_factory.mktemp("tables")
    create(tables)
    calm = [20.0] * ROWS
    for signal in ("flow", "power"):
        write(tables, "detections", series_rows("pump-1", signal, FIRST, calm, {}))
    write(tables, "detections", series_rows("pump-2", "flow", FIRST, calm, {}))
    rows = [joint_row("pump-1", minute, 7.5 if minute in ALARM else 1.0) for minute in range(ROWS)]
    rows.append(joint_row("pump-1", 103, 1.0, revision=1))  # a backfill took one back
    write(tables, "joint_detections", rows)
    worn = [joint_row("pump-9", 10 * k - 1200, 3.5) for k in range(60)]
    write(tables, "joint_detections", worn)
    return tables


def test_the_strip_has_the_highest_score_of_each_cell_and_the_alarms_name_their_signals(served: Served) -> None:
    answer = served.get("/api/joint", device="pump-1")
    assert len(answer["cells"]) == 180 and answer["threshold"] == 6.0
    flagged = [cell for cell in answer["cells"] if cell["flagged"]]
    assert len(flagged) == 3 and {cell["score"] for cell in flagged} == {7.5}, "the revision of the backfill counts"
    assert [cell["score"] for cell in answer["cells"]].count(None) == 180 - ROWS
    assert [alarm["minute"] for alarm in answer["alarms"]] == [f"2026-11-01T11:{minute}Z" for minute in (41, 40, 39)]
    first = answer["alarms"][-1]
    assert [one["signal"] for one in first["contributors"]] == ["power", "<b>flow"] and first["flagged_signals"] == 0
    assert first["contributors"][1]["value"] is None and "alone looks usual" in first["meaning"]
    assert answer["drift"] is None


def test_a_device_without_a_model_has_no_strip(served: Served) -> None:
    assert served.get("/api/joint", device="pump-2")["cells"] == []


def test_the_report_lists_the_joint_alarms_as_text(filled: Path, tmp_path: Path) -> None:
    (page,) = series_report(filled, tmp_path / "report.html", device="pump-1")
    text = page.read_text(encoding="utf-8")
    assert "Signals together: 3 flagged of 120 minutes" in text
    assert "power 70%: 4, expected 2 to 3; &lt;b&gt;flow 20%: none, expected 0.5 to 1.5" in text
    (other,) = series_report(filled, tmp_path / "other.html", device="pump-2")
    assert "Signals together" not in other.read_text(encoding="utf-8")


def test_a_model_that_no_longer_fits_is_told_of(filled: Path) -> None:
    assert drifted(filled) == {"pump-9": pytest.approx(60 / 144)}
    assert drifted(filled, device="pump-1") == {"pump-1": pytest.approx(2 / 144)}
    found = status(filled, now=lambda: NOW)
    assert found.joint_drift == {"pump-9": pytest.approx(60 / 144)}
    from rich.console import Console

    console = Console(width=200, record=True, file=io.StringIO())
    console.print(status_page(found))
    assert "pump-9: 42% of the last day lies above what 5% did" in console.export_text()
