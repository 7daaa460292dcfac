"""Configuration: every refusal is one sentence with the key, the value and the way out."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from ad_stream.config import Config, load, parse
from ad_stream.durations import parse_duration
from ad_stream.errors import ConfigError

CONF = Path(__file__).resolve().parents[3] / "conf"
KEY_IN_URL = "https://api.powerbi.com/beta/t/datasets/d/rows?key=AbCdEfGh123456"


def content(**sections: Any) -> dict[str, Any]:
    return {"source": {"kind": "files", "path": "in"}, "tables": {"path": "out"}, **sections}


def refusal(**sections: Any) -> str:
    with pytest.raises(ConfigError) as caught:
        parse(content(**sections))
    assert caught.value.__cause__ is None and caught.value.__suppress_context__
    return str(caught.value)


@pytest.mark.parametrize("path", sorted(CONF.glob("*.yaml")), ids=lambda path: path.name)
def test_every_shipped_configuration_is_accepted(path: Path) -> None:
    assert isinstance(load(path), Config)


def test_the_smallest_configuration_has_the_documented_defaults() -> None:
    config = parse(content())
    assert (config.telemetry.signals, config.telemetry.event_time) == ("auto", "enqueued")
    assert (config.minutes.aggregate, config.minutes.watermark) == ("max", timedelta(minutes=2))
    assert (config.detection.points, config.detection.sensitivity) == (None, 95)
    assert config.trigger == timedelta(minutes=1)


@pytest.mark.parametrize(
    ("sections", "sentence"),
    [
        ({"detektion": {}}, "unknown setting 'detektion': did you mean 'detection'?"),
        ({"minutes": {"watermrk": 1}}, "unknown setting 'minutes.watermrk': did you mean 'watermark'?"),
        ({"source": {"kind": "files", "pth": "in"}}, "the setting 'source.path' is missing"),
        ({"source": {"kind": "files", "path": "in", "pathh": 1}}, "unknown setting 'source.pathh': did you mean 'path'?"),
        ({"telemetry": {"zzz": 1}}, "unknown setting 'telemetry.zzz': choose from:"),
        ({"source": {"kind": "file", "path": "in"}}, "the setting 'source.kind' is 'file': did you mean 'files'?"),
        ({"source": {"path": "in"}}, "the setting 'source.kind' is missing: write one of files, kafka, event_hubs, table"),
        ({"source": {"kind": "postgresql"}}, "the setting 'source.kind' is 'postgresql': choose from: files, kafka, event_hubs, table"),
        ({"source": {"kind": ["files"]}}, "the setting 'source.kind' is"),
        ({"source": {"kind": "table", "path": "a", "topic": "b"}}, "unknown setting 'source.topic': choose from: device, enqueued"),
        ({"source": {"kind": "table"}}, "give either path, or table (catalog.schema.table)"),
        ({"source": {"kind": "table", "path": "a", "values": ["x"], "value": "y"}}, "give either signal and value"),
        ({"source": {"kind": "table", "path": "a", "values": {}}}, "the setting 'source.values': Dictionary should have at least 1 item"),
        ({"source": {"kind": "table", "path": "a", "values": ["x", "x"]}}, "the setting 'source.values' is ['x', 'x']"),
        ({"detection": {"points": 5}}, "the setting 'detection.points' is 5: Input should be greater than or equal to 12"),
        ({"detection": {"points": "many"}}, "the setting 'detection.points' is 'many': Input should be a valid integer"),
        ({"detection": {"sensitivity": 100}}, "the setting 'detection.sensitivity' is 100: Input should be less than"),
        ({"detection": {"min_deviation": float("nan")}}, "the setting 'detection.min_deviation' is nan"),
        ({"detection": {"direction": "left"}}, "the setting 'detection.direction' is 'left': Input should be 'both', 'up' or"),
        ({"minutes": {"aggregate": "median"}}, "the setting 'minutes.aggregate' is 'median': Input should be 'max', 'min'"),
        ({"minutes": {"watermark": "90 seconds"}}, "watermark is 90 seconds: give whole minutes"),
        ({"minutes": {"watermark": "soon"}}, "the setting 'minutes.watermark' is 'soon': write a duration such as"),
        ({"minutes": {"watermark": -60}}, "the setting 'minutes.watermark' is -60: write a duration from 0"),
        ({"minutes": {"watermark": float("inf")}}, "the setting 'minutes.watermark' is inf: write a duration from 0"),
        ({"minutes": 5}, "the setting 'minutes' is 5: write its settings indented below it"),
        ({"trigger": "5 bananas"}, "the setting 'trigger' is '5 bananas': write available_now, or an interval"),
        ({"trigger": -1}, "the setting 'trigger' is -1: write available_now, or an interval"),
        ({"telemetry": {"signals": []}}, "the setting 'telemetry.signals' is []: write auto, or a list of different names"),
        ({"telemetry": {"signals": "temperature"}}, "the setting 'telemetry.signals' is 'temperature': write auto, or a list"),
        ({"telemetry": {"signals": ["a", "a"]}}, "the setting 'telemetry.signals' is ['a', 'a']: write auto, or a list"),
        ({"telemetry": {"device_id": []}}, "the setting 'telemetry.device_id' is []: List should have at least 1 item"),
        ({"tables": {}}, "give either path, or both catalog and schema"),
        ({"tables": {"path": "a", "catalog": "b", "schema": "c"}}, "give either path, or both catalog and schema"),
        ({"push": [{"url": "x"}]}, "the setting 'push.0.kind' is missing"),
        ({"spark": {"spark.x": [1]}}, "the setting 'spark.spark.x' is [1]"),
        ({"source": {"kind": "files", "path": "in", "start": "latest"}}, "the setting 'source.start' is 'latest': files have no"),
        ({"source": {"kind": "files", "path": "in", "start": "monday"}}, "the setting 'source.start' is 'monday': write earliest"),
    ],
)  # fmt: skip
def test_a_wrong_setting_is_refused_in_one_sentence_with_the_way_out(sections: dict[str, Any], sentence: str) -> None:
    said = refusal(**sections)
    assert sentence in said
    assert "\n" not in said and len(said) < 400


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("2 minutes", 120),
        ("90s", 90),
        ("1 hour", 3600),
        ("1.5 hours", 5400),
        ("3 mins", 180),
        (7, 7),
        (0.5, 0.5),
        ("2 d", 172_800),
    ],
)
def test_durations_are_read_in_all_documented_forms(text: object, seconds: float) -> None:
    assert parse_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "text", ["500 ms", "5", "minutes", "", "1 fortnight", True, None, [1], "99999999999999 days", -1, float("nan")]
)
def test_what_is_no_duration_is_never_taken_for_one(text: object) -> None:
    with pytest.raises(ValueError, match="write a duration"):
        parse_duration(text)


@pytest.mark.parametrize(
    "sections",
    [
        {"push": [KEY_IN_URL]},
        {"push": KEY_IN_URL},
        {"push": [{"kind": "power_bi", "url": [KEY_IN_URL]}]},
        {"push": [{"kind": "power_bi", "url": KEY_IN_URL + "${env:X}"}]},
        {"push": [{"kind": "power_bi", "url": KEY_IN_URL, "rows": "some"}]},
        {"source": "Endpoint=sb://h/;SharedAccessKeyName=n;SharedAccessKey=AbCdEfGh123456"},
        {"source": {"kind": "event_hubs", "connection_string": ["SharedAccessKey=AbCdEfGh123456"]}},
        {"fallback": {"key": ["AbCdEfGh123456"]}},
    ],
)
def test_a_refusal_never_shows_a_secret(sections: dict[str, Any]) -> None:
    assert "AbCdEfGh123456" not in refusal(**sections)


def test_an_accepted_secret_is_masked_in_every_picture_of_the_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AD_TEST_URL", KEY_IN_URL)
    config = parse(
        content(push=[{"kind": "power_bi", "url": KEY_IN_URL}, {"kind": "power_bi", "url": "${env:AD_TEST_URL}"}])
    )
    for picture in (repr(config), str(config), config.model_dump_json(), str(config.model_dump())):
        assert "AbCdEfGh123456" not in picture
        assert "${env:AD_TEST_URL}" in picture
    url = config.push[1].url
    assert url is not None and url.reveal() == KEY_IN_URL


def test_a_file_that_is_missing_broken_or_empty_is_refused_in_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(
        ConfigError, match=r"nowhere.yaml' cannot be read \(No such file or directory\): name an existing"
    ):
        load(tmp_path / "nowhere.yaml")
    broken = tmp_path / "broken.yaml"
    broken.write_text("source: {kind: files\ntables: [")
    with pytest.raises(ConfigError, match="is no valid YAML in line 2"):
        load(broken)
    empty = tmp_path / "empty.yaml"
    empty.write_text("# nothing\n")
    with pytest.raises(ConfigError, match="holds no settings: start from conf/local.yaml"):
        load(empty)


def test_overrides_win_key_by_key_over_the_file(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text("source: {kind: files, path: in}\ntables: {path: out}\ndetection: {points: 60, sensitivity: 80}\n")
    config = load(path, {"detection": {"sensitivity": 90}})
    assert (config.detection.points, config.detection.sensitivity) == (60, 90)


def test_relative_paths_stay_relative_to_the_working_directory() -> None:
    assert parse(content()).tables.path == "out"


def test_the_version_changes_with_what_a_verdict_rests_on_and_with_nothing_else() -> None:
    base = parse(content()).version()
    assert len(base) == 12
    assert parse(content(detection={"sensitivity": 90})).version() != base
    assert parse(content(minutes={"watermark": "3 minutes"})).version() != base
    same = content(checkpoint="elsewhere", trigger="available_now", push=[{"kind": "power_bi", "url": "x"}])
    assert parse(same | {"fallback": {"key": "secret-key"}}).version() == base


def test_a_configuration_cannot_be_changed_after_it_was_checked() -> None:
    with pytest.raises(ValueError, match="frozen"):
        parse(content()).detection.points = 30  # type: ignore[misc]


def test_a_scope_takes_the_place_of_the_one_that_each_reference_names(tmp_path: Path) -> None:
    file = tmp_path / "c.yaml"
    file.write_text(
        "source: {kind: kafka, connection_string: '{{secrets/old/hub}}'}\ntables: {catalog: a, schema: b}\n"
        "push: [{kind: webhook, url: '{{secrets/old/teams}}', format: teams}]\n"
    )
    loaded = load(file, {"checkpoint": "/Volumes/a/b/c"}, scope="new")
    assert re.findall(r"secrets/[\w/]+", repr(loaded.model_dump(mode="json"))) == [
        "secrets/new/hub",
        "secrets/new/teams",
    ]
    assert "secrets/old/hub" in repr(load(file).model_dump(mode="json"))
