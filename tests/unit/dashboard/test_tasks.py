"""The task form's answers: what can be chosen, each wrong field, who may, and predictions as CSV."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ad_stream import config as settings
from ad_stream.config.task import config_of, task_of
from ad_stream.dashboard.access import Token
from ad_stream.schedules import tasks as stored
from tests.support.scheduled import NOON
from tests.support.served import Served
from tests.support.written import create, verdict, write

TOKEN = "open sesame"
TASK: dict[str, Any] = {
    "name": "ovens", "source": "plant", "time": "ts", "dimensions": ["line", "machine"], "feature": "temp",
    "detector": "seasonal", "train": {"every": "weekday", "start": "2026-12-01T02:30"}, "predict": {"every": "15 minutes"},
}  # fmt: skip


def run_of(folder: Path) -> settings.Config:
    (folder / "plant.csv").write_text("line,machine,ts,temp\n1,press,2026-11-01T08:00Z,7\n2,oven,2026-11-01T08:01Z,8\n")
    create(folder / "tables")
    sources = {
        "plant": {"kind": "table_files", "path": str(folder / "*.csv")},
        "gone": {"kind": "table_files", "path": str(folder / "none-*.csv")},
    }
    return settings.usual(str(folder / "tables"), {"sources": sources})


@pytest.fixture
def page(tmp_path: Path) -> Iterator[Served]:
    running = Served(tmp_path / "tables", now=NOON, token=Token(TOKEN), base=run_of(tmp_path))
    running.http.headers["Authorization"] = f"Bearer {TOKEN}"
    yield running
    running.stop()


def save(page: Served, **said: Any) -> tuple[int, dict[str, Any]]:
    answer = page.http.post("/api/tasks", json={"task": TASK | said, "owner": "Ada"})
    return answer.status_code, answer.json()


def test_a_task_is_saved_told_and_retired(page: Served) -> None:
    told = page.get("/api/tasks")
    assert (told["tasks"], told["sources"][0], told["allowed"]) == ([], {"name": "plant", "kind": "table_files"}, True)
    assert "seasonal" in told["detectors"] and page.get("/api/tasks/columns", source="plant")["columns"] == [
        "line", "machine", "ts", "temp",
    ]  # fmt: skip
    status, answer = save(page)
    assert (status, answer["version"], answer["jobs"]) == (200, 1, ["ovens-train", "ovens-predict"])
    assert "dimensions:\n    - line\n    - machine" in answer["yaml"]
    assert [job["job"] for job in page.get("/api/jobs")["jobs"]] == ["ovens-train", "ovens-predict"]
    [task] = page.get("/api/tasks")["tasks"]
    assert (task["version"], task["owner"], task["said"]["train"]["every"]) == (1, "Ada", "weekday")
    assert save(page, predict={"every": "1 hour"})[1]["version"] == 2
    assert page.http.post("/api/tasks/retire", json={"name": "ovens", "owner": "Bob"}).json() == {"version": 3}
    assert page.get("/api/tasks")["tasks"] == page.get("/api/jobs")["jobs"] == []


@pytest.mark.parametrize(
    ("said", "field", "sentence"),
    [
        ({"feature": "tmep"}, "feature", "plant.csv has no column 'tmep': its columns are line, machine, ts, temp"),
        ({"dimensions": ["line", "machin3"]}, "dimensions", "plant.csv has no column 'machin3'"),
        ({"time": "when"}, "time", "plant.csv has no column 'when'"),
        ({"source": "gone"}, "source", "fits no file: name a file or a pattern"),
        ({"train": {"cron": "61 * * * *"}}, "train.cron", "the minute '61' is none of 0 to 59"),
        ({"path": "/etc/passwd"}, "path", "Extra inputs are not permitted"),
        ({"source": {"kind": "rest", "url": "http://evil"}}, "source", "Input should be a valid string"),
    ],
)
def test_a_wrong_field_is_told_beside_it_and_nothing_is_saved(
    page: Served, said: dict[str, Any], field: str, sentence: str
) -> None:
    status, answer = save(page, **said)
    assert status == 200 and sentence in answer["errors"][field], answer
    assert page.get("/api/tasks")["tasks"] == []


def test_predictions_are_handed_out_as_a_csv(page: Served, tmp_path: Path) -> None:
    base = run_of(tmp_path)
    stored.save(tmp_path / "tables", base, TASK, owner="ann", now=NOON)
    early = page.http.get("/api/tasks/csv", params={"task": "ovens"})
    assert early.status_code == 404 and "there is no table 'detections'" in early.json()["error"]
    write(
        Path(str(config_of(task_of(TASK, base), base).tables.path)),
        "detections",
        [verdict("2/oven", "temp", NOON, 20.0)],
    )
    answer = page.http.get("/api/tasks/csv", params={"task": "ovens"})
    assert answer.headers["Content-Disposition"] == 'attachment; filename="ovens.csv"'
    assert answer.text.splitlines()[1].startswith("2/oven,temp,2026-11-30T12:00:00Z,20.0,")
    assert page.http.get("/api/tasks/csv", params={"task": "x"}).status_code == 404


def test_without_a_token_the_page_tells_and_asks_no_source(tmp_path: Path) -> None:
    running = Served(tmp_path / "tables", now=NOON, base=run_of(tmp_path))
    try:
        assert running.get("/api/tasks")["allowed"] is False
        assert running.http.get("/api/tasks/columns", params={"source": "plant"}).status_code == 403
        assert save(running)[0] == 403
        assert running.http.post("/api/tasks/retire", json={"name": "ovens", "owner": "x"}).status_code == 403
    finally:
        running.stop()
