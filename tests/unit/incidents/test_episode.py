"""The fold against a slow oracle on random sequences of verdicts, of one device and of sites."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ad_stream.incidents.ledger import Event
from ad_stream.incidents.rules import FoldRules
from tests.oracles import incidents as oracle
from tests.oracles.incidents import OneRow
from tests.support.incident_windows import NOON, folded

pytestmark = pytest.mark.slow

SMALL = FoldRules(
    open_severity=0.3, close_after=3, longest_hold=12, new_level_after=6, reopen_within=5, remember=20, together=2, together_most=6
)  # fmt: skip
"""Short spans, so that random sequences of some dozens of windows meet every rule."""
TOLD = ("opened", "joined", "left", "closed", "reopened", "returned", "chattering")


def site(device: str) -> str | None:
    return None if device.startswith("x") else device.split("-")[0]


@st.composite
def sequences(draw: st.DrawFn) -> list[tuple[int, list[OneRow]]]:
    """Windows with holes; values in and out of a band that moves, flags mostly where values are out."""
    devices = draw(
        st.lists(st.sampled_from(["a-1", "a-2", "a-3", "b-1", "x1", "x2"]), min_size=1, max_size=4, unique=True)
    )
    at, windows = NOON, []
    for _ in range(draw(st.integers(10, 60))):
        at += draw(st.sampled_from([1, 1, 1, 1, 2, 9]))
        rows = []
        for device in devices:
            signal = draw(st.sampled_from(["t", "t", "t", ""]))  # "": no row of the device
            if signal:
                value = draw(st.sampled_from([0.0, 0.0, 1.0, 9.0, 9.0, -9.0, 30.0]))
                flagged = draw(st.sampled_from([False, False, abs(value) > 4, abs(value) > 4, True]))
                rows.append(
                    OneRow(
                        (device, signal),
                        value,
                        flagged,
                        draw(st.sampled_from([0.1, 0.25, 0.3, 0.6])) if flagged else 0.0,
                        draw(st.sampled_from([0.0, 0.0, 0.0, 9.0, 20.0])),
                        muted=draw(st.sampled_from([False] * 9 + [True])),
                    )
                )
        windows.append((at, rows))
    return windows


def told(rows: Sequence[Event]) -> list[tuple[object, ...]]:
    """The rows as the oracle has them; those who join in the window of the opening stand behind it in both."""
    out = []
    for row in rows:
        if row["event"] in TOLD:
            about = (
                (row["out_minutes"], row["flagged_minutes"], row["last"]) if row["event"] in ("joined", "left") else ()
            )
            event = "reopened" if row["event"] == "chattering" else row["event"]
            out.append((row["minute"], event, (row["device_id"], row["signal"]), *about))
    return sorted(out)


@settings(max_examples=300, deadline=None)
@given(sequences())
def test_the_fold_equals_the_oracle_that_goes_row_by_row(windows: list[tuple[int, list[OneRow]]]) -> None:
    rules = FoldRules(**{**vars(SMALL), "update_every": 10**6})
    # A series that rejoins an incident under a new episode has its counts added up, which the oracle does not do.
    assert [row[:3] for row in told(folded(windows, rules=rules, site_of=site))] == [
        row[:3] for row in oracle.incidents(windows, rules, site)
    ]


@settings(max_examples=150, deadline=None)
@given(sequences())
def test_counts_of_single_devices_equal_those_of_the_oracle(windows: list[tuple[int, list[OneRow]]]) -> None:
    assert told(folded(windows, rules=SMALL)) == oracle.incidents(windows, SMALL, lambda _: None)


@settings(max_examples=100, deadline=None)
@given(sequences())
def test_every_incident_opens_once_closes_after_it_and_counts_its_rows(windows: list[tuple[int, list[OneRow]]]) -> None:
    by_id: dict[str, list[Event]] = {}
    for row in folded(windows, rules=SMALL, site_of=site):
        by_id.setdefault(row["incident_id"], []).append(row)
    for rows in by_id.values():
        assert [row["seq"] for row in rows] == list(range(len(rows)))
        if rows[0]["kind"] == "value":
            assert [row["event"] for row in rows].count("opened") == 1 and rows[0]["event"] == "opened"
            closes = [row["event"] for row in rows if row["event"] in ("opened", "closed", "reopened", "chattering")]
            assert all((event == "closed") == (place % 2 == 1) for place, event in enumerate(closes))
