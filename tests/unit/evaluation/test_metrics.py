from __future__ import annotations

from collections.abc import Sequence
from types import ModuleType

import numpy as np
import pytest

from ad_stream.evaluation.metrics import Curve, adjusted, best_f1, events, f1_at, operator_view
from benchmarks.quality import load_harness
from tests.support.shared import shared


def curve(scores: Sequence[float], labels: Sequence[int], step: float = 60.0) -> Curve:
    return Curve(scores=np.array(scores, dtype=float), labels=np.array(labels, dtype=bool), step=step)


def test_events_are_the_runs_of_labelled_points() -> None:
    first, last = events(np.array([1, 1, 0, 0, 1, 0, 1], dtype=bool))
    assert first.tolist() == [0, 4, 6] and last.tolist() == [1, 4, 6]


def test_an_event_found_in_time_counts_whole_and_one_found_late_not_at_all() -> None:
    early = curve([0, 0, 9] + [0] * 9, [0] + [1] * 11)
    late = curve([0] * 10 + [9, 0], [0] + [1] * 11)
    assert adjusted(early)[1:].tolist() == [9.0] * 11
    assert adjusted(late)[1:].tolist() == [0.0] * 11
    assert best_f1([early]) == (1.0, 9.0)


def test_the_delay_follows_the_step() -> None:
    assert [curve([0], [0], step).delay for step in (60, 600, 3600, 86_400)] == [7, 7, 3, 1]


def test_alarms_within_ten_points_are_one_false_alarm() -> None:
    scores = [0.0] * 1440
    for at in (100, 103, 109, 500):
        scores[at] = 5.0
    scores[1000] = 4.0
    labels = [0] * 1440
    labels[1000] = 1
    view = operator_view([curve(scores, labels)])
    assert view.found_at(1.0) == 0.0 and view.found_at(2.0) == 1.0
    assert view.alarms_at(0.5) == 2.0 and view.thresholds.tolist()[0] == 5.0


def test_points_that_were_not_judged_never_count_as_flags() -> None:
    assert f1_at([curve([np.nan, 3, 1], [0, 1, 0])], 2.0) == 1.0
    assert best_f1([curve([np.nan, np.nan], [0, 1])])[0] != best_f1([curve([np.nan, np.nan], [0, 1])])[0]


def harness() -> ModuleType:
    return load_harness(shared("quality/evaluate.py", "the quality harness is"))


def test_the_metrics_equal_the_harness_on_random_curves() -> None:
    other = harness()
    rng = np.random.default_rng(6)
    curves, series = [], []
    for length, step in ((3000, 60), (811, 300), (500, 3600)):
        labels = np.convolve(rng.random(length) < 0.004, np.ones(15), "full")[:length] > 0
        scores = rng.gamma(1.0, size=length) + 3 * labels * rng.random(length)
        scores[:40] = -np.inf
        curves.append(Curve(scores=scores, labels=labels, step=float(step)))
        series.append((scores, labels.astype(np.int8), other.delay_for(step), step))
    joined = np.concatenate([other.adjust_scores(s, y, k) for s, y, k, _ in series])
    labels = np.concatenate([y for _, y, _, _ in series])
    _, _, f1, threshold = other.best_f1(joined, labels)
    assert best_f1(curves) == pytest.approx((f1, threshold))
    assert f1_at(curves, threshold * 0.9) == pytest.approx(other.f1_at(joined, labels, threshold * 0.9)[2])
    thresholds, found, alarms, _, _ = other.operator(series)
    view = operator_view(curves)
    place = np.searchsorted(-view.thresholds, -thresholds, side="right") - 1
    assert np.allclose(view.found[place], found) and np.allclose(view.false_alarms[place], alarms)
