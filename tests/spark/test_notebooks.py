"""The notebooks run as they are, with the three names that Databricks gives them."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml
from matplotlib.figure import Figure
from pyspark.sql import SparkSession

from ad_stream.config import parse
from ad_stream.simulate.devices.truth import read_truth
from ad_stream.tables import views

USUAL = {"source": {"kind": "files", "path": "in"}, "tables": {"path": "tables"}}
NOTEBOOKS = Path(__file__).resolve().parents[2] / "notebooks"


class Widgets:
    """`dbutils.widgets`, every text as the test sets it."""

    def __init__(self, **texts: str) -> None:
        self.texts = texts

    def text(self, name: str, default: str) -> None:
        assert name in self.texts, f"the notebook asks for {name!r}, which this test does not set"

    def get(self, name: str) -> str:
        return self.texts[name]


class Dbutils:
    def __init__(self, widgets: Widgets) -> None:
        self.widgets = widgets


def executed(name: str, spark: SparkSession, **texts: str) -> tuple[dict[str, Any], list[pd.DataFrame]]:
    """The names a notebook leaves behind (its figures as `figures`, what it printed as `printed`), and the frames it displayed."""
    shown: list[pd.DataFrame] = []
    figures: list[Figure] = []
    printed = io.StringIO()

    def display(what: Any) -> None:
        if isinstance(what, Figure):
            figures.append(what)
        else:
            shown.append(what if isinstance(what, pd.DataFrame) else what.toPandas())

    names: dict[str, Any] = {"spark": spark, "dbutils": Dbutils(Widgets(**texts)), "display": display}
    path = NOTEBOOKS / name
    with contextlib.redirect_stdout(printed):
        exec(compile(path.read_text(encoding="utf-8"), str(path), "exec"), names)
    return names | {"figures": figures, "printed": printed.getvalue()}, shown


@pytest.mark.parametrize("path", sorted(NOTEBOOKS.glob("*.py")), ids=lambda path: path.name)
def test_a_notebook_is_in_the_source_format_of_databricks(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").splitlines()
    assert lines[0] == "# Databricks notebook source"
    assert lines.count("# COMMAND ----------") >= 2


@pytest.fixture(scope="module")
def first(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], list[pd.DataFrame]]:
    return executed("01_first_detection.py", spark, folder=str(tmp_path_factory.mktemp("first")))


def test_the_first_detection_shows_the_same_spike_through_both_doors_and_what_the_stream_wrote(
    first: tuple[dict[str, Any], list[pd.DataFrame]],
) -> None:
    names, (pandas_flags, spark_flags, statuses, stream_flags, quarantined) = first
    spike = names["minutes"][200]
    assert ("pump", spike) in set(zip(pandas_flags["device"], pandas_flags["timestamp"], strict=True))
    both = [
        set(zip(flags[device], pd.to_datetime(flags[time], utc=True), strict=True))
        for flags, device, time in ((pandas_flags, "device", "timestamp"), (spark_flags, "device_id", "minute"))
    ]
    assert both[0] == both[1]
    assert statuses["count"].sum() == names["detections"].count() > 5 * 2 * 200
    assert len(stream_flags) > 0
    assert {"malformed", "not_utf8"} <= set(quarantined["reason"])
    assert [figure.axes[0].get_title("left") for figure in names["figures"]] == ["fan", "pump"]
    kept = parse(yaml.safe_load(names["printed"][names["printed"].index("source:") :]))
    assert (kept.tables, kept.trigger) == (names["config"].tables, "available_now")


def test_the_results_notebook_tells_the_tables_and_how_many_known_events_were_found(
    spark: SparkSession, first: tuple[dict[str, Any], list[pd.DataFrame]]
) -> None:
    folder = Path(first[0]["folder"])
    known = [fault for fault in read_truth(folder / "in").faults if fault.kind in ("spike", "dip", "level_shift")]
    rows = [{"device_id": one.device_id, "signal": one.signal, "began": one.start, "ended": one.end} for one in known]
    pd.DataFrame(rows).to_csv(folder / "known.csv", index=False)
    tables = {
        "catalog": "",
        "schema": "",
        "path": str(folder / "tables"),
        "known_events": str(folder / "known.csv"),
    }

    names, (fleet, events, drawn, reasons, hours, refused, quality) = executed(
        "03_results_and_quality.py", spark, **tables
    )

    assert len(fleet) == 10 and fleet["events_last_day"].is_monotonic_decreasing
    assert set(drawn["series"]) == {fleet["series"].iloc[0]} and drawn["flagged_value"].notna().sum() > 0
    assert reasons["count"].sum() == hours["minutes_closed"].sum()
    assert len(events) > 0 and len(refused) > 0
    (figure,) = names["figures"]
    assert figure.axes[0].get_title("left") == fleet["series"].iloc[0]
    section = yaml.safe_load(names["printed"])["incidents"]
    assert parse(USUAL | {"incidents": section}).incidents.open.severity >= 0.25
    assert quality["known_events"].iloc[0] == len(known) > 0
    assert 0.5 * len(known) <= quality["found"].iloc[0] <= len(known)
    for name in views.VIEWS:
        spark.catalog.dropTempView(name)
