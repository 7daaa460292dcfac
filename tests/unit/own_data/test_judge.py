"""A person's file without Spark: judged, told, and drawn as a whole."""

from __future__ import annotations

import json
import math
from datetime import datetime, timedelta, timezone
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from ad_stream.cli import app
from ad_stream.config import parse_detection
from ad_stream.own_data.judge import judge
from ad_stream.own_data.next_steps import next_steps
from ad_stream.own_data.page import page, per_series
from ad_stream.readings import ReadOptions
from ad_stream.report.page import render
from tests.support.cases import case

UTC = timezone.utc
BEGIN = datetime(2026, 3, 1, tzinfo=UTC)


def file(folder: Path, *, step: timedelta = timedelta(minutes=5), rows: int = 400, spike: int | None = 300) -> Path:
    noise = np.random.default_rng(3).normal(0, 0.2, rows)
    values = [20 + math.sin(n / 40) + noise[n] + (9 if n == spike else 0) for n in range(rows)]
    kept = [n for n in range(rows) if not 100 <= n < 124]
    lines = [f"{(BEGIN + n * step).isoformat()},{values[n]:.3f}" for n in kept]
    path = folder / "pump.csv"
    path.write_text("timestamp,value\n" + "\n".join(lines) + "\n")
    return path


def test_a_spike_is_an_alarm_at_its_own_time(tmp_path: Path) -> None:
    found = judge(file(tmp_path), parse_detection({}))
    (alarm,) = [one for one in found.alarm_rows() if one["score"] > 10]
    assert alarm["first"] == "2026-03-02 01:00" and alarm["reason"] == "above"
    assert per_series(found)[0][:3] == ("pump", "5 minutes", "1, the longest 125 minutes before 2026-03-01 10:20")


@pytest.mark.slow
def test_counters_and_states_that_are_judged_as_levels_are_named_with_the_line_that_declares_them(
    tmp_path: Path,
) -> None:
    draws = np.random.default_rng(5)
    parts, mode = draws.poisson(20, 300).cumsum(), np.repeat(np.tile([0, 2, 1], 12), draws.integers(7, 11, 36))[:300]
    at = [(BEGIN + n * timedelta(minutes=1)).isoformat() for n in range(len(mode))]
    rows = [f"{when},{a},{b},{20 + (n * 7) % 5}" for n, (when, a, b) in enumerate(zip(at, parts, mode, strict=False))]
    path = tmp_path / "press.csv"
    path.write_text("\n".join(["timestamp,parts,mode,level", *rows]) + "\n")
    (told, line), *_ = next_steps(judge(path, parse_detection({})), f"ad-stream detect {path}")
    assert "press · mode as the state it seems to be and press · parts as the counter it seems to be" in told
    assert line == f"ad-stream detect {path} --set kind=auto"
    declared = judge(path, parse_detection({"kind": "auto"}))
    assert not declared.looks() and declared.flagged < judge(path, parse_detection({})).flagged


def test_months_of_unequal_length_are_one_step(tmp_path: Path) -> None:
    months = [f"{2010 + n // 12}-{n % 12 + 1:02}-01,{800 + (n * 37) % 90 + 8000 * (n == 50)}" for n in range(60)]
    (tmp_path / "monthly.csv").write_text("timestamp,value\n" + "\n".join(months))
    found = judge(tmp_path / "monthly.csv", parse_detection({}))
    assert [one["first"] for one in found.alarm_rows()] == ["2014-03-01 00:00"]
    assert per_series(found)[0][1:3] == ("1 month", "none")


@pytest.mark.slow
def test_settings_are_those_of_detection(tmp_path: Path) -> None:
    path = file(tmp_path)
    assert judge(path, parse_detection({"direction": "down"})).flagged == 0
    assert judge(path, parse_detection({"min_deviation": 100})).flagged == 0
    differences = judge(path, parse_detection({"detector": "differences"}))
    assert set(differences.detections["is_anomaly"]) == {True, False}


def test_the_report_shows_the_whole_series_and_says_what_to_do_also_without_alarms(tmp_path: Path) -> None:
    found = judge(file(tmp_path, spike=None), parse_detection({"min_deviation": 100}))
    assert found.alarms == []
    made = page(found, command="ad-stream detect pump.csv")
    (whole,) = made.sections
    (picture,) = whole.pictures
    assert (picture.times[0], picture.times[-1]) == ("2026-03-01 00:00", "2026-03-02 09:15")
    assert picture.value.count(None) == 1, "a gap is a break in the line"
    (told, line), *_ = next_steps(found, "ad-stream detect pump.csv")
    assert told.startswith("be told of less: the nearest to a flag was pump at 2026-03-")
    assert line == "ad-stream detect pump.csv --set sensitivity=99"
    html = render(made)
    assert "How the file was understood" in html and "What to do next" in html and "None: no row stood out." in html


@pytest.mark.slow
def test_a_long_series_is_drawn_in_fewer_points_with_every_flag(tmp_path: Path) -> None:
    rows = 60_000
    values = np.random.default_rng(1).normal(0, 1, rows)
    values[30_000] = 40
    seconds = 1_772_431_200 + 60 * np.arange(rows)
    (tmp_path / "long.csv").write_text(
        "ts,value\n" + "\n".join(f"{at},{value:.3f}" for at, value in zip(seconds, values, strict=True))
    )
    found = judge(tmp_path / "long.csv", parse_detection({"detector": "moving_average", "points": 60}))
    (picture,) = page(found, command="ad-stream detect long.csv").sections[0].pictures
    drawn = [value for value in picture.value if value is not None]
    assert len(drawn) < 45_000 + found.flagged
    assert sum(flag is not None for flag in picture.flags) == found.flagged > 0
    scored = found.detections["value"]
    assert [max(drawn), min(drawn)] == pytest.approx([scored.max(), scored.min()], rel=1e-5)


