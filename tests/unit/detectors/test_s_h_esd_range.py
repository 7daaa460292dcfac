"""S-H-ESD over a range: the points that the authors' package names, its options, and the median that is found by halving."""

from __future__ import annotations

import math
import random
from statistics import median
from typing import Any

import numpy as np
import pytest

from ad_stream.detectors.kernels.esd import centre
from ad_stream.detectors.s_h_esd_range import RangeTest, RangeVerdicts, season_of
from ad_stream.errors import ConfigError, InputError

HOUR = 3600.0


def hourly(seed: int, days: int = 35) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Two waves a day, a slow rise, and readings of which three in a hundred waver eight times as much."""
    draw = random.Random(seed)
    waves = [
        50 + 10 * math.sin(math.tau * t / 24) + 4 * math.sin(2 * math.tau * t / 24 + 1) + 0.004 * t
        for t in range(24 * days)
    ]
    noise = [(draw.random() + draw.random() - 1) * (12 if draw.random() < 0.03 else 1.5) for _ in range(24 * days)]
    return np.array([round(a + b, 3) for a, b in zip(waves, noise, strict=True)])


def judged(values: np.ndarray[Any, np.dtype[np.float64]], step: float = HOUR, **options: Any) -> RangeVerdicts:
    days = (np.arange(len(values)) * step // 86_400).astype(np.int64)
    return RangeTest(**options).judge(values, step=step, days=days)


# detect_anoms of twitter/AnomalyDetection (commit 03a37c9) in R 4.2.2, on these series written with three digits; both, pos, neg,
# and the union over the stretches that longterm makes of five weeks.
RECORDED = {
    (0, "both"): [124, 166, 310, 389, 532, 566, 615, 665],
    (0, "pos"): [310, 532, 566, 615, 665, 692],
    (0, "neg"): [124, 166, 389],
    (0, "longterm"): [11, 124, 166, 217, 218, 310, 389, 400, 429, 433, 485, 532, 566, 615, 665, 692],
    (1, "both"): [8, 41, 59, 67, 85, 93, 155, 229, 245, 407, 564, 627, 729, 790, 807],
    (1, "pos"): [67, 85, 245, 378, 627, 729, 790, 807],
    (1, "neg"): [8, 41, 59, 93, 155, 229, 407, 564],
    (1, "longterm"): [8, 11, 41, 46, 59, 67, 85, 93, 155, 229, 245, 378, 384, 407, 564, 627, 729, 736, 767, 790, 807],
}  # fmt: skip


@pytest.mark.parametrize(("seed", "form"), list(RECORDED))
def test_the_outliers_are_those_of_the_published_package(seed: int, form: str) -> None:
    options: dict[str, Any] = {"longterm": True} if form == "longterm" else {"direction": form}
    assert np.flatnonzero(judged(hourly(seed), **options).is_outlier).tolist() == RECORDED[seed, form]


def test_the_band_agrees_with_the_verdict_and_the_ratio_with_both() -> None:
    values = hourly(3)
    values[400] += 40
    found = judged(values)
    outside = np.abs(values - found.expected) > found.size
    assert outside.tolist() == found.is_outlier.tolist() and found.is_outlier[400]
    assert found.ratio.argmax() == 400 and (found.ratio[~found.is_outlier] < 1.5).all()


def test_only_last_and_threshold_hold_outliers_back() -> None:
    values = hourly(1)
    whole, last = judged(values), judged(values, only_last="day")
    assert np.flatnonzero(last.is_outlier).tolist() == [n for n in RECORDED[1, "both"] if n >= len(values) - 24]
    assert last.is_told.sum() == 24 and judged(values, only_last="hr").is_told.sum() == 1
    usual = np.median(values.reshape(-1, 24).max(axis=1))
    high = judged(values, threshold="med_max")
    assert high.is_outlier.tolist() == (whole.is_outlier & (values >= usual)).tolist()
    assert 0 < high.is_outlier.sum() < whole.is_outlier.sum()
    assert (np.abs(values - high.expected) > high.size).tolist() == high.is_outlier.tolist()


def test_a_gap_is_neither_an_outlier_nor_hides_one() -> None:
    values = hourly(2)
    values[300:320], values[100] = np.nan, values[100] + 30
    found = judged(values)
    assert found.is_outlier[100] and not found.is_outlier[300:320].any()


def test_the_cycle_follows_the_cadence() -> None:
    assert [season_of(step) for step in (60, 300, HOUR, 86_400, 7 * 86_400)] == [1440, 288, 24, 7, 1]
    flat = np.array([5.0, 6.0, 7.0, 8.0] * 20)
    flat[33] = 60.0
    assert np.flatnonzero(judged(flat, step=7 * 86_400).is_outlier).tolist() == [33]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"max_anoms": 0.6}, "max_anoms of the detector s_h_esd is 0.6, it must be a number above 0 and below 0.5"),
        ({"alpha": "x"}, "alpha of the detector s_h_esd is 'x'"),
        ({"direction": ["up"]}, "it must be one of both, up, down, pos, neg"),
        ({"threshold": "p90"}, "it must be one of none, med_max, p95, p99"),
        ({"piecewise_median_period_weeks": 1}, "it must be a whole number from 2 to 100000"),
        ({"longterm": 1}, "longterm of the detector s_h_esd is 1, it must be true or false"),
    ],
)
def test_a_wrong_option_is_one_sentence(options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        RangeTest(**options)


def test_a_range_of_two_cycles_is_too_short() -> None:
    with pytest.raises(
        InputError, match="more than two cycles of 24 readings, and there are 48: ask for a longer range"
    ):
        judged(hourly(0)[:48])


def test_the_median_found_by_halving_is_the_median() -> None:
    draw = random.Random(4)
    for _ in range(400):
        ranked = sorted(draw.choice([draw.random(), draw.randrange(4)]) for _ in range(draw.randrange(1, 30)))
        low = draw.randrange(len(ranked))
        high = draw.randrange(low + 1, len(ranked) + 1)
        middle = median(ranked[low:high])
        assert centre(ranked, low, high) == (middle, median(abs(value - middle) for value in ranked[low:high]))
