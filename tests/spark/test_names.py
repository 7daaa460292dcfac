"""Tables that are names in a schema, as in Unity Catalog: the same rows as in folders, and the views over them.

`spark_catalog` is the one catalog that local Spark has, so that its three-part names run through the same code.
"""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from pyspark.sql import SparkSession
from typer.testing import CliRunner

from ad_stream.cli import app
from ad_stream.errors import InputError
from ad_stream.model import REASONS
from ad_stream.pipeline.backfill import backfill
from ad_stream.pipeline.run import run
from ad_stream.pipeline.store.delta import DeltaTables
from ad_stream.tables import views
from ad_stream.tables.catalog import TABLES
from tests.support.streaming import BOOKKEEPING, KEY, Stream, message, moment

NAMES = {"path": None, "catalog": "spark_catalog", "schema": "iot_names"}
SPIKE, LATE = 50, 20
DASHBOARD = Path(__file__).resolve().parents[2] / "conf" / "fleet.lvdash.json"


def messages() -> list[Any]:
    """Two devices over an hour; one spikes for two minutes, the other falls silent, one reading is late."""
    rows = []
    for minute in range(60):
        wave = 20 + math.sin(minute / 9) + 0.1 * (minute * 7 % 5)
        rows.append(message({"t": wave + 9 * (SPIKE <= minute <= SPIKE + 1)}, minute, device="pump"))
        if minute < 45:
            rows.append(message({"t": 2 * wave}, minute, device="fan"))
    rows.append(message({"t": 99.0, "at": f"2026-11-01T00:{LATE}:40Z"}, 40, device="fan", message_id="late"))
    rows.append(message("no json", 41, device="fan"))
    return rows


@pytest.fixture(scope="module")
def named(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stream]:
    folder = tmp_path_factory.mktemp("names")
    spark.sql(f"CREATE SCHEMA iot_names LOCATION '{folder}/iot_names.db'")
    stream = Stream(spark, folder, {"tables": NAMES, "telemetry": {"event_time": "at"}}).write(messages())
    stream.run()
    yield stream
    spark.sql("DROP SCHEMA iot_names CASCADE")


@pytest.fixture(scope="module")
def in_folders(named: Stream) -> DeltaTables:
    place = {"path": str(named.folder / "tables"), "catalog": None, "schema": None}
    config = named.config(tables=place, checkpoint=str(named.folder / "other"))
    run(config, spark=named.spark)
    return DeltaTables(named.spark, config.tables)


def view(named: Stream, name: str) -> pd.DataFrame:
    return named.spark.table(f"iot_names.{name}").toPandas()


@pytest.mark.parametrize("table", ["minutes", "detections", "late", "quarantine"])
def test_names_and_folders_hold_the_same_rows(named: Stream, in_folders: DeltaTables, table: str) -> None:
    key = KEY if table in ("minutes", "detections") else ["device_id", "sequence"]
    here, there = named.table(table, *key), in_folders.read(table).toPandas().sort_values(key).reset_index(drop=True)
    pd.testing.assert_frame_equal(here.drop(columns=BOOKKEEPING), there.drop(columns=BOOKKEEPING), rtol=1e-9)
    assert len(here) > 0


@pytest.mark.parametrize("layout", ["named", "in_folders"])
def test_tables_carry_comments_clustering_and_partitions_after_their_rows_were_replaced(
    layout: str, request: pytest.FixtureRequest
) -> None:
    made = request.getfixturevalue(layout)
    tables = made.tables() if isinstance(made, Stream) else made
    for table, schema in TABLES.items():
        detail = tables.spark.sql(f"DESCRIBE DETAIL {tables.name(table)}").first()
        assert detail["description"] == schema.about
        assert detail["properties"].items() >= schema.all_properties().items()
        assert detail["clusteringColumns"] == list(schema.clustered)
        assert detail["partitionColumns"] == ([schema.partitioned] if schema.partitioned else [])
    # `owner` was overwritten three times by the run
    assert tables.spark.sql(f"DESCRIBE DETAIL {tables.name('owner')}").first()["properties"][
        "delta.logRetentionDuration"
    ]
    comments = {field.name: field.metadata.get("comment") for field in tables.read("history").schema.fields}
    assert comments == {column.name: column.about for column in TABLES["history"].columns}


