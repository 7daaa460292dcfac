"""What a backfill says of incidents: moved, gone, new; never a message, and nothing the second time."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from typing import Any

from ad_stream.grid import MINUTE
from ad_stream.incidents.amend import Known, amendments
from ad_stream.incidents.rules import FoldRules
from ad_stream.incidents.table import ABOUT_MEMBER, table_row
from tests.support.incident_windows import NOON, day_of, folded

DAY = {"start": MINUTE.start(NOON), "end": MINUTE.start(NOON) + timedelta(hours=12)}


def known(flags: Mapping[str, float], out: Mapping[str, str] = {}) -> list[Known]:
    """The incidents of one series whose minutes are flagged like this."""
    rows = [table_row(row, MINUTE) for row in folded(day_of(out, dict(flags), until="18:00"), rules=FoldRules())]
    latest: dict[str, dict[str, Any]] = {row["incident_id"]: row for row in rows if row["event"] not in ABOUT_MEMBER}
    return [Known(row, frozenset({(row["device_id"], row["signal"])})) for row in latest.values()]


def moment(clock: str) -> datetime:
    return datetime.fromisoformat(f"2026-11-01T{clock}+00:00").astimezone(timezone.utc)


def test_a_first_flag_that_goes_moves_the_start_and_keeps_the_id() -> None:
    before = known({"12:00": 0.5, "12:03": 0.5}, {"12:00": "12:10"})
    (row,) = amendments(before, known({"12:03": 0.5}, {"12:00": "12:10"}), **DAY)
    assert (row["incident_id"], row["event"], row["revision"], row["notify"]) == (
        before[0].row["incident_id"],
        "amended",
        1,
        False,
    )
    assert row["started"] == moment("12:03") and row["why"].startswith("a backfill changed started, opened")


def test_an_incident_without_flags_is_withdrawn_once_and_comes_back_as_amended() -> None:
    before = known({"12:00": 0.5})
    (gone,) = amendments(before, [], **DAY)
    assert (gone["event"], gone["revision"], gone["origin"]) == ("withdrawn", 1, "backfill")
    withdrawn = [Known(gone, before[0].members)]
    assert amendments(withdrawn, [], **DAY) == []
    (back,) = amendments(withdrawn, before, **DAY)
    assert (back["event"], back["revision"], back["incident_id"]) == ("amended", 2, before[0].row["incident_id"])


def test_a_new_incident_is_one_of_the_backfill_and_the_same_one_is_not_told_twice() -> None:
    (row,) = amendments([], known({"12:00": 0.5}), **DAY)
    assert (row["event"], row["origin"], row["notify"]) == ("closed", "backfill", False)
    assert amendments(known({"12:00": 0.5}), known({"12:00": 0.5}), **DAY) == []


def test_incidents_outside_of_what_was_revised_stay_as_they_are() -> None:
    early = {"start": moment("16:00"), "end": moment("17:00")}
    assert amendments(known({"12:00": 0.5}), [], **early) == [] == amendments([], known({"12:00": 0.5}), **early)


def test_an_incident_goes_to_the_one_it_overlaps_most() -> None:
    before = known({"12:00": 0.5, "14:30": 0.5}, {"14:30": "14:50"})
    rows = amendments(before, known({"14:31": 0.6}, {"14:30": "14:50"}), **DAY)
    assert {(row["event"], row["incident_id"]) for row in rows} == {
        ("withdrawn", before[0].row["incident_id"]), ("amended", before[1].row["incident_id"]),
    }  # fmt: skip
