"""Batches, and what goes out between them, without Spark; tests/spark/test_push.py has the tables."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

import pytest

from ad_stream.pipeline.delivery import Deliver
from ad_stream.pipeline.operation.summary import Summary
from ad_stream.push.outbox import Batch, Record
from tests.support.fake_time import FakeTime
from tests.unit.push.memory import Memory, row, values
from tests.unit.push.test_outbox import Scripted


class Tables(Memory):
    """The tables as `PushStore` reads and writes them."""

    def __init__(self) -> None:
        super().__init__()
        self.records: list[Record] = []

    def record(self, records: Sequence[Record]) -> None:
        self.records += records

    def knows(self, batch: Batch) -> set[str]:
        return {one.sink for one in self.records if (one.query_id, one.batch_id) == batch}

    def waiting(self) -> list[Record]:
        return self.records

    def sent_since(self, _: Any) -> list[Record]:
        return self.records


def opened(target: Scripted, tables: Tables, fake: FakeTime) -> Deliver:
    deliver = Deliver([target], store=lambda _: tables, clock=fake.clock, now=fake.moment)  # type: ignore[arg-type, return-value]
    deliver.start(tables)  # type: ignore[arg-type]
    return deliver


def test_what_waits_goes_out_between_batches_and_the_summary_says_so() -> None:
    tables, fake, target, summary = Tables(), FakeTime(), Scripted(3, 1, 0, 2), Summary()
    deliver = opened(target, tables, fake)
    rows = [row(number) for number in range(7)]
    tables.write(("q", 0), rows)
    assert deliver(tables, "q", 0) == {"pushed": 3, "push_failed": 0, "push_waiting": 4}  # type: ignore[arg-type]
    seen = []
    for _ in range(12):
        deliver.quiet()
        summary.add_pushes(deliver)
        seen.append((summary.pushed, summary.push_waiting))
        fake.sleep(1)
    # One row, none and a longer rest, two rows, the last one.
    assert seen == [(1, 3), (1, 3), (1, 3), (3, 1)] + [(4, 0)] * 8
    assert values(target.got) == values(rows)


def test_a_run_that_begins_anew_sends_what_the_one_before_left() -> None:
    tables, fake = Tables(), FakeTime()
    first = opened(Scripted(2), tables, fake)
    rows = [row(number) for number in range(5)]
    tables.write(("q", 0), rows)
    first(tables, "q", 0)  # type: ignore[arg-type]
    target = Scripted()
    second = opened(target, tables, fake)
    assert values(target.got) == values(rows[2:])
    assert second(tables, "q", 0) == {"pushed": 0, "push_failed": 0, "push_waiting": 0}  # type: ignore[arg-type]


def test_a_stream_without_targets_has_nothing_to_say(caplog: pytest.LogCaptureFixture) -> None:
    deliver = Deliver([])
    with caplog.at_level(logging.DEBUG):
        deliver.start(None)  # type: ignore[arg-type]
        assert deliver(None, "q", 0) == {}  # type: ignore[arg-type]
        deliver.quiet()
        deliver.finish()
    assert (caplog.text, deliver.waiting) == ("", 0)