def test_an_append_by_name_is_skipped_when_its_batch_is_repeated(named: Stream) -> None:
    tables = named.tables()
    schema = tables.read("deliveries").drop(*BOOKKEEPING).schema
    row = tables.spark.createDataFrame([(None,) * len(schema)], schema)
    for _ in range(2):
        tables.append("deliveries", row, query_id="q", batch_id=7, count=1)
    assert tables.read("deliveries").where("query_id = 'q'").count() == 1


def test_a_lost_history_is_made_anew_in_its_place(named: Stream) -> None:
    tables = named.tables()
    before = tables.read("history").count()
    tables.spark.sql(f"DELETE FROM {tables.name('history')}")
    named.run()
    assert tables.read("history").count() == before
    assert tables.spark.sql(f"DESCRIBE DETAIL {tables.name('history')}").first()["partitionColumns"] == ["hour"]


def test_a_schema_that_is_missing_is_named_with_the_way_out(named: Stream) -> None:
    for place in ("spark_catalog.nowhere", "nowhere.iot"):
        catalog, schema = place.split(".")
        config = named.config(tables={"catalog": catalog, "schema": schema})
        with pytest.raises(InputError, match=f"^there is no schema {place} that this run may use: CREATE SCHEMA"):
            DeltaTables(named.spark, config.tables).create()


def test_a_table_that_cannot_be_made_is_a_sentence(named: Stream) -> None:
    blocked = named.folder / "blocked"
    named.spark.sql(f"CREATE SCHEMA iot_blocked LOCATION '{blocked}'")
    shutil.rmtree(blocked)
    blocked.write_text("a file where the schema's folder was")
    config = named.config(tables={**NAMES, "schema": "iot_blocked"})
    with pytest.raises(
        InputError, match=r"^the table `spark_catalog`.`iot_blocked`.`minutes` could not be made \("
    ) as raised:
        DeltaTables(named.spark, config.tables).create()
    assert "\n" not in str(raised.value)
    named.spark.sql("DROP SCHEMA iot_blocked")


def test_the_latest_verdicts_are_those_of_the_highest_revision(named: Stream) -> None:
    written = backfill(named.config(), start=moment(0), end=moment(60), spark=named.spark)
    assert written.verdicts_revised > 0
    every = named.content("detections", *KEY, "revision")
    expected = every.drop_duplicates(KEY, keep="last").reset_index(drop=True)
    latest = view(named, "detections_latest").sort_values(KEY).reset_index(drop=True)
    pd.testing.assert_frame_equal(latest[expected.columns], expected)


def test_the_views_tell_what_the_tables_hold_in_the_words_of_a_report(named: Stream) -> None:
    latest = view(named, "detections_latest")
    drawn = view(named, "series_minutes").merge(latest, on=KEY, suffixes=("", "_table"))
    assert len(drawn) == len(latest)
    scored = drawn[drawn["status"] == "scored"]
    assert (scored["upper_bound"] - scored["expected"] - scored["upper_margin"]).abs().max() < 1e-9
    assert (scored["expected"] - scored["lower_bound"] - scored["lower_margin"]).abs().max() < 1e-9
    assert drawn["flagged_value"].notna().equals(drawn["is_anomaly"]) and drawn["anomaly"].sum() > 0
    assert (drawn["meaning"] == drawn["reason"].map(REASONS)).all()
    assert not drawn[["value", "expected", "lower_bound", "severity"]].isin([math.inf]).any().any()

    hours = view(named, "series_hours")
    assert hours["minutes"].sum() == len(latest) and hours["anomalies"].sum() == latest["is_anomaly"].sum()

    events = view(named, "anomaly_events")
    spike = events[(events["device_id"] == "pump") & (events["began"] == pd.Timestamp("2026-11-01 00:50"))].iloc[0]
    assert (spike["flagged_minutes"], spike["side"], spike["reason"]) == (2, "above", "above")
    assert events["flagged_minutes"].sum() == latest["is_anomaly"].sum()
    assert len(events) == hours["events"].sum()

    now = view(named, "series_now").set_index("series")
    assert (now.loc["fan / t", "minutes_behind"], now.loc["fan / t", "silent"]) == (15, 1)
    assert (now.loc["pump / t", "minutes_behind"], now.loc["pump / t", "silent"]) == (0, 0)

    pipeline, batches = view(named, "pipeline_hours"), named.table("batches")
    assert pipeline["minutes_closed"].sum() == batches["minutes_closed"].sum()
    refused = view(named, "quarantine_hours")
    assert list(refused["reason"]) == ["malformed"] and list(refused["elements"]) == [1]


