"""The vectorised rule against the slow one, on asymmetric random devices."""

from __future__ import annotations

import numpy as np
import pytest

from ad_stream.detectors.joint import judge_many, train
from ad_stream.detectors.joint.floor import relation
from ad_stream.evaluation import adapters
from tests.oracles import joint as oracle
from tests.support.joint_devices import Floats, pump

TRAINED, DAY = 460, 96


def judged(values: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    model = train(values[:, :TRAINED], list("abcdefgh")[: len(values)], step_seconds=86_400 / DAY)
    verdicts, _ = judge_many([model], values[None, :, TRAINED:])
    return verdicts.score[0], verdicts.contribution[0].T, verdicts.expected[0].T, verdicts.margin[0].T


def holes(values: Floats, seed: int) -> Floats:
    random = np.random.default_rng(seed)
    values = values.copy()
    values[random.random(values.shape) < 0.1] = np.nan
    values[0, 500:640] = np.nan  # a signal that vanishes, and comes back
    values[1, 200:300] = np.nan
    return values


def faults(values: Floats) -> Floats:
    values = values.copy()
    values[2, 520:540] += 2.0
    values[0, 600:] *= 1.5
    values[1, 560:575] = values[1, 560]
    for day in range(5):
        values[0, 100 + DAY * day : 103 + DAY * day] += 6.0  # a schedule
    return values


@pytest.mark.slow
@pytest.mark.parametrize(("seed", "signals"), [(3, 2), (4, 4)])
def test_scores_shares_and_bands_are_those_of_the_oracle(seed: int, signals: int) -> None:
    values = faults(np.vstack([pump(seed, 700, max(signals, 3)), np.full((1, 700), 7.0)]))
    values = values[[0, 1, 2, 3][:signals]] if signals < 4 else values
    values = holes(values, seed)
    score, share, expected, margin = judged(values)
    want = oracle.judge(values[:, :TRAINED], values[:, TRAINED:], day=DAY)
    there = np.isfinite(score) & (np.isfinite(values[:, TRAINED:]).any(axis=0))
    assert there.sum() > 150
    np.testing.assert_allclose(score[there], want[0][there], rtol=1e-6, atol=1e-7)
    np.testing.assert_allclose(share[there], want[1][there], rtol=1e-6, atol=1e-9)
    known = np.isfinite(expected)
    assert known.sum() > 350
    np.testing.assert_allclose(expected[known], want[2][known], rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(margin[known], want[3][known], rtol=1e-6, atol=1e-9)


def test_the_faults_of_the_oracle_test_reach_every_part_of_the_rule() -> None:
    values = faults(pump(3, 700, 3))
    score = judged(values)[0]
    assert score.max() > 6
    assert (score[560 - TRAINED : 575 - TRAINED] == 12.0).any()  # standing still, at its most


@pytest.mark.slow
def test_the_floor_is_that_of_its_oracle() -> None:
    values = faults(np.vstack([pump(5, 700, 3), np.full((1, 700), 7.0)]))
    values[np.random.default_rng(5).random(values.shape) < 0.1] = np.nan
    score, contribution = relation(values[:, :TRAINED], values[:, TRAINED:])
    want = oracle.floor(values[:, :TRAINED], values[:, TRAINED:])
    np.testing.assert_allclose(score, want[0], rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(contribution.T, want[1], rtol=1e-6, atol=1e-9)


def test_the_adapters_take_rows_as_the_harness_has_them() -> None:
    values = pump(6, 900, 3).T
    for adapter in (adapters.joint, adapters.relation):
        score, contribution = adapter(values[:600], values[600:], 60)
        assert score.shape == (300,) and contribution.shape == (300, 3)
        cut, _ = adapter(values[:600], values[600:700], 60)
        np.testing.assert_allclose(cut[40:], score[40:100], rtol=1e-9)
