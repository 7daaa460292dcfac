"""The protocol's JSON in and out, and every error code it can give."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from ad_stream.azure_api import wire
from ad_stream.azure_api.answer import REFUSALS, answer
from ad_stream.detectors.azure import ServiceError
from tests.unit.detectors.azure.requests import noise, request, weekly_pattern

LAST_FIELDS = {
    "period", "suggestedWindow", "expectedValue", "upperMargin", "lowerMargin",
    "isAnomaly", "isNegativeAnomaly", "isPositiveAnomaly", "severity",
}  # fmt: skip
ENTIRE_FIELDS = {
    "period", "expectedValues", "upperMargins", "lowerMargins",
    "isAnomaly", "isNegativeAnomaly", "isPositiveAnomaly", "severity",
}  # fmt: skip


def changed(base: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return base | fields


def with_point(index: int, **fields: Any) -> dict[str, Any]:
    body = request(noise(1, 20))
    body["series"][index] |= fields
    return body


def refusal(body: object, mode: str = "last") -> tuple[str, str]:
    with pytest.raises(REFUSALS) as caught:
        answer(body, mode)
    assert isinstance(caught.value, (wire.RequestError, ServiceError))
    return caught.value.code, caught.value.message


def test_last_has_the_fields_of_the_contract() -> None:
    values = noise(1, 60)
    values[-1] += 20
    body = answer(request(values, sensitivity=95), "last")
    assert set(body) == LAST_FIELDS
    assert body["isAnomaly"] is True
    assert body["isPositiveAnomaly"] is True
    assert 0 < body["severity"] <= 1
    assert json.loads(json.dumps(body, allow_nan=False)) == body


def test_entire_has_one_entry_for_each_point() -> None:
    body = answer(request(weekly_pattern(1, 50), "daily"), "entire")
    assert set(body) == ENTIRE_FIELDS
    assert body["period"] == 7
    assert {len(value) for key, value in body.items() if key != "period"} == {50}
    assert json.loads(json.dumps(body, allow_nan=False)) == body


def test_change_points_have_confidences() -> None:
    values = noise(2, 60)
    values[30:] += 30
    body = answer(request(values, "daily"), "changepoint")
    assert set(body) == {"period", "isChangePoint", "confidenceScores"}
    assert np.flatnonzero(body["isChangePoint"]).tolist() == [30]
    assert body["confidenceScores"][30] > 0.9


def test_null_means_absent_and_unknown_fields_are_ignored() -> None:
    plain = request(noise(3, 40))
    odd = changed(
        plain, period=None, sensitivity=None, maxAnomalyRatio=None, imputeMode=None, needDetectorId=True, x=[1]
    )
    assert answer(odd, "last") == answer(plain, "last")


def test_without_a_granularity_no_timestamp_is_needed() -> None:
    body = {"series": [{"value": float(v)} for v in noise(4, 30)]}
    assert answer(body, "last")["suggestedWindow"] == 1441


def test_the_first_clients_fields_for_gaps_still_work() -> None:
    body = request(weekly_pattern(5, 60), "daily")
    del body["series"][20:23]
    assert answer(changed(body, fillUpMode="last"), "last") == answer(changed(body, imputeMode="previous"), "last")
    fixed = changed(body, imputeMode="fixed", imputeFixedValue=3)
    assert answer(changed(body, fillUpMode="fixed", fixedValue=3), "last") == answer(fixed, "last")


REFUSED: dict[str, tuple[object, str, str]] = {
    "no object": ([1], "last", "InvalidJsonFormat"),
    "empty object": ({}, "last", "RequiredSeries"),
    "no series": ({"granularity": "daily"}, "last", "RequiredSeries"),
    "no granularity": ({"series": request(noise(1, 20))["series"]}, "changepoint", "RequiredGranularity"),
    "null granularity": (changed(request(noise(1, 20)), granularity=None), "changepoint", "RequiredGranularity"),
    "11 points": (request(noise(1, 11)), "last", "InvalidSeries"),
    "8641 points": (request(np.zeros(8641)), "last", "InvalidSeries"),
    "beyond 1e100": (with_point(7, value=1.1e100), "last", "InvalidSeries"),
    "integer beyond doubles": (with_point(7, value=-(10**400)), "last", "InvalidSeries"),
    "unsorted": (with_point(7, timestamp="2026-11-01T00:05:30Z"), "last", "InvalidSeries"),
    "duplicate": (with_point(7, timestamp="2026-11-01T00:06:00Z"), "last", "InvalidSeries"),
    "off the grid": (with_point(7, timestamp="2026-11-01T00:07:01Z"), "last", "InvalidSeries"),
    "null series": ({"series": None}, "last", "BadArgument"),
    "series is no list": ({"series": {"value": 1}}, "last", "BadArgument"),
    "no value": ({"series": [{"timestamp": "x"}] * 20}, "last", "BadArgument"),
    "null value": (with_point(3, value=None), "last", "BadArgument"),
    "text value": (with_point(3, value="abc"), "last", "BadArgument"),
    "true value": (with_point(3, value=True), "last", "BadArgument"),
    "NaN value": (with_point(3, value=float("nan")), "last", "BadArgument"),
    "no timestamp": (with_point(3, timestamp=None), "last", "BadArgument"),
    "number as timestamp": (with_point(3, timestamp=20261101), "last", "BadArgument"),
    "word as timestamp": (with_point(3, timestamp="today"), "last", "BadArgument"),
    "30 February": (with_point(3, timestamp="2026-02-30T00:00:00Z"), "last", "BadArgument"),
    "points are numbers": ({"series": [1.0] * 20}, "last", "BadArgument"),
    "granularity": (changed(request(noise(1, 20)), granularity="minute"), "last", "InvalidGranularity"),
    "granularity list": (changed(request(noise(1, 20)), granularity=["daily"]), "last", "InvalidGranularity"),
    "interval 0": (changed(request(noise(1, 20)), customInterval=0), "last", "InvalidCustomInterval"),
    "interval text": (changed(request(noise(1, 20)), customInterval="5"), "last", "InvalidCustomInterval"),
    "period -1": (changed(request(noise(1, 20)), period=-1), "last", "InvalidPeriod"),
    "period 7.0": (changed(request(noise(1, 20)), period=7.0), "last", "InvalidPeriod"),
    "period true": (changed(request(noise(1, 20)), period=True), "last", "InvalidPeriod"),
    "20 points for period 10": (changed(request(noise(1, 20)), period=10), "last", "InvalidModelArgument"),
    "change points, period 10": (changed(request(noise(1, 20)), period=10), "changepoint", "InvalidModelArgument"),
    "ratio 0": (changed(request(noise(1, 20)), maxAnomalyRatio=0), "last", "InvalidModelArgument"),
    "ratio 0.5": (changed(request(noise(1, 20)), maxAnomalyRatio=0.5), "entire", "InvalidModelArgument"),
    "sensitivity 101": (changed(request(noise(1, 20)), sensitivity=101), "last", "InvalidModelArgument"),
    "sensitivity 95.5": (changed(request(noise(1, 20)), sensitivity=95.5), "last", "InvalidModelArgument"),
    "alpha 0": (changed(request(noise(1, 20)), alpha=0), "last", "InvalidModelArgument"),
    "threshold text": (changed(request(noise(1, 20)), threshold="3"), "last", "InvalidModelArgument"),
    "imputeMode": (changed(request(noise(1, 20)), imputeMode="spline"), "last", "InvalidImputeMode"),
    "imputeMode list": (changed(request(noise(1, 20)), imputeMode=[]), "last", "InvalidImputeMode"),
    "fixed without value": (changed(request(noise(1, 20)), imputeMode="fixed"), "last", "InvalidImputeFixedValue"),
    "fixed with text": (
        changed(request(noise(1, 20)), imputeMode="fixed", imputeFixedValue="0"), "last", "InvalidImputeFixedValue",
    ),
    "boundaryVersion": (changed(request(noise(1, 20)), boundaryVersion="V9"), "last", "InvalidBoundaryVersion"),
}  # fmt: skip


@pytest.mark.parametrize("name", list(REFUSED))
def test_a_bad_request_is_refused_with_the_code_of_the_contract(name: str) -> None:
    body, mode, code = REFUSED[name]
    found, message = refusal(body, mode)
    assert found == code
    assert message.endswith(".")
    assert len(message) < 300


def test_the_message_names_the_field_the_value_and_the_way_out() -> None:
    assert refusal(changed(request(noise(1, 20)), sensitivity=101)) == (
        "InvalidModelArgument", "The 'sensitivity' field must be an integer from 0 to 99, not 101.",
    )  # fmt: skip
    assert refusal(request(noise(1, 11)))[1] == (
        "The 'series' field must have at least 12 points, but it has 11; send more history."
    )
    assert refusal(with_point(7, timestamp="2026-11-01T00:07:01Z"))[1] == (
        "The 'timestamp' at index 7 is invalid in minutely granularity with 1 gran as interval."
    )


def test_long_values_are_cut_in_messages() -> None:
    assert len(refusal(changed(request(noise(1, 20)), granularity="x" * 10_000))[1]) < 300


STAMPS = {
    "2026-11-22T10:05:00Z": "2026-11-22T10:05:00",
    "2026-11-22T10:05:00.1234567Z": "2026-11-22T10:05:00.123456",
    "2026-11-22T10:05Z": "2026-11-22T10:05:00",
    "2026-11-22 10:05:00": "2026-11-22T10:05:00",
    "2026-11-22": "2026-11-22T00:00:00",
    "2026-11-22T10:05:00+05:30": "2026-11-22T10:05:00",
    "11/22/2026 1:05:09 PM ": "2026-11-22T13:05:09",
    "11/22/2026 12:05:09 AM": "2026-11-22T00:05:09",
    "1/2/2026": "2026-01-02T00:00:00",
}


@pytest.mark.parametrize("text", list(STAMPS))
def test_timestamps_are_read_on_the_callers_clock(text: str) -> None:
    assert wire.times_of([{"timestamp": text}])[0] == np.datetime64(STAMPS[text], "us")


def test_different_offsets_are_brought_to_utc() -> None:
    texts = ["2026-11-22T10:00:00+02:00", "2026-11-22T09:00:00Z", "2026-11-22T04:30-0530"]
    hours = wire.times_of([{"timestamp": text} for text in texts]).astype("datetime64[m]").astype(str).tolist()
    assert hours == ["2026-11-22T08:00", "2026-11-22T09:00", "2026-11-22T10:00"]


MONTHS = {
    ("2026-01-31", "2026-02-28", "2026-03-31", "2026-04-30"): None,
    ("2026-01-15", "2026-02-15", "2026-04-15"): None,
    ("2026-01-15", "2026-02-14"): 1,
    ("2026-01-15", "2026-01-20"): 1,
    ("2026-02-28", "2026-03-30"): None,  # the last of February stands for any later day
    ("2026-02-27", "2026-03-30"): 1,
}


@pytest.mark.parametrize("days", list(MONTHS))
def test_months_are_counted_by_their_day_with_short_months_allowed(days: tuple[str, ...]) -> None:
    tail = [f"{year}-{days[0][5:]}" for year in range(2027, 2040)]
    body = {
        "granularity": "monthly",
        "series": [{"timestamp": day, "value": float(i)} for i, day in enumerate([*days, *tail])],
    }
    bad = MONTHS[days]
    if bad is None:
        assert "isAnomaly" in answer(body, "last")
    else:
        assert refusal(body)[1].startswith(f"The 'timestamp' at index {bad} is invalid in monthly granularity")


BODIES = {
    "empty": b"",
    "text": b"hello",
    "cut off": b'{"series": [',
    "NaN": b'{"series": [{"value": NaN}]}',
    "Infinity": b'{"series": [{"value": -Infinity}]}',
    "repeated key": b'{"series": [], "series": []}',
    "bottomless": b"[" * 200_000,
    "not UTF-8": b'{"series": "\xff"}',
    "number with too many digits": b'{"series": [{"value": ' + b"9" * 20_000 + b"}]}",
}


@pytest.mark.parametrize("name", list(BODIES))
def test_a_body_that_is_not_plain_json_is_refused(name: str) -> None:
    with pytest.raises(wire.RequestError) as caught:
        wire.read_json(BODIES[name])
    assert caught.value.code == "InvalidJsonFormat"
