"""Requests field by field: what is taken, and under which code what is not."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ad_stream.azure_api.multivariate.faults import ContractError
from ad_stream.azure_api.multivariate.questions import (
    GENERAL,
    PREVIEW,
    PREVIEW_1,
    AlignPolicy,
    TrainQuestion,
    detect_question,
    iso,
    last_question,
    moment,
    train_question,
)

STRETCH = {"dataSource": "x.zip", "startTime": "2021-01-01T00:00:00Z", "endTime": "2021-01-02T12:00:00Z"}


def body(**fields: Any) -> bytes:
    return json.dumps({**STRETCH, **fields}).encode()


def test_a_request_with_all_fields() -> None:
    policy = {"alignMode": "Inner", "fillNAMethod": "Fixed", "paddingValue": 3}
    found = train_question(
        body(displayName="pump", slidingWindow=28, dataSchema="MultiTable", alignPolicy=policy), GENERAL
    )
    assert found == TrainQuestion(
        source="x.zip",
        start="2021-01-01T00:00:00Z",
        end="2021-01-02T12:00:00Z",
        name="pump",
        window=28,
        schema="MultiTable",
        align=AlignPolicy(mode="Inner", fill="Fixed", padding=3.0),
    )
    assert TrainQuestion.from_plain(json.loads(json.dumps(found.plain()))) == found


def test_what_is_left_out_or_null_has_the_contracts_default() -> None:
    found = train_question(body(displayName=None, slidingWindow=None, alignPolicy=None), GENERAL)
    assert (found.name, found.window, found.schema, found.align) == (None, 300, "OneTable", AlignPolicy())


@pytest.mark.parametrize("version", [PREVIEW, PREVIEW_1])
def test_previews_say_source_and_write_times_without_a_zone(version: str) -> None:
    fields = {"source": "x.zip", "startTime": "2021-01-01T00:00:00.000Z", "endTime": "2021-01-01 02:00:00"}
    found = train_question(json.dumps(fields).encode(), version)
    assert (found.source, found.start, found.end) == ("x.zip", "2021-01-01T00:00:00Z", "2021-01-01T02:00:00Z")
    assert found.schema is None


def test_times_with_an_offset_are_brought_to_utc() -> None:
    found = detect_question(body(startTime="2021-01-01T02:00:00+02:00", endTime="2021-01-01T00:00:00Z"), GENERAL)
    assert found.start == found.end == "2021-01-01T00:00:00Z"
    assert iso(moment("2021-01-01T00:00:00.250Z")) == "2021-01-01T00:00:00.25Z"


BAD: list[tuple[dict[str, Any], str]] = [
    ({"dataSource": None}, "RequiredSource"),
    ({"dataSource": "  "}, "RequiredSource"),
    ({"dataSource": 7}, "RequiredSource"),
    ({"startTime": None}, "RequiredStartTime"),
    ({"endTime": None}, "RequiredEndTime"),
    ({"startTime": "soon"}, "InvalidTimestampFormat"),
    ({"endTime": 20210101}, "InvalidTimestampFormat"),
    ({"endTime": "2021-02-30T00:00:00Z"}, "InvalidTimestampFormat"),
    ({"endTime": "2020-01-01T00:00:00Z"}, "InvalidRequestParameterError"),
    ({"slidingWindow": 27}, "InvalidSlidingWindow"),
    ({"slidingWindow": 2881}, "InvalidSlidingWindow"),
    ({"slidingWindow": 100.0}, "InvalidSlidingWindow"),
    ({"slidingWindow": True}, "InvalidSlidingWindow"),
    ({"slidingWindow": "300"}, "InvalidSlidingWindow"),
    ({"displayName": "x" * 25}, "InvalidRequestParameterError"),
    ({"dataSchema": "Table"}, "InvalidRequestParameterError"),
    ({"alignPolicy": "Outer"}, "InvalidAlignMode"),
    ({"alignPolicy": {"alignMode": "outer"}}, "InvalidAlignMode"),
    ({"alignPolicy": {"alignMode": ["Outer"]}}, "InvalidAlignMode"),
    ({"alignPolicy": {"fillNAMethod": "Spline"}}, "InvalidFillNAMethod"),
    ({"alignPolicy": {"fillNAMethod": "NotFill"}}, "InvalidFillNAMethod"),
    ({"alignPolicy": {"fillNAMethod": "Fixed"}}, "RequiredPaddingValue"),
    ({"alignPolicy": {"fillNAMethod": "Fixed", "paddingValue": "0"}}, "RequiredPaddingValue"),
    ({"alignPolicy": {"fillNAMethod": "Pad", "paddingValue": 10**400}}, "RequiredPaddingValue"),
]


@pytest.mark.parametrize(("fields", "code"), BAD)
def test_a_wrong_field_has_the_contracts_code(fields: dict[str, Any], code: str) -> None:
    with pytest.raises(ContractError) as caught:
        train_question(body(**fields), GENERAL)
    assert (caught.value.code, caught.value.status) == (code, 400)
    assert caught.value.message


@pytest.mark.parametrize("text", [b"", b"[]", b"{", b'{"a": NaN}', b"\xff", b"[" * 100_000])
def test_what_is_no_json_object_has_the_contracts_code(text: bytes) -> None:
    for read in (train_question, detect_question, last_question):
        with pytest.raises(ContractError, match="Invalid JSON format") as caught:
            read(text, GENERAL)
        assert caught.value.code == "InvalidJsonFormat"


def test_the_inner_join_may_stay_unfilled() -> None:
    found = train_question(body(alignPolicy={"alignMode": "Inner", "fillNAMethod": "NotFill"}), GENERAL)
    assert found.align.fill == "NotFill"


@pytest.mark.parametrize("top", [0, 31, 2.5, "3", True])
def test_contributors_are_one_to_thirty_and_the_previews_name_all(top: Any) -> None:
    with pytest.raises(ContractError):
        detect_question(body(topContributorCount=top), GENERAL)
    assert detect_question(body(topContributorCount=top), PREVIEW).top == 30
    assert detect_question(body(), GENERAL).top == 10


LAST = {"variables": [{"variable": "a", "timestamps": ["2021-01-01T00:00:00Z"], "values": [1.0]}]}


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"variables": []}, "NoVariablesFound"),
        ({"variables": "abc"}, "NoVariablesFound"),
        ({"variables": [7]}, "InvalidJsonFormat"),
        ({"variables": [{"timestamps": [], "values": []}]}, "InvalidJsonFormat"),
        (
            {"variables": [{"variable": "a", "timestamps": ["2021-01-01T00:00:00Z"], "values": []}]},
            "VariableParseError",
        ),
        ({"detectingPoints": 0}, "InvalidRequestParameterError"),
        ({"detectingPoints": 11}, "InvalidRequestParameterError"),
    ],
)
def test_last_rows_are_checked_alike(fields: dict[str, Any], code: str) -> None:
    with pytest.raises(ContractError) as caught:
        last_question(json.dumps({**LAST, **fields}).encode(), PREVIEW_1)
    assert caught.value.code == code


def test_names_of_variables_are_read_under_both_names() -> None:
    renamed = {"variables": [{"name": "a", "timestamps": ["2021-01-01"], "values": [1]}], "detectingPoints": 4}
    assert last_question(json.dumps(renamed).encode(), PREVIEW_1).variables[0][0] == "a"
    assert last_question(json.dumps(renamed).encode(), PREVIEW_1).rows == 4
    assert last_question(json.dumps(LAST).encode(), GENERAL).rows == 1
