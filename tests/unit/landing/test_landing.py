"""Landing without Spark: each row once, whatever comes late, breaks off or is killed."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ad_stream.errors import InputError, RunError
from ad_stream.landing.folder import BESIDE, STATE, LandingFolder
from ad_stream.landing.lander import Lander
from ad_stream.landing.rows import LANDED, numbers_of
from ad_stream.readers.contract import READINGS
from ad_stream.readers.settings import NamedSource
from tests.support.late_source import SECOND, LateRow, LateSource, late_rows

START = 1_793_491_200 * SECOND
SETTLE, RECHECK = 5, 30
SETTINGS = NamedSource(kind="late", settle=timedelta(seconds=SETTLE), recheck=timedelta(seconds=RECHECK))


def source(rows: list[LateRow], now: int = START) -> LateSource:
    return LateSource(rows, now, SETTINGS)


def lander(found: LateSource, folder: Path, **more: Any) -> Lander:
    folder.mkdir(exist_ok=True)
    return Lander(found, LandingFolder(folder), clock=found.clock, **more)


def landed(folder: Path) -> list[dict[str, Any]]:
    return [row for path in sorted(folder.glob("[a-z]*.parquet")) for row in pq.read_table(path).to_pylist()]


def keys(folder: Path) -> Counter[tuple[str, float]]:
    return Counter((row["device_id"], row["value"]) for row in landed(folder))


def wanted(rows: list[LateRow]) -> Counter[tuple[str, float]]:
    return Counter((row.device, row.value) for row in rows)


def to_the_end(found: LateSource, one: Lander, end: int, step: int = 7 * SECOND) -> None:
    while found.now < end:
        found.now += step
        one.look()


def test_rows_that_come_within_settle_and_recheck_are_landed_once_and_the_late_ones_counted(tmp_path: Path) -> None:
    rows = late_rows(500, START, 300, SETTLE + RECHECK - 1, seed=1)
    found = source(rows)
    one = lander(found, tmp_path)
    to_the_end(found, one, START + 400 * SECOND)
    assert keys(tmp_path) == wanted(rows)
    state = json.loads((tmp_path / STATE).read_text())
    again = sum(pq.read_metadata(path).num_rows for path in tmp_path.glob("again-*"))
    assert state["again"] == again > 100
    assert state["rows"] == 500 - again


def test_rows_that_come_later_than_settle_and_recheck_are_counted_where_an_audit_is_set(tmp_path: Path) -> None:
    rows = late_rows(500, START, 300, 60, seed=2)
    found = LateSource(rows, START, SETTINGS.model_copy(update={"audit": timedelta(seconds=40)}))
    one = lander(found, tmp_path)
    to_the_end(found, one, START + 250 * SECOND)
    one = lander(found, tmp_path)  # a new process goes on with the count
    to_the_end(found, one, START + 500 * SECOND)
    lost = sum((wanted(rows) - keys(tmp_path)).values())
    state = json.loads((tmp_path / STATE).read_text())
    assert state["unseen"] == lost > 20 and state["audited"] > START + 300 * SECOND
    assert state["rows"] + state["again"] + state["unseen"] == 500
    without = source(rows)
    to_the_end(without, other := lander(without, tmp_path / "other"), START + 500 * SECOND)
    told = json.loads((tmp_path / "other" / STATE).read_text())
    assert (told["unseen"], told["audited"], other.look().unseen) == (0, None, 0)


def test_files_of_first_looks_adjoin_and_late_rows_come_when_the_stream_has_come_so_far(tmp_path: Path) -> None:
    found = source(late_rows(300, START, 200, 30, seed=2))
    to_the_end(found, lander(found, tmp_path), START + 300 * SECOND)
    names = sorted(path.name.split("-")[1:] for path in tmp_path.glob("rows-*"))
    ends = [(first[1].removesuffix(".parquet"), second[0]) for first, second in pairwise(names)]
    assert all(end <= start for end, start in ends)
    latest = None
    for path in sorted(tmp_path.glob("[a-z]*.parquet"), key=lambda path: path.stat().st_mtime_ns):
        for row in pq.read_table(path).to_pylist():
            if path.name.startswith("again"):
                latest = row["enqueued_time"]
                assert latest > row["time"]
            else:  # no row of a first look comes behind what late rows have moved the watermark to
                assert row["enqueued_time"] is None and (latest is None or row["time"] > latest)
    assert latest is not None


def test_a_history_is_landed_in_ranges_of_bounded_length_and_not_looked_at_twice(tmp_path: Path) -> None:
    rows = late_rows(100, START, 86_400, 0, seed=3)
    found = source(rows, START + 90_000 * SECOND)
    one = lander(found, tmp_path, longest=timedelta(hours=2))
    assert (one.catch_up().rows, keys(tmp_path)) == (100, wanted(rows))
    assert max(span.end - span.start for span in found.reads) == 7_200 * SECOND
    spans = [(span.start, span.end) for span in found.reads]
    assert len(spans) == len(set(spans)) and spans[0][0] == min(row.us for row in rows)


@pytest.mark.parametrize(("start", "first"), [("earliest", 0), ("latest", 61), ("2026-11-01T00:00:30Z", 30)])
def test_an_empty_folder_begins_where_the_settings_say(tmp_path: Path, start: str, first: int) -> None:
    rows = [LateRow("d", START + second * SECOND, float(second), 0) for second in range(120)]
    found = source(rows, START + (61 + SETTLE) * SECOND)
    one = lander(found, tmp_path, start=start)
    one.catch_up()
    found.now += 100 * SECOND
    one.catch_up()
    assert sorted(row["value"] for row in landed(tmp_path)) == [float(second) for second in range(first, 120)]


def test_an_empty_source_is_waited_for(tmp_path: Path) -> None:
    found = source([LateRow("d", START + SECOND, 1.0, START + 2 * SECOND)])
    one = lander(found, tmp_path)
    assert one.catch_up().rows == 0 and list(tmp_path.iterdir()) == []
    found.now += 60 * SECOND
    assert one.catch_up().rows == 1


@pytest.mark.parametrize("restarted", [False, True])
def test_a_read_that_breaks_off_leaves_nothing_and_is_repeated(tmp_path: Path, restarted: bool) -> None:
    rows = late_rows(400, START, 200, 30, seed=4)
    found = source(rows)
    one = lander(found, tmp_path)
    while found.now < START + 300 * SECOND:
        found.now += 7 * SECOND
        found.fails = int(found.now // SECOND % 3 == 0)
        try:
            one.look()
        except ConnectionError:
            one = lander(found, tmp_path) if restarted else one
    one.catch_up()
    assert keys(tmp_path) == wanted(rows)


def test_without_its_state_a_folder_goes_on_behind_its_newest_file(tmp_path: Path) -> None:
    rows = late_rows(400, START, 200, 30, seed=5)
    found = source(rows)
    to_the_end(found, lander(found, tmp_path), START + 100 * SECOND)
    (tmp_path / STATE).write_text("{")
    to_the_end(found, lander(found, tmp_path), START + 300 * SECOND)
    assert keys(tmp_path) == wanted(rows)


def test_two_processes_do_not_land_into_one_folder(tmp_path: Path) -> None:
    with LandingFolder(tmp_path).owned(), pytest.raises(InputError, match="another process lands files in"):
        LandingFolder(tmp_path).owned().__enter__()
    with (folder := LandingFolder(tmp_path)).owned():
        pass
    found = source(late_rows(10, START, 10, 0, seed=8), START + 100 * SECOND)
    with pytest.raises(RunError, match="is no longer this run's: nothing was landed"):
        Lander(found, folder, clock=found.clock).look()
    assert landed(tmp_path) == []


def test_rows_are_told_apart_by_each_of_their_columns_and_copies_are_not() -> None:
    base: dict[str, Any] = {"device": "d", "us": 1, "signal": "t", "value": 1.0, "sequence": None}
    others: list[dict[str, Any]] = [
        {"device": "e"},
        {"us": 2},
        {"signal": "u"},
        {"value": 2.0},
        {"sequence": "7"},
        {"sequence": ""},
        {"device": None},
    ]
    rows = [base, *({**base, **one} for one in others), {**base, "value": None}, {**base, "value": float("inf")}]
    numbers = numbers_of(pa.RecordBatch.from_pylist(rows, schema=READINGS))
    assert len(set(numbers.tolist())) == len(rows)
    again = numbers_of(pa.RecordBatch.from_pylist(rows[::-1], schema=READINGS))
    assert again[::-1].tolist() == numbers.tolist()
    named = [{**base, "sequence": "7", "value": value} for value in (1.0, 2.0, None)]
    assert len(set(numbers_of(pa.RecordBatch.from_pylist(named, schema=READINGS)).tolist())) == 1


# -- kill -9 ---------------------------------------------------------------------------------------------------------


def life(work: Callable[[], None], die_at: int) -> bool:
    """Run in a process of its own, killed at its n-th step of files (0: never); -> whether it came to its end."""
    pid = os.fork()
    if pid == 0:
        steps = 0

        def count(event: str, _: Any) -> None:
            nonlocal steps
            if event in ("open", "os.rename", "os.remove", "os.listdir", "os.scandir", "fcntl.flock"):
                steps += 1
                if steps == die_at:
                    os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(count)
        try:
            work()
        except BaseException:
            os._exit(3)
        os._exit(0)
    _, status = os.waitpid(pid, 0)
    assert not (os.WIFEXITED(status) and os.WEXITSTATUS(status)), "the process failed"
    return os.WIFEXITED(status)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_killed_at_any_step_nothing_is_lost_and_nothing_doubled(tmp_path: Path) -> None:
    rows = late_rows(120, START, 60, SETTLE + RECHECK - 1, seed=6)
    end = START + 110 * SECOND

    def work(folder: Path, now: Path) -> None:
        found = source(rows, int(now.read_text()))
        with LandingFolder(folder).owned():
            one = lander(found, folder)
            while found.now < end:
                found.now += 11 * SECOND
                now.write_text(str(found.now))
                one.look()

    def lives(folder: Path, first: int) -> int:
        now = tmp_path / f"{folder.name}.now"
        now.write_text(str(START))
        died = 0
        while not life(lambda: work(folder, now), first):
            died, first = died + 1, 0
        return died

    kills, step, died = 0, 1, 1
    while died:
        folder = tmp_path / f"killed-{step}"
        died = lives(folder, step)
        assert keys(folder) == wanted(rows), f"killed at step {step}"
        assert not (folder / BESIDE).exists() or died
        kills, step = kills + died, step + (1 if step < 40 else 5)
    assert kills > 40


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_one_folder_survives_a_hundred_kills(tmp_path: Path) -> None:
    rows = late_rows(2_000, START, 1_000, SETTLE + RECHECK - 1, seed=7)
    folder, now = tmp_path / "landing", tmp_path / "now"
    now.write_text(str(START))

    def work() -> None:
        found = source(rows, int(now.read_text()))
        with LandingFolder(folder).owned():
            one = lander(found, folder)
            while found.now < START + 1_100 * SECOND:
                found.now += 4 * SECOND
                now.write_text(str(found.now))
                one.look()

    kills = sum(not life(work, die_at=8 + number * 7 % 23) for number in range(100))
    assert kills == 100
    assert life(work, 0)
    assert keys(folder) == wanted(rows)
    assert pq.read_schema(next(folder.glob("rows-*"))).equals(LANDED)
