"""Every table and every column, once. To add a column: one line here, with `since` the next `schema.VERSION`.

What follows from the line by itself: the column in new tables and, added in place, in old ones; its row in
docs/formats.md (`make docs`); for `detections` its place in verdicts, pushes and pages by its uses; for `batches` its
sum in `status`, on the page, in Prometheus and in the view `pipeline_hours`.
"""

from __future__ import annotations

from ad_stream.model import LONG_HISTORY
from ad_stream.tables.columns import BATCH, CACHE, KEPT, column, flag, moment, number, text, whole
from ad_stream.tables.comparisons import COMPARISONS
from ad_stream.tables.incidents import FEEDBACK, INCIDENT_EVENTS, INCIDENT_STATE
from ad_stream.tables.joint import JOINT_DETECTIONS
from ad_stream.tables.runs import RUNS
from ad_stream.tables.schema import COUNT, FLAG, PAGE, PUSHED, SETTING, VERDICT, Table
from ad_stream.tables.tasks import TASKS

DEVICE = text("device_id", "device of the reading", PUSHED, PAGE)
SIGNAL = text("signal", "member of the body", PUSHED, PAGE)
BUCKETS_BY, BY_DEVICE = "ad_stream.buckets_by", "device"
"""Property of the table `history`: what its buckets are a hash of; a table of schema 1 does not say and has series."""
REACHES, BY_DEFAULT = "ad_stream.reaches", str(int(LONG_HISTORY.total_seconds()))
"""Property of the table `history`: seconds back to which it holds slow series; earlier versions had none further than others."""
BODIES = "ad_stream.bodies"
"""Property of the table `minutes`: the version of the rules by which `signals: auto` reads bodies; those of 0.1.0 had no number."""

MINUTES = Table(
    "minutes", "One row per device, signal and window: what is judged",
    (
        DEVICE, SIGNAL,
        moment("minute", "start of the window, UTC"),
        column("int", "revision", "0 = the stream, higher = backfill"),
        number("value", "configured aggregate of the window: what is judged"),
        whole("n", "readings in the window"),
        number("min", "smallest of them"), number("max", "largest of them"), number("mean", "mean of them"),
        *BATCH,
    ),
    key=("device_id", "signal", "minute", "revision"), clustered=("device_id", "minute"), properties={BODIES: "2"},
)  # fmt: skip

DETECTIONS = Table(
    "detections", "One verdict per device, signal and window, with the band and the reason; the highest revision counts",
    (
        DEVICE, SIGNAL,
        moment("minute", "start of the judged window, UTC", PUSHED, PAGE),
        column("int", "revision", "0 = the only verdict of the stream, higher = backfill", PAGE),
        number("value", "judged value", VERDICT, PUSHED, PAGE),
        number("expected", "what the detector expected; the band is expected - lower_margin to expected + upper_margin",
               VERDICT, PUSHED, PAGE),
        number("upper_margin", "from expected to the upper end of the band", VERDICT, PUSHED, PAGE),
        number("lower_margin", "from expected to the lower end of the band", VERDICT, PUSHED, PAGE),
        number("score", "score of the detector, higher is more anomalous", VERDICT, PUSHED, PAGE),
        number("sr_score", "spectral residual score of the history", VERDICT, PUSHED),
        number("severity", "0 to 1, 0 where nothing is flagged", VERDICT, PUSHED, PAGE),
        flag("is_anomaly", "whether the value is flagged", VERDICT, PUSHED, PAGE, FLAG),
        flag("is_positive", "flagged above the band", VERDICT, PUSHED, PAGE),
        flag("is_negative", "flagged below the band", VERDICT, PUSHED),
        flag("continuing", "a flag soon after an earlier one of the series: the same alarm", VERDICT, PUSHED, PAGE),
        text("status", "scored, warming_up or declined", VERDICT, PAGE),
        text("reason", "what the verdict rests on, one of the reasons below", VERDICT, PUSHED, PAGE),
        text("detector", "detector that gave the verdict", VERDICT, PUSHED),
        whole("points", "values the verdict rests on", VERDICT, PUSHED),
        whole("imputed", "how many of them were filled in", VERDICT, PUSHED),
        text("config_version", "changes when a setting changes that a verdict rests on"),
        *BATCH,
        text("model", "model whose knowledge the verdict used, name@version; null: none", VERDICT, since=3),
        number("slow_score", "of the slow verdict, flagged from 1 on; null in this and the next columns: not given",
               VERDICT, PUSHED, PAGE, since=3),
        flag("slow_is_anomaly", "whether the slow verdict flags the window: a drift or a stuck value",
             VERDICT, PUSHED, PAGE, FLAG, since=3),
        text("slow_reason", "what the slow verdict rests on, one of the reasons below", VERDICT, PUSHED, PAGE, since=3),
        moment("slow_onset", "start of the window in which the drift or the stuck value began, UTC", VERDICT, PUSHED, PAGE, since=3),
    ),
    key=("device_id", "signal", "minute", "revision"), clustered=("device_id", "minute"),
)  # fmt: skip

