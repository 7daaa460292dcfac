"""Joint detection beside its floors on five labelled groups of devices; prints a table, or puts it between marks.

    python -m benchmarks.joint [--shared ../shared] [--missing 0.2] [--groups smd,asd] [--out docs/joint.md] [DETECTOR ...]
    python -m benchmarks.joint --cost

Detectors: `joint`, `relation` (adapters), and the names in the shared folder's floors.py; those that need a package which is
not installed say so. Figures come from the harness there: events found within 20 rows of their start, false alarms in 1,440
usual rows, one threshold for all devices, all groups alike. The entities of a group are halved, near-copies of js2 and js3
on one side, and the threshold of each half's best event F1 is carried to the other. tep, delay only, is scored apart.
--cost trains and judges simulated devices and prints CPU.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from ad_stream.detectors.joint import judge_many, train
from ad_stream.evaluation import adapters
from benchmarks.quality import load_harness, write_table

GROUPS = ("smd", "asd", "js2", "js3", "fleet")
OURS = {"joint": adapters.joint, "relation": adapters.relation}
USUAL = ("joint", "relation", "uni_diff_mean", "var_ridge", "pca", "pca_minmax", "lae_win", "ecod", "iforest", "random")
START, END = "<!-- table of benchmarks/joint.py -->", "<!-- end of the table -->"
HEAD = (
    "| detector | found at 0.1 / 1 a day | false alarms a day at 50 % / 80 % | event F1 best | carried a to b / b to a | Hit@100 % |"
    " NDCG@5 | found at 1 a day: smd | asd | js2 | js3 | fleet | tep | us a row |\n|" + "---|" * 14 + "\n"
)
ALIKE, COLUMNS = 0.8, 5

Entity = dict[str, Any]


def main() -> None:
    """Measures what was asked for and prints the table, or puts it between the marks of --out."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("detectors", nargs="*")
    parser.add_argument("--shared", type=Path, default=Path(os.environ.get("AD_STREAM_SHARED", "../shared")))
    parser.add_argument("--missing", type=float, default=0.0)
    parser.add_argument("--groups", default=",".join(GROUPS))
    parser.add_argument("--out", type=Path, default=None)
    parser.add_argument("--cost", action="store_true")
    options = parser.parse_args()
    if options.cost:
        cost()
        return
    folder = options.shared / "multivariate"
    harness, floors = load_harness(folder / "evaluate_mv.py"), load_harness(folder / "floors.py")
    groups = options.groups.split(",")
    side = halves(harness, folder / "data", groups)
    table = HEAD
    print(HEAD, end="")
    for name in options.detectors or USUAL:
        row = _row(harness, floors, folder / "data", name, groups, options.missing, side)
        print(row, end="", flush=True)
        table += row
    if options.out is not None:
        write_table(options.out, table, START, END)


def _row(
    harness: ModuleType, floors: ModuleType, data: Path, name: str, groups: list[str], missing: float, side: dict[str, str]
) -> str:  # fmt: skip
    detector: Callable[..., Any] = OURS[name] if name in OURS else getattr(floors, name)
    try:
        entities, cost_of, _ = harness.run(detector, str(data), groups, missing)
        tep = harness.evaluate(harness.run(detector, str(data), ["tep"], missing)[0], vus=False)["tep"]["R@1"]
    except ImportError as error:
        return f"| {name} | not measured: {error} |\n"
    whole = harness.evaluate(entities, vus=False)
    parts = [[one for one in entities if side[one["name"]] == half] for half in "ab"]
    own = [harness.evaluate(part, vus=False)["ALL"] for part in parts]
    carried = [
        harness.evaluate(parts[to], {"eF1": own[of]["ethr"], "dF1": own[of]["dthr"]}, False)["ALL"]["eF1x"]
        for of, to in ((0, 1), (1, 0))
    ]
    every = whole["ALL"]
    cells = [
        f"{every['R@0.1']:.3f} / {every['R@1']:.3f}",
        f"{every['FA@R50']:.2f} / {every['FA@R80']:.1f}",
        f"{every['eF1']:.3f}",
        f"{carried[0]:.3f} / {carried[1]:.3f}",
        *(f"{every[key]:.3f}" if key in every else "-" for key in ("Hit100", "NDCG5")),
        *(f"{whole[group]['R@1']:.3f}" if group in whole else "-" for group in GROUPS),
        f"{tep:.3f}",
        f"{cost_of:.1f}",
    ]
    return f"| {name} | {' | '.join(cells)} |\n"


def halves(harness: ModuleType, data: Path, groups: list[str]) -> dict[str, str]:
    """Entity -> 'a' or 'b': clusters of near-copies go, the largest first, to the side that has fewer entities."""
    out: dict[str, str] = {}
    for group in groups:
        entities = list(harness.load(str(data), [group]))
        clusters = sorted(_clusters(entities) if group.startswith("js") else [[one] for one in entities], key=len)
        count = {"a": 0, "b": 0}
        for cluster in reversed(clusters):
            half = min(count, key=lambda key: count[key])
            count[half] += len(cluster)
            out |= {one["name"]: half for one in cluster}
    return out


def _clusters(entities: list[Entity]) -> list[list[Entity]]:
    """Entities whose changes go together in several columns, as those who made the data joined them."""
    rows = min(len(one["test"]) for one in entities)
    steps = [np.diff(np.nan_to_num(one["test"][:rows]), axis=0) for one in entities]
    steps = [(step - step.mean(axis=0)) / np.maximum(step.std(axis=0), 1e-12) for step in steps]
    own = list(range(len(entities)))
    for i in range(len(entities)):
        for j in range(i):
            if ((steps[i] * steps[j]).mean(axis=0) > ALIKE).sum() >= COLUMNS:
                own = [own[j] if label == own[i] else label for label in own]
    return [[one for one, label in zip(entities, own, strict=True) if label == chosen] for chosen in sorted(set(own))]


def cost() -> None:
    """CPU of training a week of minutes, of judging it in one go, and of a minute of many devices from their states."""
    print(
        "| signals | training, s a device and week | judging, us a row | one minute of 1,000 devices, s | model, kB |"
    )
    print("|---|---|---|---|---|")
    for signals, values in _devices():
        names = [str(k) for k in range(signals)]
        seconds, model = _cpu(partial(train, values[:, :10_080], names))
        judging, _ = _cpu(partial(judge_many, [model], values[None, :, 10_080:]))
        many = np.repeat(values[None, :, -1:], 1000, axis=0)
        states = [model.state] * 1000
        minute, _ = _cpu(partial(judge_many, [model] * 1000, many, states))
        kilobytes = sum(getattr(model.arrays, name).nbytes for name in model.arrays.__dataclass_fields__) / 1000
        print(f"| {signals} | {seconds:.3f} | {judging / 10_080 * 1e6:.1f} | {minute:.3f} | {kilobytes:.0f} |")


def _devices() -> Iterator[tuple[int, np.ndarray[Any, Any]]]:
    """Signals, and two weeks of minutes of them."""
    random = np.random.default_rng(1)
    for signals in (5, 10, 20, 40):
        load = np.cumsum(random.normal(size=20_160)) * 0.05
        yield signals, np.array([load * (1 + k) + random.normal(size=20_160) for k in range(signals)])


def _cpu(call: Callable[[], Any]) -> tuple[float, Any]:
    """The least CPU seconds of three calls, and what the last one gave."""
    taken, answer = [], None
    for _ in range(3):
        begin = time.process_time()
        answer = call()
        taken.append(time.process_time() - begin)
    return min(taken), answer


if __name__ == "__main__":
    main()
