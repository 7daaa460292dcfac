"""Band, flags and severity, worked out by hand for each boundary version."""

from __future__ import annotations

import numpy as np
import pytest

from ad_stream.detectors.azure import Options, judge_entire
from ad_stream.detectors.azure.margins import FACTORS, draw, units
from ad_stream.detectors.azure.method_result import Judged
from tests.unit.detectors.azure.requests import noise, times


def judged(values: list[float], expected: list[float], flagged: list[int], **more: object) -> Judged:
    marks = np.zeros(len(values), dtype=bool)
    marks[flagged] = True
    return Judged(values=np.array(values), expected=np.array(expected), flagged=marks, **more)  # type: ignore[arg-type]


def test_v1_margins_are_a_share_of_the_expected_value_cut_at_the_data() -> None:
    band = draw(judged([100, 102, 160, 40], [100.0, 100, 100, 100], [2, 3]), sensitivity=80, version="V1")
    assert band.upper.tolist() == [20, 20, 20, 20]
    assert band.lower.tolist() == [20, 20, 20, 20]
    assert band.is_positive.tolist() == [False, False, True, False]
    assert band.is_negative.tolist() == [False, False, False, True]
    assert band.severity.tolist() == pytest.approx([0, 0, 0.6, 0.6])
    wide = draw(judged([100, 102, 160, 40], [100.0, 100, 100, 100], [2, 3]), sensitivity=20, version="V1")
    assert wide.upper.tolist() == [60, 60, 60, 60]
    assert not wide.is_anomaly.any()  # at the edge of the data is inside the band
    assert wide.severity.tolist() == [0, 0, 0, 0]


def test_v1_stretches_the_band_over_an_unflagged_point_outside_it() -> None:
    band = draw(judged([100, 110], [100.0, 100], []), sensitivity=99, version="V1")
    assert band.upper.tolist() == pytest.approx([1, 10.1])
    # Every lower end lies below the data: then, and only then, the service did not cut them.
    assert band.lower.tolist() == pytest.approx([1, 10.1])


def test_at_sensitivity_100_a_flagged_point_on_the_band_keeps_its_flag_with_no_margin() -> None:
    series = judged([100, 130, 130], [100.0, 130, 100], [1, 2])
    band = draw(series, sensitivity=100, version="V1")
    assert band.is_anomaly.tolist() == [False, True, True]
    assert band.upper.tolist() == [0, 0, 0]


def test_severity_at_expected_zero_is_measured_against_a_smallest_base() -> None:
    band = draw(judged([0.0, 0.15, -5], [0.0, 0, 0], [1, 2]), sensitivity=99, version="V1")
    assert band.severity.tolist() == pytest.approx([0, 0.5, 1])


def test_spectral_residual_margins_narrow_with_the_score() -> None:
    series = judged([10, 12, 30, 30], [10.0, 10, 10, 10], [2, 3], score=np.array([0.0, 0.0, 1.0, 0.5]), by_score=True)
    band = draw(series, sensitivity=90, version="V1")
    # Normal points: 1 % of the range 2 of normal values; flagged: 20 away, a tenth of it over the score.
    assert band.upper.tolist() == pytest.approx([0.02, 2.02, 2, 4])
    assert band.is_anomaly.tolist() == [False, False, True, True]


def test_the_table_of_widths_falls_from_532_to_0_with_its_known_corners() -> None:
    assert FACTORS[[0, 24, 25, 45, 55, 65, 75, 85]].tolist() == pytest.approx([532, 32.8, 30, 5, 1, 0.6, 0.3, 0.15])
    assert FACTORS[[86, 90, 93, 94, 95, 96, 99, 100]].tolist() == pytest.approx(
        [0.13818181818, 0.09090909091, 0.04363636364, 0.012, 0.008, 0.006075, 0.0003, 0], rel=1e-9
    )
    assert (np.diff(FACTORS) < 0).all()


def test_the_unit_of_v2_is_half_the_local_and_half_the_mean_trend_of_normal_points() -> None:
    assert units(np.array([10.0, 20, 60]), np.array([False, False, True])).tolist() == pytest.approx([12.5, 17.5, 37.5])
    assert units(np.zeros(3), np.zeros(3, dtype=bool)).tolist() == [0.3, 0.3, 0.3]


def test_v2_flags_what_leaves_a_band_of_trend_widths() -> None:
    series = judged([100, 101, 190, 125], [100.0] * 4, [2, 3], trend=np.full(4, 100.0))
    band = draw(series, sensitivity=70, version="V2")  # 0.45 units of 100
    assert band.upper.tolist() == pytest.approx([22.5 / 3, 23.5, 45, 45])
    assert band.lower.tolist() == pytest.approx([22.5, 23.5 / 3, 45, 45])
    assert band.is_anomaly.tolist() == [False, False, True, False]
    # 0.9 units lie between the widths 0.92 at 57 and 0.88 at 58, counted from the other end: 42.5 of 100.
    assert band.severity.tolist() == pytest.approx([0, 0, 0.425, 0])


def test_at_sensitivity_99_v2_shows_a_flagged_point_that_lies_just_inside() -> None:
    series = judged([100, 100.02], [100.0, 100.0], [1], trend=np.full(2, 100.0))
    band = draw(series, sensitivity=99, version="V3")
    assert band.is_anomaly.tolist() == [False, True]
    assert band.upper[1] == pytest.approx(0.01)


@pytest.mark.slow
@pytest.mark.parametrize("version", ["V1", "V2", "V3"])
@pytest.mark.parametrize("method", ["residual", "threshold", "seasonal"])
def test_more_sensitivity_never_flags_less_and_never_widens_the_band(version: str, method: str) -> None:
    values = noise(11, 160)
    values[[40, 80, 120]] += [6, -9, 14]
    period = 8 if method == "seasonal" else 0
    granularity = "minutely" if method == "residual" else "hourly"
    before = np.zeros(160, dtype=bool)
    for sensitivity in range(0, 100, 3):
        options = Options(granularity=granularity, period=period, sensitivity=sensitivity, boundary_version=version)
        verdict = judge_entire(values, times(160, granularity), options)
        assert (verdict.is_anomaly | ~before).all()
        before = verdict.is_anomaly
        assert (verdict.upper_margin >= 0).all()
    assert before[[80, 120]].all()


@pytest.mark.parametrize("version", ["V1", "V2"])
@pytest.mark.parametrize("granularity", ["minutely", "hourly"])
def test_flags_and_band_say_the_same(version: str, granularity: str) -> None:
    values = noise(12, 200)
    values[::23] += 9
    options = Options(granularity=granularity, period=0, sensitivity=90, boundary_version=version)
    verdict = judge_entire(values, times(200, granularity), options)
    above = values > verdict.expected + verdict.upper_margin + 1e-9
    below = values < verdict.expected - verdict.lower_margin - 1e-9
    assert verdict.is_anomaly.any()
    assert (verdict.is_anomaly == (above | below)).all()
    assert (verdict.is_positive == (verdict.is_anomaly & above)).all()
    assert ((verdict.severity > 0) == verdict.is_anomaly).all()
