"""One request of the protocol to one answer: wire -> the service's algorithm -> wire."""

from __future__ import annotations

from typing import Any

from ad_stream.azure_api import wire
from ad_stream.detectors.service import (
    ChangeOptions,
    Options,
    ServiceError,
    change_points,
    judge_entire,
    judge_last,
)

REFUSALS = (wire.RequestError, ServiceError)
"""What `answer` raises for a request that cannot be served; both have `code` and `message`."""


def answer(request: object, mode: str) -> dict[str, Any]:
    """A parsed JSON body and one of wire.OPERATIONS -> the answer's body; raises one of REFUSALS."""
    question = wire.question(request, mode)
    if mode == "changepoint":
        change_options = ChangeOptions(**question.options)
        values, times = _arrays(question, change_options.granularity)
        return wire.change_answer(**vars(change_points(values, times, change_options)))
    options = Options(**question.options)
    values, times = _arrays(question, options.granularity)
    if mode == "last":
        return wire.last_answer(**vars(judge_last(values, times, options)))
    return wire.entire_answer(**vars(judge_entire(values, times, options)))


def _arrays(question: wire.Question, granularity: str) -> tuple[Any, Any]:
    """(n,) values, (n,) times or None where the granularity has no grid."""
    values = wire.values_of(question.points)
    return values, None if granularity == "none" else wire.times_of(question.points)
