"""A column is written once: DDL, docs, pushes, pages and counters follow from it."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest

from ad_stream.detectors.slow import SlowVerdict
from ad_stream.model import LastPoint
from ad_stream.monitoring.status import Status
from ad_stream.pipeline.operation.summary import Summary
from ad_stream.tables.catalog import BATCHES, DETECTIONS, EVERY_TABLE, PROGRESS
from ad_stream.tables.schema import COUNT, VERDICT, VERSION, arrow, plain_ddl

ROOT = Path(__file__).resolve().parents[3]

PLANTED = """
import json, sys
from dataclasses import replace
from ad_stream.tables import catalog
from ad_stream.tables.schema import COUNT, PAGE, PUSHED, VERDICT
def planted(table, column):
    made = replace(table, columns=(*table.columns, column))
    setattr(catalog, table.name.upper(), made)
    catalog.TABLES[table.name] = catalog.EVERY_TABLE[table.name] = made
planted(catalog.DETECTIONS, catalog.number("planted", "put here by a test", VERDICT, PUSHED, PAGE, since=99))
planted(catalog.BATCHES, catalog.whole("planted_count", "put here by a test", COUNT, since=99))
from ad_stream.dashboard import explanation, verdict_arrays
from ad_stream.monitoring import health
from ad_stream.pipeline import backfill, spark_api
from ad_stream.pipeline.operation import metrics
from ad_stream.pipeline.steps import scoring
from ad_stream.push import base
from ad_stream.push.targets import power_bi_rows
from ad_stream.tables import reader, views
sys.path.insert(0, "docs")
import generate
print(json.dumps({
    "table": "planted double COMMENT 'put here by a test'" in catalog.DETECTIONS.ddl(),
    "docs": "| `planted` | double | put here by a test |" in generate.columns(),
    "push": "planted" in base.COLUMNS and power_bi_rows.TYPES["planted"] == "Double",
    "report": "planted" in reader.SHOWN, "page": "planted" in verdict_arrays.COLUMNS,
    "why": "planted" in explanation.COLUMNS, "scoring": "planted double" in scoring.ROW,
    "backfill": "planted" in backfill.MEASURES, "spark": "planted" in spark_api.COLUMNS,
    "health": "planted_count" in health.COLUMNS["batches"], "prometheus": "planted_count" in metrics.COUNTS,
    "view": "sum(planted_count)" in views.VIEWS["pipeline_hours"][1],
}))
"""


@pytest.mark.slow
def test_a_column_that_is_added_in_one_place_appears_everywhere() -> None:
    answer = subprocess.run([sys.executable, "-c", PLANTED], cwd=ROOT, capture_output=True, text=True, check=True)
    assert {place for place, there in json.loads(answer.stdout).items() if not there} == set()


def test_the_list_of_verdict_columns_stands_once() -> None:
    names = DETECTIONS.named(VERDICT)
    holders = [
        str(path.relative_to(ROOT))
        for path in (ROOT / "ad_stream").rglob("*.py")
        if all(f'"{name}"' in path.read_text(encoding="utf-8") for name in names)
    ]
    assert holders == ["ad_stream/tables/catalog.py"]


def test_a_verdict_has_what_a_detector_and_the_slow_verdict_answer() -> None:
    beside = {"value", "continuing", "detector", "model"}
    slow = {field.name for field in fields(SlowVerdict)} - {"slow_deviation"}
    assert {*LastPoint.columns(), *slow} == {name for name in DETECTIONS.named(VERDICT) if name not in beside}


@pytest.mark.parametrize("counted", [Summary, Status])
def test_every_counter_of_a_batch_is_counted_by_the_run_and_by_its_status(counted: type) -> None:
    known = {field.name for field in fields(counted)}
    assert {*BATCHES.named(COUNT), *PROGRESS.named(COUNT)} - known == set()


@pytest.mark.parametrize("table", EVERY_TABLE.values(), ids=EVERY_TABLE)
def test_every_column_says_what_it_holds_and_has_an_arrow_type(table: object) -> None:
    columns = EVERY_TABLE[table.name].columns  # type: ignore[attr-defined]
    assert all(column.about and "'" not in column.about and 1 <= column.since <= VERSION for column in columns)
    assert arrow(columns).names == [part.split()[0] for part in plain_ddl(columns).split(", ")]
