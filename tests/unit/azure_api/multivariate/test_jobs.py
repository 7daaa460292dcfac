"""Training and detection as a worker does them, in this process: what is found, and what ends as FAILED under which code."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ad_stream.azure_api.multivariate import store, worker
from ad_stream.azure_api.multivariate.faults import ContractError
from ad_stream.azure_api.multivariate.judging import score, severity
from ad_stream.azure_api.multivariate.last import last_rows
from ad_stream.azure_api.multivariate.questions import GENERAL, PREVIEW_1, DetectQuestion, train_question
from ad_stream.azure_api.multivariate.settings import MultivariateSettings
from ad_stream.azure_api.multivariate.store import FAILED, MODELS, READY, RESULTS, JobStore
from ad_stream.detectors.joint import decode, judge_many
from ad_stream.detectors.joint.verdict import THRESHOLD
from tests.support.plant_files import FAULT, ROWS, START, Columns, pump, table_of, times, zipped

WINDOW, SPLIT = 60, 1000
COLUMNS, STAMPS = pump(), times()
Ready = tuple[MultivariateSettings, JobStore, str]


def place(folder: Path) -> MultivariateSettings:
    (folder / "root").mkdir()
    return MultivariateSettings(state=folder / "state", data_root=folder / "root")


def put(settings: MultivariateSettings, name: str, content: str | bytes) -> str:
    assert settings.data_root is not None
    (settings.data_root / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    return name


def train(settings: MultivariateSettings, jobs: JobStore, source: str, **fields: Any) -> store.Record:
    given = {"dataSource": source, "startTime": START, "endTime": STAMPS[SPLIT - 1], "slidingWindow": WINDOW, **fields}
    question = train_question(json.dumps(given).encode(), GENERAL)
    record = jobs.add(MODELS, source, question=question.plain())
    worker.run(MODELS, record["id"], settings)
    return jobs.reload(MODELS, record["id"])


def detect(ready: Ready, source: str, start: int, end: int, top: int = 10) -> tuple[store.Record, list[Any]]:
    settings, jobs, model = ready
    question = DetectQuestion(source=source, start=STAMPS[start], end=STAMPS[end], top=top)
    record = jobs.add(RESULTS, source, question=question.plain(), model=model)
    worker.run(RESULTS, record["id"], settings)
    record = jobs.reload(RESULTS, record["id"])
    path = jobs.path(RESULTS, record["id"])
    return record, json.loads((path / store.rows_file(GENERAL)).read_bytes()) if record["status"] == READY else []


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Ready:
    settings = place(tmp_path_factory.mktemp("jobs"))
    jobs = JobStore(settings.state)
    jobs.open()
    put(settings, "pump.zip", zipped(COLUMNS, STAMPS))
    put(settings, "pump.csv", table_of(COLUMNS, STAMPS))
    return settings, jobs, train(settings, jobs, "pump.zip")["id"]


def code(record: store.Record) -> str:
    assert record["status"] == FAILED
    (error,) = record["errors"]
    assert error["message"]
    return str(error["code"])


def test_a_trained_model_says_what_it_was_trained_on(ready: Ready) -> None:
    _, jobs, name = ready
    record = jobs.reload(MODELS, name)
    assert (record["status"], record["errors"], record["variables"]) == (READY, [], 3)
    state = record["diagnostics"]["modelState"]
    assert state["epochIds"] == list(range(10, 101, 10))
    assert all(0 < loss < 1 for loss in state["trainLosses"] + state["validationLosses"])
    assert {one["effectiveCount"] for one in record["diagnostics"]["variableStates"]} == {SPLIT}
    assert not (jobs.path(MODELS, name) / "source").exists()


def test_a_detection_has_a_row_for_each_time_and_finds_the_fault_with_its_variable(ready: Ready) -> None:
    record, results = detect(ready, "pump.csv", SPLIT, ROWS - 1, top=2)
    assert record["status"] == READY
    assert [one["timestamp"] for one in results] == STAMPS[SPLIT:]
    flagged = [SPLIT + i for i, one in enumerate(results) if one["value"]["isAnomaly"]]
    assert set(FAULT) <= set(flagged) <= set(range(FAULT.start, FAULT.stop + 2))
    first = results[FAULT.start - SPLIT]["value"]
    assert [one["variable"] for one in first["interpretation"]] == ["current", "flow"]
    assert first["interpretation"][0]["correlationChanges"]["changedVariables"][0] in ("flow", "temperature")
    assert first["severity"] > 0.85
    for one in results:
        usual = not one["value"]["isAnomaly"]
        assert usual == (one["value"]["severity"] == 0) == (one["value"]["interpretation"] == [])
        assert 0 <= one["value"]["score"] <= 2
        assert one["errors"] == []


def test_the_rows_are_those_of_the_detector_itself(ready: Ready) -> None:
    _, jobs, name = ready
    model = decode((jobs.path(MODELS, name) / store.MODEL).read_bytes())
    _, results = detect(ready, "pump.zip", SPLIT, ROWS - 1)
    values = np.array([COLUMNS[signal][SPLIT - WINDOW :] for signal in model.signals])
    verdicts, _ = judge_many([model], values[None], [model.state.afresh()])
    judged = slice(WINDOW, None)
    assert [one["value"]["isAnomaly"] for one in results] == list(verdicts.is_anomaly[0, judged])
    assert [one["value"]["score"] for one in results] == [score(nats) for nats in verdicts.score[0, judged].tolist()]
    shares = verdicts.contribution[0][:, WINDOW + FAULT.start - SPLIT]
    told = {
        one["variable"]: one["contributionScore"] for one in results[FAULT.start - SPLIT]["value"]["interpretation"]
    }
    assert told == {signal: round(share, 6) for signal, share in zip(model.signals, shares.tolist(), strict=True)}
    assert math.isclose(sum(told.values()), 1.0, abs_tol=1e-5)


def test_an_answer_that_would_be_too_long_has_failed(ready: Ready) -> None:
    settings, jobs, model = ready
    record, _ = detect((replace(settings, answer_bytes=10_000), jobs, model), "pump.zip", SPLIT, ROWS - 1)
    assert code(record) == "DataExceedsLimit"
    assert "ask for fewer rows or contributors" in record["errors"][0]["message"]


def test_one_point_is_judged_from_the_sliding_window_before_it(ready: Ready) -> None:
    _, whole = detect(ready, "pump.zip", SPLIT, ROWS - 1)
    _, alone = detect(ready, "pump.zip", FAULT.start, FAULT.start)
    assert [one["timestamp"] for one in alone] == [STAMPS[FAULT.start]]
    assert alone[0]["value"]["isAnomaly"] is whole[FAULT.start - SPLIT]["value"]["isAnomaly"] is True


def test_rows_before_the_sliding_window_is_full_say_so_and_still_have_a_value(ready: Ready) -> None:
    settings, _, _ = ready
    late = put(settings, "late.zip", zipped({k: v[SPLIT:] for k, v in COLUMNS.items()}, STAMPS[SPLIT:]))
    record, results = detect(ready, late, 0, ROWS - 1)
    assert (record["status"], len(results)) == (READY, ROWS - SPLIT)
    early = [one for one in results if one["errors"]]
    assert [one["timestamp"] for one in early] == STAMPS[SPLIT : SPLIT + WINDOW - 1]
    assert {error["code"] for one in early for error in one["errors"]} == {"InsufficientHistoricalData"}
    assert all(one["value"] == {"isAnomaly": False, "severity": 0, "score": 0, "interpretation": []} for one in early)


def without(name: str) -> Columns:
    return {key: column for key, column in COLUMNS.items() if key != name}


@pytest.mark.parametrize(
    ("columns", "expected", "named"),
    [
        (without("flow"), "FileNotExist", "File flow.csv does not exist"),
        ({**COLUMNS, "noise": COLUMNS["flow"]}, "RedundantFile", "File noise.csv is redundant"),
    ],
)
def test_a_detection_needs_the_variables_of_the_model(
    ready: Ready, columns: Columns, expected: str, named: str
) -> None:
    record, _ = detect(ready, put(ready[0], "other.zip", zipped(columns, STAMPS)), SPLIT, ROWS - 1)
    assert code(record) == expected
    assert named in record["errors"][0]["message"]


def test_too_few_and_too_many_and_no_rows_fail(ready: Ready, monkeypatch: pytest.MonkeyPatch) -> None:
    settings, *_ = ready
    short = put(settings, "short.zip", zipped({k: v[: WINDOW - 1] for k, v in COLUMNS.items()}, STAMPS[: WINDOW - 1]))
    record, _ = detect(ready, short, 0, ROWS - 1)
    assert code(record) == "NotEnoughInput"
    assert f"The length of data is {WINDOW - 1}, but" in record["errors"][0]["message"]
    assert code(detect(ready, short, WINDOW + 5, ROWS - 1)[0]) == "NoData"
    long = put(
        settings,
        "long.csv",
        "timestamp,current,flow,temperature\n" + "".join(f"{t},1,1,1\n" for t in times(20_002, "2026-10-01")),
    )
    question = DetectQuestion(source=long, start="2026-10-01T00:00:00Z", end="2027-10-01T00:00:00Z", top=1)
    job = ready[1].add(RESULTS, long, question=question.plain(), model=ready[2])
    worker.run(RESULTS, job["id"], settings)
    assert code(ready[1].reload(RESULTS, job["id"])) == "DataExceedsLimit"


@pytest.mark.parametrize(
    ("columns", "fields", "expected"),
    [
        (COLUMNS, {"endTime": STAMPS[WINDOW - 2]}, "NotEnoughInput"),
        (COLUMNS, {"endTime": STAMPS[150]}, "NotEnoughInput"),
        (COLUMNS, {"startTime": "2020-01-01T00:00:00Z", "endTime": "2020-02-01T00:00:00Z"}, "NoData"),
        ({"a": [1.0] * ROWS, "b": [2.0] * ROWS}, {}, "NoData"),
        ({"a": [math.nan] * ROWS}, {}, "NoData"),
    ],
)
def test_a_stretch_that_cannot_be_learned_from_fails(
    ready: Ready, columns: Columns, fields: dict[str, Any], expected: str
) -> None:
    settings, jobs, _ = ready
    assert code(train(settings, jobs, put(settings, "bad.zip", zipped(columns, STAMPS)), **fields)) == expected


def test_odd_columns_are_learned_from_with_what_is_there(ready: Ready) -> None:
    """A dead one, an empty one, a huge one, two alike."""
    settings, jobs, _ = ready
    odd = {**COLUMNS, "dead": [3.0] * ROWS, "empty": [math.nan] * ROWS, "twin": COLUMNS["flow"],
           "huge": [v * 1e300 for v in COLUMNS["flow"]]}  # fmt: skip
    record = train(settings, jobs, put(settings, "odd.zip", zipped(odd, STAMPS)))
    assert (record["status"], record["variables"]) == (READY, 7)
    detected, results = detect((settings, jobs, record["id"]), "odd.zip", SPLIT, ROWS - 1)
    assert detected["status"] == READY
    assert results[FAULT.start - SPLIT]["value"]["isAnomaly"]


def test_microsofts_kind_of_noise_has_no_flag(ready: Ready) -> None:
    settings, jobs, _ = ready
    noise = np.random.default_rng(3).normal(size=(5, ROWS))
    source = put(settings, "noise.zip", zipped({f"series_{i}": list(row) for i, row in enumerate(noise)}, STAMPS))
    model = train(settings, jobs, source)
    _, results = detect((settings, jobs, model["id"]), source, SPLIT, ROWS - 1)
    assert sum(one["value"]["isAnomaly"] for one in results) == 0


def test_a_source_that_went_away_fails_the_job(ready: Ready) -> None:
    settings, jobs, _ = ready
    assert code(train(settings, jobs, "gone.zip")) == "FileNotExist"


def last(ready: Ready, rows: slice, version: str = GENERAL, **fields: Any) -> dict[str, Any]:
    named = "variable" if version == GENERAL else "name"
    variables = [{named: k, "timestamps": STAMPS[rows], "values": v[rows]} for k, v in COLUMNS.items()]
    body = json.dumps({"variables": variables, **fields}).encode()
    return last_rows(body, model=str(ready[1].path(MODELS, ready[2])), version=version)


def test_the_last_row_is_the_one_of_a_detection(ready: Ready) -> None:
    _, batch = detect(ready, "pump.zip", FAULT.start, FAULT.start)
    found = last(ready, slice(FAULT.start - WINDOW, FAULT.start + 1), topContributorCount=10)
    assert found["results"] == batch
    assert [one["effectiveCount"] for one in found["variableStates"]] == [WINDOW + 1] * 3


def test_the_preview_judges_as_many_last_rows_as_are_asked_for(ready: Ready) -> None:
    found = last(ready, slice(FAULT.start - WINDOW, FAULT.start + 3), PREVIEW_1, detectingPoints=5)
    assert [one["value"]["isAnomaly"] for one in found["results"]] == [False, False, True, True, True]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda v: v[:2], "FileNotExist"),
        (lambda v: [*v, {**v[0], "variable": "noise"}], "RedundantFile"),
        (lambda v: [*v, v[0]], "DuplicatedVariables"),
        (lambda v: [{**one, "timestamps": one["timestamps"][:-5], "values": one["values"][:-5]} for one in v], "NotEnoughInput"),
        (lambda v: [{**v[0], "values": ["high"] * WINDOW}, *v[1:]], "VariableParseError"),
        (lambda v: [{**v[0], "values": [10**400] * WINDOW}, *v[1:]], "VariableParseError"),
        (lambda v: [{**v[0], "timestamps": ["soon"] * WINDOW}, *v[1:]], "InvalidTimestampFormat"),
        (lambda v: [{**one, "values": [None] * WINDOW} for one in v], "NoData"),
    ],
)  # fmt: skip
def test_last_rows_that_do_not_fit_the_model_are_refused(ready: Ready, change: Any, expected: str) -> None:
    rows = [{"variable": k, "timestamps": STAMPS[:WINDOW], "values": v[:WINDOW]} for k, v in COLUMNS.items()]
    body = json.dumps({"variables": change(rows)}).encode()
    with pytest.raises(ContractError) as caught:
        last_rows(body, model=str(ready[1].path(MODELS, ready[2])), version=GENERAL)
    assert caught.value.code == expected


def test_severity_and_score_rise_with_the_nats_and_old_notebooks_filter_works() -> None:
    nats = np.linspace(THRESHOLD, 12 * THRESHOLD, 50).tolist()
    assert severity(THRESHOLD) == 0.5
    assert severity(1.37 * THRESHOLD) > 0.85 > severity(1.35 * THRESHOLD)
    assert sorted(map(severity, nats)) == list(map(severity, nats))
    assert sorted(map(score, nats)) == list(map(score, nats))
    assert 0 == score(-3.0) <= score(0.0) <= score(1e9) <= 2
