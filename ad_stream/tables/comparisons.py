"""The table of further detectors' verdicts, part of `tables.catalog`."""

from __future__ import annotations

from ad_stream.tables.columns import BATCH, flag, moment, number, text
from ad_stream.tables.schema import VERDICT, Table

COMPARISONS = Table(
    "comparisons",
    "One verdict per device, signal, window and detector of detection.compare; nobody is told of them",
    (
        text("device_id", "device of the reading"),
        text("signal", "member of the body"),
        moment("minute", "start of the judged window, UTC"),
        text("detector", "detector that gave the verdict", VERDICT),
        number("score", "score of the detector, higher is more anomalous; null where it was not judged", VERDICT),
        flag("is_anomaly", "whether the detector flags the window", VERDICT),
        number("expected", "what the detector expected", VERDICT),
        number("upper_margin", "from expected to the upper end of the band", VERDICT),
        number("lower_margin", "from expected to the lower end of the band", VERDICT),
        number("severity", "0 to 1, 0 where nothing is flagged", VERDICT),
        text("status", "scored, warming_up or declined", VERDICT),
        text("reason", "what the verdict rests on, one of the reasons below", VERDICT),
        text("model", "model whose knowledge the verdict used, name@version; null: none", VERDICT),
        *BATCH,
    ),
    key=("device_id", "signal", "minute", "detector"),
    clustered=("device_id", "minute"),
)
