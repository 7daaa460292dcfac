"""The state in memory beside slow obvious oracles: dictionaries filled row by row."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ad_stream.dashboard.flags import Flags
from ad_stream.dashboard.fleet import CELL_BYTES, Fleet, silent_devices
from ad_stream.dashboard.verdict_arrays import COLUMNS, Names
from ad_stream.tables.follow import Part, TableLog
from tests.support.written import schema, verdict

START = datetime(2026, 11, 1, tzinfo=timezone.utc)
BASE = int(START.timestamp() // 60)
Row = dict[str, Any]


def batch(rows: list[Row]) -> pa.RecordBatch:
    return pa.RecordBatch.from_pylist(rows, schema("detections"))


def some_rows(seed: int, count: int = 3000) -> list[Row]:
    """Any order; a minute's higher revision may say something else."""
    draws = np.random.default_rng(seed)
    rows = {}
    for _ in range(count):
        device, signal = f"pi-{draws.integers(9)}", ["temperature", "humidity"][draws.integers(2)]
        minute, revision = int(draws.integers(120)), int(draws.integers(3)) if draws.random() < 0.3 else 0
        reason = "above" if draws.random() < 0.2 else "normal"
        when = START + timedelta(minutes=minute)
        rows[device, signal, minute, revision] = verdict(
            device,
            signal,
            when,
            float(draws.normal()),
            reason=reason,
            revision=revision,
            continuing=bool(draws.random() < 0.5),
        )
    found = list(rows.values())
    draws.shuffle(found)  # type: ignore[arg-type]
    return found


def pieces(rows: list[Row], seed: int) -> list[list[Row]]:
    cuts = sorted(np.random.default_rng(seed).integers(0, len(rows), 12).tolist())
    return [rows[a:b] for a, b in zip([0, *cuts], [*cuts, len(rows)], strict=True) if a < b]


