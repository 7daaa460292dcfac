"""A flood of bad bodies: the state stays within what watermark and keep_body set, and is empty of them afterwards."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession
from pyspark.sql.streaming import StreamingQueryListener

from tests.support.streaming import Stream, message

BODIES, KEPT = 20_000, 256


class States(StreamingQueryListener):
    """Rows and bytes of the state after each batch."""

    def __init__(self) -> None:
        self.rows: list[int] = []
        self.bytes: list[int] = []
        self.ended = threading.Event()

    def onQueryStarted(self, event: Any) -> None:  # noqa: N802
        pass

    def onQueryIdle(self, event: Any) -> None:  # noqa: N802
        pass

    def onQueryProgress(self, event: Any) -> None:  # noqa: N802
        states = event.progress.stateOperators
        self.rows.append(sum(state.numRowsTotal for state in states))
        self.bytes.append(sum(state.memoryUsedBytes for state in states))

    def onQueryTerminated(self, event: Any) -> None:  # noqa: N802
        self.ended.set()


@pytest.mark.soak
def test_a_flood_of_bad_bodies_is_bounded_in_the_state_and_gone_after_it(spark: SparkSession, tmp_path: Path) -> None:
    sections = {"telemetry": {"keep_body": KEPT}, "source": {"files_per_trigger": 1}}
    stream = Stream(spark, tmp_path, sections)
    bad = "{" + "x" * 1000
    flood = [[message(f"{bad}{k}", minute, k % 50, partition=1) for k in range(BODIES // 2)] for minute in (2, 3)]
    steady = [[message({"t": 1}, minute)] for minute in range(4, 10)]
    stream.write([message({"t": 1}, 0)], *flood, *steady)
    listener = States()
    spark.streams.addListener(listener)
    try:
        summary = stream.run()
        assert listener.ended.wait(60)
    finally:
        spark.streams.removeListener(listener)
    assert summary.quarantined == {"malformed": BODIES}
    quarantine = (
        stream.tables()
        .read("quarantine")
        .selectExpr("count(*) n", "max(octet_length(body)) kept", "min(body_bytes) whole")
        .first()
    )
    assert quarantine is not None and (quarantine.n, quarantine.kept) == (BODIES, KEPT) and quarantine.whole > 1000
    # A bad body is known to the duplicate filter and to the aggregation; each keeps it in two versions of its memory.
    assert 2 * BODIES <= max(listener.rows) <= 2 * BODIES + 50
    assert max(listener.bytes) < 2 * 2 * BODIES * (KEPT + 700)
    assert listener.rows[-1] < 20
    assert listener.bytes[-1] < max(listener.bytes) / 4
    assert len(stream.table("minutes")) == 7
