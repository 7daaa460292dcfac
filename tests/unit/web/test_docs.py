"""docs/limits.md says what the servers do."""

from __future__ import annotations

from pathlib import Path

from ad_stream.azure_api.admission import MIB, Limits
from ad_stream.azure_api.bulk import MOST_SERIES
from ad_stream.dashboard import access, formatting, live_updates, server, turns
from ad_stream.times import FIRST_TIME, LAST_TIME
from ad_stream.web.connections import ConnectionLimits

ROWS = [
    [cell.strip() for cell in line.strip("|\n").split("|")]
    for line in Path("docs/limits.md").read_text().splitlines()
    if line.startswith("| ")
]


def row(start: str) -> list[str]:
    (found,) = [one for one in ROWS if one[0].startswith(start)]
    return found[1:]


def test_the_limits_of_connections_are_those_of_both_servers() -> None:
    for place, limits in enumerate((ConnectionLimits(), server.LIMITS)):
        assert row("connections at once")[place] == str(limits.connections)
        assert row("bytes of a request's head")[place] == f"{limits.head_bytes // 1024} KiB"
        assert (
            row("seconds until a head")[place] == row("seconds in which the rest")[place] == f"{limits.head_seconds:g}"
        )
        assert row("seconds between")[place] == f"{limits.idle_seconds:g}"
        assert row("seconds for which an answer finds")[place] == f"{limits.stall_seconds:g}"


def test_the_limits_of_serve_are_its_defaults() -> None:
    limits = Limits()
    for start, size in {
        "body of one series": limits.body_bytes, "body of a batch": limits.batch_bytes,
        "bodies and answers held": limits.held_bytes, "an answer": limits.answer_bytes,
        "memory that a worker": limits.worker_keeps,
    }.items():  # fmt: skip
        assert row(start)[0] == f"{size // MIB} MiB", start
    assert row("memory of a worker")[0] == f"{limits.worker_bytes // MIB // 1024} GiB"
    assert row("series of a batch")[0] == f"{MOST_SERIES:,}"
    assert row("seconds for a body")[0] == f"{limits.read_seconds:g}"
    assert row("requests in flight")[0] == str(limits.in_flight)
    assert row("seconds for an answer,")[0] == f"{limits.work_seconds:g}"


def test_the_limits_of_the_dashboard_are_its_own() -> None:
    assert row("form with the token")[0] == f"{access.MOST_FORM_BYTES} bytes, {access.FORM_SECONDS:g} seconds"
    assert row("pages that listen")[0] == str(live_updates.MOST_PAGES)
    assert row("series, pictures and reports")[0] == f"{turns.AT_ONCE}, and {turns.WAITING} that wait"
    assert row("span of a series")[0].startswith(f"{formatting.MOST_SPAN.days} days")
    assert row("rows of the table")[0] == f"{formatting.MOST_STORED:,}"
    assert row("times")[0] == f"the years {FIRST_TIME.year} to {LAST_TIME.year}"
    assert row("rows of a page")[0] == str(formatting.MOST_ROWS)
