"""The slow verdict beside the first: the same from rows, frames and windows, suppressed likewise, empty where it is off."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from ad_stream.config import Detection
from ad_stream.detectors.slow import judge_slowly
from ad_stream.model import Windows
from ad_stream.scoring.matrix import Packed, Rows
from ad_stream.scoring.pandas_api import detect
from ad_stream.scoring.verdicts import Scorer, verdicts
from ad_stream.series_config.rows import rules_of
from tests.support.series_rules import T0, row

pytestmark = pytest.mark.slow

START = int(T0.timestamp()) // 60
SERIES, LENGTH = 6, 700
NAMES = np.array([f"dev-{number}" for number in range(SERIES)], dtype=object)


def values() -> np.ndarray:
    """(series, minutes): a drift up, one down, a stuck value, noise, a slow sender that drifts, a jump."""
    drawn = 20 + np.random.default_rng(4).normal(size=(SERIES, LENGTH))
    ramp = 9 * np.clip((np.arange(LENGTH) - 500) / 90, 0, 1)
    drawn[0] += ramp
    drawn[1] -= ramp
    drawn[2, 600:640] = drawn[2, 600]
    drawn[4, np.arange(LENGTH) % 2 == 1] = np.nan
    drawn[4] += 9 * np.clip((np.arange(LENGTH) - 560) / 100, 0, 1)
    drawn[5, 500:] += 9
    return drawn


def judged(*rules: dict[str, Any], **settings: Any) -> tuple[dict[str, np.ndarray], Rows]:
    at = np.argwhere(~np.isnan(values()))
    at = at[np.random.default_rng(5).permutation(len(at))]
    rows = Rows(at[:, 0], at[:, 1] + START, values()[at[:, 0], at[:, 1]])
    base = Detection(**settings)
    scorer = Scorer.of(base).under(rules_of(rules, base))
    signals = np.full(len(at), "t", dtype=object)
    found = verdicts(NAMES[at[:, 0]], signals, rows, Packed(np.empty(0, dtype=np.int64), [], []), scorer)
    return found.columns, rows


def test_each_row_has_the_verdict_of_its_own_window_and_an_onset_that_names_a_window() -> None:
    columns, rows = judged()
    drawn = values()
    for number in np.random.default_rng(6).choice(len(rows.ids), 300, replace=False):
        series, minute = rows.ids[number], rows.steps[number] - START
        wanted = judge_slowly(Windows(drawn[series, : minute + 1]))
        assert columns["slow_reason"][number] == wanted.slow_reason
        assert columns["slow_is_anomaly"][number] == wanted.slow_is_anomaly
        np.testing.assert_allclose(columns["slow_score"][number], wanted.slow_score, rtol=1e-9)
        onset = rows.steps[number] - wanted.slow_onset if wanted.slow_is_anomaly else np.nan
        np.testing.assert_equal(columns["slow_onset"][number], onset)
    flagged = [set(columns["slow_reason"][columns["slow_is_anomaly"] & (rows.ids == one)]) for one in range(SERIES)]
    assert flagged == [{"drift"}, {"drift"}, {"stuck"}, set(), {"drift"}, set()]
    assert "slow_deviation" not in columns


def test_the_laptop_gives_the_same_rows_with_the_onset_as_a_time() -> None:
    columns, rows = judged()
    order = np.lexsort((rows.steps, rows.ids))
    frame = pd.DataFrame(
        {
            "device": rows.ids[order],
            "timestamp": pd.to_datetime(rows.steps[order] * 60, unit="s"),
            "value": rows.values[order],
        }
    )
    answer = detect(frame.sample(frac=1, random_state=1), step="1min").sort_index()
    assert answer["slow_reason"].tolist() == columns["slow_reason"][order].tolist()
    onset = pd.to_datetime(columns["slow_onset"][order] * 60, unit="s", utc=True)
    assert answer["slow_onset"].isna().tolist() == onset.isna().tolist()
    begun = np.asarray(onset.notna())
    assert (answer["slow_onset"].to_numpy() == onset.to_numpy())[begun].all() and begun.sum() > 60


@pytest.mark.parametrize(
    ("rule", "silenced", "reason"),
    [
        ({"direction": "up"}, [1], "direction"),
        ({"direction": "down"}, [0, 4], "direction"),
        ({"min_deviation": 1e6}, [0, 1, 4], "small_deviation"),
        ({"mute_from": T0.replace(hour=0)}, [0, 1, 2, 4], "muted"),
    ],
)
def test_a_slow_flag_is_taken_back_by_side_size_and_mute(
    rule: dict[str, Any], silenced: list[int], reason: str
) -> None:
    loud, rows = judged()
    quiet, _ = judged(row("*", 1, **rule))
    gone = loud["slow_is_anomaly"] & np.isin(rows.ids, silenced)
    assert gone.sum() > 20 and not quiet["slow_is_anomaly"][gone].any()
    assert set(quiet["slow_reason"][gone]) == {reason} and np.isnan(quiet["slow_onset"][gone]).all()
    assert np.array_equal(quiet["slow_is_anomaly"][~gone], loud["slow_is_anomaly"][~gone])


@pytest.mark.parametrize("settings", [{"slow": False}, {"points": 120}, {"detector": "ar"}])
def test_switched_off_or_with_a_short_window_the_columns_are_empty(settings: dict[str, Any]) -> None:
    columns, _ = judged(**settings)
    assert set(columns["slow_reason"]) == {""} and not columns["slow_is_anomaly"].any()
    assert np.isnan(columns["slow_score"]).all() and np.isnan(columns["slow_onset"]).all()
