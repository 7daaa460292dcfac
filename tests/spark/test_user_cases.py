"""Streams as users reported them: nested bodies, records of name and value, local times, plain and routed files."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from pyspark.sql import SparkSession

from ad_stream.payloads.infer import infer
from ad_stream.payloads.sample import bodies_in
from ad_stream.pipeline.run import Summary, run
from ad_stream.pipeline.store.delta import DeltaTables
from ad_stream.tables.catalog import BODIES
from tests.support.cases import case
from tests.support.streaming import config_of, with_tables

START = datetime(2026, 3, 2, 6, 0, 10, tzinfo=timezone.utc)


class Ran:
    """A finite run over files, what it told, and its tables."""

    def __init__(
        self, spark: SparkSession, folder: Path, path: Path | str, telemetry: Mapping[str, Any], **source: Any
    ) -> None:
        config = config_of(
            folder, source={"path": str(path), **source}, telemetry=dict(telemetry), detection={"points": 120}
        )
        self.lines: list[str] = []
        self.summary: Summary = run(with_tables(config, spark), spark=spark, tell=self.lines.append)
        self.tables = DeltaTables(spark, config.tables)

    def table(self, name: str) -> pd.DataFrame:
        return self.tables.read(name).toPandas()

    def series(self) -> dict[str, set[str]]:
        return {str(device): set(rows.signal) for device, rows in self.table("minutes").groupby("device_id")}


def below(folder: Path, name: str) -> Path:
    (folder / name).mkdir()
    return folder / name


def files(folder: Path, lines: list[str], name: str = "0.json") -> Path:
    """The lines as one file below a folder of its own."""
    (folder / "bodies").mkdir(exist_ok=True)
    (folder / "bodies" / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder / "bodies"


def test_nested_telemetry_is_read_and_what_lies_in_lists_says_where(spark: SparkSession, tmp_path: Path) -> None:
    path = case("stream-nested-telemetry") / "in.jsonl"
    bare = Ran(spark, below(tmp_path, "bare"), path, {})
    wanted = {
        "central": "telemetry.temperature", "ttn": "uplink_message.decoded_payload.temperature_1", "telegraf": "fields.temp",
        "aws-shadow": "state.reported.temperature",
    }  # fmt: skip
    series, rows = bare.series(), bare.table("quarantine")
    assert {device for device, name in wanted.items() if name in series[device]} == set(wanted)
    assert set(rows.reason) == {"no_signal"}
    assert set(rows.device_id) == {"opc-nested"} and rows.detail.str.contains("set telemetry.records").all()
    told = " ".join(line for line in bare.lines if line.startswith("NOTE: no numbers"))
    assert "applicationId" in told and "data" in told and "ad-stream infer" in told
    ran = Ran(spark, below(tmp_path, "rich"), path, infer(bodies_in(path)[0]).telemetry)
    series = ran.series()
    assert series["opc-nested"] == {"Torque"}
    assert series["central"] == {"telemetry.temperature", "telemetry.humidity"}
    assert "uplink_message.decoded_payload.temperature_1" in series["ttn"]
    assert series["telegraf"] == {"fields.temp"} and series["aws-shadow"] == {"state.reported.temperature"}
    assert ran.summary.quarantined.get("not_a_number", 0) == 0


def test_tables_that_an_earlier_version_began_are_read_as_it_did_until_the_settings_say_more(
    spark: SparkSession, tmp_path: Path
) -> None:
    body = {"deviceId": "a", "t": 1, "inner": {"u": 2}, "status": "ok"}
    at = [f"{START + timedelta(minutes=k):%Y-%m-%dT%H:%M:%SZ}" for k in range(5)]
    path = files(tmp_path, [json.dumps({**body, "time": one}) for one in at])
    found = {}
    for name, telemetry in {"kept": {}, "set": {"nested": 3, "text": "attribute", "compressed": "auto"}}.items():
        config = config_of(below(tmp_path, name), source={"path": str(path)}, telemetry=telemetry)
        tables = DeltaTables(spark, config.tables)
        tables.create()
        spark.sql(f"ALTER TABLE {tables.name('minutes')} UNSET TBLPROPERTIES ('{BODIES}')")
        lines: list[str] = []
        run(config, spark=spark, tell=lines.append)
        signals = set(tables.read("minutes").toPandas().signal)
        found[name] = (
            signals,
            tables.read("quarantine").count() > 0,
            any("an earlier version began" in one for one in lines),
        )
    assert found == {"kept": ({"t"}, True, True), "set": ({"t", "inner.u"}, False, False)}


def test_records_of_name_and_value_are_refused_or_series_of_their_own(spark: SparkSession, tmp_path: Path) -> None:
    path = case("stream-name-value-records") / "in.jsonl"
    bare = Ran(spark, below(tmp_path, "bare"), path, {})
    assert bare.series() == {} and set(bare.summary.quarantined) == {"no_signal"}
    assert bare.table("quarantine").detail.str.contains("set telemetry.records: ").all()
    ran = Ran(spark, below(tmp_path, "rich"), path, infer(bodies_in(path)[0]).telemetry)
    series = ran.series()
    assert {name.rpartition(":")[2] for name in series["senml"]} == {"temp", "hum"}
    assert series["opc-flat"] == {"Torque", "Speed"}
    found = ran.table("detections")
    jump = found[
        found.is_anomaly
        & (found.minute >= pd.Timestamp("2026-03-02 08:30"))
        & (found.minute < pd.Timestamp("2026-03-02 08:31"))
    ]
    assert {name.rpartition(":")[2] for name in jump.signal} >= {"temp", "Torque"}


def test_clocks_that_are_all_off_are_told_with_the_cause(spark: SparkSession, tmp_path: Path) -> None:
    """Of devices in one zone the setting reads all; without it every reading is in the future, which is said at once."""
    lines = [
        json.dumps({"deviceId": "a", "temperature": 20 + k % 3, "ts": f"{START + timedelta(hours=1, minutes=k):%Y-%m-%dT%H:%M:%S}"})
        for k in range(40)
    ]  # fmt: skip
    envelopes = [
        json.dumps({
            "body": base64.b64encode(line.encode()).decode(), "partition": "0", "sequence": k, "systemProperties": {},
            "enqueuedTime": (START + timedelta(minutes=k)).isoformat().replace("+00:00", "Z"),
        })
        for k, line in enumerate(lines)
    ]  # fmt: skip
    path = files(tmp_path, envelopes)
    (tmp_path / "without").mkdir()
    (tmp_path / "with").mkdir()
    off = Ran(spark, tmp_path / "without", path, {"event_time": "ts"})
    assert any("future_time: their times are 3600 s off" in line and "time_zone" in line for line in off.lines)
    assert "future_time, for example: ts is 3600 s ahead of the hub" in off.summary.sentence()
    right = Ran(spark, tmp_path / "with", path, {"event_time": "ts", "time_zone": "Europe/Berlin"})
    assert right.summary.quarantined == {} and right.series() == {"a": {"temperature"}}
    assert not any("NOTE" in line for line in right.lines)


def test_the_case_of_local_times_names_the_cause_and_reads_every_unit(spark: SparkSession, tmp_path: Path) -> None:
    ran = Ran(spark, tmp_path, case("stream-local-time") / "in.jsonl", {"event_time": "ts"})
    series = ran.series()
    assert {"iso-z", "ns", "us"} <= set(series) and "local-ahead" not in series
    rows = ran.table("quarantine")
    assert rows[rows.device_id == "local-ahead"].detail.str.contains("set telemetry.time_zone").all()


@pytest.mark.parametrize(("folder", "device"), [("plain", "dev-1"), ("routed", "dev-1")])
def test_the_case_of_plain_and_routed_files(spark: SparkSession, tmp_path: Path, folder: str, device: str) -> None:
    ran = Ran(spark, tmp_path, case("files-source-plain-json") / folder, {})
    assert ran.series() == {device: {"temperature"}}
    assert ran.summary.minutes_closed >= 117 and ran.summary.quarantined == {}


def test_plain_lines_without_a_time_come_at_the_time_of_their_file(spark: SparkSession, tmp_path: Path) -> None:
    path = files(tmp_path, [json.dumps({"deviceId": "a", "t": k}) for k in range(5)])
    ran = Ran(spark, tmp_path, path, {"max_ahead": None})
    assert (ran.summary.events, ran.summary.quarantined) == (5, {})


def test_routed_bodies_in_json_below_folders_of_minutes_are_read(spark: SparkSession, tmp_path: Path) -> None:
    deep = tmp_path / "hub" / "00" / "2026" / "03"
    deep.mkdir(parents=True)
    lines = []
    for k in range(10):
        at = (START + timedelta(minutes=k)).isoformat().replace("+00:00", "Z")
        system = {"connectionDeviceId": "r", "messageId": f"m{k}", "enqueuedTime": at}
        lines.append(
            json.dumps(
                {"EnqueuedTimeUtc": at, "Properties": {}, "SystemProperties": system, "Body": {"t": k, "ok": True}}
            )
        )
    (deep / "10.json").write_text("\n".join(lines), encoding="utf-8")
    ran = Ran(spark, tmp_path, tmp_path / "hub", {})
    assert ran.series() == {"r": {"t"}} and ran.summary.minutes_closed >= 6
