"""What-if over tables that are written here without Spark: what it finds, what it prints, and that it changes nothing."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from deltalake import write_deltalake
from typer.testing import CliRunner

from ad_stream.cli import app
from ad_stream.config import parse_detection
from ad_stream.errors import InputError
from ad_stream.evaluation.labels import LabelledEvent, found, read_labels
from ad_stream.grid import Grid
from ad_stream.incidents.alarms import Alarm, alarms_of
from ad_stream.model import REFRACTORY
from ad_stream.scoring.verdicts import Scorer
from ad_stream.series_config import table
from ad_stream.whatif import whatif
from ad_stream.whatif.page import facts
from ad_stream.whatif.rescore import rescore
from ad_stream.whatif.unmatched import only_in

ROOT = Path(__file__).resolve().parents[3]
T0 = datetime(2026, 11, 1, tzinfo=timezone.utc)
BASE = parse_detection({"points": 60})
LENGTH = 240
SPIKES = {("a", 120): 60.0, ("a", 126): 150.0, ("a", 200): 7.0, ("b", 130): -60.0, ("c", 150): 5.0}
"""(device, minute) -> what is added; the small ones are seen by a sensitive detector only."""


def at(minute: int) -> datetime:
    return T0 + timedelta(minutes=minute)


def written(folder: Path) -> Path:
    """Minutes, and the verdicts on them as the stream would have written them."""
    rng = np.random.default_rng(3)
    rows = [
        {"device_id": device, "signal": "t", "minute": at(k), "value": 20 + rng.normal() + SPIKES.get((device, k), 0.0)}
        for device in "abc"
        for k in range(LENGTH)
    ]
    put(folder, "minutes", pd.DataFrame(rows))
    verdicts = rescore(folder, Scorer.of(BASE), start=T0, end=at(LENGTH))
    put(folder, "detections", verdicts.assign(config_version="0123456789ab"))
    return folder


def put(folder: Path, name: str, frame: pd.DataFrame) -> None:
    typed = frame.assign(minute=frame["minute"].astype("datetime64[us, UTC]"), revision=np.int32(0))
    write_deltalake(str(folder / name), typed.reset_index(drop=True), mode="append")


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(tmp_path_factory.mktemp("whatif"))


def ask(tables: Path, *, start: int = 60, **settings: Any) -> Any:
    wanted = parse_detection({**BASE.model_dump(), **settings})
    return whatif(tables, wanted, start=at(start), end=at(LENGTH))


def test_the_settings_of_the_stream_change_nothing(tables: Path) -> None:
    same = ask(tables)
    assert (same.series, same.minutes) == (3, 3 * (LENGTH - 60))
    assert same.gained == same.lost == []
    assert same.flagged_before == same.flagged_after > 0
    # a: two spikes six minutes apart, and a small one more than an hour after their end; b: one.
    assert same.incidents == (3, 3) and ("incidents", "3") in [row[:2] for row in facts(same)]


def test_incidents_are_counted_under_both_settings(tables: Path) -> None:
    assert ask(tables, direction="up").incidents == (3, 2)
    assert ask(tables, min_deviation=1000).incidents == (3, 0)


@pytest.mark.slow
def test_an_alarm_of_the_slow_verdict_counts_and_is_lost_where_the_setting_says_off(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    drift = 20 + rng.normal(size=600) + 9 * np.clip((np.arange(600) - 400) / 90, 0, 1)
    rows = [{"device_id": "a", "signal": "t", "minute": at(k), "value": drift[k]} for k in range(600)]
    put(tmp_path, "minutes", pd.DataFrame(rows))
    settings = parse_detection({})
    verdicts = rescore(tmp_path, Scorer.of(settings), start=T0, end=at(600))
    put(tmp_path, "detections", verdicts.assign(config_version="0123456789ab"))
    same = whatif(tmp_path, settings, start=at(300), end=at(600))
    assert same.gained == same.lost == [] and "drift" in {one.reason for one in same.after}
    off = whatif(tmp_path, parse_detection({"slow": False}), start=at(300), end=at(600))
    assert {one.reason for one in off.lost} == {"drift"} and off.gained == []
    begun = verdicts.loc[verdicts["slow_reason"] == "drift", "slow_onset"]
    assert begun.between(at(380), at(470)).all() and len(begun) > 5


def test_tables_of_an_earlier_version_have_no_flags_of_the_slow_verdict(tmp_path: Path) -> None:
    rng = np.random.default_rng(6)
    rows = [
        {"device_id": "a", "signal": "t", "minute": at(k), "value": rng.normal() + 50 * (k == 90)} for k in range(120)
    ]
    put(tmp_path, "minutes", pd.DataFrame(rows))
    verdicts = rescore(tmp_path, Scorer.of(BASE), start=T0, end=at(120))
    earlier = verdicts.drop(columns=[name for name in verdicts if str(name).startswith("slow_") or name == "model"])
    put(tmp_path, "detections", earlier.assign(config_version="0123456789ab"))
    same = whatif(tmp_path, BASE, start=at(60), end=at(120))
    assert same.gained == same.lost == [] and len(same.before) == 1


def test_less_sensitivity_loses_alarms_and_one_direction_keeps_its_side(tables: Path) -> None:
    deaf = ask(tables, sensitivity=0)
    assert deaf.gained == [] and len(deaf.lost) == len(deaf.before) - len(deaf.after)
    down = ask(tables, direction="down")
    assert {(one.device_id, one.first) for one in down.after} >= {("b", at(130))}
    assert ("lost", "a", at(120)) in {(kind, one.device_id, one.first) for kind, one in down.largest()}
    assert {device: lost for device, _, lost in down.devices()}["a"] >= 1


@pytest.mark.slow
def test_a_wish_for_some_devices_looks_at_those_only_and_stands_over_series_config(tmp_path: Path) -> None:
    folder = written(tmp_path)
    proposed = {"device": "a", "signal": "*", "min_deviation": 20.0}
    one = whatif(folder, BASE, start=at(60), end=at(LENGTH), proposed=proposed)
    assert one.series == 1 and {alarm.device_id for alarm in one.before} == {"a"}
    assert at(120) in {alarm.first for alarm in one.after} and len(one.lost) == len(one.before) - 1
    table.append(folder, {"device": "b", "mute_from": T0, "owner": "ana"}, now=T0)
    now = whatif(folder, BASE, start=at(60), end=at(LENGTH))
    assert now.gained == [] and {alarm.device_id for alarm in now.lost} == {"b"}
    unmuted = whatif(
        folder, BASE, start=at(60), end=at(LENGTH), proposed={"device": "[b]", "signal": "*", "inherit": ["mute"]}
    )
    assert unmuted.gained == unmuted.lost == [] and unmuted.series == 1


@pytest.mark.slow
def test_what_the_fallback_flagged_stands_where_nothing_here_can_judge(tmp_path: Path) -> None:
    folder = written(tmp_path)
    row = {"device_id": "new", "signal": "t", "minute": at(100), "value": 1.0}
    put(folder, "minutes", pd.DataFrame([row]))
    flags = {"is_anomaly": True, "severity": 0.5, "reason": "above", "detector": "azure_api", "status": "scored"}
    local = rescore(folder, Scorer.of(BASE), start=at(100), end=at(101)).query("device_id == 'new'")
    assert list(local["status"]) == ["warming_up"]
    put(folder, "detections", local.assign(**flags, config_version="0123456789ab"))
    same = ask(folder)
    assert same.gained == same.lost == [] and "new" in {one.device_id for one in same.after}


def test_a_part_of_the_time_is_judged_as_it_was_within_the_whole(tables: Path) -> None:
    whole, part = (rescore(tables, Scorer.of(BASE), start=at(first), end=at(LENGTH)) for first in (0, 123))
    wanted = whole[whole["minute"] >= at(123)].reset_index(drop=True)
    pd.testing.assert_frame_equal(part.reset_index(drop=True), wanted, check_exact=False, rtol=1e-9)
    assert part["continuing"].any()


def test_a_time_without_minutes_or_turned_round_is_refused(tables: Path) -> None:
    with pytest.raises(InputError, match="no windows are stored from 2026-11-01 05:00 to .*: see 'ad-stream status'"):
        whatif(tables, BASE, start=at(300), end=at(400))
    with pytest.raises(InputError, match="is not before --to .*: swap them"):
        whatif(tables, BASE, start=at(10), end=at(10))


def test_a_device_that_is_not_there_is_said_to_be_not_there(tables: Path) -> None:
    with pytest.raises(InputError, match=r"no windows of pump-99 \* are stored from 2026-11-01 01:00 to .*"):
        whatif(tables, BASE, start=at(60), end=at(LENGTH), proposed={"device": "pump-99", "signal": "*"})


def alarm(device: str, first: int, last: int) -> Alarm:
    return Alarm(device, "t", at(first), at(last), last - first + 1, 0.5, "above", 6.0)


def test_the_sums_add_up_where_two_alarms_become_one(tables: Path) -> None:
    before, after = [alarm("a", 0, 5), alarm("a", 20, 25), alarm("b", 0, 1)], [alarm("a", 0, 25), alarm("c", 3, 4)]
    near = timedelta(minutes=5)
    sides: dict[str, Any] = {"gained": only_in(after, before, near), "lost": only_in(before, after, near)}
    joined = replace(ask(tables), before=before, after=after, **sides)
    told = {label: (value, detail) for label, value, detail in facts(joined)}
    assert told["alarms on both sides"] == ("1", "were 2: several of one side are one of the other")
    assert told["alarms gained"] == ("1", "with the 1 of both sides the 2")
    assert told["alarms lost"] == ("1", "with the 2 of both sides the 3 that were")
    assert joined.as_dict()["kept"] == {"before": 2, "after": 1}


def test_alarms_end_after_the_refractory_time_and_match_what_comes_as_near() -> None:
    minutes = [1, 2, 12, 23, 40]
    rows = pd.DataFrame({"device_id": "a", "signal": "t", "minute": [at(k) for k in minutes]})
    rows = rows.assign(severity=[0.1, 0.9, 0.2, 0.3, np.nan], reason=list("vwxyz"), score=5.0)
    rows = pd.concat([rows, rows.assign(device_id="b")]).sample(frac=1, random_state=1)
    found = [
        (one.device_id, one.first, one.last, one.flagged, one.severity, one.reason)
        for one in alarms_of(rows, REFRACTORY)
    ]
    of_a = [(at(1), at(12), 3, 0.9, "w"), (at(23), at(23), 1, 0.3, "y"), (at(40), at(40), 1, 0.0, "z")]
    assert found == [(device, *one) for device in "ab" for one in of_a]
    here, there = [alarm("a", 10, 12), alarm("a", 60, 60), alarm("b", 10, 12)], [alarm("a", 22, 25), alarm("b", 23, 23)]
    assert only_in(here, there, REFRACTORY) == [here[1], here[2]]


LABELS = {
    "events.csv": "device,signal,start,end\na,t,2026-11-01T02:00Z,2026-11-01T02:05Z\nb,,2026-11-01T02:12Z,2026-11-01T02:30Z\n",
    "minutes.csv": "device,timestamp,label\na,2026-11-01T02:00Z,1\na,2026-11-01T02:01Z,true\na,2026-11-01T02:02Z,0\n"
    "b,2026-11-01 02:12,1\n",
}


@pytest.mark.parametrize("name", LABELS)
def test_labels_are_read_as_events_or_as_minutes(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(LABELS[name])
    events = read_labels(tmp_path / name, start=T0, end=at(LENGTH))
    assert [(one.device_id, one.first) for one in events] == [("a", at(120)), ("b", at(132))]
    flagged = pd.DataFrame({"device_id": ["a", "b", "b"], "signal": "t", "minute": [at(120), at(131), at(140)]})
    assert found(events, flagged) == [True, False]
    assert found(events, flagged.assign(minute=[at(128), at(131), at(132)])) == [False, True]
    assert found([LabelledEvent("a", "other", at(120), at(120))], flagged) == [False]
    with pytest.raises(InputError, match="no event of .* begins from"):
        read_labels(tmp_path / name, start=at(200), end=at(LENGTH))


def test_the_truth_of_a_simulation_is_a_file_of_labels(tmp_path: Path) -> None:
    from ad_stream.simulate import simulate

    truth = simulate(tmp_path, devices=4, minutes=600, seed=1, start=T0)
    events = read_labels(tmp_path / "_truth.json", start=T0, end=at(600))
    assert len(events) == len(truth.faults) > 0
    assert {event.signal for event in events} <= {*truth.signals, None}


@pytest.mark.slow
def test_the_command_prints_gains_and_losses_and_writes_one_page_and_no_table(tables: Path, tmp_path: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in sorted(tables.rglob("*"))}
    (tmp_path / "labels.csv").write_text(LABELS["events.csv"].replace("02:12Z", "02:10Z"))
    page = tmp_path / "page.html"
    arguments = ["whatif", "--tables", str(tables), "--from", "2026-11-01T01:00Z", "--to", "2026-11-01T04:00Z"]
    arguments += ["--set", "points=60", "--set", "detection.direction=up", "--labels", str(tmp_path / "labels.csv")]
    answer = CliRunner().invoke(app, [*arguments, "--html", str(page), "--json"], catch_exceptions=False)
    told = json.loads(answer.stdout)
    assert told["labelled"]["found_before"] == 2 and told["labelled"]["found_after"] == 1
    assert [one["device_id"] for one in told["labelled"]["lost"]] == ["b"]
    lost = {(one["device_id"], one["first"]) for one in told["lost"]}
    assert ("b", "2026-11-01T02:10:00Z") in lost and told["gained"] == []
    drawn = json.loads(re.search(r'<script[^>]*type="application/json"[^>]*>(.*?)</script>', page.read_text(), re.S)[1])  # type: ignore[index]
    titles = [one["title"] for one in drawn]
    assert titles[:2] == [
        f"1. {titles[0].split(' ')[1]} · t: as it is",
        titles[0].replace("as it is", "as it would be"),
    ]
    flags = [sum(flag is not None for flag in one["flags"]) for one in drawn if ". b " in one["title"]]
    assert flags[0] >= 1 and flags[1] < flags[0]
    printed = CliRunner().invoke(app, arguments, catch_exceptions=False).stdout
    assert "alarms lost" in printed and "labelled events found" in printed and "1 of 2" in printed
    assert {path: path.stat().st_mtime_ns for path in sorted(tables.rglob("*"))} == before


@pytest.mark.slow
def test_it_needs_no_spark_and_says_where_tables_have_to_be(tables: Path) -> None:
    code = "import sys; sys.modules['pyspark'] = None; from ad_stream.cli import main; main()"
    common = [
        sys.executable,
        "-c",
        code,
        "whatif",
        "--from",
        "2026-11-01T01:00Z",
        "--to",
        "2026-11-01T04:00Z",
        "--json",
    ]
    here = subprocess.run([*common, "--tables", str(tables)], capture_output=True, text=True, check=True, cwd=ROOT)
    assert json.loads(here.stdout)["series"] == 3
    there = subprocess.run([*common, "--config", "conf/databricks.yaml"], capture_output=True, text=True, cwd=ROOT)
    assert (there.returncode, there.stderr.count("\n")) == (2, 1)
    assert "copy minutes, detections and series_config of that time into a folder" in there.stderr


def test_labelled_events_are_found_by_the_windows_that_they_lie_in(tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    path.write_text(
        "device,start,end\na,2026-11-01T10:20Z,2026-11-01T10:40Z\na,2026-11-01T13:00:30Z,2026-11-01T15:00Z\n"
    )
    hours, tens = Grid(3600), Grid(10)
    flagged = pd.DataFrame(
        {"device_id": "a", "signal": "t", "minute": pd.to_datetime(["2026-11-01T10:00Z", "2026-11-01T15:00Z"])}
    )
    by_hour = read_labels(path, start=T0, end=T0 + timedelta(days=1), grid=hours)
    assert [(one.first.hour, one.last.hour) for one in by_hour] == [(10, 10), (13, 15)]
    assert found(by_hour, flagged, hours) == [True, True]
    by_tens = read_labels(path, start=T0, end=T0 + timedelta(days=1), grid=tens)
    early = flagged.assign(minute=pd.to_datetime(["2026-11-01T10:20:10Z", "2026-11-01T13:00:20Z"]))
    assert found(by_tens, early, tens) == [True, False]
