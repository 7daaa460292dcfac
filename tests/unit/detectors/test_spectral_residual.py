from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from ad_stream.detectors import by_name
from ad_stream.detectors.kernels.saliency import last_score, scores
from ad_stream.model import Windows
from tests.oracles import spectral_residual as oracle

Floats = NDArray[np.float64]


def uneven_series(seed: int, count: int, length: int) -> Floats:
    """Skewed noise on a cycle with steps and spikes, some at the end, so that every branch is taken."""
    rng = np.random.default_rng(seed)
    rows = rng.gamma(2.0, 3.0, size=(count, length)) + 40 * rng.normal(size=(count, 1))
    rows += rng.uniform(0, 9, size=(count, 1)) * np.sin(np.arange(length) * rng.uniform(0.01, 0.6, size=(count, 1)))
    rows[::3, -rng.integers(2, 9) :] += 25
    rows[1::4, -1] += rng.normal(0, 60, size=len(rows[1::4]))
    rows[::5, rng.integers(3, length - 3)] -= 70
    return rows


@pytest.mark.parametrize("length", [30, 31, 99, 100, 101, 128, 157])
def test_every_score_equals_the_textbook_form(length: int) -> None:
    rows = uneven_series(length, 6, length)
    wanted = np.array([oracle.scores(list(row)) for row in rows])
    assert np.allclose(scores(rows), wanted, rtol=1e-9, atol=1e-9)
    assert np.allclose(last_score(rows), wanted[:, -1], rtol=1e-9, atol=1e-9)


@pytest.mark.slow
@pytest.mark.parametrize("sensitivity", [0, 50, 95, 99])
def test_every_field_of_the_verdict_equals_the_textbook_form(sensitivity: float) -> None:
    rows = uneven_series(7, 24, 83)
    verdict = by_name("spectral_residual", sensitivity=sensitivity).detect_last(Windows(rows))
    wanted = [oracle.last_point(list(row), sensitivity) for row in rows]
    assert {bool(answer["is_anomaly"]) for answer in wanted} == {True, False} or sensitivity == 0
    for key in wanted[0]:
        assert np.allclose(getattr(verdict, key), [answer[key] for answer in wanted], rtol=1e-8, atol=1e-8), key


def test_a_spike_after_a_disturbed_stretch_is_scored_on_the_history_before_it() -> None:
    rng = np.random.default_rng(3)
    row = rng.normal(size=120)
    row[-5] += 30
    row[-1] += 12
    verdict = by_name("spectral_residual").detect_last(Windows(row))
    assert verdict.is_anomaly and verdict.score > verdict.sr_score


def test_a_six_sigma_spike_in_white_noise_is_found_and_noise_is_left_alone() -> None:
    rng = np.random.default_rng(11)
    noise = rng.normal(50, 2, size=(2000, 120))
    spiked = noise.copy()
    spiked[:, -1] = 50 + 6 * 2
    detector = by_name("spectral_residual")
    assert detector.detect_last(Windows(spiked)).is_positive.mean() > 0.97
    assert detector.detect_last(Windows(noise)).is_anomaly.mean() < 0.005
