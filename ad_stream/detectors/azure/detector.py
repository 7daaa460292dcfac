"""`service`: the retired service's verdict on the last point of each window, method chosen series by series."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from ad_stream.detectors.azure import margins
from ad_stream.detectors.azure.algorithm import judge_series
from ad_stream.detectors.azure.arrays import median_deviation
from ad_stream.detectors.azure.filling import Sparse
from ad_stream.detectors.azure.grid import LARGEST_VALUE
from ad_stream.detectors.azure.options import Options, ServiceError
from ad_stream.detectors.azure.period import find_periods
from ad_stream.detectors.kernels.saliency import last_score
from ad_stream.detectors.window_detector import CHUNK_BYTES, Judgement, WindowDetector, chunks
from ad_stream.errors import ConfigError

if TYPE_CHECKING:
    from ad_stream.detectors.azure.method_result import Judged
    from ad_stream.model import Floats


@dataclass(frozen=True, kw_only=True)
class Service(WindowDetector):
    """Period search, seasonal decomposition, spectral residual or outlier tests, as the retired service chose them.

    See `WindowDetector` for the other options; sensitivity counts in whole numbers, as with the service.

    granularity, custom_interval  the distance of two columns, as the service names it
    period             columns of a season, 0 for none, None to have it searched in each window
    max_anomaly_ratio  (0, 0.49]: the largest share of a window that may stand out
    boundary_version   V1 as published, V2 or V3: the band follows the trend
    """

    name: ClassVar[str] = "service"

    points: int = 1441
    min_points: int = 12
    granularity: str = "minutely"
    custom_interval: int = 1
    period: int | None = None
    max_anomaly_ratio: float = 0.25
    boundary_version: str = "V1"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.min_points < 12:
            raise ConfigError(f"min_points of the detector service is {self.min_points}, it needs 12 or more")
        try:
            self._options()
        except ServiceError as error:
            raise ConfigError(f"an option of the detector service is wrong: {error.message}") from None

    def judge(self, rows: Floats, unit: Floats) -> Judgement:
        """(m, L) -> Judgement; rows beyond 1e100 in the unit of the data get NaN."""
        options = self._options()
        values = rows * unit[:, None]
        columns = np.full((6, len(rows)), np.nan)
        possible = np.flatnonzero(np.abs(values).max(axis=1) <= LARGEST_VALUE)
        periods = [self.period] * len(possible)
        if self.period is None:
            periods = [*find_periods(values[possible], granularity=self.granularity, interval=self.custom_interval)]
        known = {period: replace(options, period=period) for period in set(periods)}
        for number, period in zip(possible, periods, strict=True):
            columns[:, number] = self._judge_row(values[number], known[period])
        expected, upper, lower, severity, score, flagged = columns
        sr_score = np.concatenate(
            [last_score(rows[part]) for part in chunks(len(rows), rows.shape[1], size=CHUNK_BYTES)]
        )
        return Judgement(
            expected=expected / unit,
            upper_margin=upper / unit,
            lower_margin=lower / unit,
            score=score,
            sr_score=sr_score,
            severity=severity,
            stands_out=flagged == 1.0,
            reason=np.full(len(rows), "", dtype=object),
        )

    def _judge_row(self, row: Floats, options: Options) -> tuple[float, ...]:
        """(L,) -> expected, upper margin, lower margin, severity, score, 1.0 if flagged."""
        try:
            judged, _ = judge_series(Sparse(row, np.arange(len(row))), options, last=True)
        except ServiceError:  # a window too short for the period that was asked for
            return (np.nan,) * 6
        band = margins.draw(judged, sensitivity=options.sensitivity, version=options.boundary_version)
        columns = (judged.expected, band.upper, band.lower, band.severity)
        return (*(float(column[-1]) for column in columns), _score(judged), float(band.is_anomaly[-1]))

    def _options(self) -> Options:
        return Options(
            granularity=self.granularity,
            custom_interval=self.custom_interval,
            period=self.period,
            max_anomaly_ratio=self.max_anomaly_ratio,
            sensitivity=int(self.sensitivity),
            boundary_version=self.boundary_version,
        )


def _score(judged: Judged) -> float:
    """The spectral residual score, else the deviation in sigmas of the window's values (none if they are constant)."""
    if judged.raw_score is not None:
        return float(judged.raw_score[-1])
    spread = median_deviation(judged.values)[1] or float(judged.values.std())
    away = abs(float(judged.values[-1] - judged.expected[-1]))
    return away / spread if spread else 0.0
