"""`judge_many`: rows of many devices and their models -> flags, severities, contributions, and in words what could not be
judged."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from ad_stream.detectors.joint import model as models
from ad_stream.detectors.joint import state as states
from ad_stream.detectors.joint.judging import JointScores, passed, scores_of
from ad_stream.model import DECLINED, SCORED, WARMING_UP

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ad_stream.detectors.joint.model import JointArrays, JointModel
    from ad_stream.detectors.joint.state import JointState
    from ad_stream.model import Bools, Floats

    Objects = NDArray[np.object_]

THRESHOLD = 4.5
"""Nats of the usual limit: the best event F1 on five labelled groups is near it, with 0.7 false alarms in 1,440 rows."""

SEVERITY_AT = (0.5, 0.67, 0.78, 0.89, 1.0, 1.11, 1.22, 1.33, 1.56, 1.78)
SEVERITY = (0.1, 0.2, 0.3, 0.44, 0.52, 0.65, 0.71, 0.79, 0.86, 0.93)
"""Share of alarms at this multiple of the usual limit or above that were events; docs/joint.md."""

CELLS = 2**15
"""Values of one pass: its arrays stay in the cache."""


@dataclass(frozen=True)
class JointVerdicts:
    """m devices, n rows, d signals.

    score, severity, is_anomaly, status, reason  (m, n); the score in nats: about one block of ten usual rows in e^score
                        reaches it.
                        Rows that could not be judged have NaN, NaN, False and the cause
    contribution        (m, d, n) shares of the signals, adding up to one; NaN in rows that could not be judged
    expected, margin    (m, d, n) what the others and all pasts let expect, and the distance from it that 999 of 1,000
                        training values kept; NaN where the signal is gone
    missing             (m, n) signals of the model without a value in this row
    gone                (m, d, n) signals absent for so long that the others are judged without them
    """

    score: Floats
    severity: Floats
    is_anomaly: Bools
    status: Objects
    reason: Objects
    contribution: Floats
    expected: Floats
    margin: Floats
    missing: NDArray[np.int64]
    gone: Bools


def judge_many(
    trained: Sequence[JointModel],
    values: Floats,
    before: Sequence[JointState] | None = None,
    *,
    threshold: float = THRESHOLD,
) -> tuple[JointVerdicts, list[JointState]]:
    """Models of m devices with equally many signals, values (m, d, n) at their step, NaN = none -> verdicts, new states.

    before: the states that earlier rows left; without them the rows follow the training stretch directly. threshold: nats of
    a flag, above 0. ValueError where the shapes do not belong together; never raises on data.
    """
    if not threshold > 0:
        raise ValueError(f"threshold is {threshold}, it must be above 0")
    earlier = [one.state for one in trained] if before is None else list(before)
    parts, after = [], []
    for part, arrays, state in _blocks(trained, values, earlier):
        scores, state = _in_pieces(part, arrays, state)
        parts.append(_verdicts(scores, arrays, threshold))
        after += states.apart(state)
    return _joined(parts, JointVerdicts, axis=0), after


def pass_over(trained: Sequence[JointModel], values: Floats, before: Sequence[JointState]) -> list[JointState]:
    """The states that `judge_many` leaves, for less: no verdicts are given."""
    after = []
    for part, arrays, state in _blocks(trained, values, before):
        columns = _columns(part.shape[1])
        for first in range(0, part.shape[2], columns):
            state = passed(part[..., first : first + columns], arrays, state)
        after += states.apart(state)
    return after


def _blocks(
    trained: Sequence[JointModel], values: Floats, before: Sequence[JointState]
) -> Iterator[tuple[Floats, JointArrays, JointState]]:
    """Some devices at a time, so that their arrays stay in the cache: values, stacked arrays, stacked states."""
    values = np.asarray(values, dtype=np.float64)
    if values.ndim != 3 or len(values) != len(trained) or any(len(one.signals) != values.shape[1] for one in trained):
        raise ValueError(f"values need the shape (models, signals, rows), got {values.shape} for {len(trained)} models")
    if values.shape[2] == 0:
        raise ValueError("values need at least one row")
    wide = max(1, CELLS // (values.shape[1] * min(values.shape[2], _columns(values.shape[1]))))
    for first in range(0, len(trained), wide):
        block = slice(first, first + wide)
        yield values[block], models.stacked([one.arrays for one in trained[block]]), states.stacked(before[block])


def _in_pieces(values: Floats, arrays: JointArrays, state: JointState) -> tuple[JointScores, JointState]:
    """Pieces of columns, each from the state that the last one left; their width depends on no other device."""
    columns = _columns(values.shape[1])
    parts = []
    for first in range(0, values.shape[2], columns):
        scores, state = scores_of(values[..., first : first + columns], arrays, state)
        parts.append(scores)
    return _joined(parts, JointScores, axis=-1), state


def _columns(signals: int) -> int:
    return max(64, CELLS // signals)


def _verdicts(scores: JointScores, arrays: JointArrays, threshold: float) -> JointVerdicts:
    status, reason = _unjudged(scores, arrays.live)
    judged = status == SCORED
    flagged = judged & (np.nan_to_num(scores.score) >= threshold)
    kind = np.where(scores.frozen, "stuck", np.where(scores.relation_only, "relation", "joint"))
    live = arrays.live[..., None]
    return JointVerdicts(
        score=np.where(judged, scores.score, np.nan),
        severity=np.where(judged, np.where(flagged, severity(scores.score), 0.0), np.nan),
        is_anomaly=flagged,
        status=status,
        reason=np.where(judged, np.where(flagged, kind, "normal"), reason).astype(object),
        contribution=np.where(judged[:, None], scores.share, np.nan),
        expected=scores.expected,
        margin=scores.margin,
        missing=(~scores.present).sum(axis=1),
        gone=scores.vanished & live,
    )


def _unjudged(scores: JointScores, live: Bools) -> tuple[Objects, Objects]:
    """Status and reason (m, n), the reason '' where a row was judged."""
    nothing = ~(scores.present & live[..., None]).any(axis=1)
    few = np.isnan(scores.score) & ~nothing
    warming = scores.warming & ~nothing & ~few
    status = np.where(nothing | few, DECLINED, np.where(warming, WARMING_UP, SCORED)).astype(object)
    reason = np.where(nothing, "no_value", np.where(few, "too_few_signals", np.where(warming, "few_points", "")))
    return status, reason.astype(object)


def severity(score: Floats) -> Floats:
    """Nats -> 0..1: the share of alarms like this or greater that were events, as for one signal (`kernels.band`)."""
    return np.asarray(np.interp(np.nan_to_num(score) / THRESHOLD, SEVERITY_AT, SEVERITY))


Part = TypeVar("Part", JointScores, JointVerdicts)


def _joined(parts: list[Part], kind: type[Part], axis: int) -> Part:
    if len(parts) == 1:
        return parts[0]
    return kind(**{f.name: np.concatenate([getattr(part, f.name) for part in parts], axis=axis) for f in fields(kind)})
