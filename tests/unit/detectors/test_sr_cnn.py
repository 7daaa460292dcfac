"""The network of `sr_cnn`: its map and layers against loops, its gradients against finite differences, its weights against their hash."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from ad_stream.detectors import by_name, sr_cnn
from ad_stream.detectors.kernels.saliency import plain_map
from ad_stream.errors import InputError
from ad_stream.model import Windows
from benchmarks import train_sr_cnn as training
from tests.oracles import spectral_residual as oracle
from tests.unit.detectors.test_parity import uneven

Floats = NDArray[np.float64]


@pytest.mark.parametrize("length", [31, 64, 97, 128])
def test_inputs_and_odds_equal_loops_over_one_window(length: int) -> None:
    rows = uneven(length, 6, length)
    inputs = sr_cnn.features(rows)
    assert inputs.shape == (6, sr_cnn.WIDTH) and not inputs[:, : sr_cnn.WIDTH - length].any()
    odds = sr_cnn.apply(sr_cnn.layers(), inputs)
    for place, row in enumerate(rows):
        salient = oracle.plain_map([float(value) for value in row - row.mean()], level=False)
        usual = sum(salient[:-1]) / (length - 1)
        wanted = [math.log((1 + one / usual) / 2) for one in salient]
        np.testing.assert_allclose(inputs[place, sr_cnn.WIDTH - length :], wanted, atol=1e-5)
        values = [float(value) for value in inputs[place]]
        for number, (weights, bias) in enumerate(sr_cnn.layers()):
            values = [
                sum(v * w for v, w in zip(values, column, strict=True)) + b
                for column, b in zip(weights.T, bias, strict=True)
            ]
            values = values if number == len(sr_cnn.layers()) - 1 else [max(value, 0.0) for value in values]
        assert odds[place] == pytest.approx(values[0], abs=1e-3)


def test_the_map_knows_neither_level_nor_size_of_a_window() -> None:
    rows = uneven(3, 8, 128)
    plain = sr_cnn.features(rows)
    np.testing.assert_allclose(sr_cnn.features(3.7 * rows + 500), plain, atol=1e-4)
    assert not np.allclose(plain_map(rows), plain_map(rows + 500), rtol=0.1), "that of `gated` does"


def test_gradients_are_those_of_finite_differences() -> None:
    rng = np.random.default_rng(5)
    network = [
        (weights.astype(np.float64), bias + rng.normal(size=bias.shape))
        for weights, bias in training.started(rng, (9, 7, 5, 1))
    ]
    inputs, labels = rng.normal(size=(11, 9)), (rng.random(11) < 0.5).astype(np.float64)
    _, gradients = training.loss_and_gradients(network, inputs, labels)  # type: ignore[arg-type]
    numbers = [array for layer in network for array in layer]
    assert len(gradients) == len(numbers)
    for number, gradient in zip(numbers, gradients, strict=True):
        assert gradient.shape == number.shape and np.abs(gradient).max() > 1e-4
        for at in np.ndindex(number.shape):
            losses = []
            for change in (1e-6, -2e-6):
                number[at] += change
                losses.append(training.loss_and_gradients(network, inputs, labels)[0])  # type: ignore[arg-type]
            number[at] += 1e-6
            assert (losses[0] - losses[1]) / 2e-6 == pytest.approx(float(gradient[at]), abs=1e-7)


def test_a_fault_is_the_sum_of_the_paper() -> None:
    window = np.array([2.0, 4.0, 3.0, 5.0, 1.0, 3.0] * 3)
    faulty = window.copy()
    training.inject(np.random.default_rng(2), faulty, [12])
    r = np.random.default_rng(2).standard_normal()
    assert faulty[12] == window[12] + (window[2:12].mean() + window.mean()) * (1 + window.var()) * r
    assert np.array_equal(np.delete(faulty, 12), np.delete(window, 12))


@pytest.mark.slow
def test_training_learns_to_tell_faults_from_curves_it_has_not_seen() -> None:
    rng = np.random.default_rng(7)
    network = training.trained(rng, 6000, 400)
    curves = [one.values for one in training.simulated_fleet.curves(devices=5, seed=77)]
    inputs, labels = training.examples(rng, curves, 1000)
    odds = sr_cnn.apply(tuple(network), inputs)
    right = float(((odds > 0) == (labels > 0.5)).mean())
    shipped = float(((sr_cnn.apply(sr_cnn.layers(), inputs) > 0) == (labels > 0.5)).mean())
    assert 0.75 < right <= shipped + 0.02, (right, shipped)


def test_the_weights_are_small_and_refused_when_they_are_not_those_of_the_package(tmp_path) -> None:  # type: ignore[no-untyped-def]
    blob = sr_cnn.WEIGHTS.read_bytes()
    assert len(blob) <= 100_000
    assert [weights.shape for weights, _ in sr_cnn.read(blob, sr_cnn.SHA256)] == [
        (128, 64),
        (64, 128),
        (128, 16),
        (16, 1),
    ]
    with pytest.raises(InputError, match="weights of the detector sr_cnn have the SHA-256 .* install ad-stream again"):
        sr_cnn.read(blob[:-1] + b"x", sr_cnn.SHA256)


def test_what_training_writes_is_what_the_detector_reads() -> None:
    network = training.started(np.random.default_rng(3), (128, 4, 1))
    blob = training.written(network)
    again = sr_cnn.read(blob, training.hashlib.sha256(blob).hexdigest())
    assert all(
        np.array_equal(a, b) for one, other in zip(network, again, strict=True) for a, b in zip(one, other, strict=True)
    )


def test_a_spike_in_noise_is_flagged_and_the_noise_is_not() -> None:
    rows = np.random.default_rng(4).normal(size=(400, 128))
    rows[:200, -1] += 12.0
    verdict = by_name("sr_cnn").detect_last(Windows(rows))
    assert verdict.is_anomaly[:200].mean() > 0.95 and verdict.is_anomaly[200:].mean() < 0.02
    assert (verdict.upper_margin > 0).all() and np.abs(verdict.expected).max() < 3


def test_a_longer_window_is_judged_by_its_last_points() -> None:
    rows = uneven(9, 12, 300)
    long, short = (by_name("sr_cnn", points=points).detect_last(Windows(rows)) for points in (300, 128))
    np.testing.assert_allclose(long.score, short.score, rtol=1e-4)
