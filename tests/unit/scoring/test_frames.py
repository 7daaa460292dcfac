"""`ad_stream.detect` takes what people hold and keeps its index; the rest is refused in one sentence."""

from __future__ import annotations

import doctest
import os
import runpy
from pathlib import Path
from typing import Any, cast

import numpy as np
import pandas as pd
import pytest

import ad_stream
from ad_stream.errors import InputError
from ad_stream.scoring import pandas_api
from tests.support.cases import case

TIMES = pd.date_range("2026-03-02 06:00", periods=120, freq="min")
VALUES = np.random.default_rng(1).normal(20, 0.2, 120)
VALUES[100] = 60.0
LONG = pd.DataFrame({"timestamp": TIMES, "value": VALUES})


def flagged(answer: pd.DataFrame) -> list[Any]:
    return list(answer.index[answer.is_anomaly])


def test_a_series_with_times_as_index_keeps_its_index() -> None:
    series = pd.Series(VALUES, index=TIMES, name="pump")
    answer = ad_stream.detect(series)
    assert answer.index.equals(series.index) and flagged(answer) == [TIMES[100]]
    np.testing.assert_array_equal(answer.score, ad_stream.detect(LONG).score)


def test_a_frame_with_times_as_index_is_read_too() -> None:
    indexed = LONG.set_index("timestamp").rename_axis("when")
    assert flagged(ad_stream.detect(indexed)) == [TIMES[100]]


def test_every_column_of_a_wide_frame_is_a_signal() -> None:
    wide = pd.DataFrame({"timestamp": TIMES, "a": VALUES, "b": VALUES[::-1]})
    answer = ad_stream.detect(wide)
    assert answer[answer.is_anomaly].signal.tolist() == ["a"] and len(answer) == 240
    one, other = ad_stream.detect(wide, value=["b"]), ad_stream.detect(wide, value="b")
    np.testing.assert_array_equal(one.score, other.score)


def test_several_key_columns_name_a_series() -> None:
    two = pd.concat([LONG.assign(site="a", sensor=1), LONG.assign(site="a", sensor=2)], ignore_index=True)
    answer = ad_stream.detect(two, device=["site", "sensor"])
    assert flagged(answer) == [100, 220] and list(answer.columns[:3]) == ["site", "sensor", "timestamp"]


@pytest.mark.parametrize("unit", [1, 10**3, 10**6, 10**9])
def test_the_unit_of_numeric_times_is_told_by_their_size(unit: int) -> None:
    numbers = TIMES.astype("datetime64[ns]").astype("int64") // (10**9 // unit)
    assert flagged(ad_stream.detect(LONG.assign(timestamp=numbers))) == [100]


@pytest.mark.parametrize("form", ["%d.%m.%Y %H:%M", "%Y%m%d%H%M%S", "%a, %d %b %Y %H:%M:%S", "%Y-%m-%dT%H:%MZ"])
def test_times_as_text_are_read_as_files_are(form: str) -> None:
    assert flagged(ad_stream.detect(LONG.assign(timestamp=TIMES.strftime(form)))) == [100]


def test_each_series_has_its_own_cadence() -> None:
    hourly = LONG.assign(timestamp=pd.date_range("2026-03-02", periods=120, freq="h"), device="slow")
    both = pd.concat([LONG.assign(device="fast"), hourly], ignore_index=True)
    assert flagged(ad_stream.detect(both)) == [100, 220]


def test_an_irregular_clock_costs_no_row() -> None:
    gaps = pd.to_timedelta(np.random.default_rng(3).exponential(60, 120).cumsum() + np.arange(120), unit="s")
    answer = ad_stream.detect(LONG.assign(timestamp=TIMES[0] + gaps))
    assert len(answer) == 120 and (answer.status == "scored").any()


def test_a_polars_frame_is_read_as_its_pandas_twin() -> None:
    polars = pytest.importorskip("polars", reason="polars is not installed")
    assert flagged(ad_stream.detect(polars.from_pandas(LONG))) == [100]


class Twin:
    """What polars and pyarrow have in common."""

    def to_pandas(self) -> pd.DataFrame:
        return LONG


def test_what_can_become_a_pandas_frame_is_taken() -> None:
    assert flagged(ad_stream.detect(Twin())) == [100]


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (
            lambda: ad_stream.detect(LONG.to_dict("list")),
            "takes a pandas or polars frame or a Series, and was given a dict",
        ),
        (lambda: ad_stream.detect(pd.Series(VALUES)), "the series has no times: give it a DatetimeIndex"),
        (
            lambda: ad_stream.detect(LONG, step=cast("str", 60)),
            "step is 60, a number without a unit: write '60s' or '60min'",
        ),
        (lambda: ad_stream.detect(LONG, step="soon"), "step is 'soon': write a distance of time"),
        (lambda: ad_stream.detect(LONG, device=["site", "x"]), "the frame has no column 'site'"),
        (lambda: ad_stream.detect(pd.concat([LONG, LONG.iloc[:1]])), "1 rows share a step of 0 days 00:01:00"),
        (lambda: ad_stream.detect(pd.concat([LONG, LONG["value"]], axis=1)), "has 2 columns of the name 'value'"),
    ],
)
def test_what_cannot_be_used_is_refused_in_one_sentence(call: Any, sentence: str) -> None:
    with pytest.raises(InputError) as caught:
        call()
    assert sentence in str(caught.value) and "\n" not in str(caught.value)


def test_the_example_of_the_docstring_runs() -> None:
    found = doctest.DocTestFinder().find(pandas_api.detect, "detect", globs={})
    results = [doctest.DocTestRunner().run(one) for one in found if one.examples]
    assert sum(one.attempted for one in results) >= 5
    assert [one.failed for one in results] == [0]


@pytest.mark.parametrize(
    ("name", "lines"),
    [
        ("detect-calendar-months", ["{'scored': 31, 'warming_up': 29} [50]"]),
        ("detect-iso-mixed-precision", ["300 [250]", "300 [250]"]),
        ("detect-jitter", ["300 [250]"]),
    ],
)
def test_the_cases_of_frames(name: str, lines: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    runpy.run_path(os.fspath(case(name) / "repro.py"))
    assert capsys.readouterr().out.splitlines() == lines


def test_the_case_of_crashes(capsys: pytest.CaptureFixture[str]) -> None:
    runpy.run_path(os.fspath(Path(case("detect-crashes")) / "repro.py"))
    said = capsys.readouterr().out
    assert "AttributeError" not in said and "TypeError" not in said
    assert "ConfigError the detector default takes numbers" in said and "InputError step is 60" in said


@pytest.mark.slow
def test_the_case_of_slow_devices(capsys: pytest.CaptureFixture[str]) -> None:
    runpy.run_path(os.fspath(Path(case("slow-devices")) / "repro.py"))
    for line in capsys.readouterr().out.splitlines():
        assert "'scored': 571" in line and int(line.split("flags ")[1].split()[0]) <= 5 and line.endswith("True")
