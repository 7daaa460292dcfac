"""What joint verdicts add to a one-minute trigger: CPU and memory of the workers' part, for devices of ten signals.

    python -m benchmarks.joint_trigger [DEVICES] [MINUTES] [MEASURED]

Bucket by bucket, as tasks of the stream do it (64 buckets), with the code that they run: first without a state (after a restart,
or whoever judges one window from stored ones alone), then minute by minute from the states that the worker kept, and at last
without a state again, which must give the same. `blobs` is what every trigger hands to the workers again: it is read from its
table, and not unpacked a second time. With MEASURED only so many of the buckets are filled, and figures are scaled up. What Spark
itself costs for the rows of the table is not in it. Memory is what a worker that sees every device keeps: models and states.
"""

from __future__ import annotations

import hashlib
import sys
import time
from dataclasses import replace

import numpy as np

from ad_stream.detectors.joint import encode, train
from ad_stream.models.joint import StoredModel
from ad_stream.scoring.joint_windows import BUCKETS, DeviceModel, JointRules, Kept, joint_columns
from ad_stream.scoring.matrix import Packed, Rows
from benchmarks.joint_fleet import DAY, device

SIGNALS = tuple(f"signal-{k}" for k in range(10))
DIFFERENT = 16
"""So many devices are trained; the others are copies under other names, each with bytes of its own."""
RULES = JointRules(6.0, 3, run="benchmark")
FIRST = 30_000_000


def main() -> None:
    """Print one line a kind of trigger."""
    given = [int(text) for text in sys.argv[1:]]
    devices, minutes, measured = (*given, *(10_000, 5, BUCKETS)[len(given) :])
    scale = BUCKETS / measured
    fleet = [device(seed, signals=len(SIGNALS), training_days=7, days=1, faults_a_day=1) for seed in range(DIFFERENT)]
    started = time.process_time()
    models, blob_bytes = _models(fleet, round(devices / scale), measured)
    seconds = scale * (time.process_time() - started)
    print(f"{devices} devices, {measured} of {BUCKETS} buckets measured: models read once in {seconds:.0f} CPU s,")
    print(f"blobs {scale * blob_bytes / 1e6:.0f} MB")
    kept, states = Kept(), Kept()
    stateless, answers = _trigger(fleet, models, 0, kept, replace(RULES, run=""))
    print(f"without states: {scale * stateless:.2f} CPU s a trigger (goal 12)")
    _trigger(fleet, models, 0, states, RULES)
    turns = [scale * _trigger(fleet, models, minute, states, RULES)[0] for minute in range(1, minutes)]
    print(f"with states: {np.median(turns):.2f} CPU s a trigger (goal 1), {min(turns):.2f} to {max(turns):.2f}")
    _, goes_on = _trigger(fleet, models, minutes, states, RULES)
    _, alone = _trigger(fleet, models, minutes, kept, replace(RULES, run=""))
    differ = np.nanmax(np.abs(np.array(goes_on, dtype=float) - np.array(alone, dtype=float)))
    print(f"greatest difference of scores with and without states: {differ:.1e} (goal 1e-6), of {len(alone)} devices")
    kept_bytes = sum(_bytes(one.model.arrays) + 2 * _bytes(one.model.state) for some in models for one in some)
    print(f"memory kept: {scale * kept_bytes / 1e6:.0f} MB (goal 1000), {len(answers)} verdicts measured")


def _models(fleet: list, devices: int, measured: int) -> tuple[list[list[DeviceModel]], int]:
    trained = []
    for one in fleet:
        model = train(one.values[:, : one.trained], SIGNALS)
        trained.append(replace(model, state=replace(model.state.afresh(), recent=np.zeros(0))))
    buckets: list[list[DeviceModel]] = [[] for _ in range(BUCKETS)]
    blob_bytes = 0
    for number in range(devices):
        blob = encode(replace(trained[number % DIFFERENT], rows=number))
        blob_bytes += len(blob)
        stored = StoredModel("joint@1", hashlib.sha256(blob).hexdigest(), blob)
        ids = np.arange(len(SIGNALS), dtype=np.int64) + len(SIGNALS) * number
        bucket = number % measured
        buckets[bucket].append(DeviceModel(f"device-{number:06d}", bucket, stored.read(), ids, stored.sha256))
    return buckets, blob_bytes


def _trigger(
    fleet: list, buckets: list[list[DeviceModel]], minute: int, kept: Kept, rules: JointRules
) -> tuple[float, list[float | None]]:
    """CPU seconds of all buckets, and the scores."""
    seconds, scores = 0.0, []
    for models in buckets:
        if not models:
            continue
        values = np.concatenate([_values(fleet, one) for one in models])
        ids = np.concatenate([one.ids for one in models])
        now = DAY // 2 + minute
        past = Packed(FIRST + np.arange(now), [ids] * now, list(np.ascontiguousarray(values[:, :now].T)))
        rows = Rows(ids, np.full(len(ids), FIRST + now), values[:, now])
        names = np.repeat(np.array([one.device for one in models], dtype=object), len(SIGNALS))
        signals = np.tile(np.array(SIGNALS, dtype=object), len(models))
        started = time.process_time()
        columns = joint_columns(names, signals, rows, past, models, rules, kept)
        seconds += time.process_time() - started
        scores += columns["score"][:: len(SIGNALS)].tolist()
    return seconds, scores


def _values(fleet: list, one: DeviceModel) -> np.ndarray:
    found = fleet[int(one.device.removeprefix("device-")) % DIFFERENT]
    return found.values[:, found.trained :]


def _bytes(arrays: object) -> int:
    return sum(np.asarray(value).nbytes for value in vars(arrays).values())


if __name__ == "__main__":
    main()
