"""The table of the scheduler, part of `tables.catalog`."""

from __future__ import annotations

from ad_stream.tables.columns import moment, number, text, whole
from ad_stream.tables.schema import Table

RUNS = Table(
    "runs", "What became of each run of a schedule, one row a change; of a run the row of the highest attempt and last state counts",
    (
        text("run_id", "job@planned time: the run, the same however often it is found to be due"),
        text("job", "name of the schedule"),
        text("command", "what ran: train, backfill, propose, maintain or tune"),
        moment("planned", "when it was due, UTC; of one that a person asked for, when"),
        moment("started", "when its process started; null: it has none yet, or never had"),
        moment("ended", "when it ended"),
        text("state", "queued, running, succeeded, failed, cancelled or missed"),
        text("reason", "why it failed, was cancelled or missed, or who asked for it"),
        text("counts", "what the command counted, JSON"),
        number("cpu_seconds", "of its process and what that started; the last second may be missing"),
        text("config_version", "as in detections, when it started"),
        whole("attempt", "1, and one more with each retry"),
    ),
    key=("run_id", "attempt", "state"),
    properties={"delta.logRetentionDuration": "interval 1 day", "delta.deletedFileRetentionDuration": "interval 1 day"},
)  # fmt: skip
"""Made at its first row by the scheduler, without Spark; streams and backfills neither make nor need it."""
