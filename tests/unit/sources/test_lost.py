"""Events that the hub dropped before they were read show in the progress of their batch."""

from __future__ import annotations

from typing import Any

import pytest

from ad_stream.pipeline.operation.progress import row


def progress(read: int | None, start: object, end: object, *, batch: int = 7) -> dict[str, Any]:
    """What Spark reports of a batch, as far as it plays a part here."""
    metrics = {} if read is None else {"source": {"read": read}}
    return {
        "id": "q",
        "batchId": batch,
        "observedMetrics": metrics,
        "sources": [{"startOffset": start, "endOffset": end}],
    }


def test_offsets_that_did_not_come_are_lost() -> None:
    start, end = {"iot": {"0": 10, "1": 5}}, {"iot": {"0": 20, "1": 9}}
    assert row(progress(14, start, end))["source_lost"] == 0
    assert row(progress(9, start, end))["source_lost"] == 5


def test_a_new_partition_begins_at_zero() -> None:
    assert row(progress(13, {"iot": {"0": 10}}, {"iot": {"0": 20, "1": 4}}))["source_lost"] == 1


@pytest.mark.parametrize(("read", "start"), [(3, None), (None, {"iot": {"0": 0}})])
def test_nothing_is_lost_before_the_first_offset_or_where_nobody_counts(read: int | None, start: object) -> None:
    assert row(progress(read, start, {"iot": {"0": 20}}))["source_lost"] == 0
