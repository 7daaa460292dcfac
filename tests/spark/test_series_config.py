"""Settings of single series: in force from the next batch on, named by each row, never in the stream's way."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pyspark.sql import SparkSession

from ad_stream.pipeline import detect
from ad_stream.pipeline.backfill import backfill
from ad_stream.pipeline.batch_state import BatchReport
from ad_stream.pipeline.run import run
from ad_stream.scoring.verdicts import Scorer
from ad_stream.series_config import table
from ad_stream.series_config.rows import rules_of
from ad_stream.simulate.envelope import Message
from ad_stream.whatif import whatif
from ad_stream.whatif.rescore import rescore
from tests.support.streaming import KEY, T0, Stream, message, moment, with_tables

FILES, PER_FILE = 4, 25
CHANGE_AFTER = 2
"""The batch after which somebody changes the table, in the middle of a run."""
SPIKES = {40: 60, 62: 60, 80: 60, 86: 200, 91: 900}
NOBODY = dict.fromkeys(("detector", "sensitivity", "direction", "min_deviation", "mute_from", "mute_to", "inherit"))
WANTED: list[dict[str, Any]] = [
    {"device": "loose", "sensitivity": 20},
    {"device": "*-ar", "signal": "t", "detector": "ar", "direction": "up"},
    {"device": "muted", "mute_from": moment(0), "mute_to": moment(91)},
]
WRONG = {"device": "loose", "sensitivity": 400}


def _messages() -> list[list[Message]]:
    rng = np.random.default_rng(7)
    out: list[list[Message]] = [[] for _ in range(FILES)]
    for minute in range(FILES * PER_FILE):
        for device in ("loose", "some-ar", "muted", "plain"):
            value = 20 + float(rng.normal()) + SPIKES.get(minute, 0)
            out[minute // PER_FILE].append(message({"t": value}, minute, device=device))
    return out


def _wish(stream: Stream, *rows: Mapping[str, Any]) -> int:
    """Written as anybody may write it: nothing is checked."""
    folder = Path(str(stream.config().tables.path))
    folder.mkdir(exist_ok=True)
    return [table.append(folder, {**NOBODY, **row, "owner": "ana"}, now=T0) for row in rows][-1]


def _stream(spark: SparkSession, folder: Path) -> Stream:
    return Stream(spark, folder, {"source": {"files_per_trigger": 1}, "detection": {"points": 40}}).write(*_messages())


@pytest.fixture(scope="module")
def never(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Stream:
    stream = _stream(spark, tmp_path_factory.mktemp("never"))
    stream.run()
    return stream


@pytest.fixture(scope="module")
def always(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Stream:
    stream = _stream(spark, tmp_path_factory.mktemp("always"))
    _wish(stream, *WANTED)
    stream.run()
    return stream


@pytest.fixture(scope="module")
def changed(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> tuple[Stream, int, list[str]]:
    """One run, never restarted; the version of the change, and what the log said."""
    stream, versions = _stream(spark, tmp_path_factory.mktemp("changed")), []

    def after(batch: BatchReport) -> None:
        if batch.batch_id == CHANGE_AFTER:
            versions.append(_wish(stream, *WANTED, WRONG))

    said: list[str] = []
    listener = logging.Handler()
    listener.emit = lambda record: said.append(record.getMessage())  # type: ignore[method-assign]
    logger = logging.getLogger("ad_stream.pipeline.steps.config_version")
    logger.addHandler(listener)
    run(with_tables(stream.config(), spark), spark=spark, progress=after)
    logger.removeHandler(listener)
    return stream, versions[0], said


def _rows(stream: Stream, revision: int = 0) -> pd.DataFrame:
    rows = stream.table("detections", *KEY)
    return rows[rows.revision == revision].reset_index(drop=True)


def _equal(one: pd.DataFrame, other: pd.DataFrame, *but: str) -> None:
    drop = ["query_id", "batch_id", "config_version", *but]
    one, other = (frame.drop(columns=drop, errors="ignore").reset_index(drop=True) for frame in (one, other))
    pd.testing.assert_frame_equal(one, other, rtol=0, atol=1e-9, check_dtype=False)
    assert len(one)


def test_a_change_takes_effect_in_the_next_batch_of_the_same_run(changed: Any, never: Stream, always: Stream) -> None:
    stream, version, _ = changed
    found, ours = _rows(stream), stream.config().version()
    before = found.batch_id <= CHANGE_AFTER
    assert set(found[before].config_version) == {ours} == set(_rows(never).config_version)
    assert set(found[~before].config_version) == {f"{ours}@{version}"}
    later = found[~before][KEY]
    _equal(found[before], _rows(never).merge(found[before][KEY], on=KEY))
    _equal(found[~before], _rows(always).merge(later, on=KEY), "continuing")
    assert len(_rows(never).merge(_rows(always), on=[*KEY, "upper_margin", "reason", "detector"])) < len(_rows(never))


def test_each_row_names_the_version_whose_rows_made_it(changed: Any, always: Stream) -> None:
    stream, _, _ = changed
    for config_version, rows in _rows(stream).groupby("config_version"):
        _, _, version = str(config_version).partition("@")
        wished, _ = table.read(Path(stream.config().tables.path), int(version)) if version else ([], None)
        has_ar = any(row["device"] == "*-ar" for row in wished)
        assert (set(rows[rows.device_id == "some-ar"].detector) == {"ar"}) is has_ar
        muted = rows[(rows.device_id == "muted") & (rows.minute < moment(91).replace(tzinfo=None))]
        assert ("muted" in set(muted.reason)) is any(row["device"] == "muted" for row in wished)
    flagged = _rows(always)[_rows(always).is_anomaly]
    assert set(flagged[flagged.device_id == "muted"].minute) == {pd.Timestamp(moment(91)).tz_localize(None)}


def test_a_row_that_cannot_be_right_is_named_once_and_stops_nothing(changed: Any) -> None:
    stream, _, said = changed
    assert len(_rows(stream)) == 4 * FILES * PER_FILE
    assert [line for line in said if "400" in line] == [
        "ignored: series_config, device 'loose', signal '*': the setting 'sensitivity' is 400: Input should be less than or equal to 99"
    ]


def test_backfill_and_the_door_judge_under_the_newest_version(
    changed: Any, always: Stream, spark: SparkSession
) -> None:
    stream, version, _ = changed
    summary = backfill(stream.config(), start=T0, end=moment(200), spark=spark)
    revised = _rows(stream, 1)
    assert summary.verdicts_revised == len(revised) > 0
    assert set(revised.config_version) == {f"{stream.config().version()}@{version}"}
    # "plain" has no settings of its own, so another version of the table is no reason for another revision.
    assert set(revised.device_id) <= {"loose", "some-ar", "muted"}
    latest = stream.table("detections").sort_values("revision").drop_duplicates(KEY, keep="last")
    _equal(latest.sort_values(KEY), _rows(always), "revision")
    assert backfill(stream.config(), start=T0, end=moment(200), spark=spark).verdicts_revised == 0

    readings = stream.tables().read("minutes").where("revision = 0")
    rules = stream.tables().read("series_config")
    door = detect(
        readings, device="device_id", time="minute", value="value", signal="signal", points=40, series_config=rules
    )
    door = door.toPandas().sort_values(KEY)
    _equal(door, _rows(always)[door.columns])


def test_what_if_gives_the_rows_that_the_stream_writes_under_those_settings(
    never: Stream, always: Stream, spark: SparkSession, tmp_path: Path
) -> None:
    """Also from the middle on, where flags continue alarms of before; and under rules of series_config."""
    wanted = {"points": 36, "detector": "spectral_residual", "sensitivity": 80, "direction": "up", "min_deviation": 1.0}
    other = Stream(spark, tmp_path, {"detection": wanted}).write(*_messages())
    other.run()
    for stream, tables, start in ((other, never, 0), (other, never, 88), (always, always, 0)):
        folder, detection = Path(str(tables.config().tables.path)), stream.config().detection
        rules = rules_of(table.read(folder)[0], detection)
        found = rescore(folder, Scorer.of(detection).under(rules), start=moment(start), end=moment(200))
        stored = _rows(stream)
        stored = stored[stored.minute >= moment(start).replace(tzinfo=None)]
        _equal(found.assign(minute=found.minute.dt.tz_localize(None)), stored[found.columns])
        assert found.is_anomaly.any()
    same = whatif(folder, detection, start=T0, end=moment(200))
    assert same.gained == same.lost == [] and same.flagged_before > 0
    changed = whatif(Path(str(never.config().tables.path)), other.config().detection, start=T0, end=moment(200))
    assert changed.flagged_after == int(_rows(other).is_anomaly.sum())


@pytest.mark.soak
def test_a_table_that_somebody_drops_stops_nothing(spark: SparkSession, tmp_path: Path) -> None:
    stream = _stream(spark, tmp_path)
    _wish(stream, *WANTED)

    def after(batch: BatchReport) -> None:
        if batch.batch_id == CHANGE_AFTER:
            for one in sorted((tmp_path / "tables" / "series_config").rglob("*"), reverse=True):
                one.rmdir() if one.is_dir() else one.unlink()

    run(with_tables(stream.config(), spark), spark=spark, progress=after)
    assert set(_rows(stream).config_version) == {f"{stream.config().version()}@3"}
