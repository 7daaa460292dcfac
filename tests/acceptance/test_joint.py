"""Joint detection on labelled devices, beside the floor that it was built from; `make acceptance` runs it.

ASD and the simulated fleet only, to keep it short: all five groups are `python -m benchmarks.joint` and stand in docs/joint.md.
"""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from ad_stream.detectors.joint.verdict import THRESHOLD
from ad_stream.evaluation import adapters
from benchmarks.quality import load_harness
from tests.support.shared import shared

pytestmark = pytest.mark.acceptance
GROUPS = ["asd", "fleet"]
Figures = dict[str, dict[str, float]]


@pytest.fixture(scope="module")
def folder() -> Path:
    return shared("multivariate", "the multivariate data are")


@pytest.fixture(scope="module")
def harness(folder: Path) -> ModuleType:
    return load_harness(folder / "evaluate_mv.py")


@pytest.fixture(scope="module")
def entities(harness: ModuleType, folder: Path) -> list[dict[str, Any]]:
    scored, _, not_causal = harness.run(adapters.joint, str(folder / "data"), GROUPS, check=True)
    assert not_causal == 0
    return list(scored)


@pytest.fixture(scope="module")
def ours(harness: ModuleType, entities: list[dict[str, Any]]) -> Figures:
    figures: Figures = harness.evaluate(entities, vus=False)
    return figures


@pytest.fixture(scope="module")
def floor(harness: ModuleType, folder: Path) -> Figures:
    figures: Figures = harness.evaluate(harness.run(adapters.relation, str(folder / "data"), GROUPS)[0], vus=False)
    return figures


@pytest.mark.parametrize("group", GROUPS)
def test_more_events_are_found_than_by_the_floor_at_the_same_false_alarms(
    ours: Figures, floor: Figures, group: str
) -> None:
    assert ours[group]["R@1"] >= floor[group]["R@1"] + 0.05
    assert ours[group]["eF1"] > floor[group]["eF1"]


def test_the_goal_of_the_simulated_fleet_and_of_contributors_is_met(ours: Figures) -> None:
    assert ours["fleet"]["R@1"] >= 0.6
    assert ours["fleet"]["Hit100"] >= 0.8 and ours["asd"]["Hit100"] >= 0.8


def test_the_usual_threshold_gives_less_than_a_false_alarm_a_day(
    harness: ModuleType, entities: list[dict[str, Any]]
) -> None:
    for found, _, false_alarms, _ in harness.curve(entities, np.array([THRESHOLD])).values():
        assert false_alarms[0] < 1.0 and found[0] > 0.4