def test_over_folders_the_same_views_are_made_for_the_session(in_folders: DeltaTables) -> None:
    spark = in_folders.spark
    for statement in views.script(in_folders.settings).removesuffix(";\n").split(";\n\n"):
        spark.sql(statement)
    rows = spark.table("series_minutes").count()
    for name in views.VIEWS:
        spark.catalog.dropTempView(name)
    assert rows == in_folders.read("detections").count() > 0


def widgets(board: dict[str, Any]) -> list[dict[str, Any]]:
    return [placed["widget"] for page in board["pages"] for placed in page["layout"]]


def encoded(value: Any) -> set[str]:
    """Every fieldName below the encodings of a widget."""
    members = value.values() if isinstance(value, dict) else value if isinstance(value, list) else []
    own = {value["fieldName"]} if isinstance(value, dict) and "fieldName" in value else set()
    return own.union(*(encoded(member) for member in members))


def test_every_widget_of_the_dashboard_gets_its_fields_from_the_views(named: Stream) -> None:
    """Each query as the dashboard sends it: the dataset inside, the fields of the widget around it."""
    board = json.loads(DASHBOARD.read_text(encoding="utf-8"))
    datasets = {one["name"]: one["query"] for one in board["datasets"]}
    used, spark = set(), named.spark
    spark.sql("USE iot_names")
    try:
        for widget in widgets(board):
            for query in [one["query"] for one in widget["queries"]]:
                fields = ", ".join(f"{one['expression']} AS `{one['name']}`" for one in query["fields"])
                grouped = "" if query["disaggregated"] else " GROUP BY ALL"
                found = spark.sql(f"SELECT {fields} FROM ({datasets[query['datasetName']]}){grouped}")
                assert found.count() > 0, widget["name"]
                used.add(query["datasetName"])
            named_fields = {one["name"] for query in widget["queries"] for one in query["query"]["fields"]}
            assert encoded(widget["spec"]["encodings"]) == named_fields
    finally:
        spark.sql("USE default")
    assert used == set(datasets)


def test_the_dashboard_is_laid_out_without_overlap_and_names_nothing_twice() -> None:
    board = json.loads(DASHBOARD.read_text(encoding="utf-8"))
    names = [widget["name"] for widget in widgets(board)] + [page["name"] for page in board["pages"]]
    assert len(names) == len(set(names))
    for page in board["pages"]:
        places = [placed["position"] for placed in page["layout"]]
        cells = [
            (x, y)
            for one in places
            for x in range(one["x"], one["x"] + one["width"])
            for y in range(one["y"], one["y"] + one["height"])
        ]
        assert len(cells) == len(set(cells)) and max(x for x, _ in cells) < 6


def test_maintenance_puts_small_files_together_and_leaves_every_row(named: Stream) -> None:
    before = named.content("detections", *KEY, "revision")
    shipped = Path(__file__).resolve().parents[2] / "conf" / "local.yaml"
    place = [f"tables.{key}={'null' if value is None else value}" for key, value in NAMES.items()]
    sets = [word for pair in place for word in ("--set", pair)]
    answer = CliRunner().invoke(app, ["maintain", "--config", str(shipped), *sets, "--json"], catch_exceptions=False)
    told = json.loads(answer.stdout)
    assert told["removed"]["detections"] >= 2 > told["added"]["detections"]
    pd.testing.assert_frame_equal(named.content("detections", *KEY, "revision"), before)
    tables = named.tables()
    assert tables.spark.sql(f"DESCRIBE DETAIL {tables.name('detections')}").first()["numFiles"] == 1
