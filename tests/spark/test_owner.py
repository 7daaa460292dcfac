"""One running query owns a table set; a second is refused with a sentence, a dead owner is succeeded."""

from __future__ import annotations

import os
import signal
import threading
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from ad_stream.errors import OwnedError
from ad_stream.pipeline.run import run
from ad_stream.pipeline.store.delta import DeltaTables
from ad_stream.pipeline.store.owner import EXPIRES, RENEW, Owner
from tests.support.streaming import Stream, message, with_tables

START = datetime(2026, 11, 1, 1, 30, tzinfo=timezone.utc)


class Clock:
    """Time that a test moves on."""

    def __init__(self) -> None:
        self.at = START

    def __call__(self) -> datetime:
        return self.at


def test_a_silent_owner_is_succeeded_and_learns_of_it(spark: SparkSession, tmp_path: Path) -> None:
    stream, clock = Stream(spark, tmp_path), Clock()
    tables = stream.tables()
    tables.create()
    first, second = Owner(tables, "a", now=clock), Owner(tables, "b", now=clock)
    first.claim()
    with pytest.raises(
        OwnedError, match=r"owned by a running query \(host .*, process \d+, sign of life 0 s ago\): stop it, or name"
    ):
        second.claim()
    clock.at += RENEW
    first.renew()
    clock.at += EXPIRES
    with pytest.raises(OwnedError, match=f"sign of life {int(EXPIRES.total_seconds())} s ago"):
        second.claim()
    clock.at += timedelta(seconds=1)
    second.claim()
    with pytest.raises(OwnedError):
        first.renew()
    first.release()
    assert list(stream.table("owner").run) == [second.run]
    second.release()
    assert stream.table("owner").empty


def test_a_clock_that_is_set_back_keeps_no_live_run_from_signing(spark: SparkSession, tmp_path: Path) -> None:
    stream, clock = Stream(spark, tmp_path), Clock()
    tables = stream.tables()
    tables.create()
    owner = Owner(tables, "a", now=clock)
    owner.claim()
    clock.at -= timedelta(hours=2)
    owner.renew()
    assert [moment.to_pydatetime() for moment in stream.table("owner").alive] == [clock.at.replace(tzinfo=None)]


def test_a_sign_of_life_from_the_future_admits_nobody_and_says_how_to_go_on(
    spark: SparkSession, tmp_path: Path
) -> None:
    stream, clock = Stream(spark, tmp_path), Clock()
    tables = stream.tables()
    tables.create()
    Owner(tables, "a", now=clock).claim()
    clock.at -= timedelta(hours=2)
    with pytest.raises(
        OwnedError, match=r"sign of life 7200 s ahead of this machine's clock\): set the clocks right; .* delete the"
    ):
        Owner(tables, "b", now=clock).claim()


@pytest.mark.thorough
def test_a_second_run_is_refused_while_the_first_lives_and_admitted_after_it(
    spark: SparkSession, tmp_path: Path
) -> None:
    stream = Stream(spark, tmp_path).write([message({"t": 1}, minute) for minute in range(3)])
    seen = threading.Event()
    thread = threading.Thread(target=lambda: _run_live(stream, seen))
    thread.start()
    try:
        assert seen.wait(240)
        with pytest.raises(OwnedError, match="owned by a running query"):
            stream.run(checkpoint=str(tmp_path / "other"))
    finally:
        for query in spark.streams.active:
            query.stop()
        thread.join(120)
    assert not thread.is_alive()
    stream.run(checkpoint=str(tmp_path / "other"))
    assert len(stream.table("minutes")) == 3


def _run_live(stream: Stream, seen: threading.Event) -> None:
    run(stream.config(trigger=1), progress=lambda _: seen.set(), spark=stream.spark)


class Asked(DeltaTables):
    """While these tables are made, somebody presses Ctrl-C."""

    def create(self) -> dict[str, str]:
        properties = super().create()
        os.kill(os.getpid(), signal.SIGINT)
        return properties


@pytest.mark.thorough
def test_ctrl_c_before_the_first_batch_ends_the_run_and_leaves_the_tables_to_the_next(
    spark: SparkSession, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    stream = Stream(spark, tmp_path).write([message({"t": 1}, minute) for minute in range(3)])
    config = with_tables(stream.config(), spark)
    summary = run(config, spark=spark, tables=Asked(spark, config.tables))
    assert summary.batches == 0
    assert stream.table("owner").empty
    assert "Traceback" not in capfd.readouterr().err
    assert stream.run().batches == 1
