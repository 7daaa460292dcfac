"""Generators of odd requests, seeded: times near the ends of the calendar, numbers of every kind, depth, types, twins."""

from __future__ import annotations

import io
import json
import random
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pyarrow as pa

TIMES = [
    "0001-01-01T00:00:00Z", "0001-01-01T00:00:00+14:00", "0000-01-01T00:00:00Z", "9999-12-31T23:59:59Z",
    "9999-12-31T23:59:59-14:00", "9999-12-31T23:59:59.9999999Z", "1899-12-30T00:00:00Z", "2262-04-11T23:47:17Z",
    "1677-09-21T00:12:43Z", "10000-01-01T00:00:00Z", "-0001-01-01T00:00:00Z", "2026-02-30", "2026-01-01T24:00:00Z",
    "2026-01-01T23:59:60Z", "2026-01-01T00:00:00+99:99", "12/31/9999 11:59 PM", "0/0/0000 0:00", "13/45/2026 99:99",
    "٢٠٢٦-01-01T00:00:00Z", "2026-W01-1", "noon", "", " ", "\x00", "9" * 40, "1e999", "NaT", "now",
]  # fmt: skip
NUMBERS = [
    0.0, -0.0, 1.0, 5e-324, 1e-308, 1e-100, 1e15, 1e16 + 2, 9.9e99, 1e100, -1e100, 1e308, -1e308, 10**308, 10**309,
    -(10**400), 2**63, 2**64, True,
]  # fmt: skip
WRONG: list[Any] = [None, True, 1, 1.5, "x", "\ud800", "\u202e\u0000", [], {}, [[]], {"value": 1}]
FIELDS: dict[str, list[Any]] = {
    "granularity": ["none", "minutely", "daily", "monthly", "yearly", "secondly", "microsecond"],
    "period": [0, 1, 2, 7, -1, 10**30, 1.5, 2**31, 2**63],
    "customInterval": [1, 2, 2**31 - 1, 2**31, 10**40, 0],
    "maxAnomalyRatio": [0.01, 0.49, 0.5, 0, 5e-324, 1e300, 10**400],
    "sensitivity": [0, 99, 100, 101, 10**30],
    "imputeMode": ["auto", "previous", "linear", "fixed", "zero", "notFill"],
    "imputeFixedValue": NUMBERS,
    "alpha": [0.05, 5e-324, 0.999999999999, 1e-300],
    "threshold": [0.01, 0.99, 0, 5e-324, 1e308, -1e308, 10**400],
    "stableTrendWindow": [3, 5, 10**30, 2, 2**63],
    "fillUpMode": ["last", "no", "linear", "fixed"],
    "fixedValue": NUMBERS,
}
OPERATIONS = ("last", "entire", "changepoint")
MINUTE = np.timedelta64(60, "s")


def json_bodies(seed: int, count: int) -> Iterator[bytes]:
    """Bodies of single requests: a good one with one to four things that are odd, or none at all."""
    rng = random.Random(seed)
    for number in range(count):
        body = json.dumps(_request(rng)).encode()
        if number % 8 == 7:
            body = _spoiled(rng, body)
        yield body


def batches(seed: int, count: int) -> Iterator[bytes]:
    """Batches in JSON, with odd ids, defaults and requests."""
    rng = random.Random(seed)
    ids = [
        "a",
        1,
        "1e999",
        "-1e999",
        "null",
        "true",
        "1.5",
        "[]",
        '"\\ud800"',
        "9" * 4000,
        "9" * 5000,
        "NaN",
        '"a","id":"b"',
    ]
    for _ in range(count):
        deep = rng.choice([1, 50, 400, 900, 990, 1100, 5000])
        odd = rng.choice([*map(str, ids), "[" * deep + "]" * deep, '{"a":' * deep + "1" + "}" * deep])
        place = rng.choice(
            ['{{"requests":[{{"id":{0},{1}]}}', '{{"defaults":{{"id":{0}}},"requests":[{{{1}]}}', '{{"requests":[{0},{{{1}]}}',
             '{{"defaults":{0},"requests":[{{{1}]}}', '{{"defaults":{{"period":{0}}},"requests":[{{{1}]}}']
        )  # fmt: skip
        yield place.format(odd, json.dumps(_request(rng))[1:]).encode()


