"""A code that says that nothing was measured is left out wherever its source is read."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ad_stream.config import parse_detection
from ad_stream.own_data.on_demand import ask
from ad_stream.own_data.question import SourceQuestion
from ad_stream.readers.contract import Only, TimeRange
from ad_stream.readers.registry import reader_of, settings_of

EVER = TimeRange(-(2**50), 2**52)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> str:
    made = tmp_path_factory.mktemp("plant") / "a.jsonl"
    values = [-9999 if minute % 10 == 0 else 60 if minute == 55 else 20 + minute % 3 for minute in range(60)]
    rows = [{"device": "p", "ts": f"2026-11-01T00:{n:02}:00Z", "t": value, "u": n} for n, value in enumerate(values)]
    made.write_text("\n".join(json.dumps(row) for row in rows))
    return str(made)


def reader(path: str, **more: Any) -> Any:
    return reader_of("plant", {"plant": settings_of({"kind": "table_files", "path": path, **more})})


def test_readings_of_the_code_are_left_out_and_no_others(path: str) -> None:
    plain, clean = (
        [row for batch in reader(path, **more).read(EVER) for row in batch.to_pylist()]
        for more in ({}, {"missing": [-9999]})
    )
    assert clean == [row for row in plain if row["value"] != -9999] and len(plain) - len(clean) == 6
    assert [one.name for one in reader(path, missing=[-9999]).columns()] == ["device", "ts", "t", "u"]
    assert len(next(reader(path, missing=list(range(20))).read(EVER, Only("p", "u")))) == 40


def test_a_code_raises_no_alarm(path: str) -> None:
    asked = SourceQuestion.of(
        {"source": "plant", "device": "p", "signal": "t", "from": "2026-11-01", "to": "2026-11-02"}
    )
    found = ask(reader(path, missing=[-9999]), asked, parse_detection({}))
    assert [alarm["first"] for alarm in found.alarm_rows()] == ["2026-11-01 00:55"]
