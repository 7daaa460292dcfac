"""The table of joint verdicts, part of `tables.catalog`."""

from __future__ import annotations

from ad_stream.tables.columns import BATCH, column, flag, moment, number, text, whole
from ad_stream.tables.schema import PAGE, PUSHED, VERDICT, Table

CONTRIBUTOR = ("signal", "share", "value", "expected", "lower", "upper")
"""Fields of a contributor; the first is text."""
CONTRIBUTORS = f"array<struct<signal:string,{','.join(f'{name}:double' for name in CONTRIBUTOR[1:])}>>"

JOINT_DETECTIONS = Table(
    "joint_detections",
    "One verdict per device and window on its signals together ([joint.md](joint.md)); the highest revision counts",
    (
        text("device_id", "device whose signals are judged together", PUSHED, PAGE),
        moment("minute", "start of the judged window, UTC", PUSHED, PAGE),
        column("int", "revision", "0 = the only verdict of the stream, higher = backfill", PAGE),
        number("score", "nats by the tail of the device, higher is more anomalous; null where it was not judged",
               VERDICT, PUSHED, PAGE),
        number("severity", "0 to 1, 0 where nothing is flagged", VERDICT, PUSHED, PAGE),
        flag("is_anomaly", "whether the score reaches joint.threshold", VERDICT, PUSHED, PAGE),
        column(CONTRIBUTORS, "contributors",
               "the first signals by their share in the score, where that is at least half the threshold; the shares of all signals "
               "add up to one; expected, lower, upper: what the others and the past let expect", VERDICT, PUSHED, PAGE),
        whole("flagged_signals", "signals that their own verdicts flag in this window; 0 where only the relation is odd",
              VERDICT, PUSHED, PAGE),
        text("status", "scored, warming_up or declined", VERDICT, PAGE),
        text("reason", "what the verdict rests on, one of the reasons below", VERDICT, PUSHED, PAGE),
        whole("missing", "signals of the model without a value in this window", VERDICT),
        text("gone", "signals that are gone for so long that the others are judged without them", VERDICT),
        text("unknown", "signals that the model does not know", VERDICT),
        number("threshold", "joint.threshold of the verdict", VERDICT, PUSHED),
        text("model", "model that judged, name@version", VERDICT, PUSHED),
        text("config_version", "changes when a setting of the section joint changes; behind the @ the version of series_config"),
        *BATCH,
    ),
    key=("device_id", "minute", "revision"), clustered=("device_id", "minute"),
)  # fmt: skip
