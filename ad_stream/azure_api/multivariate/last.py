"""The last rows of a body, judged at once: what a worker of the univariate API does for the multivariate one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ad_stream.azure_api.multivariate import store
from ad_stream.azure_api.multivariate.aligned import rows_of
from ad_stream.azure_api.multivariate.faults import fault
from ad_stream.azure_api.multivariate.judging import results_of
from ad_stream.azure_api.multivariate.questions import LastQuestion, TrainQuestion, finite, last_question, utc
from ad_stream.azure_api.multivariate.settings import MOST_LAST
from ad_stream.azure_api.multivariate.variables import Variable, checked
from ad_stream.detectors.joint import JointModel, decode

if TYPE_CHECKING:
    from collections.abc import Sequence


def last_rows(body: bytes, *, model: str, version: str) -> dict[str, Any]:
    """The answer to a request for the last rows; model: the folder of one that is READY. Raises ContractError."""
    home = Path(model)
    trained = question_of(home)
    question = last_question(body, version)
    try:
        found = decode((home / store.MODEL).read_bytes())
    except FileNotFoundError:  # deleted just now
        raise fault("ModelNotExist") from None
    rows = rows_of(fitting(checked(_sent(question)), found), trained.align, None, None)
    count = len(rows.times)
    if count > MOST_LAST:
        raise fault("TooManyData", f"There are {count}.", most=MOST_LAST)
    if count < trained.window:
        raise fault("NotEnoughInput", length=count, window=trained.window)
    wanted = np.arange(max(count - question.rows, 0), count)
    results = results_of(found, rows, wanted, trained.window, question.top)
    return {"variableStates": rows.states, "results": results}


def _sent(question: LastQuestion) -> list[Variable]:
    out = []
    for name, times, values in question.variables:
        if len(times) > MOST_LAST:
            raise fault("TooManyData", f"The variable {name} has {len(times)}.", most=MOST_LAST)
        out.append(Variable.of(name, utc(times), _numbers(name, values)))
    return out


def _numbers(name: str, values: Sequence[object]) -> Any:
    """(n,) with NaN for null; raises ContractError."""
    found = [np.nan if value is None else finite(value) for value in values]
    if None in found:
        what = f"The value {values[found.index(None)]!r:.40} is no number."
        raise fault("VariableParseError", what, variable=name, why="value")
    return np.array(found, dtype=np.float64)


def fitting(variables: list[Variable], model: JointModel) -> list[Variable]:
    """The variables of the model in its order; raises ContractError where one is missing or unknown."""
    there = {variable.name: variable for variable in variables}
    missing = [name for name in model.signals if name not in there]
    if missing:
        raise fault("FileNotExist", "The model was trained with this variable.", file=f"{missing[0]}.csv")
    unknown = [name for name in there if name not in model.signals]
    if unknown:
        raise fault("RedundantFile", "The model was trained without this variable.", file=f"{unknown[0]}.csv")
    return [there[name] for name in model.signals]


def question_of(home: Path) -> TrainQuestion:
    """What a model was trained with."""
    record = store.read_record(home)
    if record is None:
        raise fault("ModelNotExist")
    return TrainQuestion.from_plain(record["question"])
