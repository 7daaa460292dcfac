"""Landing from a real PostgreSQL while eight writers commit late: what `where ts > last` loses is there, and once."""

from __future__ import annotations

import subprocess
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from ad_stream import times
from ad_stream.landing.folder import LandingFolder
from ad_stream.landing.lander import Lander
from ad_stream.readers.contract import RangeReader, TimeRange
from ad_stream.readers.registry import reader_of, settings_of
from ad_stream.times import iso
from tests.support.database_servers import Postgres

pytestmark = pytest.mark.slow
WRITERS, TRANSACTIONS = 8, 15
TRANSACTION = (
    "begin; insert into late values ('{device}', clock_timestamp(), 't', {number}); select pg_sleep(random()); commit;"
)


@pytest.fixture
def table(database: Postgres) -> Iterator[Postgres]:
    database.sql("create table late (device_id text, time timestamptz, signal text, value float8)")
    yield database
    database.sql("drop table late")


def reader(server: Postgres, **more: Any) -> RangeReader[Any]:
    return reader_of("plant", {"plant": settings_of(server.settings(table="late", **more))})


def writer(server: Postgres, number: int) -> subprocess.Popen[str]:
    command = [str(server.programs / "psql"), "-h", str(server.folder), "-p", str(server.port), "-U", "postgres", "-q"]
    lines = [TRANSACTION.format(device=f"w{number}", number=one) for one in range(TRANSACTIONS)]
    made = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    assert made.stdin is not None
    made.stdin.write("\n".join(lines))
    made.stdin.close()
    return made


def test_what_commits_late_is_landed_once(table: Postgres, tmp_path: Path) -> None:
    found, folder = reader(table, settle=0.3, recheck=1.5), LandingFolder(tmp_path)
    ahead = timedelta(0)
    one = Lander(found, folder, start=iso(times.now() - timedelta(minutes=1)), clock=lambda: times.now() + ahead)
    naive: set[tuple[str, float]] = set()
    last = 0
    writers = [writer(table, number) for number in range(WRITERS)]
    try:
        while any(each.poll() is None for each in writers):
            one.look()
            for batch in found.read(TimeRange(last + 1, 2**52)):  # where time > the largest that was seen
                naive |= {(row["device"], row["value"]) for row in batch.to_pylist()}
                last = max([last, *batch.column("us").to_pylist()])
    finally:
        for each in writers:
            each.kill()
            each.wait()
    ahead = timedelta(seconds=30)
    total = one.catch_up()
    assert not total.more
    landed = Counter(
        (row["device_id"], row["value"]) for path in tmp_path.glob("[a-z]*") for row in pq.read_table(path).to_pylist()
    )
    written = {(f"w{number}", float(one)) for number in range(WRITERS) for one in range(TRANSACTIONS)}
    assert landed == Counter(written)
    assert len(naive) < len(written), "the writers were never late, so this shows nothing"
