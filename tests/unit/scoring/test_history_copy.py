"""Copies of history on the workers: with them a task sees what it would see of all rows, or says that it lacks some."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ad_stream.grid import MINUTE
from ad_stream.pipeline.steps.history_copies import MISSES, RENEWED, SENT, HistoryCopies
from ad_stream.scoring.depth import Depth
from ad_stream.scoring.history_copy import FOLDERS, CopyOrder, HistoryCopy, past_of, read, write
from ad_stream.scoring.matrix import Packed, Rows, history_of_seldom, joined, pieces

POINTS, REACH = 90, 400
START = datetime(2026, 11, 1, tzinfo=timezone.utc)
DEPTH = Depth(POINTS, REACH, MINUTE)
ORDER = CopyOrder("key", "run", 3, 2, 1, since=10, first=0, thinned=0, most=None, seconds=60)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(FOLDERS, f"{tmp_path / 'a'},{tmp_path / 'b'}")
    return tmp_path


def rows_of(steps: list[int], ids: list[list[int]]) -> Packed:
    """A window that comes twice says the same."""
    values = [np.sin(step * np.array(one, dtype=float)) for step, one in zip(steps, ids, strict=True)]
    return Packed(np.array(steps), [np.array(one, dtype=np.int64) for one in ids], values)


def since(table: Packed, first: int) -> Packed:
    chosen = np.flatnonzero(table.steps >= first).tolist()
    return Packed(table.steps[chosen], [table.ids[k] for k in chosen], [table.values[k] for k in chosen])


def as_the_table_keeps_it(table: Packed, before: int) -> Packed:
    """Without the series that came in more than four of five windows of an hour that lies before this window."""
    sizes = [len(one) for one in table.ids]
    frame = pd.DataFrame({
        "step": np.repeat(table.steps, sizes), "id": np.concatenate(table.ids), "value": np.concatenate(table.values),
    })  # fmt: skip
    frame = frame.drop_duplicates(["step", "id"], keep="last").assign(hour=frame["step"] // 60)
    came = frame.groupby(["hour", "id"])["step"].transform("size")
    kept = frame[(frame["hour"] * 60 >= before) | (came <= 48)].groupby("step")
    lists = kept["id"].agg(list), kept["value"].agg(list)
    return Packed(
        lists[0].index.to_numpy(),
        [np.array(one) for one in lists[0].tolist()],
        [np.array(one) for one in lists[1].tolist()],
    )


def seen(judged: Rows, past: Packed) -> list[object]:
    """All that a verdict on these rows may rest on."""
    found: list[object] = []
    for piece in pieces(judged, past, POINTS):
        slow = history_of_seldom(piece, judged, past, REACH, 60)
        found.append(piece.matrix)
        if slow is not None:
            near = ~slow.crowded & (slow.steps > judged.steps.min() - REACH)
            found += [part[near] for part in (slow.rows, slow.steps, slow.values)]
    return found


@pytest.mark.parametrize("seed", range(6))
def test_a_task_sees_the_same_with_copies_as_with_all_rows(seed: int) -> None:
    rng = np.random.default_rng(seed)
    copies, table, first, used = HistoryCopies(), joined([]), REACH * 2, 0
    for _ in range(130):
        # Mostly a window a trigger; now and then several, none of some series, an earlier one, or a long silence.
        first = max(REACH, first + int(rng.choice([1, 1, 1, 1, 2, -5, 40])))
        if rng.random() < 0.01:
            first += 2 * SENT
        steps = list(range(first, first + int(rng.choice([1, 1, 1, 3, 20]))))
        fast = [[1, 2, 3] if rng.random() < 0.9 else [2, 3] for _ in steps]
        new = rows_of(steps, [[*some, 7] if step % 9 == 0 else some for step, some in zip(steps, fast, strict=True)])
        at = MINUTE.start(first)
        copies.appended(at, MINUTE)
        table = joined([table, new])
        order = copies.order("checkpoint", at, DEPTH)
        assert order is not None
        kept = as_the_table_keeps_it(table, MINUTE.step(DEPTH.whole_from(at)))
        past = past_of(5, since(kept, order.first if order.oldest is None else order.since), order)
        assert past is not None
        used += order.oldest is not None
        judged = Rows(
            np.concatenate(new.ids), np.repeat(new.steps, [len(one) for one in new.ids]), np.concatenate(new.values)
        )
        for one, other in zip(seen(judged, past), seen(judged, kept), strict=True):
            np.testing.assert_equal(one, other)
    assert used > 70, "copies were of no use"


def test_a_copy_is_renewed_and_never_grows_with_the_run(folder: Path) -> None:
    copies = HistoryCopies()
    table, sent = rows_of(list(range(REACH * 3)), [[1, 2]] * REACH * 3), []
    for step in range(REACH * 3, REACH * 3 + 3 * SENT):
        copies.appended(MINUTE.start(step), MINUTE)
        table = joined([table, rows_of([step], [[1, 2]])])
        order = copies.order("checkpoint", MINUTE.start(step), DEPTH)
        assert order is not None
        rows = since(table, order.first if order.oldest is None else order.since)
        sent.append(len(rows.steps))
        assert past_of(5, rows, order) is not None
    assert sent[0] > REACH and max(sent[1:]) <= SENT + 1
    (path,) = [path for path in folder.rglob("*") if path.is_file()]
    copy = read(path)
    assert copy is not None
    assert len(copy.rows.steps) <= REACH + SENT + 1
    # The hours before the last windows are kept for slow series only, and these two are none.
    assert sum(len(ids) for ids in copy.rows.ids) <= 2 * (POINTS + SENT + 60 + RENEWED + 60)


def test_a_copy_of_another_start_or_too_old_or_broken_is_missing(folder: Path) -> None:
    rows, sent = rows_of(list(range(10)), [[1, 2]] * 10), rows_of([10], [[1, 2]])
    assert past_of(5, sent, ORDER) is None
    assert past_of(5, rows, replace(ORDER, oldest=None, number=2)) is rows
    assert past_of(4, sent, ORDER) is None
    there = past_of(5, sent, ORDER)
    assert there is not None
    assert there.steps.tolist() == list(range(11))
    assert past_of(5, sent, replace(ORDER, run="another")) is None
    assert past_of(5, sent, replace(ORDER, oldest=3)) is None
    (path,) = [path for path in folder.rglob("*") if path.is_file()]
    for cut in (0, 100, path.stat().st_size // 2, path.stat().st_size - 1):
        (folder / "cut").write_bytes(path.read_bytes()[:cut])
        assert read(folder / "cut") is None
    path.write_bytes(path.read_bytes()[:-8])
    assert past_of(5, sent, ORDER) is None


def test_rows_come_back_from_the_file_as_they_were(tmp_path: Path) -> None:
    for rows in (joined([]), rows_of([3, 4, 9, 9], [[1, 5], [1, 5], [], [2]]), rows_of([1], [[]])):
        write(tmp_path / "copy", HistoryCopy("run", 4, rows))
        found = read(tmp_path / "copy")
        assert found is not None
        assert (found.run, found.number) == ("run", 4)
        np.testing.assert_equal(
            [found.rows.steps, list(found.rows.ids), list(found.rows.values)],
            [rows.steps, list(rows.ids), list(rows.values)],
        )
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["copy"]


def test_where_nothing_can_be_written_the_task_has_its_rows_and_no_copy(folder: Path) -> None:
    for name in ("a", "b"):
        (folder / name).write_text("a file where the folder should be")
    rows = rows_of([1, 2], [[1], [1]])
    assert past_of(5, rows, replace(ORDER, oldest=None)) is rows
    assert past_of(5, rows, ORDER) is None


def test_a_raised_depth_makes_earlier_copies_useless() -> None:
    copies = HistoryCopies()
    oldest = []
    for step in range(1000, 1006):
        copies.appended(MINUTE.start(step), MINUTE)
        order = copies.order("c", MINUTE.start(step), replace(DEPTH, reach=REACH + (step >= 1003)))
        assert order is not None
        oldest.append(order.oldest)
    assert oldest == [None, 1, 1, None, 4, 4]


def test_an_append_that_was_not_judged_counts() -> None:
    copies = HistoryCopies()
    for step in (1000, 980, 1001):
        copies.appended(MINUTE.start(step), MINUTE)
        if step == 1000:
            copies.order("c", MINUTE.start(step), DEPTH)
    order = copies.order("c", MINUTE.start(1001), DEPTH)
    assert order is not None
    assert (order.oldest, order.since) == (1, 980)


def test_windows_from_long_before_are_judged_from_all_rows() -> None:
    copies = HistoryCopies()
    oldest = []
    for step in (1000, 1001, 1000 - SENT - 1):
        copies.appended(MINUTE.start(step), MINUTE)
        order = copies.order("c", MINUTE.start(step), DEPTH)
        assert order is not None
        oldest.append(order.oldest)
    assert oldest == [None, 1, None]


def test_where_no_copy_is_ever_found_none_is_asked_for_any_more(caplog: pytest.LogCaptureFixture) -> None:
    copies = HistoryCopies()
    for number in range(MISSES + 1):
        copies.appended(START + timedelta(minutes=number), MINUTE)
        order = copies.order("c", START + timedelta(minutes=number), DEPTH)
        assert (order is None) == (number == MISSES)
        copies.used(4, 3)
    assert "all of it is read from now on" in caplog.text
