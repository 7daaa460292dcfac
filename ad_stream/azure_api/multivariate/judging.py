"""Rows -> a model and what its training showed; rows and a model -> results, with the severity that old code filters by.

The service flagged about a row in twenty and left it to its users to keep those above a severity, so the scale matters to
them: here severity is 1 - 0.5 exp(-(s - t) / 0.3 t) for a score of s nats above the threshold t, and score is
2 (1 - exp(-s / 2 t)), both rising with s. Tables have the common scale of `detectors.joint` instead.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ad_stream.azure_api.multivariate.aligned import AlignedRows, cells_of, on_grid, step_of
from ad_stream.azure_api.multivariate.changes import RelationChanges
from ad_stream.azure_api.multivariate.faults import fault
from ad_stream.azure_api.multivariate.questions import iso
from ad_stream.detectors.joint import JointModel, judge_many, train
from ad_stream.detectors.joint.judging import SIZES
from ad_stream.detectors.joint.model import stacked
from ad_stream.detectors.joint.residuals import mean_squares, residuals_of, scaled
from ad_stream.detectors.joint.state import blank
from ad_stream.detectors.joint.state import stacked as stacked_states
from ad_stream.detectors.joint.training import FEWEST_ROWS
from ad_stream.detectors.joint.verdict import THRESHOLD
from ad_stream.errors import InputError
from ad_stream.model import SCORED, WARMING_UP

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ad_stream.detectors.joint import JointVerdicts
    from ad_stream.model import Floats

    Ints = NDArray[np.int64]

EPOCHS = tuple(range(10, 101, 10))
HELD_OUT = 10
"""One row in so many, the last ones, is held out once, to say how the relation fits rows it has not seen."""
MOST_SHOWN = 20_000
"""Rows, the last ones, that losses are of: those of a million would cost more than the training."""


@dataclass(frozen=True)
class Trained:
    """The model, and `modelState` of the contract."""

    model: JointModel
    state: dict[str, Any]


def learn(rows: AlignedRows, window: int, *, clock: Callable[[], float] = time.perf_counter) -> Trained:
    """Raises ContractError where the rows are too few, or nothing moves."""
    count = len(rows.times)
    if count < max(window, FEWEST_ROWS):
        least = "" if count < window else f"Training needs {FEWEST_ROWS} rows at least."
        raise fault("NotEnoughInput", least, length=count, window=window)
    step = step_of(rows.times)
    grid = on_grid(rows.values, cells_of(rows.times, step))
    began = clock()
    try:
        model = train(grid, rows.names, step_seconds=step)
        seconds = clock() - began
        return Trained(model, _model_state(grid, model, seconds))
    except InputError as error:
        raise fault("NoData", f"{error}.") from None


def _model_state(grid: Floats, model: JointModel, seconds: float) -> dict[str, Any]:
    """There are no epochs: the relation is solved for at once. The lists that notebooks plot repeat what was measured: the
    root mean square of the innovations in training and on rows held out, and a tenth of the seconds."""
    grid = grid[:, -MOST_SHOWN:]
    split = grid.shape[1] - max(grid.shape[1] // HELD_OUT, 1)
    earlier = train(grid[:, :split], model.signals, step_seconds=model.step_seconds) if split >= FEWEST_ROWS else model
    losses = _loss(model, grid), _loss(earlier, grid[:, split:])
    each = [[round(number, 6)] * len(EPOCHS) for number in (*losses, seconds / len(EPOCHS))]
    return {
        "epochIds": list(EPOCHS),
        "trainLosses": each[0],
        "validationLosses": each[1],
        "latenciesInSeconds": each[2],
    }


def _loss(model: JointModel, grid: Floats) -> float:
    """The root mean square of the innovations, in the spreads of the signals."""
    arrays = stacked([model.arrays])
    start = stacked_states([blank(len(grid), 0)])
    found = residuals_of(scaled(grid[None], arrays.median, arrays.spread), arrays.maps, start, SIZES)
    innovation = mean_squares(found)[0, 1][model.arrays.live]
    return float(np.sqrt(innovation.mean()))


def results_of(model: JointModel, rows: AlignedRows, wanted: Ints, window: int, top: int) -> list[dict[str, Any]]:
    """A result for each wanted row (places in `rows`); those with fewer than `window` rows up to them say so."""
    cells = cells_of(rows.times, model.step_seconds)
    grid = on_grid(rows.values, cells)
    verdicts, _ = judge_many([model], grid[None], [model.state.afresh()], threshold=THRESHOLD)
    changes = RelationChanges(model, grid)
    out = []
    for row in wanted.tolist():
        cell = int(cells[row])
        problem = _problem(str(verdicts.status[0, cell]), row + 1, window)
        value = _value(verdicts, cell, top, model, changes) if problem is None else _NOTHING
        errors = [] if problem is None else [problem]
        out.append({"timestamp": iso(rows.times[row]), "value": value, "errors": errors})
    return out


_NOTHING: dict[str, Any] = {"isAnomaly": False, "severity": 0.0, "score": 0.0, "interpretation": []}
"""Beside an error: old code reads `value` of every row."""


def _problem(status: str, rows: int, window: int) -> dict[str, str] | None:
    if rows < window or status == WARMING_UP:
        return fault("InsufficientHistoricalData", f"{rows} rows up to here; the sliding window has {window}.").told
    if status != SCORED:
        return fault("NoData", "More than half of the variables have no value here.").told
    return None


def _value(verdicts: JointVerdicts, cell: int, top: int, model: JointModel, changes: RelationChanges) -> dict[str, Any]:
    nats = float(verdicts.score[0, cell])
    if not verdicts.is_anomaly[0, cell]:
        return _NOTHING | {"score": score(nats)}
    share = np.nan_to_num(verdicts.contribution[0, :, cell])
    order = np.argsort(-share, kind="stable")[:top]
    return {
        "isAnomaly": True,
        "severity": severity(nats),
        "score": score(nats),
        "interpretation": [_contributor(int(j), share, model.signals, changes.of(int(j), cell)) for j in order],
    }


def _contributor(j: int, share: Floats, names: Sequence[str], changed: list[tuple[int, float]]) -> dict[str, Any]:
    return {
        "variable": names[j],
        "contributionScore": round(float(share[j]), 6),
        "correlationChanges": {
            "changedVariables": [names[other] for other, _ in changed],
            "changedValues": [round(value, 6) for _, value in changed],
        },
    }


def score(nats: float) -> float:
    """Nats -> 0..2, rising."""
    return round(2.0 * (1.0 - float(np.exp(-max(nats, 0.0) / (2.0 * THRESHOLD)))), 6)


def severity(nats: float) -> float:
    """Nats of a flag -> 0.5..1, rising; 0.85 is reached at 1.36 times the threshold."""
    return round(1.0 - 0.5 * float(np.exp(-(nats - THRESHOLD) / (0.3 * THRESHOLD))), 6)
