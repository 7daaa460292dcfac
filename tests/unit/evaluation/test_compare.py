from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ad_stream.detectors import by_name, names
from ad_stream.errors import InputError
from ad_stream.evaluation import adapters, labelled_file
from ad_stream.evaluation.compare import compare
from ad_stream.evaluation.sensitivity import sweep
from ad_stream.readings import ReadOptions


def labelled(path: Path, **columns: object) -> Path:
    rng = np.random.default_rng(1)
    frame = pd.DataFrame(
        {
            "device": np.repeat(["a", "b"], 1500),
            "timestamp": np.tile(pd.date_range("2026-01-01", periods=1500, freq="min").astype(str), 2),
            "value": rng.normal(50, 3, size=3000),
            "label": 0,
        }
    )
    for at in (400, 1200, 2100, 2800):
        frame.loc[at : at + 4, ["value", "label"]] = [90.0, 1]
    frame.assign(**columns).to_csv(path, index=False)
    return path


def test_each_detector_gets_a_row_with_random_beside_it(tmp_path: Path) -> None:
    heard: list[str] = []
    rows = compare(labelled(tmp_path / "own.csv"), points=120, progress=heard.append)
    assert [row.detector for row in rows] == heard == [*("default", "spectral_residual", "differences"), *heard[3:]]
    best = rows[0]
    assert best.f1 > 0.97 and best.f1_flags > 0.9 and best.found_at_0_1 == 1.0 and best.alarms_at_80 == 0.0
    assert best.random_f1 < 0.2 and 0 < best.us_per_point < 2000


def test_the_file_may_be_parquet_with_series_ids_and_epoch_seconds(tmp_path: Path) -> None:
    frame = pd.read_csv(labelled(tmp_path / "own.csv")).rename(columns={"device": "series_id"})
    frame["timestamp"] = pd.to_datetime(frame.timestamp).astype("datetime64[s]").astype("int64")
    frame.to_parquet(tmp_path / "own.parquet")
    own = compare(tmp_path / "own.csv", detectors=["ar"], points=60)[0]
    other = compare(tmp_path / "own.parquet", detectors=["ar"], points=60)[0]
    assert (own.f1, own.alarms_at_80) == (other.f1, other.alarms_at_80)


@pytest.mark.parametrize(
    ("columns", "sentence"),
    [
        ({"label": 0}, "no row of own.csv is labelled, put 1 into the column 'label'"),
        ({"label": "maybe"}, "the column 'label' of own.csv holds 'maybe', it takes 0 and 1"),
        ({"timestamp": "soon"}, "own.csv line 2, column 'timestamp': 'soon' is no time"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused(tmp_path: Path, columns: dict[str, object], sentence: str) -> None:
    with pytest.raises(InputError) as caught:
        compare(labelled(tmp_path / "own.csv", **columns))
    assert sentence in str(caught.value)


def test_a_missing_file_and_a_missing_column_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="none.csv cannot be read .*: name an existing CSV file"):
        compare(tmp_path / "none.csv")
    pd.DataFrame({"timestamp": [1], "value": [2]}).to_csv(tmp_path / "bare.csv")
    with pytest.raises(InputError, match="bare.csv has no column 'label': its columns are "):
        compare(tmp_path / "bare.csv")


def test_a_labelled_file_may_look_as_any_that_detect_reads(tmp_path: Path) -> None:
    own = labelled(tmp_path / "own.csv")
    frame = pd.read_csv(own)
    plain = compare(own, detectors=["ar"], points=60)[0]
    times = pd.to_datetime(frame.timestamp).dt.strftime("%d.%m.%Y %H:%M")
    wide = frame.assign(when=times, temperature=frame.value.map(lambda value: f"{value:.6f}".replace(".", ",")))
    odd = tmp_path / "odd.csv"
    wide[["device", "when", "temperature", "label"]].to_csv(odd, sep=";", index=False)
    found = compare(odd, detectors=["ar"], points=60, options=ReadOptions(time="when"))[0]
    assert (found.f1, found.alarms_at_80) == (plain.f1, plain.alarms_at_80)


def test_each_signal_of_a_wide_file_is_a_series_with_the_labels_of_its_rows(tmp_path: Path) -> None:
    own = labelled(tmp_path / "own.csv")
    frame = pd.read_csv(own)
    frame.assign(calm=50).rename(columns={"value": "loud"}).to_csv(tmp_path / "wide.csv", index=False)
    read = labelled_file.read(tmp_path / "wide.csv")
    assert sorted(read.device.unique()) == ["a calm", "a loud", "b calm", "b loud"]
    assert read.groupby("device").label.sum().tolist() == [10, 10, 10, 10]


@pytest.mark.parametrize("name", names())
def test_every_detector_has_an_adapter_that_tells_its_window(name: str) -> None:
    adapter = getattr(adapters, name)
    assert adapter.points == by_name(name).points
    windows = np.random.default_rng(0).normal(size=(3, 40))
    windows[1, -1] = 30.0
    scores, flags = adapter(windows)
    assert scores.shape == flags.shape == (3,) and flags.dtype == bool
    if by_name(name).min_points > 40:
        assert np.isnan(scores).all()
    elif name != "stuck":
        assert np.isfinite(scores).all()


def test_a_higher_sensitivity_finds_no_less_and_calls_no_less_often(tmp_path: Path) -> None:
    costs = sweep(labelled(tmp_path / "own.csv"), points=120, sensitivities=(20, 95, 99))
    assert [cost.sensitivity for cost in costs] == [20, 95, 99]
    assert costs[1].found == 1.0 and costs[1].false_alarms <= 1
    for name in ("alarms", "found", "false_alarms"):
        values = [getattr(cost, name) for cost in costs]
        assert values == sorted(values)
    assert costs[1].alarms >= 4 / (3000 / 1440), "each labelled event calls once"
