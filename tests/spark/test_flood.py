"""Floods: of bad bodies, which the state holds within watermark and keep_body only; of names, which no table takes all of."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession
from pyspark.sql.streaming import StreamingQueryListener

from tests.support.served import Served
from tests.support.streaming import Stream, message, moment

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


NAMES, FILES, APART = 1_000_000, 20, 6
END = (FILES * APART // 60 + 1) * 60 + APART
"""In an hour of its own, whose room for strangers nobody has taken."""
SIGNALS, MEMBERS = 100_000, 1_000
TAKEN_ON = 50_000
KINDS = ("d", "é", "e\u0301", "\u202e", "\u200b", "😀", "`'\"", "../", "\n", "<b>")
"""What the names begin with: twins under normalisation, right to left, nothing to see, markup."""


@pytest.mark.soak
def test_a_million_device_names_and_a_hundred_thousand_signals_are_bounded_everywhere(
    spark: SparkSession, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    limits = {"max_new_series": TAKEN_ON, "max_signals_per_device": 500}
    stream = Stream(spark, tmp_path, {"telemetry": limits, "source": {"files_per_trigger": 1}})
    # Whoever is known is never left out; a stranger among strangers has to wait for its hour, as all of them do.
    stream.write([message({"t": 1.5}, 0, device="good")], end=False)
    for part in range(FILES):
        minute = (part + 1) * APART
        strangers = (
            message('{"t":1}', minute, device=f"{KINDS[k % len(KINDS)]}{k}") for k in range(part, NAMES, FILES)
        )
        stream.write([message({"t": 1.5}, minute, device="good"), *strangers], end=False)
    bodies = ({f"s{k}_{number}": number for number in range(MEMBERS)} for k in range(SIGNALS // MEMBERS))
    stream.write([message(one, END, k % 50, device="many") for k, one in enumerate(bodies)], end=False)
    stream.write([message({"t": 1.5}, END, device="good")])
    before = own_megabytes()
    summary = stream.run()
    series = stream.table("series")
    hours = END / 60
    with capsys.disabled():
        print(f"\n{len(series):,} series taken on, {summary.too_many_new_series:,} + {summary.too_many_signals:,} windows left out, "
              f"driver {before:.0f} to {own_megabytes():.0f} MiB, {summary.cpu_seconds:.0f} CPU s")  # fmt: skip
    detections = stream.tables().read("detections")
    assert detections.where("device_id = 'good'").count() == FILES + 2
    assert len(series) <= TAKEN_ON * (hours + 1)
    assert (series.device_id == "many").sum() == 500
    assert (
        summary.too_many_new_series + summary.minutes_closed + summary.too_many_signals == NAMES + SIGNALS + FILES + 2
    )
    assert detections.count() == summary.minutes_closed
    assert own_megabytes() - before < 400
    page = Served(Path(stream.config().tables.path or ""), now=moment(END))
    try:
        assert page.get("/api/overview", size=25)["counts"]["all"] == len(series)
        assert [row["device"] for row in page.get("/api/overview", device="good")["rows"]] == ["good"]
    finally:
        page.stop()


def own_megabytes() -> float:
    """What this process, the driver, holds."""
    text = Path("/proc/self/status").read_text()
    return int(next(line for line in text.splitlines() if line.startswith("VmRSS")).split()[1]) / 1024
