"""Joint models of devices as rows of the table `models`: learned from stored windows, a row a device, and read back.

A model that would flag its own training days too often is refused with the figure: its relation is not the one that these
days show, and an operator would learn to look away. The three days of scores that a trained state carries are left out: in
the stream a verdict rests on stored windows alone, so there is no schedule.
"""

from __future__ import annotations

import json
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ad_stream.detectors.joint import JointModel, decode, encode, judge_many, train
from ad_stream.detectors.joint.blob import FORMAT
from ad_stream.models.checksum import check, digest

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ad_stream.model import Floats

    Ints = NDArray[np.int64]
    Objects = NDArray[np.object_]

FEWEST_ROWS = 1440
"""Windows with a value that a device needs: a day of minutes."""
MOST_SIGNALS = 300
BLOCK = 10
"""Flags within so many windows count as one alarm."""
REMEMBERED = 20_000
"""Models that a worker keeps decoded."""


@dataclass(frozen=True)
class TrainingRules:
    """step_seconds: of a window; threshold: nats of a flag; most_flags_a_day: alarms on the training days from which a model is
    refused."""

    step_seconds: float
    threshold: float
    most_flags_a_day: float


@dataclass(frozen=True)
class StoredModel:
    """A blob as the table holds it."""

    label: str
    sha256: str
    blob: bytes = field(repr=False)

    def read(self) -> JointModel:
        """The model; a worker unpacks each checksum once. InputError, which names the model, where the bytes are not those that
        were trained."""
        known = _READ.get(self.sha256)
        if known is None:
            check(self.blob, self.sha256, self.label)
            known = _READ[self.sha256] = decode(self.blob)
            if len(_READ) > REMEMBERED:
                _READ.popitem(last=False)
        _READ.move_to_end(self.sha256)
        return known


_READ: OrderedDict[str, JointModel] = OrderedDict()
"""What this process has unpacked, by checksum, the latest used last."""


def learn_devices(
    group: str, devices: Objects, signals: Objects, steps: Ints, values: Floats, rules: TrainingRules, *,
    clock: Callable[[], float] = time.process_time,
) -> list[dict[str, Any]]:  # fmt: skip
    """Windows of a bucket (k,) in any order -> rows of `models` without name, version and span, one a device."""
    names, codes = np.unique(devices, return_inverse=True)
    order = np.argsort(codes, kind="stable")
    rows = []
    for device, own in zip(names, np.split(order, np.cumsum(np.bincount(codes))[:-1]), strict=True):
        began = clock()
        row = _learned(signals[own], steps[own], values[own], rules)
        rows.append({"group": group, "device_id": str(device), "rows": len(own), "seconds": clock() - began, **row})
    return rows


def _learned(signals: Objects, steps: Ints, values: Floats, rules: TrainingRules) -> dict[str, Any]:
    names, place = np.unique(signals, return_inverse=True)
    matrix = np.full((len(names), int(steps.max() - steps.min()) + 1), np.nan)
    matrix[place, steps - steps.min()] = values
    known = int(np.isfinite(matrix).any(axis=0).sum())
    if len(names) < 2 or known < FEWEST_ROWS:
        return _left_out(
            "too_short",
            f"{len(names)} signals and {known} windows: a joint model needs two signals and {FEWEST_ROWS} windows",
        )
    if len(names) > MOST_SIGNALS:
        return _left_out("failed", f"{len(names)} signals, more than {MOST_SIGNALS}: name some in joint.ignore")
    try:
        model = train(matrix, list(names), step_seconds=rules.step_seconds)
    except Exception as error:  # one device must not cost the others their models
        return _left_out("failed", f"{type(error).__name__}: {error}")
    model = replace(model, state=replace(model.state.afresh(), recent=np.zeros(0)))
    flags = flags_a_day(model, matrix, rules)
    if flags > rules.most_flags_a_day:
        return _left_out(
            "refused",
            f"it would flag its own training days {flags:.1f} times a day, more than {rules.most_flags_a_day:g}: train on "
            "other days (--until, --days), or raise joint.threshold",
            flags_a_day=flags,
        )
    blob = encode(model)
    return {
        "state": "candidate", "format": FORMAT, "blob": blob, "sha256": digest(blob),
        "signals": list(model.signals), "figures": _figures("learned", flags_a_day=flags),
    }  # fmt: skip


def flags_a_day(model: JointModel, matrix: Floats, rules: TrainingRules) -> float:
    """Alarms in a day of judged rows, those within ten rows as one, over values (d, n)."""
    verdicts, _ = judge_many([model], matrix[None], threshold=rules.threshold)
    flagged = verdicts.is_anomaly[0]
    alarms = np.add.reduceat(flagged, np.arange(0, len(flagged), BLOCK)) > 0
    days = np.isfinite(verdicts.score[0]).sum() * rules.step_seconds / 86_400
    return float(alarms.sum() / days) if days else 0.0


def _left_out(outcome: str, reason: str, **figures: float) -> dict[str, Any]:
    return {"state": "retired", "reason": reason, "figures": _figures(outcome, **figures)}


def _figures(outcome: str, **more: float) -> str:
    counts = {name: int(name == outcome) for name in ("learned", "too_short", "failed", "refused")}
    return json.dumps({"series": 1, **counts, **more})