LATE = Table(
    "late", "Readings whose window was closed when they came; backfill folds them in",
    (
        DEVICE, SIGNAL,
        moment("event_time", "when the device measured"),
        text("source", "hub, topic, folder or table it was read from"),
        text("partition", "partition of the source"),
        whole("sequence", "place of the message in its partition"),
        number("value", "the reading"),
        moment("enqueued_time", "when the hub took the message"),
        *BATCH,
    ),
    key=("device_id", "signal", "event_time", "source", "partition", "sequence"), clustered=("device_id", "event_time"),
)  # fmt: skip

QUARANTINE = Table(
    "quarantine", "Rejected messages and array elements, each under its reason",
    (
        LATE["source"], LATE["partition"], LATE["sequence"],
        whole("element", "index in an array body"),
        text("reason", "why it is no reading, one of the reasons above"),
        column("binary", "body", "the beginning of the body"),
        whole("body_bytes", "full length of the body"),
        text("device_id", "device, where the message names one"),
        LATE["enqueued_time"],
        *BATCH,
        text("detail", "what in the message the reason rests on, and the way out; null: nothing to add", since=6),
    ),
    key=("source", "partition", "sequence", "element"),
)  # fmt: skip

BATCHES = Table(
    "batches", "What each batch did",
    (
        *BATCH,
        whole("minutes_closed", "windows of all series that were closed", COUNT),
        whole("scored", "windows that got a verdict", COUNT),
        whole("anomalies", "windows that were flagged", COUNT),
        whole("warming_up", "windows of series with too little history", COUNT),
        whole("declined", "windows that could not be judged", COUNT),
        whole("quarantined", "rejected messages and array elements", COUNT),
        whole("late", "readings kept for a backfill", COUNT),
        whole("fallback_calls", "questions to the fallback server", COUNT),
        whole("fallback_failed", "questions it did not answer", COUNT),
        whole("pushed", "rows that a target took", COUNT),
        whole("push_failed", "rows that a target refused or that were given up; in rows of schema 1: those that waited", COUNT),
        whole("duration_ms", "milliseconds from the first step to the last"),
        number("cpu_seconds", "of the whole process tree; null on a cluster"),
        number("scoring_seconds", "process time inside the scoring function, summed over its tasks"),
        whole("push_waiting", "rows of the batch that were still to be pushed when it ended", COUNT, since=2),
        whole("set_aside", "steps whose rows could not be written for their data, see the table set_aside", COUNT, since=2),
        whole("slow_anomalies", "windows that the slow verdict flagged", COUNT, since=3),
        whole("joint_scored", "windows of devices whose signals were judged together", COUNT, since=7),
        whole("joint_anomalies", "of them flagged", COUNT, since=7),
        whole("too_many_signals", "windows left out: their device has telemetry.max_signals_per_device signals", COUNT, since=5),
        whole("too_many_new_series", "windows left out: their hour took on telemetry.max_new_series series", COUNT, since=5),
    ),
    key=("query_id", "batch_id"),
)  # fmt: skip

PROGRESS = Table(
    "progress", "What only the progress of a batch knows: events, watermark, lag",
    (
        *BATCH,
        whole("events", "events read", COUNT),
        whole("non_telemetry", "twin and life-cycle events among them", COUNT),
        whole("duplicates", "copies that were left out", COUNT),
        moment("watermark", "windows that ended before it are closed"),
        whole("dropped_by_watermark", "readings that came after their window was closed", COUNT),
        whole("source_lost", "events that had aged out at the source", COUNT),
        whole("lag", "events that waited at the source, null where it does not tell"),
        text("offsets", "where the batch ended in each partition, JSON"),
        text("durations", "milliseconds per phase, JSON"),
    ),
    key=("query_id", "batch_id"),
)  # fmt: skip

DELIVERIES = Table(
    "deliveries", "Attempts to push, and how they ended",
    (
        text("sink", "name of the push target"),
        *BATCH,
        column("int", "attempt", "counts the records of a batch at a target; the last one tells whether rows wait"),
        whole("rows", "rows it is about"),
        text("state", "what became of them ([push.md](push.md))"),
        text("error", "why, redacted"),
        moment("at", "when"),
        whole("sent", "rows that the hour of the target was charged with, failed tries included"),
        moment("minute", "with device_id and signal: the last row meant, in this order"),
        text("device_id", "see minute"),
        text("signal", "see minute"),
    ),
    key=("sink", "query_id", "batch_id", "attempt"),
)  # fmt: skip

