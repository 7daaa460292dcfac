"""The same windows under further detectors (`detection.compare`): verdicts beside the run's own, for people to look at."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ad_stream.scoring.verdicts import verdicts

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ad_stream.models.known import KnownSeries
    from ad_stream.scoring.matrix import Packed, Rows
    from ad_stream.scoring.verdicts import Scorer
    from ad_stream.series_config.assign import Objects


def compared(
    devices: Objects,
    signals: Objects,
    rows: Rows,
    past: Packed,
    scorer: Scorer,
    known: Sequence[KnownSeries],
    fields: Sequence[str],
) -> dict[str, NDArray[np.object_]]:
    """Arguments as `verdicts` -> for each of `fields`, columns of Verdicts, (m,) lists, one member a detector of
    `scorer.compare`, in its order."""
    found = [verdicts(devices, signals, rows, past, other, known).columns for other in scorer.others]
    out = {}
    for name in fields:
        column = np.empty(len(rows.ids), dtype=object)
        for row, members in enumerate(zip(*(one[name].tolist() for one in found), strict=True)):
            column[row] = list(members)
        out[name] = column
    return out
