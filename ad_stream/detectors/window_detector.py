"""What all detectors of the last point share: options, gaps, scale, the shape of the answer.

A detector is a frozen dataclass that adds one method, `judge`: dense rows in, `Judgement` out. Its rows have no
holes, are not constant, and are scaled by a power of two to at most 1 in size, so no square overflows; the scale
is undone here. Scaling by a power of two is exact, so equal input gives equal bits whatever is in the batch.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, fields
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ad_stream.detectors.kernels import gaps
from ad_stream.detectors.kernels.cadence import on_own_cadence
from ad_stream.detectors.kernels.scaling import divided
from ad_stream.errors import ConfigError
from ad_stream.model import DECLINED, GAUGE, KINDS, SCORED, WARMING_UP, LastPoint, Windows

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ad_stream.model import Bools, Floats

    Ints = NDArray[np.int64]

BLOCK_BYTES = 8 * 2**20
"""Rows are prepared in blocks of this size, so that memory does not grow with the number of series."""

CHUNK_BYTES = 2**20
"""The rows of one kernel call: with what is made of them they stay in the cache of a core."""

KEPT_BYTES = 24 * 2**20
"""Three times the largest temporary, below the 32 MiB up to which glibc learns."""

MEASURES = ("expected", "upper_margin", "lower_margin", "score", "sr_score", "severity")
FLAGS = ("is_anomaly", "is_positive", "is_negative")

UNJUDGED = {
    gaps.FEW_POINTS: (WARMING_UP, "few_points"),
    gaps.LONG_GAP: (WARMING_UP, "long_gap"),
    gaps.NO_VALUE: (DECLINED, "no_value"),
    gaps.NOT_FINITE: (DECLINED, "not_finite"),
}


@dataclass(frozen=True)
class Judgement:
    """What a detector says of dense rows (m, L); every field (m,), in the unit of the rows it was given.

    `stands_out` is the verdict; `reason` says what it rests on
    where it is neither plainly inside nor outside the band: a key of REASONS, else ''.
    """

    expected: Floats
    upper_margin: Floats
    lower_margin: Floats
    score: Floats
    sr_score: Floats
    severity: Floats
    stands_out: Bools
    reason: NDArray[np.object_]


@dataclass(frozen=True, kw_only=True)
class WindowDetector(ABC):
    """Options of every detector.

    points      columns of history it wants, min_points or more
    sensitivity 0..99; higher never flags less
    max_gap     missed readings in a row that are filled, 0 or more; a longer gap restarts the window
    min_points  fewer values than this give `warming_up`, 8 or more
    kind        gauge, counter, state or auto: what `scoring` makes of the readings before they come here
    """

    name: ClassVar[str]
    version: ClassVar[int] = 1
    """Of the rule: raised when the same window gets another verdict, so that `config_version` tells the two apart."""
    learns: ClassVar[str] = ""
    """Name of the model (`ad-stream train NAME`) whose numbers it makes use of, '' for none."""
    takes_own_cadence: ClassVar[bool] = True
    """That it knows windows whose slow series stand one reading a column already."""

    points: int = 120
    sensitivity: float = 95.0
    max_gap: int = 5
    min_points: int = 30
    kind: str = GAUGE

    def __post_init__(self) -> None:
        check_options(self)

    @abstractmethod
    def judge(self, rows: Floats, unit: Floats) -> Judgement:
        """(m, L) dense, not constant, at most 1 in size; unit (m,) = what one of the row's units is in the data's."""

    def judge_known(self, rows: Floats, unit: Floats, profiles: Floats) -> Judgement:  # noqa: ARG002 - for those who learn
        """`judge` with what is known of each series, profiles (m, k); a detector without memory judges as ever."""
        return self.judge(rows, unit)

    def knowing(self, shared: tuple[object, ...]) -> WindowDetector:  # noqa: ARG002 - for those who learn
        """The detector with what all series of its model share; one whose numbers travel with the windows stays as it is."""
        return self

    def detect_last(self, windows: Windows) -> LastPoint:
        """(..., n) -> each field (...); declines with NaN and a reason, never raises on data."""
        values = np.asarray(windows.values, dtype=np.float64)
        if values.ndim == 0 or values.shape[-1] == 0:
            raise ValueError(f"windows need a time axis with at least one column, got the shape {values.shape}")
        values = values[..., -self.points :]
        lead = values.shape[:-1]
        rows = values.reshape(-1, values.shape[-1])
        profiles = None if windows.profiles is None else _profiles(windows.profiles, lead)
        own = None if windows.own is None else windows.own.cadence.reshape(-1)
        reach = self.points if windows.own is None else max(windows.own.reach, self.points)
        answer = blank(len(rows))
        for block in chunks(len(rows), rows.shape[1], size=BLOCK_BYTES):
            some, cadence = on_own_cadence(rows[block]) if own is None else (rows[block], own[block])
            known = None if profiles is None else profiles[block]
            self._detect_block(some, known, cadence * (self.min_points - 1) >= reach, block.start, answer)
        return LastPoint(**{key: column.reshape(lead) for key, column in answer.items()})

    def _detect_block(
        self, values: Floats, profiles: Floats | None, seldom: Bools, offset: int, answer: dict[str, NDArray[Any]]
    ) -> None:
        """seldom (m,): what cannot be judged, because so few readings reach into the window that there never will be enough."""
        dense = gaps.fill(values, max_gap=self.max_gap, min_points=self.min_points)
        for state, (status, reason) in UNJUDGED.items():
            where = np.flatnonzero(dense.state == state) + offset
            answer["status"][where], answer["reason"][where] = status, reason
        unjudged = (dense.state == gaps.FEW_POINTS) | (dense.state == gaps.LONG_GAP)
        answer["reason"][np.flatnonzero(seldom & unjudged) + offset] = "too_seldom"
        answer["points"][offset : offset + len(values)] = np.where(
            dense.state >= gaps.NO_VALUE, 0, values.shape[1] - dense.start
        )
        answer["imputed"][offset : offset + len(values)] = np.where(dense.state >= gaps.NO_VALUE, 0, dense.imputed)
        for index, rows in dense.groups():
            with np.errstate(all="ignore"):
                columns = self._judge_group(np.ascontiguousarray(rows), None if profiles is None else profiles[index])
            for key, column in columns.items():
                answer[key][index + offset] = column

    def _judge_group(self, rows: Floats, profiles: Floats | None) -> dict[str, NDArray[Any]]:
        """(g, L) dense -> the columns of LastPoint that a verdict fills."""
        exponent = np.frexp(np.abs(rows).max(axis=1))[1]
        small = divided(rows, exponent)
        flat = small[:, 0] == small[:, 1]
        flat[flat] = (small[flat, :-1] == small[flat, :1]).all(axis=1)
        constant = flat & (small[:, -1] == small[:, 0])
        unit = np.ldexp(1.0, exponent)
        verdict = self.judge(small, unit) if profiles is None else self.judge_known(small, unit, profiles)
        verdict = _with_flat_history(verdict, small, flat=flat, constant=constant)
        return self._columns(verdict, small[:, -1], exponent)

    def _columns(self, verdict: Judgement, value: Floats, exponent: Ints) -> dict[str, NDArray[Any]]:
        difference = value - verdict.expected
        stuck = verdict.reason == "stuck"
        positive, negative = difference > 0, difference < 0
        flagged = verdict.stands_out & (positive | negative | stuck)
        plain = np.where(flagged, np.where(positive, "above", "below"), "normal").astype(object)
        reason = np.where(verdict.reason == "", plain, verdict.reason)
        measures = {
            "expected": np.ldexp(verdict.expected, exponent),
            "upper_margin": np.ldexp(verdict.upper_margin, exponent),
            "lower_margin": np.ldexp(verdict.lower_margin, exponent),
            "score": verdict.score,
            "sr_score": verdict.sr_score,
            "severity": np.where(flagged, verdict.severity, 0.0),
        }
        lost = ~np.all([np.isfinite(column) for column in measures.values()], axis=0)
        for column in measures.values():
            column[lost] = np.nan
        return measures | {
            "is_anomaly": flagged & ~lost,
            "is_positive": flagged & positive & ~lost,
            "is_negative": flagged & negative & ~lost,
            "status": np.where(lost, DECLINED, SCORED).astype(object),
            "reason": np.where(lost, "overflow", reason),
        }


def check_options(detector: WindowDetector) -> None:
    """Raises ConfigError where an option is outside its documented range."""
    limits = {
        "points": (detector.min_points, 100_000),
        "sensitivity": (0, 99),
        "max_gap": (0, 100_000),
        "min_points": (8, 100_000),
    }
    for key, (low, high) in limits.items():
        value = getattr(detector, key)
        if not low <= value <= high:
            raise ConfigError(
                f"{key} of the detector {detector.name} is {value}, it must lie between {low} and {high:g}"
            )
    if detector.kind not in KINDS:
        raise ConfigError(f"kind of a series is {detector.kind!r}, it must be one of {', '.join(KINDS)}")


def join(parts: list[Judgement]) -> Judgement:
    """The parts one after the other."""
    return Judgement(
        **{field.name: np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(Judgement)}
    )


def chunks(count: int, width: int, *, size: int) -> Iterator[slice]:
    """Slices that cut `count` rows of `width` doubles into pieces of about `size` bytes."""
    keep_freed_memory()
    step = max(1, size // (8 * max(1, width)))
    for first in range(0, count, step):
        yield slice(first, min(first + step, count))


@cache
def keep_freed_memory() -> None:
    """Free one block larger than any temporary of a piece, from which glibc learns to keep what they free.

    Else it gives each of them back to the system and takes its pages anew, a quarter of all time (mallopt(3), dynamic
    threshold of mmap). Where memory is managed otherwise nothing happens; the block itself is never touched.
    """
    np.empty(KEPT_BYTES, dtype=np.uint8)


def _profiles(profiles: Floats, lead: tuple[int, ...]) -> Floats:
    """(..., k) -> (m, k); ValueError where they are not one for each window."""
    known = np.asarray(profiles, dtype=np.float64)
    if known.ndim == 0 or known.shape[:-1] != lead:
        raise ValueError(f"profiles need the shape {lead} and one axis more, got {known.shape}")
    return known.reshape(-1, known.shape[-1])


def blank(count: int) -> dict[str, NDArray[Any]]:
    """The columns of LastPoint, (count,) each, that say nothing yet."""
    answer: dict[str, NDArray[Any]] = {key: np.full(count, np.nan) for key in MEASURES}
    answer |= {key: np.zeros(count, dtype=np.bool_) for key in FLAGS}
    answer |= {key: np.full(count, "", dtype=object) for key in ("status", "reason")}
    return answer | {key: np.zeros(count, dtype=np.int64) for key in ("points", "imputed")}


def _with_flat_history(verdict: Judgement, rows: Floats, *, flat: Bools, constant: Bools) -> Judgement:
    """Where the history does not move no statistic has a scale: equal is normal, different is a jump."""
    if not flat.any():
        return verdict
    jump = flat & ~constant
    zero = np.zeros(len(rows))
    top = 1.0 + np.sqrt(rows.shape[1])
    return Judgement(
        expected=np.where(flat, rows[:, 0], verdict.expected),
        upper_margin=np.where(flat, zero, verdict.upper_margin),
        lower_margin=np.where(flat, zero, verdict.lower_margin),
        score=np.where(flat, np.where(jump, top, 0.0), verdict.score),
        sr_score=np.where(flat, np.where(jump, top, 0.0), verdict.sr_score),
        severity=np.where(flat, np.where(jump, 1.0, 0.0), verdict.severity),
        stands_out=np.where(flat, jump, verdict.stands_out),
        reason=np.where(flat, np.where(jump, "jump_after_constant", "constant"), verdict.reason),
    )