SET_ASIDE = Table(
    "set_aside", "What a batch could never write for its data, and where it is to be found",
    (
        text("step", "table whose rows of this batch could not be written; events: the batch failed with them before it had rows"),
        whole("rows", "how many rows; null of events, see quarantine"),
        moment("first", "first window of the batch"), moment("last", "last window of the batch"),
        text("offsets", "where the batch ends at its source, JSON; of events also which of them"),
        text("error", "why, redacted"),
        moment("at", "when"),
        *BATCH,
    ),
    key=("query_id", "batch_id", "step"),
)  # fmt: skip

SERIES = Table(
    "series", "Every series that the stream has taken on, once",
    (
        DEVICE, SIGNAL,
        moment("first", "start of its first window, UTC"),
        *BATCH,
    ),
    key=("device_id", "signal"),
)  # fmt: skip

HISTORY = Table(
    "history", "The last windows of every series, packed; a cache of the stream, do not build on it",
    (
        moment("hour", "partition"),
        column("int", "bucket", "hash of the device modulo the number of buckets"),
        moment("minute", "start of the window, UTC"),
        column("array<long>", "ids", "xxhash64(device_id, signal), ascending"),
        column("array<double>", "values", "value of each series in this window"),
    ),
    partitioned="hour", properties=CACHE | {BUCKETS_BY: BY_DEVICE, REACHES: BY_DEFAULT},
)  # fmt: skip

OWNER = Table(
    "owner", "The running query that owns these tables",
    (
        text("run", "one start of the stream"), text("host", "machine of its driver"), whole("pid", "its process"),
        text("checkpoint", "its checkpoint"), moment("since", "when it claimed the tables"),
        moment("alive", "its last sign of life"),
    ),
    properties=CACHE,
)  # fmt: skip

SERIES_CONFIG = Table(
    "series_config", "Settings of single devices and signals, written by people; for each the latest row that fits wins",
    (
        text("device", "pattern of the device: * any characters, ? one, [ab] one of them"),
        text("signal", "pattern of the signal; null: every signal"),
        text("detector", "detector that judges; null in this and the next columns: the row does not say", SETTING),
        column("int", "sensitivity", "0 to 99, higher flags more", SETTING),
        text("direction", "both, up or down: the side that counts", SETTING),
        number("min_deviation", "a smaller distance is not flagged, unit of the signal", SETTING),
        number("min_relative_deviation", "likewise, as a share of the expected value", SETTING),
        moment("mute_from", "first minute that is judged but not flagged"),
        moment("mute_to", "first minute that is flagged again; null with mute_from: until somebody says so"),
        column("array<string>", "inherit", "settings given back to the run: names of these columns, or mute"),
        text("owner", "who wanted it"),
        text("note", "why"),
        moment("changed", "when it was wanted; of two rows that name a setting the later one wins"),
        text("kind", "gauge, counter, state or auto: judged by readings, rate or time in a state", SETTING, since=7),
    ),
    properties=KEPT,
)  # fmt: skip

MODELS = Table(
    "models", "What was learned from stored windows, by version; a row holds a bucket of series, or why one has nothing",
    (
        text("name", "what it is called in settings and in detections.model"),
        text("kind", "what is learned: profile, seasonal, isolation_forest or joint"),
        whole("version", "counts the trainings of a name"),
        text("group", "bucket of devices whose series the row holds"),
        text("model_id", "UUID of name, version and group"),
        text("device_id", "device of the model, or of the one series that the row is about; null: all of the bucket"),
        text("state", "candidate, live (used by streams and backfills) or retired"),
        text("reason", "why there is no blob: the signal, and what stood in the way; of joint why the device has no model"),
        moment("trained", "when it was learned"),
        text("trained_on", "table whose rows it was learned from"),
        moment("first", "first window it was learned from, UTC"),
        moment("last", "last window it was learned from, UTC"),
        whole("rows", "windows it was learned from"),
        text("parameters", "settings of the training, JSON"),
        text("figures", "how many series were learned, and of the outcome, JSON"),
        number("seconds", "process time of the bucket"),
        text("format", "of the blob"),
        column("binary", "blob", "the numbers that were learned; holds nothing that can run"),
        text("sha256", "of the blob, checked when it is read"),
        column("array<string>", "signals", "of a joint model, in the order of its numbers", since=7),
    ),
    key=("name", "version", "group", "device_id"), properties=KEPT,
)  # fmt: skip

TABLES = {
    table.name: table
    for table in (
        MINUTES, DETECTIONS, JOINT_DETECTIONS, COMPARISONS, LATE, QUARANTINE, BATCHES, PROGRESS, DELIVERIES, SET_ASIDE, SERIES,
        INCIDENT_EVENTS, FEEDBACK, INCIDENT_STATE, HISTORY, OWNER, SERIES_CONFIG, MODELS,
    )
}  # fmt: skip
"""Every table of a run by its name. `history`, `owner` and `incident_state` serve the stream alone; people write `series_config` and
`feedback`."""
EVERY_TABLE = {**TABLES, RUNS.name: RUNS, TASKS.name: TASKS}
"""With that of the scheduler, which makes it by itself."""