def test_detect_prints_what_it_understood_and_writes_the_report(tmp_path: Path) -> None:
    out = tmp_path / "mine.html"
    answer = CliRunner().invoke(app, ["detect", str(file(tmp_path)), "--out", str(out)], env={"COLUMNS": "120"})
    assert answer.exit_code == 0, answer.output
    assert "column 'timestamp', ISO 8601; time zone: as written" in answer.output
    assert "5 minutes" in answer.output and "above the expected band" in answer.output
    assert f"ad-stream evaluate {tmp_path / 'pump.csv'}" in answer.output
    assert out.read_text(encoding="utf-8").count("<figure") == 2


def test_detect_answers_programs_as_json(tmp_path: Path) -> None:
    arguments = [
        "detect",
        str(file(tmp_path)),
        "--json",
        "--out",
        str(tmp_path / "r.html"),
        "--set",
        "detection.sensitivity=90",
    ]
    answer = json.loads(CliRunner().invoke(app, arguments).output)
    assert answer["rows"] == 376 and answer["flagged"] >= 1
    assert answer["alarms"][0]["first"] == "2026-03-02 01:00"


def test_what_the_reader_was_told_goes_into_the_next_lines(tmp_path: Path) -> None:
    path = tmp_path / "wide.csv"
    path.write_text("when,a b,c\n" + "".join(f"2026-03-02 06:{n:02},{n},{2 * n}\n" for n in range(40)))
    arguments = [
        "detect",
        str(path),
        "--time",
        "when",
        "--value",
        "a b",
        "--time-zone",
        "Europe/Berlin",
        "--out",
        str(tmp_path / "r"),
    ]
    answer = CliRunner().invoke(app, arguments, env={"COLUMNS": "60"})  # narrower than the line
    assert f"ad-stream demo --data {path} --time when --time-zone Europe/Berlin --value 'a b'" in answer.output


def test_the_windows_are_those_that_the_stream_would_close(tmp_path: Path) -> None:
    (tmp_path / "twice.csv").write_text("ts,value\n" + "".join(f"{1_772_431_200 + 30 * n},{n}\n" for n in range(10)))
    found = judge(tmp_path / "twice.csv", parse_detection({}), read_options=ReadOptions(time="ts"))
    assert found.index.rebased and found.detections["value"].tolist() == list(range(10))
    jitter = [1_772_431_200 + 60 * n + (n * 7) % 20 for n in range(60)]
    (tmp_path / "jitter.csv").write_text("ts,value\n" + "".join(f"{at},{n}\n" for n, at in enumerate(jitter)))
    assert judge(tmp_path / "jitter.csv", parse_detection({})).detections["value"].tolist() == list(range(60))


def detected(file: str, *options: str, folder: Path) -> str:
    """What `ad-stream detect` prints of a case, in one line."""
    page = str(folder / "report.html")
    done = CliRunner().invoke(
        app, ["detect", str(case(file.split("/")[0]) / file.split("/")[1]), "--out", page, *options]
    )
    assert done.exit_code == 0, done.output
    return " ".join(done.output.split())


@pytest.mark.acceptance
def test_the_case_of_devices_without_a_number_names_each_with_a_cell_of_it(tmp_path: Path) -> None:
    said = detected("demo-non-numbers-vanish/mix.csv", folder=tmp_path)
    assert "devices 7" in said and "'20,86'; a decimal comma? --decimal ,)" in said
    assert all(f"{name} - no cell is a number" in said for name in ("comma", "unit", "onoff"))
    assert "monthly 2018-05-01 00:00" in said
    assert "30 readings have the time of an earlier one of their series, the first at 2026-10-25 02:00" in said


@pytest.mark.acceptance
def test_the_case_of_an_option_that_was_named_runs_with_it(tmp_path: Path) -> None:
    said = detected("demo-option-that-is-not/sds011.csv", "--value", "P1", folder=tmp_path)
    assert "140 2026-03-02 10:10" in said
    named = CliRunner().invoke(app, ["demo", "--help"], env={"COLUMNS": "200"}).output
    assert all(option in named for option in ("--time", "--value", "--device", "--signal", "--time-zone"))


def test_what_is_proposed_keeps_how_it_was_judged(tmp_path: Path) -> None:
    path = file(tmp_path)
    command = (
        f"ad-stream detect {path} --device pump --config mine.yaml --set detection.sensitivity=90 --set detector=ar"
    )
    steps = dict(next_steps(judge(path, parse_detection({})), command))
    detects = [line for line in steps.values() if line.startswith("ad-stream detect")]
    assert detects and all("--config mine.yaml" in line and "--set detector=ar" in line for line in detects)
    assert all(line.count("sensitivity") == 1 for line in detects if "sensitivity=90" not in line)
    assert any("sensitivity" in line and "sensitivity=90" not in line for line in detects)
    others = [line for line in steps.values() if "detect" not in line.split()[1]]
    assert all("--set" not in line and "mine.yaml" not in line for line in others)
    assert f"ad-stream evaluate {path} --device pump" in others
