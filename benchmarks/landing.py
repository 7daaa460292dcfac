"""What it costs to land a database's rows: a real PostgreSQL on this machine into Parquet files, beside ADBC alone.

    python benchmarks/landing.py [ROWS]      default: 1,000,000 (device text, timestamptz, double; with and without a numbered column)

Rows per CPU second of the reading process (the server is not in it) and its peak memory, which the packages alone have too.
"""

from __future__ import annotations

import sys
import tempfile
from datetime import timedelta
from pathlib import Path
from typing import Any

import measure

ROWS, REPEATS = 1_000_000, 3
TABLE = (
    "create table readings as select 'd' || (i % 200) as device_id, timestamptz '2026-11-01Z' + i * interval '1 millisecond' as time,"
    " 't' as signal, i / 8.0::float8 as value, i as id from generate_series(1, {rows}) i; create index on readings (time)"
)


def parent() -> None:
    """The table of all ways."""
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    from tests.support.database_servers import postgres

    rows = int(sys.argv[1]) if len(sys.argv) > 1 else ROWS
    with postgres() as server:
        server.sql(TABLE.format(rows=rows))
        settings = server.settings(table="readings")
        tasks: dict[str, dict[str, Any]] = {
            "imports alone": {"way": "nothing"},
            "ADBC alone": {"way": "adbc"},
            "reader": {"way": "reader"},
            "into landing": {"way": "landing"},
            "into landing, rows numbered": {"way": "landing", "more": {"sequence": "id"}},
        }
        medians = measure.interleaved(
            {name: {"settings": settings, **task} for name, task in tasks.items()}, __file__, REPEATS
        )
    idle = medians["imports alone"]["cpu"]
    lines = [
        (name, f"{one['rows'] / (one['cpu'] - idle) / 1e6:.2f}" if one["rows"] else "-", f"{one['peak']:.0f}")
        for name, one in medians.items()
    ]
    print(measure.table(("way", "million rows per CPU second", "peak MB"), lines))


def work(task: dict[str, Any]) -> dict[str, Any]:
    """One way, in a process of its own."""
    from ad_stream.landing.lander import Lander  # noqa: F401 (the imports that are taken off)
    from ad_stream.readers.contract import TimeRange
    from ad_stream.readers.registry import reader_of, settings_of

    section = settings_of({**task["settings"], **task.get("more", {})})
    reader = reader_of("plant", {"plant": section})
    everything = TimeRange(0, 2**52)
    if task["way"] == "nothing":
        import adbc_driver_postgresql.dbapi  # noqa: F401

        rows = 0
    elif task["way"] == "adbc":
        rows = _adbc(reader)
    elif task["way"] == "reader":
        rows = sum(batch.num_rows for batch in reader.read(everything))
    else:
        rows = _landed(reader)
    return {"rows": rows, "peak": _peak()}


def _adbc(reader: Any) -> int:
    """The same columns by the driver alone."""
    query = "select device_id, (extract(epoch from time) * 1000000)::bigint, signal, value from readings"
    with reader._connected() as connection:
        return sum(batch.num_rows for batch in reader._batches(connection, query))


def _landed(reader: Any) -> int:
    from ad_stream.landing.folder import LandingFolder
    from ad_stream.landing.lander import Lander

    with tempfile.TemporaryDirectory(prefix="ad-stream-bench-") as name:
        folder = LandingFolder(Path(name))
        with folder.owned():
            return Lander(reader, folder, start="2026-11-01", longest=timedelta(days=3650)).look().rows


def _peak() -> float:
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000


if __name__ == "__main__":
    measure.main(__file__, parent, work)
