"""One request of the protocol to one answer: wire -> the service's algorithm -> wire."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ad_stream.azure_api import wire
from ad_stream.detectors.azure import ChangeOptions, Options, ServiceError, change_points, judge_entire, judge_last

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ad_stream.model import Floats

REFUSALS = (wire.RequestError, ServiceError)
"""What `answer` raises for a request that cannot be served; both have `code` and `message`."""


def answer(request: object, mode: str) -> dict[str, Any]:
    """A parsed JSON body and one of wire.OPERATIONS -> the answer's body; raises one of REFUSALS."""
    question = wire.question(request, mode)
    options = _options(question.options, mode)
    values = wire.values_of(question.points)
    times = None if options.granularity == "none" else wire.times_of(question.points)
    return _judge(values, times, mode, options)


def judge_arrays(
    values: Floats, times: NDArray[np.datetime64] | None, mode: str, fields: Mapping[str, Any]
) -> dict[str, Any]:
    """(n,) values and times with the other fields of a request -> the answer's body; raises one of REFUSALS."""
    question = wire.question({"series": [], **fields}, mode)
    return _judge(values, times, mode, _options(question.options, mode))


def _options(options: Mapping[str, Any], mode: str) -> Options | ChangeOptions:
    return ChangeOptions(**options) if mode == "changepoint" else Options(**options)


def _judge(
    values: Floats, times: NDArray[np.datetime64] | None, mode: str, options: Options | ChangeOptions
) -> dict[str, Any]:
    if isinstance(options, ChangeOptions):
        return wire.change_answer(**vars(change_points(values, times, options)))
    if mode == "last":
        return wire.last_answer(**vars(judge_last(values, times, options)))
    return wire.entire_answer(**vars(judge_entire(values, times, options)))