def arrow_bodies(seed: int, count: int) -> Iterator[bytes]:
    """Arrow streams with odd times and values, and streams with bytes changed or cut off."""
    rng = random.Random(seed)
    low, high = -(2**63), 2**63 - 1
    columns: list[Any] = [
        pa.array([low + 1 + i for i in range(12)], pa.int64()),
        pa.array([high - 12 + i for i in range(12)], pa.timestamp("us")),
        pa.array([low] * 12, pa.timestamp("ns")),
        pa.array([high - 12 + i for i in range(12)], pa.timestamp("s")),
        pa.array([low + 2, *(high - 20 + i for i in range(11))], pa.timestamp("us")),
        pa.array([-62135596800000000 + i * 60_000_000 for i in range(12)], pa.timestamp("us")),
        pa.array(range(12), pa.date32()),
        pa.array(["x"] * 12),
    ]
    for _ in range(count):
        values = rng.choice(
            [[float(rng.choice(NUMBERS[:13])) for _ in range(12)], [float("inf")] * 12, [float("nan")] * 12]
        )
        whole = _arrow(pa.table({"id": ["a"] * 12, "value": values, "timestamp": rng.choice(columns)}))
        changed = bytearray(whole)
        for _ in range(rng.randrange(1, 6)):
            changed[rng.randrange(len(changed))] = rng.randrange(256)
        yield rng.choice([whole, bytes(changed), whole[: rng.randrange(len(whole))]])


def _arrow(table: pa.Table) -> bytes:
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue()


def _request(rng: random.Random) -> dict[str, Any]:
    count = rng.choice([12, 13, 24, 61])
    start = np.datetime64(rng.choice(["0001-01-01T00:00:00", "2026-01-01T00:00:00", "9999-12-31T22:00:00"]))
    zone = rng.choice(["Z", "Z", "+14:00", "-14:00", "+99:99"])
    scale = float(rng.choice(NUMBERS[:12]))
    kinds: list[Callable[[int], Any]] = [
        lambda i: rng.gauss(0, 1),
        lambda i: scale * (i % 5),
        lambda i: scale,
        lambda i: rng.choice(NUMBERS),
    ]
    kind = rng.choice(kinds)
    series: list[Any] = [{"timestamp": f"{start + i * MINUTE}{zone}", "value": kind(i)} for i in range(count)]
    request: dict[str, Any] = {"series": series, "granularity": "minutely"}
    for _ in range(rng.randrange(4)):
        name = rng.choice(list(FIELDS))
        request[name] = rng.choice([*FIELDS[name], rng.choice(WRONG)])
    where = rng.randrange(12)
    if where == 0:
        series[3] = rng.choice(WRONG)
    elif where == 1:
        series[3]["timestamp"] = rng.choice([*TIMES, *WRONG])
    elif where == 2:
        series[3]["value"] = rng.choice(WRONG)
    elif where == 3:
        request["series"] = rng.choice(WRONG)
    return request


def _spoiled(rng: random.Random, body: bytes) -> bytes:
    depth = rng.choice([10, 900, 100_000])
    return rng.choice(
        [
            body[: rng.randrange(len(body))], body + body, b"\xef\xbb\xbf" + body, body.decode().encode("utf-16"),
            body.replace(b'"value":', b'"value": 1, "value":', 1), body.replace(b"{", b"{" * depth, 1), b"[" * depth,
            b"\xff" + body, body.replace(b"}", b', "value": NaN}', 1), b"",
        ]
    )  # fmt: skip
