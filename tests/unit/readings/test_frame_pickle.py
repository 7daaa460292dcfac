"""A pickled frame becomes the same table; a pickle that names anything else runs nothing and is refused by that name."""

from __future__ import annotations

import datetime
import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from ad_stream.cli import app
from ad_stream.errors import InputError
from ad_stream.readings import read
from ad_stream.readings.frame_pickle import ALLOWED, convert, read_frame

TIMES = pd.date_range("2026-11-01", periods=3, freq="min")
FRAME = pd.DataFrame(
    {
        "time": TIMES, "utc": TIMES.tz_localize("UTC"), "local": TIMES.tz_localize("Europe/Berlin"), "whole": [1, 2, 3],
        "value": [1.5, None, np.inf], "text": ["a", "b", "ü"], "kind": pd.Categorical(["a", "b", "a"]), "flag": [True, False, True],
        "words": pd.array(["x", None, "y"], dtype="string"), "counts": pd.array([1, None, 3], dtype="Int64"),
        "took": pd.to_timedelta([1, 2, 3], unit="s"), "date": [datetime.date(2026, 1, day) for day in (1, 2, 3)],
    }
)  # fmt: skip


class Calls:
    """Pickles as a call of a function with arguments."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.call = (function, arguments)

    def __reduce__(self) -> Any:
        return self.call


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize("index", [None, "time", "local", ["time", "text"], "whole"])
def test_a_frame_becomes_the_same_table(tmp_path: Path, protocol: int, index: Any) -> None:
    frame = FRAME if index is None else FRAME.set_index(index)
    (tmp_path / "f.pkl").write_bytes(pickle.dumps(frame, protocol=protocol))
    assert convert(tmp_path / "f.pkl", tmp_path / "o.parquet") == 3
    wanted = frame if index is None else frame.reset_index()
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "o.parquet"), wanted, check_dtype=False, check_freq=False)


def test_a_series_with_its_times_is_read_as_a_file_of_ones_own(tmp_path: Path) -> None:
    pd.Series([1.0, 2.0, 3.0], index=TIMES, name="temp").to_pickle(tmp_path / "s.pkl")
    with pytest.raises(
        InputError, match="s.pkl is a pickle, which may run whatever it names while it is read: .* ad-stream convert"
    ):
        read(tmp_path / "s.pkl")
    done = CliRunner().invoke(app, ["convert", str(tmp_path / "s.pkl"), str(tmp_path / "o.parquet")])
    assert done.exit_code == 0 and "3 rows" in done.output
    assert read(tmp_path / "o.parquet").value.tolist() == [1.0, 2.0, 3.0]


@pytest.mark.parametrize(
    ("function", "arguments", "name"),
    [
        (os.system, ("touch {}",), f"{os.system.__module__}.system"),
        (eval, ("open('{}', 'w')",), "builtins.eval"),
        (getattr, ("x", "join"), "builtins.getattr"),
        (pd.read_pickle, ("{}",), "pandas.io.pickle.read_pickle"),
        (pd.DataFrame.to_csv, (FRAME, "{}"), "builtins.getattr"),
        (np.save, ("{}", 1), "numpy.save"),
    ],
)
@pytest.mark.parametrize("protocol", [2, 5])
def test_whatever_else_it_names_is_refused_and_not_run(
    tmp_path: Path, function: Any, arguments: tuple[Any, ...], name: str, protocol: int
) -> None:
    spoilt = tmp_path / "spoilt"
    given = [one.format(spoilt) if isinstance(one, str) else one for one in arguments]
    frame = pd.DataFrame({"a": np.array([Calls(function, *given)], dtype=object)})
    (tmp_path / "f.pkl").write_bytes(pickle.dumps(frame, protocol=protocol))
    with pytest.raises(
        InputError, match="which a table of readings has no need of, so nothing of it was run"
    ) as raised:
        read_frame(tmp_path / "f.pkl")
    last = name.rpartition(".")[2]
    assert last in str(raised.value) or "getattr" in str(raised.value) or "to_csv" in str(raised.value)
    assert not spoilt.exists()


def test_the_list_holds_no_way_to_other_code() -> None:
    assert not {name for _, name in ALLOWED} & {
        "getattr",
        "eval",
        "exec",
        "open",
        "system",
        "import_module",
        "load",
        "read_pickle",
        "apply",
    }
    assert all("*" not in name for pair in ALLOWED for name in pair) and len(ALLOWED) < 90


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"\x80\x05no", "cannot be read as a pickled frame"),
        (pickle.dumps([1, 2]), "holds a list and no table"),
        (pickle.dumps(pd.DataFrame({"a": [1, "x", [2]]})), "cannot be written as Parquet"),
    ],
)
def test_what_is_no_frame_is_one_sentence(tmp_path: Path, content: bytes, sentence: str) -> None:
    (tmp_path / "f.pkl").write_bytes(content)
    with pytest.raises(InputError, match=sentence) as raised:
        convert(tmp_path / "f.pkl", tmp_path / "o.parquet")
    assert "\n" not in str(raised.value)
    assert "ends in .parquet" in str(CliRunner().invoke(app, ["convert", str(tmp_path / "f.pkl"), "o.csv"]).exception)
