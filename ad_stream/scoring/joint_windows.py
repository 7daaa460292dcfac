"""Windows of the devices of a group and their models -> joint verdicts, one for each device and window.

A verdict is a pure function of the model and of stored windows, whoever computes it. Time is cut into epochs of 240 windows,
of 720 where a window is five minutes or longer, at other windows for each bucket so that not all devices begin one at once.
What is judged in an epoch follows from one pass over the rows from the beginning of the epoch before it, so a restart, a
backfill and a lost checkpoint give the same rows. A pass may be cut anywhere, so a worker that still has the state after an
earlier window of the pass goes on from there (`Kept`); it only saves time.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from ad_stream.detectors.joint import JointModel, JointState, JointVerdicts, judge_many, pass_over
from ad_stream.detectors.joint.judging import WARM_ROWS
from ad_stream.model import SCORED, WARMING_UP
from ad_stream.scoring.matrix import scatter_past

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ad_stream.config.joint import Joint
    from ad_stream.grid import Grid
    from ad_stream.model import Bools, Floats
    from ad_stream.scoring.matrix import Packed, Rows

    Ints = NDArray[np.int64]
    Objects = NDArray[np.object_]

EPOCH, LONG_EPOCH, LONG_FROM = 240, 720, 300
"""Windows of an epoch, those of windows of so many seconds or more."""
BUCKETS = 64
"""Epochs begin at this many different windows."""
CELLS = 2**19
"""Values of the devices that are laid out together."""
KEPT_DEVICES = 20_000
NONE = np.iinfo(np.int64).min
"""Step of a device that has shown no value yet."""

JOINT = {
    "score": "double", "severity": "double", "is_anomaly": "boolean", "status": "string", "reason": "string",
    "missing": "long", "gone": "string", "unknown": "string",
    "names": "array<string>", "share": "array<double>", "seen": "array<double>", "expected": "array<double>",
    "lower": "array<double>", "upper": "array<double>",
}  # fmt: skip
"""What a joint verdict holds, and its type in Spark."""
PLAIN = ("score", "severity", "is_anomaly", "status", "reason", "missing")
ARRAYS = ("names", "share", "seen", "expected", "lower", "upper")
"""The contributors, an array a field."""
YOUNG = {"score": None, "severity": None, "is_anomaly": False, "status": WARMING_UP, "reason": "few_points"}
"""What is said of the first rows of a device that has just begun."""


@dataclass(frozen=True)
class JointRules:
    """threshold: nats of a flag; top: contributors that are named; epoch: its windows; run: which stream's states may be gone
    on from, '' none."""

    threshold: float
    top: int
    epoch: int = EPOCH
    run: str = ""

    @classmethod
    def of(cls, settings: Joint, grid: Grid, run: str = "") -> JointRules | None:
        """What a configuration asks for, None where it is off."""
        epoch = EPOCH if grid.seconds < LONG_FROM else LONG_EPOCH
        return cls(settings.threshold, settings.top, epoch, run) if settings.enabled else None

    @property
    def reach(self) -> int:
        """Windows that a joint verdict may see, the judged one among them."""
        return 2 * self.epoch


@dataclass(frozen=True)
class DeviceModel:
    """The model of one device; ids (d,) of its signals as windows name them; key: tells its bytes from all others."""

    device: str
    bucket: int
    model: JointModel
    ids: Ints
    key: str


@dataclass
class Kept:
    """States that a worker has, by run, device and model, the latest used last."""

    most: int = KEPT_DEVICES
    states: OrderedDict[tuple[str, str, str], PassState] = field(default_factory=OrderedDict)

    def get(self, key: tuple[str, str, str], start: int, before: int) -> PassState | None:
        """The state of the pass that begins at `start`, where it ends before a step."""
        place = self.states.get(key)
        return place if place is not None and place.start == start and place.step < before else None

    def put(self, key: tuple[str, str, str], place: PassState) -> None:
        """Keep it in place of an earlier one."""
        self.states[key] = place
        self.states.move_to_end(key)
        if len(self.states) > self.most:
            self.states.popitem(last=False)


@dataclass(frozen=True)
class PassState:
    """Where a pass stands: it began at start, step is its last one, since the first with a value (NONE: there was none)."""

    start: int
    step: int
    since: int
    state: JointState


@dataclass(frozen=True)
class Stretch:
    """A device in an epoch: the steps that are judged (k,) and the rows that get their verdicts (k,)."""

    of: DeviceModel
    place: PassState
    steps: Ints
    rows: Ints


KEPT = Kept()


def joint_columns(
    devices: Objects, signals: Objects, rows: Rows, past: Packed, models: Sequence[DeviceModel], rules: JointRules, kept: Kept = KEPT
) -> dict[str, Objects]:  # fmt: skip
    """devices, signals (k,) of the rows (k,) -> the columns of `JOINT`, (k,), set in one row of each device and window that has
    a model; None in the others."""
    columns = {name: np.full(len(devices), None, dtype=object) for name in JOINT}
    if not models or not len(devices):
        return columns
    stretches = list(_stretches(devices, rows, models, rules, kept))
    unknown = _unknown(devices, signals, rows, models)
    for group in _alike(stretches):
        for name, (at, column) in _told(group, *_judged(group, rows, past, rules, kept), rules).items():
            columns[name][at] = column
    for row, names in unknown.items():
        if columns["status"][row] is not None:
            columns["unknown"][row] = names
    return columns


def epoch_start(bucket: int, steps: Ints, epoch: int) -> Ints:
    """Steps (k,) of devices of a bucket -> the step at which the pass begins that judges each."""
    offset = bucket * epoch // BUCKETS
    return ((steps + offset) // epoch - 1) * epoch - offset


def _first_rows(devices: Objects, rows: Rows) -> tuple[Objects, Ints, Ints, Ints]:
    """Devices (m,) by name, and for each device and window: which device, step, and its first row."""
    names, codes = np.unique(devices, return_inverse=True)
    low = int(rows.steps.min())
    width = int(rows.steps.max()) - low + 1
    pairs, first = np.unique(codes * width + rows.steps - low, return_index=True)
    return names, pairs // width, pairs % width + low, first


def _stretches(
    devices: Objects, rows: Rows, models: Sequence[DeviceModel], rules: JointRules, kept: Kept
) -> Iterator[Stretch]:  # fmt: skip
    names, code, steps, first = _first_rows(devices, rows)
    ends = np.searchsorted(code, np.arange(len(names) + 1))
    place = {name: k for k, name in enumerate(names)}
    for one in models:
        if (k := place.get(one.device)) is None:
            continue
        mine = slice(ends[k], ends[k + 1])
        starts = epoch_start(one.bucket, steps[mine], rules.epoch)
        for start in np.unique(starts).tolist():
            here = starts == start
            judged = steps[mine][here]
            known = kept.get((rules.run, one.device, one.key), start, int(judged[0])) if rules.run else None
            yield Stretch(one, known or PassState(start, start - 1, NONE, one.model.state), judged, first[mine][here])


def _alike(stretches: Sequence[Stretch]) -> Iterator[list[Stretch]]:
    """Those that have equally many signals, the same pass and the same last known step, some at a time."""
    groups: dict[tuple[int, int, int], list[Stretch]] = {}
    for one in stretches:
        groups.setdefault((len(one.of.ids), one.place.start, one.place.step), []).append(one)
    for (signals, _, step), group in sorted(groups.items(), key=lambda item: item[0]):
        length = max(int(one.steps[-1]) for one in group) - step
        wide = max(1, CELLS // (signals * length))
        for low in range(0, len(group), wide):
            yield group[low : low + wide]


def _judged(
    group: list[Stretch], rows: Rows, past: Packed, rules: JointRules, kept: Kept
) -> tuple[JointVerdicts, Floats, list[int]]:  # fmt: skip
    """Verdicts and values (m, d, n) of the steps from the first judged one to the last, and since when each device has values."""
    known = group[0].place
    first, low, last = known.step + 1, min(int(one.steps[0]) for one in group), max(int(one.steps[-1]) for one in group)
    values = _values(group, rows, past, first, last)
    models = [one.of.model for one in group]
    states = [one.place.state for one in group]
    if low > first:
        states = pass_over(models, values[..., : low - first], states)
    verdicts, states = judge_many(models, values[..., low - first :], states, threshold=rules.threshold)
    since = _since(values, group, first)
    if rules.run:
        for one, begun, state in zip(group, since, states, strict=True):
            kept.put((rules.run, one.of.device, one.of.key), PassState(known.start, last, begun, state))
    return verdicts, values[..., low - first :], since


def _since(values: Floats, group: list[Stretch], first: int) -> list[int]:
    """The first step with a value, of the pass so far."""
    there = np.asarray(np.isfinite(values).any(axis=1))
    found = np.where(there.any(axis=1), first + there.argmax(axis=1), NONE)
    return [one.place.since if one.place.since != NONE else int(step) for one, step in zip(group, found, strict=True)]


def _values(group: list[Stretch], rows: Rows, past: Packed, first: int, last: int) -> Floats:
    """(m, d, n): what was before, and over it the rows at hand."""
    ids = np.concatenate([one.of.ids for one in group])
    order = np.argsort(ids)
    matrix = np.full((len(ids), last - first + 1), np.nan)
    scatter_past(matrix, ids[order], past, first)
    near = np.flatnonzero((rows.steps >= first) & (rows.steps <= last))
    at = np.minimum(np.searchsorted(ids[order], rows.ids[near]), len(ids) - 1)
    ours = ids[order][at] == rows.ids[near]
    matrix[at[ours], rows.steps[near][ours] - first] = rows.values[near][ours]
    whole = np.empty_like(matrix)
    whole[order] = matrix
    return whole.reshape(len(group), -1, matrix.shape[1])


def _unknown(devices: Objects, signals: Objects, rows: Rows, models: Sequence[DeviceModel]) -> dict[int, str]:
    """Row of a device and window -> names of its signals that the model does not know."""
    known = np.concatenate([one.ids for one in models])
    strange = np.flatnonzero(~np.isin(rows.ids, known))
    strange = strange[np.isin(devices[strange], [one.device for one in models])]
    if not len(strange):
        return {}
    names, code, steps, first = _first_rows(devices, rows)
    row_of = {(names[c], step): int(row) for c, step, row in zip(code, steps.tolist(), first, strict=True)}
    found: dict[int, list[str]] = {}
    for k in strange:
        found.setdefault(row_of[devices[k], int(rows.steps[k])], []).append(str(signals[k]))
    return {row: ", ".join(sorted(some)) for row, some in found.items()}


def _told(
    group: list[Stretch], verdicts: JointVerdicts, values: Floats, since: list[int], rules: JointRules
) -> dict[str, tuple[Ints, Objects]]:
    """Column -> the rows that get their values, and these."""
    low = min(int(one.steps[0]) for one in group)
    place = np.repeat(np.arange(len(group)), [len(one.steps) for one in group])
    steps, rows = (np.concatenate([getattr(one, name) for one in group]) for name in ("steps", "rows"))
    at = steps - low
    found = {name: getattr(verdicts, name)[place, at].astype(object) for name in PLAIN}
    young = (steps < np.array(since)[place] + WARM_ROWS) & (verdicts.status[place, at] == SCORED)
    for name, value in YOUNG.items():
        found[name][young] = value
    told: dict[str, tuple[Ints, Objects]] = {name: (rows, column) for name, column in found.items()}
    gone = verdicts.gone[place, :, at]
    absent = np.flatnonzero(gone.any(axis=1))
    names = [_joined(group[place[k]].of.model.signals, gone[k]) for k in absent]
    told["gone"] = (rows[absent], _objects(names))
    high = np.flatnonzero((verdicts.score[place, at] >= rules.threshold / 2) & ~young)
    tops = [
        _contributors(group[place[k]].of.model.signals, verdicts, values, int(place[k]), int(at[k]), rules.top)
        for k in high
    ]
    return told | {
        name: (rows[high], _objects(list(column)))
        for name, column in zip(ARRAYS, zip(*tops, strict=True), strict=False)
    }


def _joined(signals: tuple[str, ...], which: Bools) -> str:
    return ", ".join(signals[j] for j in np.flatnonzero(which))


def _contributors(
    signals: tuple[str, ...], verdicts: JointVerdicts, values: Floats, place: int, column: int, top: int
) -> tuple[Any, ...]:
    """Names, shares, values, expected, lower, upper of the first signals by share."""
    share, expected, margin = (
        array[place, :, column] for array in (verdicts.contribution, verdicts.expected, verdicts.margin)
    )
    order = np.argsort(-np.nan_to_num(share), kind="stable")[:top]
    numbers = (share, values[place, :, column], expected, expected - margin, expected + margin)
    return [signals[j] for j in order], *(array[order].tolist() for array in numbers)


def _objects(items: list[Any]) -> Objects:
    out = np.empty(len(items), dtype=object)
    for place, item in enumerate(items):  # numpy would make columns of lists that are equally long
        out[place] = item
    return out
