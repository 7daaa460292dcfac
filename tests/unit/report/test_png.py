"""What a PNG picture shows is read back from the artists that drew it."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone
from io import BytesIO
from pathlib import Path

import matplotlib.image
import numpy as np
import pytest
from matplotlib.collections import PathCollection, PolyCollection
from matplotlib.dates import date2num

from ad_stream.report import Picture, draw, png, read_series, series_report
from ad_stream.report.png import DOTS, INCHES, figure
from tests.support.written import series_rows, write

START = datetime(2026, 11, 1, 23, tzinfo=timezone.utc)
VALUES = [20.0, 21.0, 25.0, 19.0, 14.0, 20.5]
FLAGS = {2: "above", 4: "below"}


@pytest.fixture
def tables(tmp_path: Path) -> Path:
    rows = series_rows("pump 7", "temperature", START, VALUES, FLAGS)
    write(tmp_path, "detections", [row for row in rows if row["minute"] != START + timedelta(minutes=3)])
    write(tmp_path, "detections", series_rows("pump 7", "flow/in", START, [1.0] * 3, {}))
    write(tmp_path, "detections", series_rows("pump 8", "temperature", START, VALUES, {}))
    return tmp_path


def picture(tables: Path) -> Picture:
    rows = read_series(tables, device="pump 7", signal="temperature")
    last = START + timedelta(minutes=5)
    return draw(rows, id="p", title="pump 7 · temperature", caption="why", first=START, last=last)


def test_value_band_and_flags_are_drawn_where_the_table_has_them(tables: Path) -> None:
    (axes,) = figure(picture(tables)).axes
    lines = {str(line.get_label()): line for line in axes.lines}
    seen = np.array([20.0, 21.0, 25.0, np.nan, 14.0, 20.5])
    np.testing.assert_array_equal(np.asarray(lines["value"].get_ydata()), seen)
    np.testing.assert_array_equal(np.asarray(lines["expected"].get_ydata()), np.where(np.isnan(seen), np.nan, 20.0))
    times = [START.replace(tzinfo=None) + timedelta(minutes=n) for n in range(6)]
    np.testing.assert_array_equal(np.asarray(lines["value"].get_xdata()), np.array(times, dtype="datetime64[m]"))
    (band,) = (one for one in axes.collections if isinstance(one, PolyCollection))
    corners = np.concatenate([path.vertices for path in band.get_paths()])
    assert set(corners[:, 1]) == {18.0, 22.0}
    assert len(band.get_paths()) == 2, "the minute without a row parts the band"
    flags = {str(one.get_label()): one.get_offsets() for one in axes.collections if isinstance(one, PathCollection)}
    for label, minute, value in (("flagged above", 2, 25.0), ("flagged below", 4, 14.0)):
        np.testing.assert_allclose(np.asarray(flags[label]), [[date2num(times[minute]), value]])
    assert axes.get_title(loc="left") == "pump 7 · temperature"


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_file_is_a_picture_of_the_promised_size_in_the_colors_of_its_theme(tables: Path, theme: str) -> None:
    image = matplotlib.image.imread(BytesIO(png(picture(tables), theme=theme)))
    assert image.shape[:2] == (round(INCHES[1] * DOTS), round(INCHES[0] * DOTS))
    assert (image[2, 2, :3].mean() > 0.5) == (theme == "light")


def test_a_name_that_looks_like_a_formula_is_a_name(tables: Path) -> None:
    assert png(replace(picture(tables), title=r"$\frac{$", caption=r"$\x$")).startswith(b"\x89PNG")


@pytest.mark.slow
def test_the_report_writes_a_page_and_a_picture_of_each_signal(tables: Path, tmp_path: Path) -> None:
    written = series_report(tables, tmp_path / "out" / "r.html", device="pump 7", pictures=tmp_path / "png")
    assert [path.name for path in written] == ["r.html", "pump-7-flow-in.png", "pump-7-temperature.png"]
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in written[1:])
