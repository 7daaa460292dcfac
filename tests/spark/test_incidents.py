"""Incidents of a stream: exactly once, equal however batches fall, after a restart, a crash, a lost checkpoint."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pyspark.sql import SparkSession

from ad_stream.monitoring.incidents import incidents
from ad_stream.monitoring.verify_incidents import verify
from ad_stream.pipeline.backfill import backfill
from ad_stream.pipeline.batch_state import BatchReport
from ad_stream.pipeline.run import run
from ad_stream.pipeline.store.delta import DeltaTables
from ad_stream.simulate.envelope import Message
from ad_stream.tables import people, views
from ad_stream.tables.incidents import FEEDBACK
from tests.support.streaming import T0, Stream, message, moment, with_tables

FILES, PER_FILE = 3, 100
DEVICES = ("plant-a-1", "plant-a-2", "plant-b-1", "plant-b-2")
NAMED = ["query_id", "batch_id", "feedback_version"]
SECTIONS: dict[str, Any] = {
    "source": {"files_per_trigger": 1}, "detection": {"detector": "differences", "points": 40},
    "dimensions": {"device": "(?P<site>plant-[a-z])-"}, "incidents": {"enabled": True},
}  # fmt: skip


def _level(device: str, at: int) -> float:
    """A step of the whole site a from 50 to 130, over two files; spikes of b-1; a step of b-2 that stays."""
    if device.startswith("plant-a") and 50 <= at < 130:
        return 60.0
    if device == "plant-b-1" and at in (170, 190, 210):
        return 80.0
    return 90.0 if device == "plant-b-2" and at >= 230 else 0.0


def _messages() -> list[list[Message]]:
    rng = np.random.default_rng(7)
    out: list[list[Message]] = [[] for _ in range(FILES)]
    for at in range(FILES * PER_FILE):
        for device in DEVICES:
            value = 20 + float(rng.normal()) + _level(device, at)
            if not (device == "plant-b-1" and 235 <= at < 275):  # it is silent in between
                out[at // PER_FILE].append(message({"t": value}, at, device=device))
    return out


@dataclass(frozen=True)
class Failing(DeltaTables):
    """Tables that fail once, before one append of one batch."""

    at: tuple[str, int] = ("", 0)

    def append(self, table: str, rows: Any, *, query_id: str, batch_id: int, count: int, part: str = "") -> None:
        if (table, batch_id) == self.at:
            raise RuntimeError("somebody pulled the plug")
        super().append(table, rows, query_id=query_id, batch_id=batch_id, count=count, part=part)


def _say(stream: Stream, row: Mapping[str, Any]) -> int:
    return people.append(FEEDBACK, Path(str(stream.config().tables.path)), {"owner": "ana", **row}, now=T0)


def _stream(spark: SparkSession, folder: Path, **sections: Any) -> Stream:
    return Stream(spark, folder, {**SECTIONS, **sections})


def _rows(stream: Stream) -> pd.DataFrame:
    rows = stream.table("incident_events", "minute", "incident_id", "seq")
    return rows.drop(columns=NAMED)


def _equal(one: pd.DataFrame, other: pd.DataFrame) -> None:
    pd.testing.assert_frame_equal(one, other, rtol=0, atol=1e-9, check_dtype=False)
    assert len(one)


@pytest.fixture(scope="module")
def calm(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Stream:
    stream = _stream(spark, tmp_path_factory.mktemp("calm")).write(*_messages())
    stream.run()
    return stream


def test_a_site_fault_is_one_incident_and_its_row_says_where_and_how_long(calm: Stream) -> None:
    rows = calm.table("incident_events", "minute", "seq")
    first = rows[rows["site"] == "plant-a"]
    assert first["incident_id"].nunique() == 1
    assert list(first["event"]) == ["opened", "joined", "left", "closed"]
    last = first.iloc[-1]
    assert (last["devices"], last["kind"], last["direction"]) == (2, "value", "above")
    assert [pd.Timestamp(last[name], tz="UTC") for name in ("started", "last")] == [moment(50), moment(130)]


def test_what_the_table_holds_is_what_its_verdicts_make_it(calm: Stream) -> None:
    found = verify(Path(str(calm.config().tables.path)), calm.config())
    assert found.stored >= 8 and found.differences == 0
    wrong = verify(Path(str(calm.config().tables.path)), calm.config(incidents={"close_after": "4 minutes"}))
    assert wrong.differences > 0


@pytest.mark.soak
def test_one_batch_gives_the_rows_of_many(calm: Stream, spark: SparkSession, tmp_path: Path) -> None:
    whole = _stream(spark, tmp_path, source={"files_per_trigger": 100}).write(*_messages())
    whole.run()
    _equal(_rows(whole), _rows(calm))


@pytest.mark.soak
@pytest.mark.parametrize("lost", [False, True], ids=["restart", "lost checkpoint"])
def test_a_run_that_goes_on_gives_the_rows_of_one_run(
    calm: Stream, spark: SparkSession, tmp_path: Path, lost: bool
) -> None:
    stream, files = _stream(spark, tmp_path), _messages()
    stream.write(*files[:2], end=False)
    stream.run()
    if lost:
        shutil.rmtree(stream.config().checkpoint)
    stream.write(*files[2:])
    stream.run()
    ours = _rows(stream)
    _equal(ours, _rows(calm))
    assert not ours.duplicated(["incident_id", "revision", "seq"]).any()


@pytest.mark.soak
def test_windows_judged_while_incidents_were_off_are_folded_later_and_nobody_is_told(
    calm: Stream, spark: SparkSession, tmp_path: Path
) -> None:
    stream, files = _stream(spark, tmp_path), _messages()
    for part, enabled in enumerate([True, False, True]):
        stream.write(*files[part : part + 1], end=part == FILES - 1)
        stream.run(incidents={"enabled": enabled})
    ours, known = _rows(stream), _rows(calm)
    told = ours.pop("notify")
    assert (told != known["notify"]).any() and not (told & ~known.pop("notify")).any()
    _equal(ours, known)


@pytest.mark.soak
@pytest.mark.parametrize("table", ["incident_events", "detections"])
def test_a_crash_around_the_append_and_words_said_meanwhile_change_nothing(
    calm: Stream, spark: SparkSession, tmp_path: Path, table: str
) -> None:  # fmt: skip
    stream = _stream(spark, tmp_path).write(*_messages())
    config = stream.config()
    known, batches = _rows(calm), calm.table("incident_events", "minute", "incident_id", "seq")["batch_id"]
    closed = str(known[(known["event"] == "closed") & (batches < batches.max())].iloc[0]["incident_id"])
    with pytest.raises(Exception, match="plug"):
        run(
            with_tables(config, spark),
            spark=spark,
            tables=Failing(spark, config.tables, at=(table, int(batches.max()))),
        )
    _say(stream, {"action": "ack", "incident_id": closed})  # of an incident that is closed: nothing comes of it
    stream.run()
    _equal(_rows(stream), known)
    assert verify(Path(str(config.tables.path)), config).differences == 0


@pytest.mark.soak
def test_a_backfill_withdraws_and_tells_nobody(calm: Stream, spark: SparkSession, tmp_path: Path) -> None:
    stream = _stream(spark, tmp_path).write(*_messages())
    stream.run()
    day: dict[str, Any] = {"start": T0, "end": moment(FILES * PER_FILE)}
    assert backfill(stream.config(), spark=spark, **day).incidents_amended == 0
    deaf = stream.config(detection={"min_deviation": 75})
    assert backfill(deaf, spark=spark, **day).incidents_amended >= 1
    rows = stream.table("incident_events", "revision", "incident_id")
    later = rows[rows["revision"] > 0]
    assert set(later["event"]) <= {"withdrawn", "amended", "closed"} and "withdrawn" in set(later["event"])
    assert not later["notify"].any() and set(later["origin"]) == {"backfill"}
    assert backfill(deaf, spark=spark, **day).incidents_amended == 0
    gone = {one["incident_id"] for one in incidents(Path(str(deaf.tables.path))) if one["state"] == "withdrawn"}
    site = str(_rows(calm)[lambda all_: all_["site"] == "plant-a"].iloc[0]["incident_id"])
    assert site in gone


def test_the_views_say_what_the_commands_say(calm: Stream, spark: SparkSession) -> None:
    for statement in views.statements(calm.config().tables, replace=True):
        spark.sql(statement)
    listed = {one["incident_id"]: one for one in incidents(Path(str(calm.config().tables.path)))}
    rows = {row["incident_id"]: row for row in spark.table("incidents").collect()}
    assert rows.keys() == listed.keys()
    assert all(
        (row["state"], row["level"]) == (listed[name]["state"], listed[name]["level"]) for name, row in rows.items()
    )
    site = next(one for one in listed.values() if one["site"] == "plant-a")
    members = spark.table("incident_members").where(f"incident_id = '{site['incident_id']}'").collect()
    assert {row["device_id"] for row in members} == {"plant-a-1", "plant-a-2"} and all(row["ended"] for row in members)
    azure = {row["incidentId"]: row for row in spark.table("incidents_azure").collect()}
    assert azure[site["incident_id"]]["incidentStatus"] == "Resolved" and azure.keys() == listed.keys()


def test_an_ack_and_a_close_take_effect_in_the_next_batch(spark: SparkSession, tmp_path: Path) -> None:
    stream = _stream(spark, tmp_path).write(*_messages())
    said: list[int] = []

    def after(batch: BatchReport) -> None:
        if batch.batch_id == 1:
            name = str(stream.table("incident_events").iloc[0]["incident_id"])
            said.append(_say(stream, {"action": "ack", "incident_id": name, "note": "on my way"}))
            _say(stream, {"action": "close", "incident_id": name})
            _say(stream, {"action": "dance", "incident_id": name})

    run(with_tables(stream.config(), spark), spark=spark, progress=after)
    rows = stream.table("incident_events", "minute", "seq")
    acked = rows[rows["event"] == "acked"].iloc[0]
    assert (acked["acked_by"], acked["why"], bool(acked["notify"])) == ("ana", "on my way", False)
    closed = rows[(rows["incident_id"] == acked["incident_id"]) & (rows["event"] == "closed")].iloc[0]
    assert (closed["close_reason"], closed["minute"]) == ("person", acked["minute"])
    assert verify(Path(str(stream.config().tables.path)), stream.config()).differences == 0
