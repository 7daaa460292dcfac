"""A device of a named source over a range: the verdicts of the same readings as a file, each form of answer, each refusal."""

from __future__ import annotations

import base64
import json
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from ad_stream.cli import app
from ad_stream.config import Detection, parse_detection
from ad_stream.detectors.s_h_esd_range import RangeTest
from ad_stream.errors import AdStreamError, ConfigError, InputError
from ad_stream.own_data.judge import judge
from ad_stream.own_data.on_demand import NothingThereError, answer, ask, etag_of, is_ripe
from ad_stream.own_data.question import SourceQuestion
from ad_stream.readers.contract import us_of
from ad_stream.readers.registry import reader_of, settings_of

START = datetime(2026, 11, 1, tzinfo=timezone.utc)
ASKED = {"source": "plant", "device": "pump 7", "from": "2026-11-01", "to": "2026-11-01T06:00Z"}
HOSTILE = "a'; drop table t; --"


def line(minute: int, device: str, value: float, signal: str = "t") -> str:
    return f"{(START + timedelta(minutes=minute)).isoformat()},{device},{signal},{value}"


def lines(device: str) -> list[str]:
    return [line(minute, device, 60.0 if minute == 200 else 20.0 + minute % 5) for minute in range(300)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("plant")
    both = [*lines("pump 7"), *(line(minute, "pump 8", 1.0, signal) for minute in range(5) for signal in "tu")]
    (made / "plant.csv").write_text("\n".join(["time,device,signal,value", *both]))
    (made / "alone.csv").write_text("\n".join(["time,device,signal,value", *lines("pump 7")]))
    sources = {"plant": {"kind": "table_files", "path": str(made / "plant.csv")}}
    config = {"source": {"kind": "files", "path": "in"}, "tables": {"path": "tables"}, "sources": sources}
    (made / "run.yaml").write_text(yaml.safe_dump(config))
    return made


def reader(folder: Path) -> Any:
    return reader_of("plant", {"plant": settings_of({"kind": "table_files", "path": str(folder / "plant.csv")})})


def question(**more: Any) -> SourceQuestion:
    return SourceQuestion.of({**ASKED, **more})


def test_the_verdicts_are_those_of_the_same_readings_in_a_file(folder: Path) -> None:
    found = ask(reader(folder), question(), parse_detection({}))
    alone = judge(folder / "alone.csv", parse_detection({}))
    assert found.alarm_rows() == alone.alarm_rows() != []
    assert found.detections.equals(alone.detections)


def test_the_data_hold_every_reading_with_its_own_time(folder: Path) -> None:
    told = json.loads(answer(ask(reader(folder), question(), parse_detection({})), question()))
    (series,) = told["series"]
    assert (series["signal"], series["time"][0], len(series["value"])) == ("t", "2026-11-01T00:00:00Z", 300)
    assert [series["time"][n] for n, flag in enumerate(series["is_anomaly"]) if flag] == ["2026-11-01T03:20:00Z"]
    assert told["alarms"][0]["first"] == "2026-11-01 03:20" and (told["device"], told["readings"]) == ("pump 7", 300)


def test_pictures_and_page_are_what_they_say(folder: Path) -> None:
    verdicts = ask(reader(folder), question(), parse_detection({}))
    assert answer(verdicts, question(format="png")).startswith(b"\x89PNG")
    assert b"<svg" in answer(verdicts, question(format="svg"))[:2000]
    page = answer(verdicts, question(format="html", sensitivity=90)).decode()
    assert "ad-stream detect --source plant --device &#x27;pump 7&#x27;" in page.replace("&#39;", "&#x27;")
    with pytest.raises(InputError, match="a picture shows one signal, and there are 2: name one as signal: t, u"):
        answer(ask(reader(folder), question(device="pump 8"), parse_detection({})), question(format="png"))


def test_settings_and_options_of_the_detector_are_parameters() -> None:
    detection = question(detector="ar", order=6, sensitivity=90, direction="up").judged_by()
    assert isinstance(detection, Detection)
    assert (detection.detector.name, dict(detection.detector.options)) == ("ar", {"order": 6})
    assert (detection.sensitivity, detection.direction) == (90, "up")


def test_a_range_is_judged_as_a_whole_by_s_h_esd(folder: Path) -> None:
    asked = question(detector="s_h_esd", max_anoms=0.05, period=5, plot=True, title="Pump", ylabel="C", log=True)
    told = json.loads(answer(ask(reader(folder), asked, asked.judged_by()), asked))
    (series,) = told["series"]
    assert [series["time"][n] for n, flag in enumerate(series["is_anomaly"]) if flag] == ["2026-11-01T03:20:00Z"]
    assert base64.b64decode(told["plot"]).startswith(b"\x89PNG")
    assert SourceQuestion.of(asked.as_parameters()) == asked
    page = answer(
        ask(reader(folder), asked, asked.judged_by()), question(format="html", **dict(asked.settings))
    ).decode()
    assert "judged as a whole" in page and "threshold=p95" in page
    assert len(ask(reader(folder), asked, RangeTest(period=5, only_last="hr")).detections) == 60


def test_lettering_stands_in_the_picture(folder: Path) -> None:
    asked = question(format="svg", title="Pump $7$", xlabel="day", ylabel="degrees", log=True)
    drawn = answer(ask(reader(folder), asked, asked.judged_by()), asked).decode()
    assert all(f"<!-- {text} -->" in drawn for text in ("Pump $7$", "day", "degrees")) and "10^" in drawn
    plain = answer(ask(reader(folder), asked, asked.judged_by()), question(format="svg")).decode()
    assert "<!-- pump 7 · t -->" in plain and "10^" not in plain


@pytest.mark.parametrize(
    ("asked", "kind", "sentence"),
    [
        ({"device": None}, InputError, "the parameter device is missing"),
        ({"from": "noon"}, InputError, "'noon' is no time"),
        ({"to": "2026-10-01"}, InputError, "give a `to` that is later"),
        ({"format": "gif"}, InputError, "write one of json, png, svg, html"),
        ({"signal": "x" * 500}, InputError, "the parameter 'signal' is longer than 400 characters"),
        ({"sensitivity": "high"}, ConfigError, "detection.sensitivity"),
        ({"sensitivty": 90}, ConfigError, "sensitivty"),
        ({"log": "yes"}, InputError, "the parameter log is 'yes': write true or false"),
        (
            {"detector": "s_h_esd", "sensitivity": 90},
            ConfigError,
            "judges a range as a whole and has no option 'sensitivity'",
        ),
        ({"detector": "s_h_esd", "alpha": 2}, ConfigError, "alpha of the detector s_h_esd is 2"),
        ({"detector": "defalt"}, ConfigError, "did you mean 'default'"),
    ],
)
def test_a_wrong_parameter_is_one_sentence(asked: dict[str, Any], kind: type[AdStreamError], sentence: str) -> None:
    with pytest.raises(kind, match=sentence) as raised:
        question(**asked).judged_by()
    assert "\n" not in str(raised.value)


def test_what_is_not_there_or_too_much_is_said(folder: Path) -> None:
    for asked in (
        {"device": HOSTILE},
        {"signal": HOSTILE},
        {"to": "2026-11-01T00:00:00.000001Z", "from": "2026-10-01", "device": "x"},
    ):
        with pytest.raises(NothingThereError, match="the source 'plant' holds no reading of device"):
            ask(reader(folder), question(**asked), parse_detection({}))
    with pytest.raises(InputError, match="holds more than 100 readings there: ask for a shorter range"):
        ask(reader(folder), question(), parse_detection({}), most=100)


def test_equal_questions_of_equal_sources_have_equal_tags_once_nothing_is_on_its_way(folder: Path) -> None:
    source = reader(folder).settings
    other = source.model_copy(update={"path": "elsewhere"})
    tags = {etag_of(question(), source), etag_of(question(sensitivity=90), source), etag_of(question(), other)}
    assert len(tags) == 3 and etag_of(question(), source) in tags
    end = us_of(datetime(2026, 11, 1, 6, tzinfo=timezone.utc))
    late = (30 + 600) * 1_000_000
    assert is_ripe(question(), source, end + late) and not is_ripe(question(), source, end + late - 1)


def said(*arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["detect", *arguments])
    return done.exit_code, done.output or str(done.exception)


def test_the_command_judges_a_device_of_a_source_and_draws_it(folder: Path, tmp_path: Path) -> None:
    where = [
        "--source",
        "plant",
        "--device",
        "pump 7",
        "--from",
        "2026-11-01",
        "--to",
        "2026-11-02",
        "-c",
        str(folder / "run.yaml"),
    ]
    out = ["--out", str(tmp_path / "r.html")]
    code, told = said(*where, *out, "--png", str(tmp_path / "p.png"), "--json")
    assert (code, json.loads(told)["alarms"][0]["first"]) == (0, "2026-11-01 03:20")
    assert (tmp_path / "p.png").read_bytes().startswith(b"\x89PNG") and "pump 7" in (tmp_path / "r.html").read_text()
    code, told = said(*where, *out)
    assert code == 0 and "--sensitivity" not in told and "ad-stream detect --source plant --device 'pump 7'" in told
    assert "needs --config" in said("--source", "plant", *out)[1]
    assert "belong to --source NAME" in said("--from", "2026-11-01", *out)[1]
