"""The push after the commit: newly scored rows only, once per batch; a broken target never fails a batch; no key anywhere."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from ad_stream.pipeline.delivery import Deliver
from ad_stream.push.registry import by_kind
from ad_stream.simulate.power_bi.receiver import PowerBIReceiver, Trouble
from ad_stream.tables.catalog import TABLES
from tests.support.streaming import Stream, message, moment

KEY = "SeCrEtKeY0123456789"


def _stream(spark: SparkSession, folder: Path, url: str, **target: Any) -> Stream:
    push = [{"kind": "power_bi", "url": url, "timeout": 0.5, "seconds": 2, "requests_per_second": 5, **target}]
    return Stream(spark, folder, {"push": push, "detection": {"points": 40}})


def _minutes(first: int, last: int) -> list[Any]:
    # Every 10th minute stands far out, so that some rows are flagged.
    return [message({"t": minute % 3 + (90 if minute == 38 else 0)}, minute) for minute in range(first, last)]


def test_only_newly_scored_rows_are_pushed_and_once(spark: SparkSession, tmp_path: Path) -> None:
    with PowerBIReceiver(key=KEY, requests_per_second=5) as receiver:
        stream = _stream(spark, tmp_path, receiver.url)
        first = stream.write(_minutes(0, 36), end=False).run()
        second = stream.write(_minutes(36, 40)).run()
        again = stream.run()
    assert not receiver.violations
    detections = stream.table("detections", "minute")
    scored = detections[detections.status == "scored"]
    assert [row["timestamp"] for row in receiver.rows] == [f"{at:%Y-%m-%dT%H:%M:%S.000Z}" for at in scored.minute]
    assert [row["isAnomaly"] for row in receiver.rows] == list(scored.is_anomaly) and scored.is_anomaly.any()
    assert (first.pushed + second.pushed, again.pushed) == (len(scored), 0)
    deliveries = stream.table("deliveries")
    assert (
        set(deliveries.state) == {"delivered"}
        and deliveries.rows.sum() == len(scored) == stream.table("batches").pushed.sum()
    )


@pytest.mark.parametrize(
    "trouble", [pytest.param("down", marks=pytest.mark.soak), "500", pytest.param("hang", marks=pytest.mark.soak)]
)
def test_a_broken_target_fails_no_batch_and_its_key_is_nowhere(
    trouble: str, spark: SparkSession, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    broken: list[Trouble] = [] if trouble == "down" else [trouble] * 50  # type: ignore[list-item]
    receiver = PowerBIReceiver(key=KEY, trouble=broken)
    with receiver:
        url = receiver.url
        if trouble != "down":
            stream, summary = _pushed(spark, tmp_path, url)
    if trouble == "down":
        stream, summary = _pushed(spark, tmp_path, url)
    deliveries = stream.table("deliveries")
    assert set(deliveries.state) <= {"failed", "not_sent"} and len(deliveries)
    assert (deliveries.error.str.len() > 10).all()
    assert (summary.pushed, summary.push_waiting) == (0, 3) and deliveries.rows.sum() == 3
    assert len(stream.table("detections")) == summary.minutes_closed == 32
    said = "".join(capfd.readouterr()) + repr(summary.as_dict()) + repr(stream.config())
    written = "".join(stream.table(name).to_string() for name in TABLES)
    assert KEY not in said and KEY not in written
    files = [path for path in (tmp_path / "tables").rglob("*") if path.is_file()]
    files += [path for path in (tmp_path / "checkpoint").rglob("*") if path.is_file()]
    assert not [path for path in files if KEY.encode() in path.read_bytes()]


def _pushed(spark: SparkSession, folder: Path, url: str) -> tuple[Stream, Any]:
    stream = _stream(spark, folder, url).write(_minutes(0, 32))
    return stream, stream.run()


def test_anomalies_only_are_pushed_where_that_is_asked_for(spark: SparkSession, tmp_path: Path) -> None:
    with PowerBIReceiver(key=KEY, requests_per_second=5) as receiver:
        stream = _stream(spark, tmp_path, receiver.url, rows="anomalies")
        summary = stream.write(_minutes(0, 42)).run()
    flagged = stream.table("detections")
    flagged = flagged[flagged.is_anomaly]
    assert f"{moment(38):%Y-%m-%dT%H:%M:%S.000Z}" in [row["timestamp"] for row in receiver.rows]
    assert receiver.count == len(flagged) == summary.pushed < summary.scored


def _stamps(receiver: PowerBIReceiver) -> list[str]:
    return [row["timestamp"] for row in receiver.rows]


def _scored(stream: Stream) -> list[str]:
    detections = stream.table("detections", "minute")
    return [f"{at:%Y-%m-%dT%H:%M:%S.000Z}" for at in detections[detections.status == "scored"].minute]


@pytest.mark.soak
def test_what_did_not_get_out_is_sent_by_the_next_run_in_order_and_once(spark: SparkSession, tmp_path: Path) -> None:
    with PowerBIReceiver(key=KEY) as receiver:
        url = receiver.url
    stream = _stream(spark, tmp_path, url)
    first = stream.write(_minutes(0, 36), end=False).run()
    second = stream.write(_minutes(36, 40)).run()
    waiting = len(_scored(stream))
    assert (first.pushed, second.pushed, second.push_waiting) == (0, 0, waiting)
    with PowerBIReceiver(key=KEY, port=_port(url), requests_per_second=5) as receiver:
        resent, again = stream.run(), stream.run()
        stream.write(_minutes(40, 44)).run()
    assert (resent.batches, resent.pushed, resent.push_waiting, again.pushed) == (0, waiting, 0, 0)
    assert not receiver.violations
    assert _stamps(receiver) == _scored(stream)
    deliveries = stream.table("deliveries", "batch_id", "attempt")
    assert list(deliveries.groupby("batch_id").state.last()) == ["delivered"] * 3
    assert deliveries[deliveries.state == "delivered"].rows.sum() == len(_scored(stream))


def test_a_stream_without_input_sends_what_waits_and_a_poison_row_is_named(spark: SparkSession, tmp_path: Path) -> None:
    with PowerBIReceiver(key=KEY) as receiver:
        url = receiver.url
    stream = _stream(spark, tmp_path, url).write(_minutes(0, 40))
    assert stream.run().pushed == 0
    deliver = Deliver([by_kind("power_bi", url=url, requests_per_second=5, timeout=0.5, seconds=2)])
    deliver.start(stream.tables())
    assert deliver.waiting == len(_scored(stream))
    poison = f"{moment(35):%Y-%m-%dT%H:%M:%S.000Z}"
    with PowerBIReceiver(
        key=KEY, port=_port(url), requests_per_second=5, poison=lambda row: row["timestamp"] == poison
    ) as receiver:  # fmt: skip
        deliver.quiet()
        while deliver.waiting:
            deliver.quiet()
    assert _stamps(receiver) == [at for at in _scored(stream) if at != poison]
    deliveries = stream.table("deliveries")
    (aside,) = deliveries[deliveries.state == "set_aside"].itertuples()
    assert (aside.rows, aside.device_id, aside.signal, aside.minute) == (1, "d1", "t", moment(35).replace(tzinfo=None))
    assert "400" in aside.error


@pytest.mark.soak
def test_verdicts_whose_push_a_crash_and_a_lost_checkpoint_swallowed_still_go_out(
    spark: SparkSession, tmp_path: Path
) -> None:
    with PowerBIReceiver(key=KEY, requests_per_second=5) as receiver:
        stream = _stream(spark, tmp_path, receiver.url).write(_minutes(0, 36))
        stream.run(push=[])
        for name in ("batches", "deliveries"):
            spark.sql(f"DELETE FROM {stream.tables().name(name)}")
        shutil.rmtree(tmp_path / "checkpoint")
        stream.run()
    assert _stamps(receiver) == _scored(stream)


def _port(url: str) -> int:
    return int(url.split(":")[2].split("/")[0])