def latest(rows: list[Row]) -> dict[tuple[str, str, int], Row]:
    """Device, signal, minute -> the row of the highest revision."""
    out: dict[tuple[str, str, int], Row] = {}
    for row in sorted(rows, key=lambda row: row["revision"]):
        out[row["device_id"], row["signal"], int(row["minute"].timestamp() // 60)] = row
    return out


def test_flags_of_the_slow_verdict_within_ten_minutes_are_one_event_with_its_reason() -> None:
    slow = {"slow_is_anomaly": True, "slow_reason": "drift", "slow_score": 1.2, "slow_onset": START}
    rows = [verdict("pi", "t", START + timedelta(minutes=minute), 19.0) | slow for minute in (0, 1, 9, 30, 31)]
    rows.append(verdict("pi", "t", START + timedelta(minutes=35), 40.0, reason="above"))
    fleet, flags = Fleet(), Flags()
    found = fleet.names.rows(batch(rows))
    fleet.apply(found)
    assert flags.apply(found) == 6
    assert flags.starts.tolist() == [0, 3, 5] and flags.rows.flag.tolist() == [-1] * 5 + [1]
    assert [fleet.names.reasons[one] for one in flags.rows.reason] == ["drift"] * 5 + ["above"]
    earlier = [name for name in COLUMNS if not name.startswith("slow_")]
    assert not fleet.names.rows(batch(rows).select(earlier)).slow.any()


@pytest.mark.parametrize("seed", range(6))
def test_last_and_recent_minutes_are_those_of_a_dictionary(seed: int) -> None:
    rows = some_rows(seed)
    room = 64 * CELL_BYTES * 50  # 50 minutes for so few series
    fleet = Fleet(recent_bytes=room)
    for piece in pieces(rows, seed):
        fleet.apply(fleet.names.rows(batch(piece)))
    known = latest(rows)
    assert (fleet.width, fleet.newest) == (50, max(minute for *_, minute in known))
    for device, signal in {key[:2] for key in known}:
        number = fleet.names.find(device, signal)
        assert number is not None
        mine = {minute: row for (one, other, minute), row in known.items() if (one, other) == (device, signal)}
        assert fleet.last["minute"][number] == max(mine)
        assert fleet.last["value"][number] == mine[max(mine)]["value"]
        cells = fleet.cells(number, fleet.oldest, fleet.newest)
        for place, minute in enumerate(range(fleet.oldest, fleet.newest + 1)):
            assert cells["there"][place] == (minute in mine)
            if minute in mine:
                assert cells["value"][place] == np.float32(mine[minute]["value"])
                assert (cells["flag"][place] != 0) == mine[minute]["is_anomaly"]


@pytest.mark.parametrize("seed", range(6))
def test_flags_and_events_are_those_of_a_dictionary(seed: int) -> None:
    rows, names, flags = some_rows(seed), Names(), Flags()
    for piece in pieces(rows, seed):
        flags.apply(names.rows(batch(piece)))
    known = {key: row for key, row in latest(rows).items() if row["is_anomaly"]}
    found = {
        (names.devices[names.device_of[one]], names.signals[names.signal_of[one]], int(minute))
        for one, minute in zip(flags.rows.series, flags.rows.minute, strict=True)
    }
    assert found == set(known)
    series = sorted({key[:2] for key in known})
    events = 0
    for one in series:
        mine = [known[key] for key in sorted(known) if key[:2] == one]
        events += sum(1 for place, row in enumerate(mine) if place == 0 or not row["continuing"])
    assert len(flags.starts) == events


def test_memory_follows_the_number_of_series_not_of_rows() -> None:
    fleet = Fleet(recent_bytes=4 * 2**20)
    for hour in range(3):
        for signal in range(40):
            when = START + timedelta(hours=hour)
            fleet.apply(fleet.names.rows(batch([verdict(f"pi-{n}", f"s{signal}", when, 1.0) for n in range(100)])))
    assert len(fleet) == 4000
    assert sum(matrix.nbytes for matrix in fleet.recent.values()) <= 4 * 2**20
    assert fleet.width >= 30


def test_only_the_newest_flags_are_held_and_the_page_can_say_how_many_are_not() -> None:
    names, flags = Names(), Flags(most=10)
    rows = [verdict("pi", "t", START + timedelta(minutes=n), 30.0, reason="above") for n in range(25)]
    flags.apply(names.rows(batch(rows)))
    assert flags.rows.minute.min() >= BASE + 15
    assert len(flags.rows) + flags.dropped >= 24


def test_a_flag_that_backfill_took_back_does_not_return_with_an_older_file() -> None:
    names, flags = Names(), Flags()
    flags.apply(names.rows(batch([verdict("pi", "t", START, 30.0, revision=1)])))
    assert flags.apply(names.rows(batch([verdict("pi", "t", START, 30.0, reason="above")]))) == 0
    assert len(flags.rows) == 0


def test_a_device_is_silent_when_all_its_signals_are() -> None:
    fleet = Fleet()
    rows = [
        verdict("talks", "a", START, 1.0), verdict("talks", "b", START + timedelta(minutes=30), 1.0),
        verdict("silent", "a", START + timedelta(minutes=19), 1.0), verdict("late", "a", START + timedelta(minutes=20), 1.0),
    ]  # fmt: skip
    fleet.apply(fleet.names.rows(batch(rows)))
    silent = silent_devices(fleet)
    assert {name for name, is_silent in zip(fleet.names.devices, silent, strict=True) if is_silent} == {"silent"}


def test_rows_without_a_key_and_reasons_of_a_newer_version_do_no_harm() -> None:
    names = Names()
    rows = [verdict("pi", "t", START, None, reason="brand_new"), verdict("pi", "t", START, 1.0, device_id=None)]
    found = names.rows(batch(rows))
    assert len(found) == 1
    assert names.reasons[found.reason[0]] == "brand_new"
    assert np.isnan(found.value[0])


def test_times_as_spark_writes_them_are_read(tmp_path: Path) -> None:
    write = batch([verdict("pi", "t", START + timedelta(minutes=7), 1.0)])
    pq.write_table(pa.Table.from_batches([write]), tmp_path / "part.parquet", use_deprecated_int96_timestamps=True)
    (read,) = TableLog(tmp_path.parent, tmp_path.name).batches(Part("part.parquet", 0.0, None, None), COLUMNS)
    assert Names().rows(read).minute.tolist() == [BASE + 7]
