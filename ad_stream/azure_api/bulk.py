"""Many series in one request, of our own: JSON in and out, or Arrow in and out.

JSON: `{"requests": [{"id": "a", "series": [...], ...}], "defaults": {...}}`, where each request is one of the protocol
and takes from `defaults` what it leaves out; answers stand in the order of the requests. Arrow: a stream with the
columns id (text), timestamp and value, rows of one series together; the options are fields of the query. One bad
series spoils no other: its answer is an error with the code of the contract.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from typing import Any

import numpy as np

from ad_stream.azure_api import wire
from ad_stream.azure_api.answer import REFUSALS, answer, judge_arrays

MOST_SERIES = 20_000
ARROW = "application/vnd.apache.arrow.stream"
_HEADER_FIELD, _COMPRESSION_FIELD = 2, 3


def answer_json(body: bytes, operation: str) -> bytes:
    """Bytes of a JSON batch -> bytes of its answers; raises wire.RequestError where the batch itself is none."""
    batch = wire.read_json(body)
    if not isinstance(batch, Mapping) or not isinstance(batch.get("requests"), list):
        raise wire.RequestError("BadArgument", "The body must be an object with a list of 'requests'.")
    defaults = batch.get("defaults") or {}
    if not isinstance(defaults, Mapping):
        raise wire.RequestError("BadArgument", "The 'defaults' field must be an object of request fields.")
    _check_count(len(batch["requests"]))
    answers = [_one(request, defaults, operation) for request in batch["requests"]]
    return json.dumps({"answers": answers}, allow_nan=False).encode()


def _one(request: object, defaults: Mapping[str, Any], operation: str) -> dict[str, Any]:
    if not isinstance(request, Mapping):
        return _error(None, "InvalidJsonFormat", "Each of the 'requests' must be an object.")
    name = request.get("id")
    if name is not None and not isinstance(name, (str, int)):
        # An infinite number or a deep list could be read, but not written back.
        return _error(None, "BadArgument", "The 'id' of a request must be text or an integer.")
    try:
        return {"id": name, "answer": answer({**defaults, **request}, operation)}
    except REFUSALS as error:
        return _error(name, error.code, error.message)


def _error(name: object, code: str, message: str) -> dict[str, Any]:
    return {"id": name, "error": {"code": code, "message": message}}


def answer_arrow(body: bytes, operation: str, options: Mapping[str, Any]) -> bytes:
    """Bytes of an Arrow stream -> bytes of one: a row for each series (last) or each point (entire, changepoint).

    Columns: id, then those of the answer in the names of the protocol, then code and message of an error.
    """
    import pyarrow as pa

    table = _read_arrow(body)
    names = table["id"].to_pylist()
    starts = [i for i, name in enumerate(names) if i == 0 or name != names[i - 1]]
    _check_count(len(starts))
    values = table["value"].to_numpy()
    times = None if "timestamp" not in table.column_names else table["timestamp"].to_numpy()
    rows: list[dict[str, Any]] = []
    for start, stop in zip(starts, [*starts[1:], len(names)][: len(starts)], strict=True):
        part = None if times is None else times[start:stop]
        rows += _arrow_rows(names[start], values[start:stop], part, operation, options)
    sink = pa.BufferOutputStream()
    answers = pa.Table.from_pylist(rows or [{"id": None}])
    with pa.ipc.new_stream(sink, answers.schema) as writer:
        writer.write_table(answers.slice(0, len(rows)))
    return bytes(sink.getvalue())


def _arrow_rows(name: str, values: Any, times: Any, operation: str, options: Mapping[str, Any]) -> list[dict[str, Any]]:
    try:
        found = judge_arrays(values, times, operation, options)
    except REFUSALS as error:
        return [{"id": name, "code": error.code, "message": error.message}]
    if operation == "last":
        return [{"id": name, **found, "code": None, "message": None}]
    columns = {key: value if isinstance(value, list) else [value] * len(values) for key, value in found.items()}
    return [
        {"id": name, **dict(zip(columns, point, strict=True)), "code": None, "message": None}
        for point in zip(*columns.values(), strict=True)
    ]


def _read_arrow(body: bytes) -> Any:
    """The stream as a table with id (text), value (double) and, if sent, timestamp (microseconds)."""
    import pyarrow as pa

    try:
        _refuse_compressed(pa.ipc.MessageReader.open_stream(pa.BufferReader(body)))
        table = pa.ipc.open_stream(pa.BufferReader(body)).read_all()
        table.validate(full=True)
        columns = {"id": table["id"].cast(pa.string()), "value": table["value"].cast(pa.float64())}
        if "timestamp" in table.column_names:
            columns["timestamp"] = table["timestamp"].cast(pa.timestamp("us"), safe=False)
        if any(column.null_count for column in columns.values()):
            raise ValueError
        return pa.table(columns)
    except (pa.ArrowException, OSError, ValueError, KeyError, TypeError, struct.error, IndexError):
        raise wire.RequestError(
            "BadArgument",
            "The body must be an uncompressed Arrow stream with the columns id, value and, on a grid, timestamp, "
            "all without nulls.",
        ) from None


def _refuse_compressed(messages: Any) -> None:
    """Raises ValueError for compressed or dictionary messages: a small body could claim any amount of memory."""
    for message in messages:
        if message.type not in ("schema", "record batch"):
            raise ValueError
        if message.type == "record batch" and _is_compressed(bytes(message.metadata)):
            raise ValueError


def _is_compressed(metadata: bytes) -> bool:
    """Has the record batch of this Arrow message (format/Message.fbs, a flatbuffer) a BodyCompression?"""
    root = int(struct.unpack_from("<I", metadata)[0])
    header = _field(metadata, root, _HEADER_FIELD)
    batch = header + int(struct.unpack_from("<I", metadata, header)[0])
    return _field(metadata, batch, _COMPRESSION_FIELD) != batch


def _field(buffer: bytes, table: int, number: int) -> int:
    """Where a flatbuffer table keeps its field; the table's own place if it has none."""
    layout = table - int(struct.unpack_from("<i", buffer, table)[0])
    size = struct.unpack_from("<H", buffer, layout)[0]
    place = 4 + 2 * number
    return table + (int(struct.unpack_from("<H", buffer, layout + place)[0]) if place < size else 0)


def _check_count(count: int) -> None:
    if count > MOST_SERIES:
        raise wire.RequestError("BadArgument", f"A batch holds at most {MOST_SERIES} series, but this one has {count}.")


def option_from_text(name: str, text: str) -> Any:
    """A field of the query as the JSON value it stands for: numbers as numbers, all else as text."""
    if name in wire.DETECT_FIELDS or name in wire.CHANGE_FIELDS:
        try:
            return int(text)
        except ValueError:
            pass
        try:
            return float(np.float64(text))
        except ValueError:
            pass
    return text
