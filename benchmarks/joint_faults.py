"""The simulated fleet of `benchmarks.joint_fleet`, judged by the stream's own training and scoring: what is found, how soon, who
is named, false alarms.

    python -m benchmarks.joint_faults [DEVICES] [DAYS]

Five days of usual operation are learned (`models.joint`), then DAYS with faults are judged window by window from stored windows and
the model (`scoring.joint_windows`), as the stream's scoring task does it; Spark, parsing and tables are left out. A fault is found
by a flag within 20 minutes of its start (offset, decoupling) or 60 (lag, stuck, creep, apart); a false alarm is a block of ten
windows with a flag outside of faults and the half hour behind them.
"""

from __future__ import annotations

import sys

import numpy as np

from ad_stream.config.joint import Joint
from ad_stream.grid import MINUTE
from ad_stream.models.joint import StoredModel, TrainingRules, learn_devices
from ad_stream.scoring.joint_windows import DeviceModel, JointRules, joint_columns
from ad_stream.scoring.matrix import Packed, Rows
from benchmarks.joint_fleet import DAY, LENGTH, PROMPT, SLOW, Device, device

TRAINED_DAYS, SIGNALS, AFTER = 5, (4, 8), 30
WITHIN = dict.fromkeys(PROMPT, 20) | dict.fromkeys(SLOW, 60)
SETTINGS = Joint(enabled=True)
Judged = tuple[np.ndarray, np.ndarray]


def main() -> None:
    """Judge the fleet and print what was found."""
    devices, days = (int(text) for text in (*sys.argv[1:], *("12", "2")[len(sys.argv) - 1 :]))
    counts = [SIGNALS[0] + seed % (SIGNALS[1] - SIGNALS[0] + 1) for seed in range(devices)]
    fleet = [
        device(100 + seed, signals=count, training_days=TRAINED_DAYS, days=days, faults_a_day=4)
        for seed, count in enumerate(counts)
    ]
    _print(fleet, [_judged(one, number) for number, one in enumerate(fleet)], days)


def _judged(one: Device, bucket: int) -> Judged:
    """Flags and first contributors of the windows behind the training."""
    rules = JointRules.of(SETTINGS, MINUTE)
    assert rules is not None
    names = np.array([f"s{k}" for k in range(len(one.values))], dtype=object)
    ids, count = np.arange(len(names)), one.values.shape[1]
    step, signal = np.divmod(np.arange(count * len(names)), len(names))
    values, devices = one.values.T.ravel(), np.full(len(step), "pump", dtype=object)
    before, now = step < one.trained, step >= one.trained
    training = TrainingRules(60.0, SETTINGS.threshold, SETTINGS.most_flags_a_day)
    (row,) = learn_devices("0", devices[before], names[signal[before]], step[before], values[before], training)
    model = DeviceModel("pump", bucket, StoredModel("joint@1", row["sha256"], row["blob"]).read(), ids, row["sha256"])
    reach = range(one.trained - rules.reach, one.trained)
    past = Packed(np.array(reach), [ids] * len(reach), [one.values[:, k] for k in reach])
    rows = Rows(ids[signal[now]], step[now], values[now])
    columns = joint_columns(devices[now], names[signal[now]], rows, past, [model], rules)
    mine = slice(None, None, len(names))
    flags = columns["is_anomaly"][mine].astype(bool)
    return flags, np.array([None if found is None else found[0] for found in columns["names"][mine]], dtype=object)


def _print(fleet: list[Device], judged: list[Judged], days: int) -> None:
    counts = {kind: [0, 0, 0] for kind in (*PROMPT, *SLOW)}
    false_alarms = usual_rows = 0
    for one, (flags, first) in zip(fleet, judged, strict=True):
        usual = np.ones(days * DAY, dtype=bool)
        for fault in one.faults:
            usual[fault.start : fault.start + LENGTH + AFTER] = False
            hit = np.flatnonzero(flags[fault.start : fault.start + WITHIN[fault.kind]])
            right = len(hit) > 0 and first[fault.start + hit[0]] == f"s{fault.signal}"
            counts[fault.kind] = [a + b for a, b in zip(counts[fault.kind], (1, len(hit) > 0, right), strict=True)]
        alarms = np.add.reduceat(flags & usual, np.arange(0, days * DAY, 10)) > 0
        false_alarms, usual_rows = false_alarms + int(alarms.sum()), usual_rows + int(usual.sum())
    every = [sum(counts[kind][k] for kind in PROMPT) for k in range(3)]
    print(f"{len(fleet)} devices, {days} days: {false_alarms} false alarms in {usual_rows / DAY:.1f} usual device-days")
    print(
        f"within 20 minutes: {every[1]} of {every[0]}; first contributor right: {every[2]} of {every[1]} (goals 80 %, 85 %)"
    )
    for kind, (there, found, right) in counts.items():
        print(f"  {kind}: {found} of {there} within {WITHIN[kind]} minutes, first contributor right in {right}")
    print(f"false alarms a device and day: {false_alarms / usual_rows * DAY:.3f} (goal 0.1)")


if __name__ == "__main__":
    main()
