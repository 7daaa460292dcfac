"""What the shipped rule owes an operator, on series whose best predictor is the value before."""

from __future__ import annotations

import numpy as np
import pytest

from ad_stream.detectors.default import Default
from ad_stream.model import Windows


def walk(seed: int, length: int = 200) -> np.ndarray:
    return 20 + np.random.default_rng(seed).normal(0, 0.2, length).cumsum()


def judged(values: np.ndarray) -> tuple[bool, float]:
    verdict = Default(points=120).detect_last(Windows(values))
    return bool(verdict.is_anomaly), float(verdict.expected)


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("size", [-5.0, 5.0])
def test_a_spike_of_one_minute_is_flagged_and_its_end_is_not(seed: int, size: float) -> None:
    values = walk(seed)
    values[180] += size
    assert judged(values[:181])[0]
    flagged, expected = judged(values[:182])
    assert not flagged
    assert expected == pytest.approx(values[179], abs=1.0)


def test_a_second_spike_the_other_way_is_flagged_too() -> None:
    values = walk(3)
    values[180] += 5.0
    values[181] -= 5.0
    assert judged(values[:181])[0]
    assert judged(values[:182])[0]
