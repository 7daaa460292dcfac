"""`ad_stream.detect_joint`: several signals of a device judged together, pandas in and pandas out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ad_stream.detectors.joint import JointModel, judge_many, train
from ad_stream.detectors.joint.training import FEWEST_ROWS
from ad_stream.detectors.joint.verdict import THRESHOLD
from ad_stream.errors import InputError
from ad_stream.scoring.joint_frames import JointFrame, joint_frames

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ad_stream.detectors.joint import JointVerdicts
    from ad_stream.model import Floats

    Ints = NDArray[np.int64]

Models = Mapping[Any, JointModel]


def detect_joint(
    frame: Any,
    *,
    device: str | Sequence[str] | None = "device",
    time: str = "timestamp",
    value: str | Sequence[str] = "value",
    signal: str = "signal",
    train_until: Any = None,
    models: JointModel | Models | None = None,
    step: Any = None,
    threshold: float = THRESHOLD,
    top: int = 3,
) -> pd.DataFrame:
    """Judges the signals of each device together: a model is trained on the first rows, the later rows are judged by it.

    >>> import numpy as np, pandas as pd, ad_stream
    >>> noise = np.random.default_rng(7).normal(size=(3, 3000))
    >>> load = 50 + 10 * np.sin(np.arange(3000) / 90) + noise[0]
    >>> times = pd.date_range("2026-11-01", periods=3000, freq="min")
    >>> pump = pd.DataFrame({"timestamp": times, "flow": load + noise[1] / 4, "current": load / 5 + noise[2] / 20})
    >>> pump.loc[2600:2640, "current"] += 1.5
    >>> verdicts = ad_stream.detect_joint(pump)
    >>> first = verdicts[verdicts.is_anomaly].iloc[0]
    >>> first.timestamp, first.reason, first.contributors[0]["signal"]
    (Timestamp('2026-11-02 19:20:00'), 'relation', 'current')

    frame: a pandas (or polars) frame. Wide, each numeric column a signal (or those named in `value`), or long, with the
    signals' names in the column `signal` and one column `value`. `device` may name several key columns; without one it is one
    device. Times are as `detect` reads them. The signals of a device may come at different steps: the grid is that of the
    fastest, or `step`; of two values in one cell the later one counts, and a slower signal is held between its values.

    Rows before `train_until` train (the first half of a device's grid where it is None) and should be usual operation, a few
    faults apart; 200 rows at least, days are better. With `models` nothing is trained: a model, or one for each device by its
    key (a tuple where there are several), as `train_joint` makes them; the first 32 rows warm up. `threshold` is in nats,
    0 < threshold, by default 4.5; lower flags more.

    The answer has one row for each judged time of a device: its keys and time; `score` (nats: of blocks of ten usual rows
    about one in e^score reaches it), `severity` 0 to 1 on the scale of `detect`, `is_anomaly`, `status`, `reason` (keys of
    `ad_stream.model.REASONS`; `relation` = each signal alone looks usual), `missing` (signals of the model without a value),
    `gone` (names absent for so long that the others are judged without them), `unknown` (names that the model does not know)
    and `contributors`: the `top` signals by their share, each a dict of signal, share, value, expected, lower, upper. The
    shares of all signals add up to one.

    InputError: a column is missing, a time unreadable, one signal only, too few rows, no model for a device.
    """
    if not threshold > 0:
        raise InputError(f"threshold is {threshold}, it must be above 0 (4.5 is usual; lower flags more)")
    names, parts = joint_frames(frame, device, time, value, signal, step)
    if not parts:
        raise InputError("the frame has no rows: give it some of usual operation, and the ones to judge behind them")
    answers = [_device(part, names, train_until, models, threshold, top) for part in parts]
    together: pd.DataFrame = pd.concat(answers, ignore_index=True)
    return together


def train_joint(
    frame: Any,
    *,
    device: str | Sequence[str] | None = "device",
    time: str = "timestamp",
    value: str | Sequence[str] = "value",
    signal: str = "signal",
    step: Any = None,
) -> dict[Any, JointModel]:
    """A model for each device of a frame that `detect_joint` would take, trained on all its rows: key -> model.

    The key is the value of the device column, a tuple of several, and () without one.
    """
    _, parts = joint_frames(frame, device, time, value, signal, step)
    return {_key(part.name): _trained(part, part.values) for part in parts}


def _key(name: tuple[Any, ...]) -> Any:
    return name[0] if len(name) == 1 else name


def _trained(part: JointFrame, values: Floats) -> JointModel:
    try:
        return train(values, part.signals, step_seconds=part.step_seconds)
    except InputError as error:
        raise InputError(f"{part.label}: {error}") from None


def _device(
    part: JointFrame, names: list[str], train_until: Any, models: JointModel | Models | None, threshold: float, top: int
) -> pd.DataFrame:
    if models is None:
        split = _split(part, train_until)
        model = _trained(part, part.values[:, :split])
        state = model.state
    else:
        split, model = 0, models if isinstance(models, JointModel) else _model_of(models, part)
        state = model.state.afresh()
    values, unknown = _ordered(part, model)
    verdicts, _ = judge_many([model], values[None, :, split:], [state], threshold=threshold)
    return _rows(part, names, model, values, verdicts, unknown, split, top)


def _split(part: JointFrame, train_until: Any) -> int:
    """The first judged column."""
    columns = part.values.shape[1]
    split = columns // 2 if train_until is None else _column_at(part, train_until)
    if split < FEWEST_ROWS:
        raise InputError(
            f"{part.label} has {split} rows to train on and needs {FEWEST_ROWS}: give it earlier rows, a later train_until, or"
            " a model"
        )
    if split >= columns:
        raise InputError(f"{part.label} has no row from {train_until} on: set train_until before its last rows")
    return split


def _column_at(part: JointFrame, when: Any) -> int:
    """The column of the first row at or after a time."""
    try:
        moment = pd.Timestamp(when)
    except (TypeError, ValueError):
        raise InputError(f"train_until is {when!r}: write a time such as '2026-11-15' or '2026-11-15T06:00Z'") from None
    moment = moment.tz_localize("UTC") if moment.tzinfo is None else moment.tz_convert("UTC")
    row = int(np.searchsorted(part.nanoseconds, moment.value))
    return int(part.cells[row]) if row < len(part.cells) else part.values.shape[1]


def _model_of(models: Models, part: JointFrame) -> JointModel:
    if _key(part.name) not in models:
        raise InputError(
            f"there is no model for {part.label}: train one (train_joint), the models are of"
            f" {', '.join(map(str, list(models)[:5]))}"
        )
    return models[_key(part.name)]


def _ordered(part: JointFrame, model: JointModel) -> tuple[Floats, dict[str, Floats]]:
    """The values of the model's signals (d, n), NaN for those that the frame has not, and of those that the model has not."""
    place = {name: k for k, name in enumerate(part.signals)}
    known = [name for name in model.signals if name in place]
    if not known:
        raise InputError(
            f"{part.label} has none of the model's signals: it has {', '.join(part.signals)}, the model knows"
            f" {', '.join(model.signals)}"
        )
    if abs(part.step_seconds / model.step_seconds - 1) > 0.01:
        raise InputError(
            f"{part.label} has a step of {part.step_seconds:g} s and its model one of {model.step_seconds:g} s: give step="
            f"'{model.step_seconds:g}s', or train a model on rows like these"
        )
    values = np.full((len(model.signals), part.values.shape[1]), np.nan)
    for k, name in enumerate(model.signals):
        if name in place:
            values[k] = part.values[place[name]]
    return values, {name: part.values[k] for name, k in place.items() if name not in model.signals}


def _rows(
    part: JointFrame,
    names: list[str],
    model: JointModel,
    values: Floats,
    verdicts: JointVerdicts,
    unknown: dict[str, Floats],
    split: int,
    top: int,
) -> pd.DataFrame:
    there = np.flatnonzero(part.cells >= split)
    cells = part.cells[there] - split
    keys = {name: [value] * len(there) for name, value in zip(names, part.name, strict=False)}
    plain = ("score", "severity", "is_anomaly", "status", "reason", "missing")
    gone = verdicts.gone[0][:, cells]
    strange = {name: np.isfinite(row[part.cells[there]]) for name, row in unknown.items()}
    rows: pd.DataFrame = pd.DataFrame({
        **keys,
        names[-1]: part.times.iloc[there].to_numpy() if part.times.dtype == object else part.times.iloc[there].array,
        **{name: getattr(verdicts, name)[0][cells] for name in plain},
        "gone": _names(model.signals, gone),
        "unknown": _names(tuple(strange), np.array(list(strange.values())).reshape(len(strange), len(cells))),
        "contributors": _contributors(model.signals, values[:, split:][:, cells], verdicts, cells, top),
    })  # fmt: skip
    return rows


def _names(signals: tuple[str, ...], which: NDArray[np.bool_]) -> list[str]:
    """(d, k) -> the names of each column, joined."""
    return [", ".join(signals[j] for j in np.flatnonzero(column)) for column in which.T]


def _contributors(
    signals: tuple[str, ...], values: Floats, verdicts: JointVerdicts, cells: Ints, top: int
) -> list[list[dict[str, Any]]]:
    """For each judged row its first signals by share; [] where it was not judged."""
    share, expected, margin = (
        array[0][:, cells] for array in (verdicts.contribution, verdicts.expected, verdicts.margin)
    )
    lower, upper = expected - margin, expected + margin
    order = np.argsort(-np.nan_to_num(share), axis=0, kind="stable")[:top]
    columns = (share, values, expected, lower, upper)
    return [
        [
            dict(zip(("signal", "share", "value", "expected", "lower", "upper"),
                     (signals[j], *(float(array[j, k]) for array in columns)), strict=True))
            for j in order[:, k]
        ] if np.isfinite(share[:, k]).any() else []
        for k in range(len(cells))
    ]  # fmt: skip
