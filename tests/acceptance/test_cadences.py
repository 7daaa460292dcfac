"""Devices that report every 10 seconds to every hour are judged alike: found, quiet, and from the same reading on."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import ad_stream
from ad_stream.azure_api.answer import answer
from tests.support.cadences import Telemetry, false_alarms, share_found, telemetry

pytestmark = pytest.mark.acceptance
SERIES = 4
FOUND = 0.75
"""An event behind three others in the window is measured on a scale that holds them all: up to four of 16 stay below the limit."""


def judged(parts: list[Telemetry], grid: int) -> pd.DataFrame:
    rows = pd.concat([part.rows for part in parts], ignore_index=True)
    answers = ad_stream.detect(rows[["device", "timestamp", "value"]], step=f"{grid}s")
    return answers.assign(n=rows.n)


@pytest.fixture(scope="module")
def false_each_minute() -> int:
    """False alarms of series that are read every minute, all of them."""
    parts = [telemetry(60, seed=seed) for seed in range(SERIES)]
    answers = judged(parts, 60)
    return false_alarms(answers[answers.is_anomaly], parts[0].events)


@pytest.mark.parametrize(
    ("every", "grid"), [(10, 10), *[(60 * minutes, 60) for minutes in (1, 2, 3, 5, 7, 10, 15, 30, 60)]]
)
def test_with_jitter_and_missing_readings_events_are_found_and_false_alarms_are_as_rare_as_each_minute(
    every: int, grid: int, false_each_minute: int
) -> None:
    parts = [telemetry(every, seed=seed, grid=grid, jitter=0.2, missing=0.1) for seed in range(SERIES)]
    answers = judged(parts, grid)
    flagged = answers[answers.is_anomaly]
    assert share_found(flagged, parts[0].events, SERIES) >= FOUND
    assert false_alarms(flagged, parts[0].events) <= 1.5 * false_each_minute + 2
    scored = answers.status == "scored"
    readings_before = answers[~scored].groupby("device").size()
    assert (readings_before <= 32).all() and (answers[scored].groupby("device").n.min() >= 29).all()
    assert set(answers.reason[~scored]) <= {"few_points", "too_seldom", "long_gap"}


def test_a_device_that_changes_from_one_to_five_minutes_is_judged_without_a_break(false_each_minute: int) -> None:
    parts = [telemetry(60, seed=seed, changes_to=300, jitter=0.2) for seed in range(SERIES)]
    answers = judged(parts, 60)
    flagged = answers[answers.is_anomaly]
    assert (answers.status[answers.n >= 32] == "scored").all()
    assert share_found(flagged, parts[0].events, SERIES) >= FOUND
    assert false_alarms(flagged, parts[0].events) <= 1.5 * false_each_minute + 2


def test_what_comes_too_seldom_for_the_window_says_so_from_the_third_reading_on_and_never_nothing() -> None:
    answers = judged([telemetry(6 * 3600, seed=1, readings=60)], 60)
    assert set(answers.status) == {"warming_up"} and set(answers.reason[2:]) == {"too_seldom"}


@pytest.mark.parametrize("minutes", [1, 2, 5, 10, 15, 30, 60])
def test_the_rest_answer_flags_the_event_at_every_interval_with_missing_readings(minutes: int) -> None:
    rng = np.random.default_rng(minutes)
    values = 21 + 0.2 * rng.normal(size=120)
    kept = rng.uniform(size=120) >= 0.08
    kept[-1] = True
    for jump, flagged in ((0.0, False), (6.0, True)):
        series = [
            {"timestamp": f"{pd.Timestamp('2026-03-28') + pd.Timedelta(minutes=minutes * k):%Y-%m-%dT%H:%M:%SZ}",
             "value": float(values[k] + (jump if k == 119 else 0))}
            for k in np.flatnonzero(kept)
        ]  # fmt: skip
        request = {"series": series, "granularity": "minutely", "customInterval": minutes, "sensitivity": 95}
        assert answer(request, "last")["isAnomaly"] is flagged
