"""What the page of a series says of a counter and of a state."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import numpy as np
import pandas as pd

from ad_stream.dashboard.kinds import kind_of
from ad_stream.grid import MINUTE, Grid

START = datetime(2026, 11, 1, tzinfo=timezone.utc)


def rows(values: list[float], reason: str, *, grid: Grid = MINUTE) -> pd.DataFrame:
    minutes = [pd.Timestamp(START + n * grid.every) for n in range(len(values))]
    return pd.DataFrame({"minute": minutes, "value": values, "reason": reason})


def test_a_counter_has_a_rate_and_a_state_a_time_in_hours_of_the_grid() -> None:
    told = kind_of(rows([5.0, 15.0, 25.0, 4.0, 14.0], "rate_normal"), "a", "n", MINUTE)
    assert told["judged"] == "counter" and told["looks"] is None
    assert told["facts"][0] == ["rate now", "10 a minute"] and told["facts"][2] == ["began anew in sight", "once"]
    quarter = Grid.of(timedelta(minutes=15))
    state = kind_of(rows([0.0, 2, 2, 2, 0, 2, 0, 2, 2], "state_normal", grid=quarter), "a", "n", quarter)
    facts = dict(state["facts"])
    assert facts == {"state now": "2, for 30 minutes", "whole stays of it in sight": "2, the longest 45 minutes"}
    assert state["command"] == "ad-stream config set --device a --signal n kind=gauge"


def test_a_level_that_looks_like_a_counter_is_told_so_with_names_quoted_for_the_shell() -> None:
    rises = np.random.default_rng(1).poisson(9, 100).cumsum().astype(float)
    told = kind_of(rows(rises.tolist(), "normal"), "pump 7*", "n", MINUTE)
    assert (told["judged"], told["looks"]) == ("gauge", "counter")
    assert told["command"] == "ad-stream config set --device 'pump 7[*]' --signal n kind=counter"
    plain = kind_of(rows(np.sin(rises).tolist(), "normal"), "a", "n", MINUTE)
    assert plain["looks"] is None and plain["facts"] == []
    assert kind_of(rows([], "normal"), "a", "n", MINUTE)["facts"] == []
