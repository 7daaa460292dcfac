"""The align policy against pandas, which the service's own users were told to check with."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from ad_stream.azure_api.multivariate.aligned import cells_of, on_grid, rows_of, step_of
from ad_stream.azure_api.multivariate.faults import ContractError
from ad_stream.azure_api.multivariate.questions import AlignPolicy
from ad_stream.azure_api.multivariate.variables import Variable

MINUTE = np.timedelta64(60, "s")
ZERO = np.datetime64("2026-11-01T00:00:00", "us")


def variable(name: str, minutes: list[int], values: list[float]) -> Variable:
    return Variable.of(name, ZERO + np.array(minutes) * MINUTE, np.array(values, dtype=float))


def some(seed: int) -> list[Variable]:
    draw = np.random.default_rng(seed)
    out = []
    for name in "abc":
        minutes = np.flatnonzero(draw.random(40) < 0.7)
        values = np.where(draw.random(len(minutes)) < 0.2, np.nan, draw.normal(size=len(minutes)))
        out.append(variable(name, list(minutes), list(values)))
    return out


def by_pandas(variables: list[Variable], policy: AlignPolicy) -> pd.DataFrame:
    columns = [pd.Series(v.values, index=v.times, name=v.name) for v in variables]
    frame = pd.concat(columns, axis=1, join="inner" if policy.mode == "Inner" else "outer").sort_index()
    if policy.fill == "Previous":
        return frame.ffill().bfill()
    if policy.fill == "Subsequent":
        return frame.bfill().ffill()
    if policy.fill == "Linear":
        return frame.interpolate(method="time", limit_direction="both")
    return frame.fillna({"Zero": 0.0, "Fixed": policy.padding, "Pad": policy.padding}[policy.fill])


@pytest.mark.parametrize("mode", ["Inner", "Outer"])
@pytest.mark.parametrize("fill", ["Previous", "Subsequent", "Linear", "Zero", "Fixed", "Pad"])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_every_policy_gives_what_pandas_gives(mode: str, fill: str, seed: int) -> None:
    policy = AlignPolicy(mode=mode, fill=fill, padding=-3.5)
    variables = some(seed)
    rows, frame = rows_of(variables, policy, None, None), by_pandas(variables, policy)
    assert list(rows.times) == list(frame.index.to_numpy().astype("datetime64[us]"))
    assert np.allclose(rows.values, frame[list(rows.names)].to_numpy().T)


def test_states_say_how_much_was_filled_the_most_filled_first() -> None:
    variables = [variable("a", [0, 1, 2, 3], [1, 2, 3, 4]), variable("b", [1, 3], [1, np.nan])]
    states = rows_of(variables, AlignPolicy(), None, None).states
    assert states == [
        {"variable": "b", "filledNARatio": 0.75, "effectiveCount": 1,
         "firstTimestamp": "2026-11-01T00:01:00Z", "lastTimestamp": "2026-11-01T00:03:00Z"},
        {"variable": "a", "filledNARatio": 0.0, "effectiveCount": 4,
         "firstTimestamp": "2026-11-01T00:00:00Z", "lastTimestamp": "2026-11-01T00:03:00Z"},
    ]  # fmt: skip


def test_both_ends_of_the_stretch_belong_to_it_and_times_outside_are_clipped() -> None:
    a = variable("a", list(range(10)), list(range(10)))
    assert list(rows_of([a], AlignPolicy(), ZERO + 2 * MINUTE, ZERO + 4 * MINUTE).values[0]) == [2, 3, 4]
    assert len(rows_of([a], AlignPolicy(), ZERO - 99 * MINUTE, ZERO + 99 * MINUTE).times) == 10


def test_no_row_in_common_and_no_row_in_time_say_so() -> None:
    apart = [variable("a", [0, 2], [1, 1]), variable("b", [1, 3], [1, 1])]
    with pytest.raises(ContractError, match="No timestamp is common to all variables") as caught:
        rows_of(apart, AlignPolicy(mode="Inner"), None, None)
    assert caught.value.code == "NoData"
    with pytest.raises(ContractError, match="The data go from 2026-11-01T00:00:00Z to 2026-11-01T00:03:00Z"):
        rows_of(apart, AlignPolicy(), ZERO + 9 * MINUTE, None)


def test_rows_keep_their_distances_on_the_grid_and_rows_of_no_grid_follow_each_other() -> None:
    even = ZERO + np.array([0, 1, 2, 5]) * MINUTE
    assert step_of(even) == 60
    assert list(cells_of(even, 60.0)) == [0, 1, 2, 5]
    assert np.array_equal(
        on_grid(np.array([[1.0, 2, 3, 4]]), cells_of(even, 60.0)), [[1, 2, 3, np.nan, np.nan, 4]], equal_nan=True
    )
    jittered = ZERO + np.array([0, 20, 61, 119]) * np.timedelta64(1, "s")
    assert list(cells_of(jittered, 60.0)) == [0, 1, 2, 3]
    years = ZERO + np.array([0, 1, 10_000_000]) * MINUTE
    assert list(cells_of(years, 60.0)) == [0, 1, 2]
