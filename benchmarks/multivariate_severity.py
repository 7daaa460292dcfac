"""What the filter of old programs, `severity > 0.85`, keeps of the alarms that the multivariate API gives; prints a table.

    python -m benchmarks.multivariate_severity [--shared ../shared]

Per group of the shared data (docs/joint.md): events with a flag within 20 rows of their start, and blocks of ten rows with a
flag outside events (nor within ten rows behind one) in 1,440 usual rows, of all flags and of those above 0.85.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ad_stream.azure_api.multivariate.judging import severity
from ad_stream.detectors.joint import judge_many, train
from benchmarks.joint import GROUPS

FILTER = 0.85
NEAR, BEHIND, BLOCK, DAY = 20, 10, 10, 1440
Bools = NDArray[np.bool_]


def main() -> None:
    """Every entity of every group, a line a group, the mean of the groups at the end."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", type=Path, default=Path(os.environ.get("AD_STREAM_SHARED", "../shared")))
    data = parser.parse_args().shared / "multivariate" / "data"
    print(f"| group | found | false alarms a day | found above {FILTER} | false alarms a day |\n|---|---|---|---|---|")
    shares = [_group(sorted((data / group).glob("*.npz"))) for group in GROUPS]
    for name, row in [*zip(GROUPS, shares, strict=True), ("mean", np.mean(shares, axis=0))]:
        print(f"| {name} | {row[0]:.2f} | {row[1]:.2f} | {row[2]:.2f} | {row[3]:.2f} |")


def _group(files: list[Path]) -> NDArray[np.float64]:
    """Share of events found and false alarms a day, of all flags, then of those above the filter."""
    counts = np.sum([_entity(file) for file in files], axis=0)
    events, usual = counts[4], counts[5]
    return np.array([counts[0] / events, counts[1] / usual * DAY, counts[2] / events, counts[3] / usual * DAY])


def _entity(file: Path) -> NDArray[np.int64]:
    """found, false; found, false above the filter; events, usual rows."""
    entity = np.load(file, allow_pickle=False)
    names = [str(column) for column in range(entity["train"].shape[1])]
    model = train(entity["train"].T.astype(float), names, step_seconds=float(entity["interval_s"]))
    verdicts, _ = judge_many([model], entity["test"].T.astype(float)[None], [model.state])
    flags = verdicts.is_anomaly[0]
    kept = flags & np.array([severity(nats) > FILTER for nats in np.nan_to_num(verdicts.score[0]).tolist()])
    label = entity["label"].astype(bool)
    edges = np.flatnonzero(np.diff(np.concatenate([[False], label, [False]]).astype(int)))
    events = list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))
    nobody = label.copy()
    for _, end in events:
        nobody[end : end + BEHIND] = True
    return np.array([*_counts(flags, events, nobody), *_counts(kept, events, nobody), len(events), (~nobody).sum()])


def _counts(flags: Bools, events: list[tuple[int, int]], nobody: Bools) -> tuple[int, int]:
    found = sum(bool(flags[start : min(start + NEAR, end)].any()) for start, end in events)
    wrong = np.add.reduceat(flags & ~nobody, np.arange(0, len(flags), BLOCK))
    return found, int((wrong > 0).sum())


if __name__ == "__main__":
    main()
