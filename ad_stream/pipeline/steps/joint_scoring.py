"""Joint verdicts inside the scoring function, and out of its rows: they travel in the first row of their device and window,
so that one pass over the history and one task serve both kinds of verdicts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from pyspark.sql import functions as F

from ad_stream.model import SCORED
from ad_stream.models.joint import StoredModel
from ad_stream.scoring.joint_windows import ARRAYS, JOINT, DeviceModel, joint_columns
from ad_stream.series_config.assign import assign
from ad_stream.tables.joint import CONTRIBUTOR, JOINT_DETECTIONS
from ad_stream.tables.schema import VERDICT

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from pyspark.sql import Column, DataFrame

    from ad_stream.scoring.matrix import Packed, Rows
    from ad_stream.scoring.verdicts import Scorer, Verdicts

PREFIX = "joint_"
FIELDS = JOINT | {"flagged_signals": "long", "threshold": "double", "model": "string"}
JOINT_ROW = "".join(f", {PREFIX}{name} {kind}" for name, kind in FIELDS.items())
"""What a joint verdict adds to a row of the scoring function; null in rows that carry none."""
COLUMNS = ("device_id", "minute", *JOINT_DETECTIONS.named(VERDICT))


def models_of(stored: Any) -> list[DeviceModel]:
    """Rows of joint models (model_of, bucket, ids, label, blob, sha256) -> models; InputError where bytes are not those trained."""
    return [
        DeviceModel(
            row.model_of, int(row.bucket), StoredModel(row.label, row.sha256, bytes(row.blob)).read(), np.asarray(row.ids), row.sha256
        )
        for row in stored.itertuples()
    ]  # fmt: skip


def joint_verdicts(
    now: Any, rows: Rows, past: Packed, found: Verdicts, scorer: Scorer, models: list[DeviceModel], label: str
) -> dict[str, NDArray[np.object_]]:  # fmt: skip
    """The columns of `JOINT_ROW`, beside the verdicts on single signals of the same rows."""
    assert scorer.joint is not None
    devices, signals = now["device_id"].to_numpy(dtype=object), now["signal"].to_numpy(dtype=object)
    columns = joint_columns(devices, signals, rows, past, models, scorer.joint)
    at = np.flatnonzero([one is not None for one in columns["status"]])
    _mute(columns, at, devices, rows, scorer)
    flagged = _flagged_signals(devices, rows, found.columns["is_anomaly"] | found.columns["slow_is_anomaly"])
    for name, values in (("flagged_signals", flagged), ("threshold", scorer.joint.threshold), ("model", label)):
        columns[name] = np.full(len(rows.ids), None, dtype=object)
        columns[name][at] = values[at].tolist() if isinstance(values, np.ndarray) else values
    return {f"{PREFIX}{name}": column for name, column in columns.items()}


def _mute(
    columns: dict[str, NDArray[np.object_]], at: NDArray[np.int64], devices: NDArray[np.object_], rows: Rows, scorer: Scorer
) -> None:  # fmt: skip
    """Where the whole device is muted nothing is flagged."""
    flagged = at[[bool(one) for one in columns["is_anomaly"][at]]]
    if not len(flagged) or not scorer.rules.rules:
        return
    assigned = assign(scorer.rules, devices[flagged], np.full(len(flagged), "", dtype=object))
    begins = rows.steps[flagged] * scorer.grid.seconds
    muted = flagged[(begins >= assigned.mute_from) & (begins < assigned.mute_to)]
    columns["is_anomaly"][muted], columns["severity"][muted], columns["reason"][muted] = False, 0.0, "muted"


def _flagged_signals(devices: NDArray[np.object_], rows: Rows, flagged: NDArray[np.bool_]) -> NDArray[np.int64]:
    """(k,): of the device and window of each row, the signals that are flagged."""
    _, codes = np.unique(devices, return_inverse=True)
    low = rows.steps.min()
    _, pair = np.unique(codes * (rows.steps.max() - low + 1) + rows.steps - low, return_inverse=True)
    return np.asarray(np.bincount(pair, weights=flagged)[pair].astype(np.int64))


def joint_rows(verdicts: DataFrame) -> DataFrame:
    """Rows of the scoring function -> the columns of `joint_detections` that a verdict fills, `step`, one row a joint verdict."""
    plain = {name: F.col(f"{PREFIX}{name}") for name in FIELDS if name not in ARRAYS}
    zipped = F.arrays_zip(*[F.col(f"{PREFIX}{name}").alias(name) for name in ARRAYS])
    fields = dict(zip(CONTRIBUTOR, ARRAYS, strict=True))
    contributors = F.transform(zipped, lambda one: F.struct(*[_field(one, name, at) for name, at in fields.items()]))
    chosen = verdicts.where(F.col(f"{PREFIX}status").isNotNull())
    named: dict[str, Column] = plain | {"contributors": contributors}
    return chosen.select("device_id", "minute", "step", *[named[name].alias(name) for name in COLUMNS[2:]])


def _field(one: Column, name: str, at: str) -> Column:
    value = one[at]
    return (value if name == "signal" else F.nanvl(value, F.lit(None).cast("double"))).alias(name)


def counts() -> list[Column]:
    """The joint columns of the table `batches`, as aggregates of the rows of the scoring function."""
    return [
        F.count(F.when(F.col(f"{PREFIX}status") == SCORED, 1)).alias("joint_scored"),
        F.count(F.when(F.col(f"{PREFIX}is_anomaly"), 1)).alias("joint_anomalies"),
    ]
