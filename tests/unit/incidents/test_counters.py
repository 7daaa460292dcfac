"""A counter whose rate was too high for a while is one incident that ends, though its total never comes back."""

from __future__ import annotations

import numpy as np
import pandas as pd

import ad_stream
from ad_stream.grid import MINUTE
from ad_stream.incidents.fold import Fold
from ad_stream.incidents.ledger import Event, no_site
from ad_stream.incidents.rules import FoldRules
from ad_stream.incidents.window_rows import WindowRows

MINUTES, BURST = 600, slice(480, 490)


def verdicts() -> pd.DataFrame:
    """Of a meter that counts five times as fast for ten minutes."""
    made = np.random.default_rng(3).poisson(100, MINUTES).astype(float)
    made[BURST] *= 5
    times = pd.date_range("2026-11-01", periods=MINUTES, freq="min", tz="UTC")
    read = pd.DataFrame({"timestamp": times, "value": made.cumsum()})
    return ad_stream.detect(read, device=None, kind="counter").assign(value=read["value"])


def folded(judged: pd.DataFrame) -> list[Event]:
    fold = Fold(FoldRules(), MINUTE, no_site, surges=False)
    rows = []
    for place in range(len(judged)):
        row = judged.iloc[[place]]
        window = WindowRows(
            device=np.array(["press"], object), signal=np.array(["parts"], object),
            value=row["value"].to_numpy(), expected=row["expected"].to_numpy(),
            lower_margin=row["lower_margin"].to_numpy(), upper_margin=row["upper_margin"].to_numpy(),
            severity=row["severity"].to_numpy(), flagged=row["is_anomaly"].to_numpy(bool), muted=np.zeros(1, bool),
            floor=np.zeros(1), reason=row["reason"].to_numpy(object),
        )  # fmt: skip
        rows += fold.step(MINUTE.step(row["timestamp"].iloc[0].to_pydatetime()), window)
    return rows


def test_a_burst_of_a_counter_is_one_incident_that_ends() -> None:
    judged = verdicts()
    flagged = np.flatnonzero(judged["is_anomaly"])
    assert flagged.size and set(flagged) <= set(range(BURST.start, BURST.stop + 1))
    assert set(judged["reason"].iloc[flagged]) <= {"rate_above", "rate_below"}
    told = [one["event"] for one in folded(judged)]
    assert (told.count("opened"), told.count("closed")) == (1, 1)


def test_the_band_that_is_frozen_for_a_level_would_never_be_met_again() -> None:
    """The same rows, but for what their reason says they are of."""
    as_level = verdicts().replace({"reason": {"rate_above": "above", "rate_below": "below"}})
    assert "closed" not in [one["event"] for one in folded(as_level)]
